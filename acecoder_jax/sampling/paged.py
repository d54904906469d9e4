"""The cache in pages, for ragged paged attention: the kernel that jax ships for TPUs, which reads of each slot what it
has filled, to within a block.

A layer is one array of pages, keys and values of a position side by side. A slot owns a run of pages for what it
generates, a prompt's row a run for the prompt. A slot's table names the full pages of its prompt, which siblings
share, then its own, whose first begins with a copy of the prompt's last, partial page; so a position stands where it
is counted, and nothing is ever aligned. Siblings share the memory of their prompt's pages, and each reads them for
itself; in `ring` one reading serves all.

The kernel is compiled for TPUs here (`acecoder compile`), and no TPU has run it yet. Where there is none, XLA gathers
each slot's pages; that is there for tests of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.pallas.ops.tpu.ragged_paged_attention import ragged_paged_attention
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Bool, Float, Int

from acecoder_jax.errors import UserError
from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import attention
from acecoder_jax.sampling.cache import freed_in_turn, keep_rows, sound
from acecoder_jax.sampling.seats import Seating

ATTENTION = ("auto", "paged", "xla")
PLACES = P(("data", "fsdp"))  # slots and prompt rows
PAGES = P(("data", "fsdp"), None, "tensor")  # by slots and rows, and by heads

# The kernel's settings: they compile, and none of them is tuned. Its authors advise pages of a sixteenth of the longest
# sequence or more; the longer, the more of a slot's first and last one stands empty.
_SMALLEST_PAGE, _LARGEST_PAGE, _PAGES_OF_A_SLOT = 16, 128, 16
_POSITIONS_AT_ONCE = 512  # of one slot, in the chip's vector memory
_QUERIES_AT_ONCE = 8  # each is multiplied with every position of the block, also those of its neighbours
_VECTOR_MEMORY = 32 * 2**20  # bytes
_KERNEL_HEAD = 128


@dataclass(frozen=True)
class Paging:
    """How an engine's cache is cut into pages.

    Attributes:
      page: positions of a page.
      own: pages of a slot, for all that it may write and what of its prompt stands before.
      shards: parts that slots and rows are split into.
      kernel: whether the kernel attends; else XLA does, to gathered pages.
    """

    page: int
    own: int
    shards: int
    kernel: bool
    mesh: Mesh | None

    def row_pages(self, prompt: int) -> int:
        """Pages of a prompt of so many positions."""
        return -(-prompt // self.page)

    def __str__(self) -> str:
        how = "ragged paged attention by the Pallas kernel" if self.kernel else "paged attention by XLA"
        return f"{how}, {self.page} positions a page"


def choose_paging(
    asked: str,
    config: DecoderConfig,
    cache_dtype: str,
    mesh: Mesh | None,
    *,
    prompt: int,
    new: int,
    step: int,
) -> tuple[Paging | None, str]:
    """Pages or rings (None), and a sentence that says which and why.

    Args:
      asked: "paged" or "xla" for rings; "auto" for pages on TPUs where the kernel takes the model's heads.
      prompt, new: positions of the longest prompt and completion.
      step: tokens that a slot decodes until somebody looks whether it is done.

    Raises:
      UserError: an unknown word, or pages were asked for where they cannot be.
    """
    if asked not in ATTENTION:
        raise UserError(f"config.sampling.attention: {asked!r} unknown; use one of {', '.join(ATTENTION)}")
    device = mesh.devices.flat[0] if mesh else jax.local_devices()[0]
    on_tpu = device.platform == "tpu"
    tensor = mesh.shape["tensor"] if mesh else 1
    if asked == "xla" or (asked == "auto" and not on_tpu):
        return None, "attention by XLA"
    why = _not_paged(config, cache_dtype, tensor, on_tpu)
    if why and asked == "paged":
        raise UserError(
            f"config.sampling.attention: cannot be paged, {why}; use auto or xla, which need no pages"
        )
    if why:
        return None, f"attention by XLA, not paged: {why}"
    written = new - 1 + step
    longest = 1 << (prompt + written - 1).bit_length()
    page = min(_LARGEST_PAGE, max(_SMALLEST_PAGE, longest // _PAGES_OF_A_SLOT))
    own = -(-(page - 1 + written) // page)  # its first page may hold all but one position of a prompt's last
    shards = mesh.shape["data"] * mesh.shape["fsdp"] if mesh else 1
    paging = Paging(page, own, shards, on_tpu, mesh)
    return paging, str(paging)


def _not_paged(config: DecoderConfig, cache_dtype: str, tensor: int, on_tpu: bool) -> str:
    """Why there can be no pages; empty where there can."""
    if cache_dtype == "int8":
        return "cache_dtype int8 has scales beside its values"
    if config.num_kv_heads % tensor:
        return f"{config.num_kv_heads} key heads do not divide over {tensor} devices"
    if not on_tpu:
        return ""
    if config.head_dim != _KERNEL_HEAD:
        return f"head_dim is {config.head_dim} and the kernel takes {_KERNEL_HEAD}"
    # A position's keys and values must fill whole tiles of the chip's memory, 32 bits by 1, 2, 4 or 8.
    heads = config.num_kv_heads // tensor
    tile = 2 * heads * jnp.dtype(cache_dtype).itemsize // 4
    if tile not in (1, 2, 4) and tile % 8:
        return f"{heads} key heads on a device do not fill the kernel's tiles"
    return ""


@partial(jax.tree_util.register_dataclass, data_fields=["layers"], meta_fields=["paging", "slots", "per_row"])
@dataclass(frozen=True)
class PagedCache:
    """Keys and values of all layers, each (pages, page, 2 kv_heads, head_dim): a head's keys, then its values.

    Every shard has the pages of its slots first, then those of its rows; they are numbered within the shard.

    Attributes:
      slots: of each shard.
      per_row: pages of a prompt's row.
    """

    layers: tuple[Array, ...]
    paging: Paging
    slots: int
    per_row: int

    @property
    def sizes(self) -> tuple[int, int]:
        """Slots and prompt rows."""
        return self.slots * self.paging.shards, self._rows * self.paging.shards

    @property
    def _rows(self) -> int:
        return (self.layers[0].shape[0] // self.paging.shards - self._first_of_rows) // self.per_row

    @property
    def _first_of_rows(self) -> int:
        return self.slots * self.paging.own

    def insert(self, prefilled: list[tuple[Array, Array]], source, start, row) -> PagedCache:
        """Prompts into their rows, one layer after the other; see the function `insert`."""
        where = source, start, row, self._first_of_rows, self.per_row, self.paging.mesh
        new = [insert(layer, pair, *where) for layer, pair in zip(self.layers, prefilled)]
        return replace(self, layers=tuple(new))

    def begin(self, seating: Seating) -> PagedCache:
        """Slots that have just been taken get the start of their first own page."""
        return begin(self, seating)

    def align(self, now: Int[Array, "slots"]) -> PagedCache:
        """Positions stand where they are counted."""
        return self

    def resize(self, slots: np.ndarray, rows: np.ndarray, now: int, ring: int) -> PagedCache:
        """The pages of these slots and rows, (shards, kept) each, in this order."""
        kept = [
            (first + count * index[:, :, None] + np.arange(count)).reshape(len(index), -1)
            for index, first, count in (
                (slots, 0, self.paging.own),
                (rows, self._first_of_rows, self.per_row),
            )
        ]
        index = np.concatenate(kept, axis=1).astype(np.int32)
        layers = freed_in_turn(keep_rows, self.layers, index)
        return replace(self, layers=tuple(layers), slots=slots.shape[1])

    def attention(
        self, config: DecoderConfig, seating: Seating, positions: Int[Array, "slots width"], now: Array
    ) -> Callable:
        """What writes a layer's new keys and values and mixes what its queries see: attend(layer, queries, keys,
        values) -> (mixed values, the layer for `with_layers`).

        Args:
          positions: of the new tokens.
        """
        table = self._table(seating)

        def attend(layer, queries, keys, values):
            window = config.sliding_window if config.windowed_layers[layer] else None
            step = partial(_write_and_attend, window=window, kernel=self.paging.kernel)
            heads = P(*PLACES, None, "tensor")
            specs = heads, heads, heads, PAGES, PLACES, PLACES
            arrays = queries, keys, values, self.layers[layer], table, positions
            return self._on_each_shard(step, specs, (heads, PAGES))(*arrays)

        return attend

    def with_layers(self, written: Sequence[Array]) -> PagedCache:
        """The cache after a step, of what `attention` gave for each layer."""
        return replace(self, layers=tuple(written))

    def _on_each_shard(self, function: Callable, in_specs: tuple, out_specs) -> Callable:
        """Nothing is sent: the compiler can split neither the kernel nor, in place, what is written by number."""
        mesh = self.paging.mesh
        if mesh is None:
            return function
        return jax.shard_map(function, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)

    def _row_of(self, seating: Seating) -> Int[Array, "slots"]:
        """The first page of each slot's prompt."""
        row = (seating.place // seating.lanes.shape[2]).reshape(-1)
        return self._first_of_rows + row * self.per_row

    def _own_of(self) -> Int[Array, "slots"]:
        """The first of each slot's own pages."""
        return jnp.tile(jnp.arange(self.slots, dtype=jnp.int32) * self.paging.own, self.paging.shards)

    def _table(self, seating: Seating) -> Int[Array, "slots pages"]:
        """The pages of each slot in the order of its positions; behind its last page some of its own, unread."""
        number = jnp.arange(self.per_row + self.paging.own, dtype=jnp.int32)[None, :]
        full = (seating.prompt // self.paging.page)[:, None]
        own = self._own_of()[:, None] + jnp.minimum(number - full, self.paging.own - 1)
        return jnp.where(number < full, self._row_of(seating)[:, None] + number, own)


def empty_cache(
    config: DecoderConfig, slots: int, rows: int, prompt: int, dtype: str, paging: Paging
) -> PagedCache:
    """A cache with nothing in it.

    Args:
      slots, rows: running requests; prompts among them; of all shards together.
      prompt: positions of a prompt.
      dtype: float32 or bfloat16.
    """
    per_row = paging.row_pages(prompt)
    shape = slots * paging.own + rows * per_row, paging.page, 2 * config.num_kv_heads, config.head_dim
    layers = tuple(jnp.zeros(shape, dtype) for _ in range(config.num_layers))
    return PagedCache(layers, paging, slots // paging.shards, per_row)


@partial(jax.jit, donate_argnums=(0,), static_argnums=(5, 6, 7))
def insert(
    pages: Float[Array, "pages page both head_dim"],
    prefilled: tuple[Array, Array],
    source: Int[Array, "prompts"],
    start: Int[Array, "prompts"],
    row: Int[Array, "shards prompts"],
    first: int,
    per_row: int,
    mesh: Mesh | None,
) -> Float[Array, "pages page both head_dim"]:
    """Copy prompts out of prefilled, packed rows into the pages of one layer's rows; arguments as in `ring.insert`.

    Args:
      first: page of each shard's first row.
      per_row: pages of a row.
    """
    keys, values = prefilled
    page = pages.shape[1]
    # Columns past a prompt's end hold its neighbour or nothing; its length hides them.
    columns = jnp.minimum(start[:, None] + jnp.arange(per_row * page)[None, :], keys.shape[-1] - 1)
    keys = jax.vmap(lambda one, at: jnp.take(keys[one], at, axis=2))(source, columns)
    values = jax.vmap(lambda one, at: jnp.take(values[one], at, axis=1))(source, columns)
    both = side_by_side(keys.transpose(0, 3, 1, 2), values.transpose(0, 2, 1, 3)).astype(pages.dtype)
    both = both.reshape(-1, page, *both.shape[2:])
    # A number past the last row is past the last page too, and dropped.
    at = (first + row[:, :, None] * per_row + jnp.arange(per_row)[None, None, :]).reshape(row.shape[0], -1)
    split = pages.reshape(row.shape[0], -1, *pages.shape[1:])
    split = jax.vmap(lambda shard, at: shard.at[at].set(both, mode="drop"))(split, at)
    new = split.reshape(pages.shape)
    return new if mesh is None else jax.lax.with_sharding_constraint(new, NamedSharding(mesh, PAGES))


@partial(jax.jit, donate_argnums=(0,))
def begin(cache: PagedCache, seating: Seating) -> PagedCache:
    """Copy the last, partial page of its prompt to the first own page of each slot that has generated nothing."""
    full = jnp.minimum(seating.prompt // cache.paging.page, cache.per_row - 1)
    source = cache._row_of(seating) + full
    nowhere = cache.layers[0].shape[0]
    target = jnp.where(seating.generated == 0, cache._own_of(), nowhere)

    def copy(pages: Array, source: Array, target: Array) -> Array:
        return pages.at[target].set(pages[source], mode="drop")

    step = cache._on_each_shard(copy, (PAGES, PLACES, PLACES), PAGES)
    return cache.with_layers([step(pages, source, target) for pages in cache.layers])


def side_by_side(
    keys: Float[Array, "batch time kv_heads head_dim"], values: Float[Array, "batch time kv_heads head_dim"]
) -> Float[Array, "batch time both head_dim"]:
    """Every head's keys and then its values."""
    batch, time, heads, width = keys.shape
    return jnp.stack([keys, values], axis=3).reshape(batch, time, 2 * heads, width)


def _write_and_attend(
    queries: Float[Array, "slots width heads head_dim"],
    keys: Float[Array, "slots width kv_heads head_dim"],
    values: Float[Array, "slots width kv_heads head_dim"],
    pages: Float[Array, "pages page both head_dim"],
    table: Int[Array, "slots pages_of_one"],
    positions: Int[Array, "slots width"],
    *,
    window: int | None,
    kernel: bool,
) -> tuple[Array, Array]:
    """New keys and values to their pages, and attention over all of each slot; returns both."""
    # What is not finite would get to others in the kernel, which adds its mask up: zeros are written, and the
    # position itself fails here and now.
    good = sound(keys, values)
    both = side_by_side(jnp.where(good, keys, 0), jnp.where(good, values, 0))
    at = jnp.take_along_axis(table, positions // pages.shape[1], axis=1)
    pages = pages.at[at, positions % pages.shape[1]].set(both.astype(pages.dtype))
    attend = by_kernel if kernel else gathered
    mixed = attend(queries.astype(pages.dtype), pages, table, positions, window).astype(queries.dtype)
    good = jnp.repeat(good, queries.shape[2] // keys.shape[2], axis=2)
    return jnp.where(good, mixed, jnp.nan), pages


def gathered(
    queries: Float[Array, "slots width heads head_dim"],
    pages: Float[Array, "pages page both head_dim"],
    table: Int[Array, "slots pages_of_one"],
    positions: Int[Array, "slots width"],
    window: int | None,
) -> Float[Array, "slots width heads head_dim"]:
    """What `by_kernel` gives, on any device."""
    held = pages[table].reshape(table.shape[0], -1, *pages.shape[2:])
    there = jnp.arange(held.shape[1])[None, None, :]
    seen: Bool[Array, "slots width length"] = there <= positions[:, :, None]
    if window is not None:
        seen &= positions[:, :, None] - there < window
    return attention(queries, held[:, :, 0::2], held[:, :, 1::2], seen)


def by_kernel(
    queries: Float[Array, "slots width heads head_dim"],
    pages: Float[Array, "pages page both head_dim"],
    table: Int[Array, "slots pages_of_one"],
    positions: Int[Array, "slots width"],
    window: int | None,
) -> Float[Array, "slots width heads head_dim"]:
    """Attention of each slot's queries to its positions up to their own; positions follow each other in a slot."""
    slots, width, heads, head_dim = queries.shape
    kv_heads = pages.shape[2] // 2
    # The kernel widens queries to float32 where those of a key head do not fill 32-bit words; nothing is added up
    # of the ones that fill them here.
    more = -(heads // kv_heads) % (4 // queries.dtype.itemsize)
    grouped = jnp.pad(
        queries.reshape(slots * width, kv_heads, -1, head_dim), ((0, 0), (0, 0), (0, more), (0, 0))
    )
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # it mixes types
        mixed = ragged_paged_attention(
            grouped.reshape(slots * width, -1, head_dim),
            pages,
            positions[:, -1] + 1,
            table,
            jnp.arange(slots + 1, dtype=jnp.int32) * width,
            jnp.array([slots], jnp.int32),
            sm_scale=head_dim**-0.5,
            sliding_window=window,
            num_kv_pages_per_block=min(_POSITIONS_AT_ONCE // pages.shape[1], table.shape[1]),
            num_queries_per_block=min(_QUERIES_AT_ONCE, slots * width),
            vmem_limit_bytes=_VECTOR_MEMORY,
        )
    mixed = mixed.reshape(slots, width, kv_heads, -1, head_dim)
    return mixed[:, :, :, : heads // kv_heads].reshape(queries.shape)
