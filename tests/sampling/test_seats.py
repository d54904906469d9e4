"""Slots and rows: who sits where, without a model."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acecoder_jax.sampling.plan import prompt_rows
from acecoder_jax.sampling.prefill import pack_prompts, prefill_arrays
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.seats import Seats, make_groups
from acecoder_jax.sampling.warp import SamplingParams


def requests(samples):
    return [
        Request(f"{prompt}#{i}", (prompt + 1,) * (prompt + 1), i)
        for prompt, n in enumerate(samples)
        for i in range(n)
    ]


def test_groups_are_samples_of_one_prompt():
    groups = make_groups(requests([3, 9, 1]), lanes=4)
    assert [(g.prompt[0], [r.id for r in g.waiting]) for g in groups] == [
        (1, ["0#0", "0#1", "0#2"]),
        (2, ["1#0", "1#1", "1#2", "1#3"]),
        (2, ["1#4", "1#5", "1#6", "1#7"]),
        (2, ["1#8"]),
        (3, ["2#0"]),
    ]


def check(seats):
    """Every running request finds its prompt in its shard's row, at a place of its own."""
    seating = seats.seating(SamplingParams())
    slots_per_shard = len(seats.slots) // seats.shards
    rows_per_shard = len(seats.rows) // seats.shards
    taken = set()
    for slot, run in enumerate(seats.slots):
        if run is None:
            continue
        shard, seat = divmod(slot, slots_per_shard)
        row, lane = divmod(int(seating.place[shard, seat]), seats.lanes)
        assert seats.rows[shard * rows_per_shard + row] is run.group
        assert seating.lanes[shard, row, lane] == seat
        assert seating.row_length[shard * rows_per_shard + row] == len(run.request.prompt_ids) - 1
        taken.add((shard, row, lane))
    assert len(taken) == seats.live


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 10), min_size=1, max_size=12),
    st.sampled_from([(1, 4), (1, 9), (2, 8), (4, 16)]),
    st.sampled_from([1, 3, 8]),
    st.randoms(use_true_random=False),
)
def test_everybody_gets_a_seat_once_whoever_leaves_when(samples, places, lanes, chance):
    shards, slots = places
    everybody = requests(samples)
    seats = Seats(shards, slots, prompt_rows(slots, lanes, shards), lanes)
    groups, seen = make_groups(everybody, lanes), []
    while len(seen) < len(everybody):
        for row, group in seats.admit(groups):
            assert seats.rows[row] is group
        check(seats)
        running = [i for i, run in enumerate(seats.slots) if run is not None]
        assert running
        for slot in chance.sample(running, chance.randint(1, len(running))):
            seen.append(seats.slots[slot].request.id)
            seats.leave(slot)
    assert sorted(seen) == sorted(r.id for r in everybody) and seats.rows == [None] * len(seats.rows)


def test_full_slots_where_rows_are_short_of_stragglers():
    """Each prompt keeps one straggler: still nobody waits for a row while half of the slots are others'."""
    seats = Seats(1, 16, prompt_rows(16, 8, 1), 8)
    groups = make_groups(requests([8] * 6), 8)
    seats.admit(groups)
    for _ in range(4):
        group = next(g for g in seats.rows if g is not None and len(g.runs) == 8)
        members = [i for i, run in enumerate(seats.slots) if run is not None and run.group is group]
        for slot in members[1:]:
            seats.leave(slot)
        seats.admit(groups)
        assert seats.live == 16 or not groups


def test_shrinking_keeps_the_live_ones():
    seats = Seats(2, 8, 8, 2)
    seats.admit(make_groups(requests([2, 2, 2, 2]), 2))
    stay = [1, 6]
    names = [seats.slots[i].request.id for i in stay]
    for slot in set(range(8)) - set(stay):
        seats.leave(slot)
    slots, rows = seats.shrink(4, 4)
    assert slots.shape == (2, 2) and rows.shape == (2, 2) and slots[0, 0] == 1 and slots[1, 0] == 2
    assert [run.request.id for run in seats.slots if run] == names
    check(seats)


def test_rows_that_are_as_many_as_before_stay_where_they_are():
    seats = Seats(1, 8, 4, 2)
    seats.admit(make_groups(requests([2, 2, 2, 2]), 2))
    for slot in (0, 1, 4):
        seats.leave(slot)
    before = list(seats.rows)
    _, rows = seats.shrink(6, 4)
    assert rows.tolist() == [[0, 1, 2, 3]] and seats.rows == before
    check(seats)


def test_requests_that_wait_go_back_when_the_parameters_change():
    seats = Seats(1, 2, 2, 4)
    seats.admit(make_groups(requests([4]), 4))
    with pytest.raises(AssertionError):
        seats.unseated()
    for slot in range(2):
        seats.leave(slot)
    (group,) = seats.unseated()
    assert [r.id for r in group.waiting] == ["0#2", "0#3"] and not group.runs
    assert seats.rows == [None, None]


def test_prompts_are_packed_in_order_and_see_only_themselves():
    groups = make_groups(
        [
            Request("a", (5, 6, 7), 0),
            Request("b", (8,) * 4, 0),
            Request("c", (9,) * 6, 0),
            Request("d", (1, 2), 0),
        ],
        1,
    )
    taken = pack_prompts(groups, rows=2, length=5)
    assert [g.at for g in taken] == [(0, 0), (0, 2), (1, 0)] and len(groups) == 1
    tokens, positions, segment = prefill_arrays(taken, 2, 5)
    assert tokens.tolist() == [[5, 6, 8, 8, 8], [9, 9, 9, 9, 9]]
    assert positions.tolist() == [[0, 1, 0, 1, 2], [0, 1, 2, 3, 4]]
    assert segment.tolist() == [[1, 1, 2, 2, 2], [3, 3, 3, 3, 3]]


def test_groups_of_one_prompt_are_prefilled_once():
    taken = pack_prompts(make_groups(requests([0, 5]), lanes=2), rows=1, length=8)
    assert [g.at for g in taken] == [(0, 0)] * 3


def test_a_prompt_of_one_token_has_nothing_to_prefill():
    taken = pack_prompts(deque(make_groups([Request("a", (4,), 0)], 1)), rows=1, length=4)
    assert taken[0].at == (0, 0) and not np.any(prefill_arrays(taken, 1, 4)[2])
