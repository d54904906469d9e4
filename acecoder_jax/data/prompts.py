"""The one prompt renderer: a question becomes chat token ids, the same for sampling, rewards, RL and evaluation."""

from __future__ import annotations

from typing import Any

# A Qwen-style or ChatML template is part of the tokenizer; nothing here knows the markup.


def render_prompt(tokenizer: Any, prompt: str, system: str | None = None) -> tuple[int, ...]:
    """Token ids of a chat that asks `prompt` and waits for the answer.

    Args:
      tokenizer: with a chat template; may add a default system message of its own.
      prompt: the user's message.
      system: a system message of one's own, such as the R1 style instruction for base models.
    """
    messages = [{"role": "user", "content": prompt}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    return tuple(encoded["input_ids"])
