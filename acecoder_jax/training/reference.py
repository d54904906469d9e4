"""The reference policy: what the KL term is measured against, renewed now and then if asked.

It is a copy of what is trained, beside the weights that are not: of a run with adapters the base model, of which there
is no second copy.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict

from acecoder_jax.data.records import Completion
from acecoder_jax.models.folders import load_params, save_params
from acecoder_jax.training.policy_step import token_log_probs
from acecoder_jax.training.processes import is_first
from acecoder_jax.training.trained_policy import TrainedPolicy

_FOLDER = "references"


def remove_references(workdir: Path) -> None:
    """Remove the renewed references of a run that is over; the first host does it."""
    if is_first():
        shutil.rmtree(workdir / _FOLDER, ignore_errors=True)


class ReferencePolicy:
    """Log-probabilities of sampled tokens under fixed parameters."""

    def __init__(self, policy: TrainedPolicy, config: ConfigDict, workdir: Path):
        """Be the policy of now.

        Args:
          config: of `train_policy`; its row sizes, dtype and sampling temperature are used.
          workdir: of the run; renewed references are kept in its folder `references`, for resuming.
        """
        self._policy, self._config = policy, config
        self._trained = jax.tree.map(jnp.copy, policy.trained)
        self._every, self._folder = config.algorithm.reference_every, workdir / _FOLDER

    def log_probs(self, completions: Sequence[Completion]) -> list[Float[np.ndarray, "time"]]:
        """Per-token log-probabilities of each completion, at the sampling temperature."""
        params = self._policy.with_trained(self._trained)
        return token_log_probs(self._policy.decoder_graph, params, completions, self._config)

    def renew(self, step: int) -> None:
        """Take over the policy of a finished step, if it is one of those that are asked for."""
        if self._every and step % self._every == 0:
            self._trained = jax.tree.map(jnp.copy, self._policy.trained)
            save_params(self._place(step), self._trained)

    def resume(self, step: int) -> None:
        """Be what it was after a finished step; the references of later steps will be made again."""
        last = step // self._every * self._every if self._every else 0
        if last:
            self._trained = load_params(self._place(last), self._trained)

    def forget(self, saved: int) -> None:
        """Remove references that a run which continues after step `saved` has no more use for."""
        if self._every and is_first() and self._folder.is_dir():
            for folder in self._folder.iterdir():
                if folder.name.isdigit() and int(folder.name) < saved // self._every * self._every:
                    shutil.rmtree(folder)

    def _place(self, step: int) -> Path:
        return self._folder / str(step)
