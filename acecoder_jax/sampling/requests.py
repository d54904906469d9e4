"""What goes into the engine and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

from acecoder_jax.sampling.warp import SamplingParams


@dataclass(frozen=True)
class Request:
    """One completion to sample.

    Attributes:
      seed: of its own random draws, 32 bits.
      sampling: how it draws; None for the engine's own way.
      max_new_tokens: where it is cut; None for the engine's limit.
      stop_ids: ids that end it, beside the engine's.
    """

    id: str
    prompt_ids: tuple[int, ...]
    seed: int
    sampling: SamplingParams | None = None
    max_new_tokens: int | None = None
    stop_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sampled:
    """A finished request: the sampled ids and their log-probabilities under the sampling distribution.

    Attributes:
      finish_reason: "stop" (an id that ends it, kept, or the stop rule), "length", "refused" (nothing was sampled)
        or "failed" (the model's output was not finite; ids up to there).
      version: of the parameters that made it, all of it.
      error: what was wrong with a refused or failed one.
    """

    id: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    finish_reason: str
    version: str = ""
    error: str = ""


def refusal(request: Request, max_prompt_tokens: int, max_new_tokens: int) -> str | None:
    """Why an engine of these limits cannot take a request; None when it can."""
    if not request.prompt_ids:
        return "its prompt is empty"
    if len(request.prompt_ids) > max_prompt_tokens:
        return f"its prompt has {len(request.prompt_ids)} tokens, more than max_prompt_tokens {max_prompt_tokens}"
    wanted = request.max_new_tokens
    if wanted is not None and not 0 < wanted <= max_new_tokens:
        return f"it asks for {wanted} tokens, and the engine gives 1 to {max_new_tokens}"
    return None
