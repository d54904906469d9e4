"""What an engine counts: tokens that were decoded and those that were of use, busy slots, right guesses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EngineStats:
    """What an engine has done so far.

    Attributes:
      decoded_tokens, useful_tokens: positions that went through the model, of all slots; tokens of results.
      admitting_slots, admitting_busy: slot-steps until the last request had a slot; those of them with a request.
      full_steps, full_s, full_context: steps in a full batch, seconds they took, and positions that their slots
        attended to, summed over slots and steps.
      prefilled_tokens, prefill_s: of prompts.
      wide_steps, guessed_tokens, right_guesses: steps that checked guesses; guesses in busy slots; those of them that
        were drawn.
    """

    decoded_tokens: int = 0
    useful_tokens: int = 0
    admitting_slots: int = 0
    admitting_busy: int = 0
    full_steps: int = 0
    full_s: float = 0.0
    full_context: int = 0
    prefilled_tokens: int = 0
    prefill_s: float = 0.0
    wide_steps: int = 0
    guessed_tokens: int = 0
    right_guesses: int = 0
