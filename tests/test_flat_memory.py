"""Stages of curation hold a few records at a time, however many there are: counted, at two sizes of the same data."""

import weakref

import pytest

from acecoder_jax import filter_tests, hard_subset, pairs, score
from acecoder_jax.data import shards
from tests.made_records import MadeGrader, completion, config_of, folder_of, question, verdict

SIZES = 30, 120
ANSWERS = 4
RATES = [1.0, 0.2, 0.4, 0.0]


class Alive:
    """How many of the records that it was shown exist at one time."""

    def __init__(self):
        self.now = self.most = self.all = 0

    def watch(self, record):
        self.now, self.all = self.now + 1, self.all + 1
        self.most = max(self.most, self.now)
        weakref.finalize(record, self._gone)
        return record

    def _gone(self):
        self.now -= 1


@pytest.fixture
def alive(monkeypatch):
    """Watches every record that is read or graded, while stages write small shards."""
    watched = Alive()
    read = shards.from_values
    monkeypatch.setattr(shards, "from_values", lambda *arguments: watched.watch(read(*arguments)))

    class Grader(MadeGrader):
        def grade(self, *arguments):
            return map(watched.watch, super().grade(*arguments))

    for stage in (filter_tests, score):
        monkeypatch.setattr(stage, "Grader", Grader(lambda answer: RATES[int(answer.id[-1], 16) % ANSWERS]))
    for stage, name in ((filter_tests, "PROGRAMS_PER_SHARD"), (pairs, "PAIRS_PER_SHARD")):
        monkeypatch.setattr(stage, name, 4)
    for stage in (filter_tests, hard_subset):
        monkeypatch.setattr(stage, "QUESTIONS_PER_SHARD", 4)
    return watched


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """For each size the folders of questions, completions and verdicts, the answers of a question far apart."""
    made = {}
    for size in SIZES:
        root = tmp_path_factory.mktemp(f"of_{size}")
        questions = [question(f"q{n}") for n in range(size)]
        answers = [completion(q.id, i, f"def f(x): return {i}") for i in range(ANSWERS) for q in questions]
        made[size] = {
            "questions": folder_of(root / "questions", questions),
            "completions": folder_of(root / "completions", answers),
            "verdicts": folder_of(root / "verdicts", [verdict(a, RATES[int(a.id[-1])]) for a in answers]),
        }
    return made


STAGES = {
    "filter": (filter_tests, {"oracle": "completions"}, {"mutants": 1}),
    "filter, all graded before": (filter_tests, {"oracle": "completions", "verdicts": "verdicts"}, {}),
    "score": (score, {"completions": "completions"}, {"completions_per_shard": 4}),
    "pairs": (pairs, {"completions": "completions", "verdicts": "verdicts"}, {}),
    "hard": (hard_subset, {"verdicts": "verdicts"}, {}),
}


@pytest.mark.parametrize("stage", STAGES)
def test_four_times_the_questions_are_no_more_records_at_once(stage, inputs, alive, tmp_path):
    module, folders, changes = STAGES[stage]
    most, read = [], []
    for size in SIZES:
        alive.most = alive.all = 0
        given = {key: inputs[size][name] for key, name in ({"questions": "questions"} | folders).items()}
        counts = module.run(config_of(module, given | changes), tmp_path / str(size))
        assert next(iter(counts.values())) > 0
        most.append(alive.most)
        read.append(alive.all)
    assert read[1] == 4 * read[0] > 4 * SIZES[0], "each was looked at"
    assert most[0] == most[1] < SIZES[0]
