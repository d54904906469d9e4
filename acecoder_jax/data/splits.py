"""Which questions are for training, for validation, and held out: decided by a question's id alone.

Every stage can ask again and gets the same answer, whatever other questions exist and in whatever order they
come. Pure; the synthesize stage writes the answer into each question before anything is sampled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from acecoder_jax.data.records import Question
from acecoder_jax.errors import UserError

SPLITS = ("train", "validation", "held_out")


def check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that are no shares.

    Raises:
      UserError: a key other than `validation` and `held_out`, a share outside [0, 1], or a sum above 1.
    """
    unknown = sorted(set(shares) - {"validation", "held_out"})
    if unknown:
        raise UserError(
            f"split shares: unknown split {unknown[0]!r}; give `validation` and `held_out`, the rest is train"
        )
    if any(not 0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1:
        raise UserError(
            f"split shares: {dict(shares)} do not fit into 1; give each from 0 to 1, with a sum of at most 1"
        )


def split_of(question_id: str, shares: Mapping[str, float]) -> str:
    """`train`, `validation` or `held_out`.

    Args:
      question_id: any text; equal ids always land in the same split.
      shares: the parts of all ids that go to `validation` and `held_out`; a missing one is 0. The held-out
        part does not change when the validation share does.

    Raises:
      UserError: see `check_shares`.
    """
    check_shares(shares)
    digest = hashlib.sha256(question_id.encode("utf-8")).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64  # uniform in [0, 1)
    held_out = shares.get("held_out", 0.0)
    if position < held_out:
        return "held_out"
    return "validation" if position < held_out + shares.get("validation", 0.0) else "train"


def choose(questions: Iterable[Question], split: str, most: int = 0) -> list[Question]:
    """The questions of one split; of more than `most` (0 for no limit), a sample that the ids decide.

    Ids are ordered by a hash, so the sample is spread over the sources, and grows when `most` does.
    """
    members = [question for question in questions if question.split == split]
    if not most:
        return members
    members.sort(key=lambda question: hashlib.sha256(f"choose/{question.id}".encode()).digest())
    return members[:most]
