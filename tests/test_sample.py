"""The sample stage: counts, splits, and a run in pieces that ends up the same as one in a go."""

import pytest

from acecoder_jax import sample
from acecoder_jax.data.folders import read_manifest, read_records
from acecoder_jax.data.records import Completion
from acecoder_jax.sampling.complete import Sampler
from tests.made_records import SAMPLING, config_of, folder_of, mtimes, question, record_bytes
from tests.user_errors import user_error

SPLITS = ("train", "train", "validation", "held_out", "train", "train", "train")
QUESTIONS = [question(f"made/q{i}", split) for i, split in enumerate(SPLITS)]
SAMPLES = 3


@pytest.fixture(scope="module")
def settings(tiny_model, tmp_path_factory):
    folder = folder_of(tmp_path_factory.mktemp("questions") / "made", QUESTIONS)
    changes = {"model": str(tiny_model.folder), "questions": folder, "samples": SAMPLES, "seed": 3}
    return changes | {"questions_per_shard": 2, "sampling": SAMPLING}


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    """The stage run in one go."""
    out = tmp_path_factory.mktemp("sample") / "whole"
    sample.run(config_of(sample, settings), out)
    return out


def test_every_question_of_the_splits_is_sampled(whole, tiny_model):
    completions = read_records(whole, Completion)
    asked = [q.id for q in QUESTIONS if q.split != "held_out"]
    assert sorted(c.id for c in completions) == sorted(f"{q}#{i}" for q in asked for i in range(SAMPLES))
    assert {c.model for c in completions} == {tiny_model.loaded.fingerprint}
    assert len({c.token_ids for c in completions}) > SAMPLES
    shards = record_bytes(whole)
    assert [len(shard.splitlines()) for shard in shards.values()] == [2 * SAMPLES] * 3


def test_the_counts_are_those_of_the_records(whole):
    completions = read_records(whole, Completion)
    assert read_manifest(whole)["counts"] == {
        "questions": 6,
        "completions": 18,
        "refused": 0,
        "tokens": sum(len(c.token_ids) for c in completions),
        "truncated": sum(len(c.token_ids) == 12 and c.token_ids[-1] != 2 for c in completions),
        "without_program": 18,
    }


def test_a_finished_folder_is_left_alone(whole, settings, monkeypatch):
    before = mtimes(whole)
    monkeypatch.setattr(sample, "load_model", None)
    assert sample.run(config_of(sample, settings), whole) == read_manifest(whole)["counts"]
    assert mtimes(whole) == before


def test_a_half_finished_folder_is_continued_and_ends_up_the_same(whole, settings, tmp_path, monkeypatch):
    drawn = []
    whole_sample = Sampler.sample

    def stopping(self, questions, samples, seed):
        for completion in whole_sample(self, questions, samples, seed):
            if len(drawn) == 8:
                raise KeyboardInterrupt
            drawn.append(completion.id)
            yield completion

    with monkeypatch.context() as patch:
        patch.setattr(Sampler, "sample", stopping)
        with pytest.raises(KeyboardInterrupt):
            sample.run(config_of(sample, settings), tmp_path / "parts")
    assert len(record_bytes(tmp_path / "parts")) == 1
    assert not (tmp_path / "parts" / "manifest.json").exists()

    asked = []

    def counting(self, questions, samples, seed):
        asked.extend(question.id for question in questions)
        return whole_sample(self, questions, samples, seed)

    monkeypatch.setattr(Sampler, "sample", counting)
    counts = sample.run(config_of(sample, settings), tmp_path / "parts")
    assert len(asked) == 4, "the first shard is not sampled again"
    assert record_bytes(tmp_path / "parts") == record_bytes(whole)
    assert counts == read_manifest(whole)["counts"]


def test_fewer_questions_are_a_choice_of_the_same(whole, settings, tmp_path):
    changes = settings | {"max_questions": 2, "splits": ("train",), "samples": 1}
    assert sample.run(config_of(sample, changes), tmp_path / "few")["questions"] == 2
    few = {c.id: c.token_ids for c in read_records(tmp_path / "few", Completion)}
    many = {c.id: c.token_ids for c in read_records(whole, Completion)}
    assert len(few) == 2 and all(many[name] == ids for name, ids in few.items())


def test_bad_settings_are_refused(settings, tiny_model, tmp_path):
    def attempt(name, changes, *words):
        user_error(lambda: sample.run(config_of(sample, settings | changes), tmp_path / name), *words)

    attempt("a", {"splits": ("tests",)}, settings["questions"], "no questions of the splits asked for")
    attempt("b", {"sampling": SAMPLING | {"max_prompt_tokens": 5}}, "config.sampling.max_prompt_tokens", "6")
