"""Gradients of one Bradley-Terry pair: ours, in a packed row that shares the prompt, and transformers'."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.huggingface import export_tensors
from acecoder_jax.models.packed import packed_hidden
from acecoder_jax.training.losses import bradley_terry

Gradients = dict[str, np.ndarray]


def both_gradients(
    ours: LoadedModel,
    theirs: Any,
    prompt: tuple[int, ...],
    branches: tuple[tuple[int, ...], tuple[int, ...]],
    score: np.ndarray,
) -> tuple[Gradients, Gradients]:
    """Ours and theirs, by Hugging Face name; `branches` are the chosen and the rejected one."""
    import torch

    theirs.zero_grad()
    chosen, rejected = (
        theirs.model(torch.tensor([prompt + branch])).last_hidden_state[0, -1] @ torch.tensor(score)
        for branch in branches
    )
    (-torch.nn.functional.logsigmoid(chosen - rejected)).backward()
    expected = {
        name: weight.grad.numpy() for name, weight in theirs.named_parameters() if weight.grad is not None
    }

    rows = pack([Tree(prompt, branches, (0, 1))], 128)
    (row, first), (_, second) = rows.last[0], rows.last[1]

    def loss(params):
        hidden = packed_hidden(nnx.merge(ours.graph, params), rows.model_inputs)
        reward = hidden[row, jnp.array([first, second])] @ score
        return bradley_terry(reward[:1], reward[1:], jnp.ones(1), jnp.float32(1))

    found = dict(export_tensors(ours.config, jax.jit(jax.grad(loss))(ours.params)))
    assert set(expected) == set(found) - {"lm_head.weight"}
    return found, expected
