"""The best-of-n stage: exact expectations against all subsets, and the table's columns by hand."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax import best_of_n
from acecoder_jax.best_of_n import best_of
from acecoder_jax.data.folders import OutputFolder, read_manifest
from acecoder_jax.data.records import to_json
from tests.made_records import completion, config_of, mtimes, verdict
from tests.user_errors import user_error

# Question: (reward, pass rate) of every sample, then whether the greedy program passes.
SAMPLES = {
    "a": ([(3.0, 1.0), (1.0, 0.0), (2.0, 0.5), (0.0, 1.0)], 1.0),
    "b": ([(0.0, 0.0), (1.0, 0.5), (3.0, 1.0), (-1.0, 0.0)], 0.0),
    "c": ([(1.0, 0.5), (1.0, 1.0), (0.0, 0.0), (0.5, 0.0)], 0.0),  # a tie at the top
}


@given(
    st.lists(st.tuples(st.integers(0, 3).map(float), st.booleans()), min_size=1, max_size=7),
    st.integers(1, 7),
)
def test_best_of_is_the_mean_over_all_subsets(group, n):
    """Ties are broken at random: among the highest of a subset, each is as likely."""
    n = min(n, len(group))
    chances = []
    for subset in itertools.combinations(group, n):
        top = max(score for score, _ in subset)
        best = [ok for score, ok in subset if score == top]
        chances.append(sum(best) / len(best))
    assert best_of(group, n) == pytest.approx(sum(chances) / len(chances))


def test_best_of_by_hand():
    group = [(3.0, True), (1.0, False), (2.0, False)]
    assert best_of(group, 1) == pytest.approx(1 / 3)
    assert best_of(group, 2) == pytest.approx(2 / 3)  # two of the three pairs hold the best one
    assert best_of(group, 3) == 1.0
    assert best_of([(-score, ok) for score, ok in group], 3) == 0.0


class Scorer:
    """Rewards that are written into the completions."""

    @classmethod
    def from_model(cls, model, row_length, clip, dtype):
        assert (model, row_length, clip) == ("a reward model", 2048, float("inf"))
        return cls()

    def score(self, completions):
        return [SAMPLES[c.question_id][0][int(c.id.split("#")[1])][0] for c in completions]


def make_evaluation(path, lost=(), samples=SAMPLES):
    """A folder as `evaluate` leaves it; the sandbox failed on the completions in `lost`."""
    output = OutputFolder(path, "evaluate", {})
    records, verdicts = [], []
    for name, (group, greedy) in samples.items():
        for number, rate in [*enumerate(rate for _, rate in group), ("greedy", greedy)]:
            records.append(completion(name, number))
            verdicts.append(verdict(records[-1], None if records[-1].id in lost else rate))
    output.write_shard([*records, completion("other set", 0)])
    (path / "verdicts-held_out.jsonl").write_text("".join(to_json(v) + "\n" for v in verdicts))
    output.finish()
    return str(path)


@pytest.fixture
def run(tmp_path, monkeypatch):
    OutputFolder(tmp_path / "reward", "train_reward", {}).finish()
    monkeypatch.setattr(best_of_n, "RewardScorer", Scorer)
    monkeypatch.setattr(best_of_n, "load_model", lambda folder, kind: f"a {kind} model")

    def stage(evaluation, out="out", **changes):
        changes = {
            "reward_model": str(tmp_path / "reward"),
            "evaluation": evaluation,
            "ns": (1, 2, 4, 8),
        } | changes
        counts = best_of_n.run(config_of(best_of_n, changes), tmp_path / out)
        return counts, json.loads((tmp_path / out / "results.json").read_text())

    return stage


def test_the_tables_columns(run, tmp_path, capsys):
    counts, results = run(make_evaluation(tmp_path / "evaluation"))
    assert counts == {"questions": 3, "samples": 4} == read_manifest(tmp_path / "out")["counts"]
    assert results["greedy"] == pytest.approx(1 / 3)
    assert results["average"] == pytest.approx((2 / 4 + 1 / 4 + 1 / 4) / 3)
    groups = {name: [(score, rate == 1.0) for score, rate in group] for name, (group, _) in SAMPLES.items()}
    assert set(results["best_of_n"]) == set(results["oracle"]) == {"1", "2", "4"}, "8 is more than there are"
    assert results["best_of_n"]["1"] == results["oracle"]["1"] == pytest.approx(results["average"])
    assert results["best_of_n"]["2"] == pytest.approx(sum(best_of(g, 2) for g in groups.values()) / 3)
    assert results["best_of_n"]["4"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert results["oracle"]["2"] == pytest.approx((5 / 6 + 1 / 2 + 1 / 2) / 3)
    assert results["oracle"]["4"] == 1.0
    printed = capsys.readouterr().out
    assert "greedy 0.333  average 0.333" in printed and "best of  4 0.833  oracle 1.000" in printed


def test_pair_accuracy_is_by_the_papers_rule(run, tmp_path):
    """a: 1 > 0.5 twice, once ranked right; b: 1 > 0.5, right; c: 1 > 0.5, a tie, which counts half."""
    _, results = run(make_evaluation(tmp_path / "evaluation"))
    assert results["pairs"] == 4 and results["pair_accuracy"] == pytest.approx((1 + 0 + 1 + 0.5) / 4)


def test_every_score_is_kept(run, tmp_path):
    run(make_evaluation(tmp_path / "evaluation"))
    lines = [json.loads(line) for line in (tmp_path / "out" / "scores.jsonl").read_text().splitlines()]
    assert {line["completion_id"]: (line["reward"], line["pass_rate"]) for line in lines} == {
        f"{name}#{i}": pair for name, (group, _) in SAMPLES.items() for i, pair in enumerate(group)
    }


def test_failures_of_the_sandbox_are_left_out(run, tmp_path):
    counts, results = run(make_evaluation(tmp_path / "evaluation", lost=("a#0", "b#greedy")))
    assert counts == {"questions": 3, "samples": 3}
    assert results["greedy"] == pytest.approx(1 / 2)
    assert results["average"] == pytest.approx((1 / 3 + 1 / 4 + 1 / 4) / 3)
    assert set(results["best_of_n"]) == {"1", "2"}


def test_a_finished_folder_is_left_alone(run, tmp_path, monkeypatch):
    evaluation = make_evaluation(tmp_path / "evaluation")
    run(evaluation)
    before = mtimes(tmp_path / "out")
    monkeypatch.setattr(best_of_n, "load_model", None)
    run(evaluation)
    assert mtimes(tmp_path / "out") == before


def test_bad_inputs_are_refused(run, tmp_path):
    evaluation = make_evaluation(tmp_path / "evaluation")
    user_error(lambda: run(evaluation, "a", set="humaneval"), "verdicts-humaneval.jsonl", "config.set")
    bare = make_evaluation(tmp_path / "bare", samples={"a": ([], 1.0)})
    user_error(lambda: run(bare, "b"), bare, "no sampled programs", "samples > 0")
    user_error(lambda: run(str(tmp_path / "none"), "c"), tmp_path / "none")
