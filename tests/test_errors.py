"""What the checks of settings say."""

from ml_collections import ConfigDict

from acecoder_jax.errors import require_at_least
from tests.user_errors import user_error


def test_what_is_too_small_is_named_with_its_section():
    config = ConfigDict({"steps": 1, "every": 0, "sampling": {"slots": -2, "share": 0.5}})
    require_at_least(1, config, "steps")
    require_at_least(0, config, "every", "sampling.share")
    user_error(lambda: require_at_least(1, config, "steps", "every"), "config.every: 0", "at least 1")
    user_error(lambda: require_at_least(0, config, "every", "sampling.slots"), "config.sampling.slots: -2")
