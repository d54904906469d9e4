"""The one shape that every error for the user must have."""

from __future__ import annotations

import pytest

from acecoder_jax.errors import UserError


def user_error(action, *names: str) -> str:
    """Run `action`, which must raise a UserError of one line that holds all of `names`; returns its text."""
    with pytest.raises(UserError) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text, f"more than one line: {text!r}"
    for name in names:
        assert str(name) in text, f"{name!r} is not in {text!r}"
    return text
