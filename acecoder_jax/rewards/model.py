"""The model reward: scalar scores of completions, rendered exactly as in reward-model training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.data.pair_rows import with_end
from acecoder_jax.data.records import Completion
from acecoder_jax.models.decoder import RewardModel
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.packed import on_host, packed_hidden


@partial(jax.jit, static_argnums=(0, 3))
def _row_rewards(
    graph: nnx.GraphDef, params: nnx.State, rows: dict[str, Array], dtype: str
) -> Float[Array, "rows time"]:
    """The reward that each column would get if it were the last token of its completion."""
    model: RewardModel = nnx.merge(graph, params)
    hidden = packed_hidden(model.backbone, rows, dtype)
    return model.rewards(hidden.reshape(-1, hidden.shape[-1])).reshape(hidden.shape[:2])


class RewardScorer:
    """Scores completions with a reward model, packed rows at a time."""

    def __init__(
        self,
        graph: nnx.GraphDef,
        params: nnx.State,
        eos_id: int,
        *,
        row_length: int,
        dtype: str = "float32",
        mean: float = 0.0,
        spread: float = 1.0,
        clip: float = float("inf"),
        mesh: Mesh | None = None,
    ):
        """Make a scorer.

        Args:
          graph, params: a `RewardModel`.
          eos_id: the id whose state is scored.
          row_length: tokens per packed row; what is longer is cut.
          mean, spread: scores are shifted and scaled by these.
          clip: scores are clipped to plus or minus this, after scaling.
          mesh: over which the parameters lie, if over several devices; as many rows are scored at a time as it
            splits batches into. All its hosts score the same texts.
        """
        self._graph, self._params, self._eos = graph, params, eos_id
        self._row_length, self._dtype = row_length, dtype
        self._mean, self._spread, self._clip = mean, spread, clip
        self._mesh, self._rows = mesh, 1
        if mesh is not None:
            by_rows = tuple(axis for axis in mesh.axis_names if axis != "tensor")
            self._rows = math.prod(mesh.shape[axis] for axis in by_rows)
            self._sharding = NamedSharding(mesh, PartitionSpec(by_rows))

    @classmethod
    def from_model(
        cls,
        model: LoadedModel,
        row_length: int,
        clip: float,
        dtype: str = "float32",
        mesh: Mesh | None = None,
    ) -> RewardScorer:
        """A scorer of a trained reward model, normalized by mean and spread on its training pairs.

        Of a model that came without them, the scores as they are: with the bias of AceCodeRM's head.
        """
        return cls(
            model.graph,
            model.params,
            model.tokenizer.eos_token_id,
            row_length=row_length,
            dtype=dtype,
            mean=model.extra.get("reward_mean", -model.extra.get("reward_bias", 0.0)),
            spread=model.extra.get("reward_spread", 1.0),
            clip=clip,
            mesh=mesh,
        )

    def score(self, completions: Sequence[Completion]) -> list[float]:
        """One reward per completion, in order."""
        return self.score_ids([(c.prompt_ids, c.token_ids) for c in completions])

    def score_ids(self, texts: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[float]:
        """Rewards of (prompt ids, completion ids); equal prompts are computed once where they fit a row."""
        by_prompt: dict[tuple[int, ...], list[int]] = {}
        for number, (prompt, _) in enumerate(texts):
            by_prompt.setdefault(prompt[-(self._row_length // 2) :], []).append(number)
        trees = [
            Tree(
                prompt,
                tuple(with_end(texts[n][1], self._eos)[: self._row_length - len(prompt)] for n in numbers),
                tuple(numbers),
            )
            for prompt, numbers in by_prompt.items()
        ]
        packed = pack(trees, self._row_length, self._rows)
        columns = []
        for start in range(0, len(packed.tokens), self._rows):
            rows = {name: array[start : start + self._rows] for name, array in packed.model_inputs.items()}
            columns += list(self._rewards(rows))
        raw = np.array([columns[packed.last[n][0]][packed.last[n][1]] for n in range(len(texts))])
        return np.clip((raw - self._mean) / self._spread, -self._clip, self._clip).tolist()

    def _rewards(self, rows: dict[str, np.ndarray]) -> np.ndarray:
        """Rewards at every column of `self._rows` rows."""
        if self._mesh is None:
            inputs = {name: jnp.asarray(array) for name, array in rows.items()}
            return np.asarray(_row_rewards(self._graph, self._params, inputs, self._dtype))
        inputs = {
            name: jax.make_array_from_callback(
                array.shape, self._sharding, lambda index, array=array: array[index]
            )
            for name, array in rows.items()
        }
        with jax.sharding.use_abstract_mesh(self._mesh.abstract_mesh):
            return on_host(_row_rewards(self._graph, self._params, inputs, self._dtype))
