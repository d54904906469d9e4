"""Policies that a run leaves behind on its way: the best one so far, and Hugging Face folders at milestones.

On several hosts all of them call, each writes the parameters that it holds, and the first one the rest.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import jax
from flax import nnx

from acecoder_jax.data.folders import OutputFolder
from acecoder_jax.models.folders import LoadedModel, save_params, write_model_files
from acecoder_jax.models.hf_folder import write_hf_folder
from acecoder_jax.models.packed import on_host
from acecoder_jax.training.processes import is_first, wait


class KeptPolicies:
    """`best`, a model folder, and `milestones/step-NNNNN` in a run's workdir."""

    def __init__(self, workdir: Path, policy: LoadedModel):
        """Prepare.

        Args:
          policy: as the run starts; its config and tokenizer are written beside the parameters.
        """
        self._workdir, self._policy = workdir, policy

    def keep_best(self, step: int, score: float, params: nnx.State) -> None:
        """Put this policy in the place of the best one; at no time is that folder half written."""
        new, best, old = (self._workdir / name for name in ("best.new", "best", "best.old"))
        if is_first():
            for folder in (new, old):
                shutil.rmtree(folder, ignore_errors=True)
            output = OutputFolder(new, "train_policy", {"best_step": step})
            write_model_files(new, self._policy.hf_config, self._policy.tokenizer, kind="policy", extra={})
        wait("best")
        save_params(new, params)
        if not is_first():
            return
        output.finish(**{"step": step, "eval_pass@1": score})
        if best.exists():
            best.rename(old)
        new.rename(best)
        shutil.rmtree(old, ignore_errors=True)

    def export(self, step: int, params: nnx.State, dtype: str) -> None:
        """Write a Hugging Face folder of this policy; one that a killed run left half written is written again."""
        if jax.process_count() > 1:
            params = jax.tree.map(on_host, params)
        if not is_first():
            return
        folder = self._workdir / "milestones" / f"step-{step:05d}"
        shutil.rmtree(folder, ignore_errors=True)
        write_hf_folder(folder, dataclasses.replace(self._policy, params=params), dtype)
