"""The reference policy: a frozen copy that the KL term is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float
from ml_collections import ConfigDict

from acecoder_jax.data.policy_rows import microbatches, pack_completions, unfill
from acecoder_jax.data.records import Completion
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.packed import packed_hidden, packed_log_probs


@partial(jax.jit, static_argnums=(0, 3, 4))
def _log_probs(
    graph: nnx.GraphDef, params: nnx.State, rows: dict[str, Array], temperature: float, dtype: str
) -> Float[Array, "rows time"]:
    model = nnx.merge(graph, params)
    return packed_log_probs(model, packed_hidden(model, rows, dtype), rows, temperature)[0]


class ReferencePolicy:
    """Log-probabilities of sampled tokens under fixed parameters."""

    def __init__(self, model: LoadedModel, config: ConfigDict):
        """Keep a copy of the model's parameters.

        Args:
          model: the policy as it starts.
          config: of `train_policy`; its row sizes, dtype and sampling temperature are used.
        """
        self._graph, self._config = model.graph, config
        self._params = jax.tree.map(jnp.copy, model.params)

    def log_probs(self, completions: Sequence[Completion]) -> list[Float[np.ndarray, "time"]]:
        """Per-token log-probabilities of each completion, at the sampling temperature."""
        c = self._config
        packed = pack_completions(completions, c.row_length, c.rows_per_microbatch)
        parts = [
            np.asarray(_log_probs(self._graph, self._params, rows, c.sampling.temperature, c.dtype))
            for rows in microbatches(packed, c.rows_per_microbatch)
        ]
        return unfill(packed, np.concatenate(parts), len(completions))
