"""Input pipelines: a new order every epoch from one seed, the same on any number of hosts, resumed exactly."""

import gzip
import itertools
import json

import numpy as np
import pytest
from transformers import AutoTokenizer

from acecoder_jax.data.folders import OutputFolder, open_records
from acecoder_jax.data.pipelines import Batches, GlobalOrder, PromptStream, pair_batches
from acecoder_jax.data.records import PreferencePair
from tests.made_records import made_pairs, question
from tests.user_errors import user_error

END, ROW = 2, 64
SETTINGS = {"eos_id": END, "batch_pairs": 8, "epochs": 2, "row_length": ROW, "rows": 4, "seed": 3}


PAIRS = made_pairs(30)


def batches_of(pairs=PAIRS, members=range(30), **changes):
    return pair_batches(pairs, members, **(SETTINGS | changes))


def assert_equal(left, right):
    """Two sequences of steps hold the same microbatches."""
    for first, second in zip(left, right, strict=True):
        for one, other in zip(first, second, strict=True):
            assert one.keys() == other.keys()
            for name in one:
                np.testing.assert_array_equal(one[name], other[name])


def test_an_epoch_holds_everything_once_and_the_next_has_another_order():
    order = GlobalOrder(10, 4, seed=0, whole_epochs=True)
    epochs = [[order[3 * epoch + step] for step in range(3)] for epoch in range(3)]
    for epoch in epochs:
        assert [len(step) for step in epoch] == [4, 4, 2]
        assert sorted(itertools.chain(*epoch)) == list(range(10))
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert epochs[0] != [GlobalOrder(10, 4, 1, True)[step] for step in range(3)], "the seed decides"
    assert epochs[0] == [GlobalOrder(10, 4, 0, True)[step] for step in range(3)]


def test_without_whole_epochs_steps_are_equal_and_items_still_come_equally_often():
    order = GlobalOrder(10, 4, seed=0, whole_epochs=False)
    steps = [order[step] for step in range(5)]
    assert [len(step) for step in steps] == [4] * 5
    drawn = list(itertools.chain(*steps))
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10)) and drawn[:10] != drawn[10:]


def test_steps_hold_the_pairs_of_the_order():
    steps = list(batches_of())
    order = GlobalOrder(30, 8, 3, True)
    assert len(steps) == 8
    for number, step in enumerate(steps):
        assert {float(m["denominator"]) for m in step} == {len(order[number])}
        assert sum(m["weight"].sum() for m in step) == len(order[number])
        prompts = {PAIRS[item].prompt_ids[1] for item in order[number]}
        second = [m["tokens"][(m["positions"] == 1) & (m["branch"] == 0) & (m["tree"] > 0)] for m in step]
        assert set(np.concatenate(second).tolist()) == prompts


def test_only_members_are_taken():
    steps = list(batches_of(members=[4, 7, 9], epochs=1))
    assert len(steps) == 1 and steps[0][0]["denominator"] == 3


class Counted:
    """The pairs, and which of them have been read."""

    def __init__(self, pairs=PAIRS):
        self.pairs, self.read = pairs, []

    def __getitem__(self, number):
        self.read.append(number)
        return self.pairs[number]


def rows_of(hosts):
    """Rows of each host, whatever the order in which a mesh deals them out."""
    return [set(range(host, 4, hosts)) for host in range(hosts)]


def joined(shares):
    """The hosts' batches as one: tokens of each host's own rows, the rest from the first."""
    for steps in zip(*shares, strict=True):
        yield [
            parts[0] | {"tokens": np.sum([part["tokens"] for part in parts], axis=0)}
            for parts in zip(*steps, strict=True)
        ]


@pytest.mark.parametrize("share_prompts", [True, False])
@pytest.mark.parametrize("hosts", [2, 4])
def test_hosts_share_the_rows_of_the_same_global_batches(hosts, share_prompts):
    settings = {"share_prompts": share_prompts, "epochs": 1}
    shares = [list(batches_of(mine=mine, **settings)) for mine in rows_of(hosts)]
    assert_equal(joined(shares), batches_of(**settings))
    for share in shares[1:]:
        for ours, first in zip(itertools.chain(*share), itertools.chain(*shares[0]), strict=True):
            for name in set(ours) - {"tokens"}:
                np.testing.assert_array_equal(ours[name], first[name])


@pytest.mark.parametrize("hosts", [2, 4])
def test_a_host_reads_the_records_of_its_own_rows(hosts):
    everyone = []
    for mine in rows_of(hosts):
        pairs = Counted()
        batches = batches_of(pairs, mine=mine, epochs=1)
        assert pairs.read == list(range(30)), "once each, for their lengths"
        pairs.read.clear()
        list(batches)
        assert len(pairs.read) == len(set(pairs.read)) < 30, "none twice in a step"
        everyone += pairs.read
    # Both pairs of a question are in one tree, so no record is needed in two rows.
    assert sorted(everyone) == list(range(30))


def test_prompts_come_in_one_order_however_many_are_taken_at_once():
    questions = [question(f"q{i}") for i in range(7)]
    stream = PromptStream(questions, seed=1)
    epochs = [stream.take(7) for _ in range(3)]
    assert [{q.id for q in epoch} for epoch in epochs] == [{q.id for q in questions}] * 3
    assert epochs[0] != epochs[1]
    stream = PromptStream(questions, seed=1)
    assert [q for count in (4, 1, 0, 2) for q in stream.take(count)] == epochs[0]
    assert PromptStream(questions, seed=2).take(7) != epochs[0]


def test_prompts_taken_together_are_distinct():
    questions = [question(f"q{i}") for i in range(7)]
    stream = PromptStream(questions, seed=1)
    for _ in range(9):
        assert len({q.id for q in stream.take(5)}) == 5
    assert len(stream.take(99)) == 7
    assert {q.id for q in stream.take(99, known={"q1", "q2", "q3"})} == {"q0", "q4", "q5", "q6"}
    assert stream.take(1, known={q.id for q in questions}) == []


def test_prompts_go_on_where_they_were_saved_and_nowhere_else():
    questions = [question(f"q{i}") for i in range(7)]
    stream, again = PromptStream(questions, seed=1), PromptStream(questions, seed=1)
    stream.take(5)
    stream.take(5)
    again.set_state(stream.get_state())
    assert again.take(6) == stream.take(6)
    for other in (PromptStream(questions, seed=2), PromptStream(questions[:6], seed=1)):
        user_error(lambda: other.set_state(stream.get_state()), "another order", "--workdir")  # noqa: B023
    user_error(lambda: again.set_state({"step": 3}), "another order")


@pytest.mark.parametrize(("saved_by", "read_by"), [(1, 4), (4, 2), (2, 1)])
def test_a_position_is_that_of_the_global_order_on_any_number_of_hosts(saved_by, read_by):
    saved = batches_of(mine=rows_of(saved_by)[-1] if saved_by > 1 else None)
    for _ in range(3):
        next(saved)
    rest = list(batches_of())[3:]
    shares = []
    for mine in rows_of(read_by) if read_by > 1 else [None]:
        again = batches_of(mine=mine)
        again.set_state(saved.get_state())
        shares.append(list(again))
    assert_equal(joined(shares), rest)


def test_a_position_in_another_order_is_refused():
    saved = batches_of()
    next(saved)
    for changes in ({"seed": 4}, {"batch_pairs": 4}, {"members": range(29)}):
        other = batches_of(**changes)
        user_error(lambda: other.set_state(saved.get_state()), "another order", "--workdir")  # noqa: B023
    user_error(lambda: batches_of().set_state({"next_index": 3}), "another order")


def test_worker_processes_give_the_same_batches_from_array_records(tmp_path):
    output = OutputFolder(tmp_path / "pairs", "pairs", {}, shard_format="array_record")
    output.write_shard(PAIRS[:20])
    output.write_shard(PAIRS[20:])
    output.finish()
    batches = batches_of(open_records(tmp_path / "pairs", PreferencePair), workers=2)
    first = [next(batches) for _ in range(3)]
    saved = batches.get_state()
    batches.close()
    assert_equal(first, itertools.islice(batches_of(), 3))
    mine = {0, 2}
    batches = batches_of(open_records(tmp_path / "pairs", PreferencePair), workers=1, mine=mine)
    assert_equal([next(batches)], itertools.islice(batches_of(mine=mine), 1))
    batches.close()
    again = batches_of()
    again.set_state(saved)
    assert_equal(again, itertools.islice(batches_of(), 3, None))


def test_a_damaged_record_is_the_users_to_fix(tmp_path):
    output = OutputFolder(tmp_path / "pairs", "pairs", {})
    output.write_shard(PAIRS)
    output.finish()
    shard = tmp_path / "pairs" / "records-00000.jsonl"
    shard.write_bytes(shard.read_bytes().replace(b'"q3"', b'"\xff3"'))
    batches = batches_of(open_records(tmp_path / "pairs", PreferencePair))
    user_error(lambda: list(batches), shard, "not UTF-8")


def test_the_next_batches_are_prepared_ahead_but_not_all():
    made = []
    batches = Batches(GlobalOrder(1000, 1, 0, True), lambda numbers: made.append(numbers) or numbers, 1000)
    next(batches)
    next(batches)
    batches.close()
    assert 2 <= len(made) < 50


def test_little_of_a_codet_batch_is_padding(shared_data):
    """CodeGen's programs for HumanEval as pairs, at the paper's batch and row length."""
    file = (
        shared_data / "codet" / "HumanEval_codegen16B_temp0.8_topp0.95_num100_max300_code_solution.jsonl.gz"
    )
    if not (file.is_file() and (shared_data / "tokenizer_qwen").is_dir()):
        pytest.skip("no CodeT programs or no tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "tokenizer_qwen")
    with gzip.open(file) as lines:
        rows = [json.loads(line) for line in lines][::2]
    pairs = []
    for number, row in enumerate(rows):
        programs = [f"```python\n{row['prompt']}{sample}\n```" for sample in row["samples"][:24]]
        prompt, *ids = (tuple(ids) for ids in tokenizer([row["prompt"], *programs])["input_ids"])
        pairs += [
            PreferencePair(
                f"q{number}", f"q{number}#{i}", f"q{number}#{i + 1}", prompt, ids[i], ids[i + 1], 1, 0
            )
            for i in range(0, 24, 2)
        ]
    settings = {"eos_id": END, "batch_pairs": 128, "epochs": 1, "row_length": 2048, "seed": 0}
    for hosted in (1, 8):
        steps = list(pair_batches(pairs, range(len(pairs)), rows=hosted, **settings))
        real = sum((m["tree"] > 0).sum() for step in steps for m in step)
        assert real / sum(m["tree"].size for step in steps for m in step) > 0.95
