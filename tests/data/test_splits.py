"""Splits depend on the id alone."""

import hashlib

import pytest

from acecoder_jax.data.splits import SPLITS, split_of
from acecoder_jax.errors import UserError

SHARES = {"validation": 0.1, "held_out": 0.25}


def test_the_split_is_the_place_of_the_ids_hash():
    for number in range(200):
        name = f"strings/{number}"
        place = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) / 16**16
        expected = "held_out" if place < 0.25 else "validation" if place < 0.35 else "train"
        assert split_of(name, SHARES) == expected


def test_known_ids_never_move():
    names = ["strings/count_vowels", "lists/square_each", "numbers/clamp", "dates/is_leap", "HumanEval/0"]
    assert [split_of(name, SHARES) for name in names] == ["train", "train", "validation", "train", "train"]


def test_shares_are_met_on_many_ids():
    splits = [split_of(f"id {number}", SHARES) for number in range(20_000)]
    for name, share in zip(SPLITS, (0.65, 0.1, 0.25), strict=True):
        assert splits.count(name) / 20_000 == pytest.approx(share, abs=0.015)


def test_the_validation_share_does_not_move_the_held_out_part():
    for number in range(500):
        held_out = {
            split_of(str(number), {"held_out": 0.3, "validation": v}) == "held_out" for v in (0, 0.2, 0.7)
        }
        assert len(held_out) == 1


def test_no_shares_means_all_train_and_full_shares_leave_none():
    assert {split_of(str(number), {}) for number in range(100)} == {"train"}
    assert {split_of(str(number), {"held_out": 1.0}) for number in range(100)} == {"held_out"}


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"test": 0.1}, "unknown split 'test'"),
        ({"held_out": -0.1}, "do not fit"),
        ({"held_out": 0.7, "validation": 0.4}, "do not fit"),
    ],
)
def test_bad_shares_are_refused(shares, words):
    with pytest.raises(UserError, match=words):
        split_of("x", shares)
