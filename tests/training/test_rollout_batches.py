"""Batches of rollouts with a sampler and a sandbox that are stood in for: filling up, looking ahead, failing."""

import dataclasses
from concurrent.futures import Future

import pytest

from acecoder_jax import train_policy
from acecoder_jax.data.pipelines import PromptStream
from acecoder_jax.rewards.combine import Rewards
from acecoder_jax.training.rollout_batches import RolloutBatches
from tests.made_records import MadeGrader, completion, config_of, question, verdict
from tests.user_errors import user_error

QUESTIONS = [question(f"q{n}") for n in range(20)]


class Sampler:
    """Completions that say with which weights, seed and question they were made."""

    def __init__(self):
        self.log = []

    def load(self, params, mark=""):
        self._params = params

    def sample(self, questions, samples, seed):
        questions = list(questions)
        self.log.append((self._params, [q.id for q in questions]))
        for q in questions:
            for n in range(samples):
                yield completion(q.id, n, text=f"{self._params}/{seed}", finish_reason="stop")


class Refusing(Sampler):
    """Has nothing to say to some questions."""

    def __init__(self, refused):
        super().__init__()
        self._refused = refused

    def sample(self, questions, samples, seed):
        return super().sample([q for q in questions if q.id not in self._refused], samples, seed)


class Failing(MadeGrader):
    """Fails on the first `times` programs of every question."""

    def __init__(self, times):
        super().__init__(lambda _: 1.0)
        self.left = {q.id: times for q in QUESTIONS}

    def submit(self, q, answer):
        if self.left[q.id]:
            self.left[q.id] -= 1
            future = Future()
            future.set_result(verdict(answer, None))
            return future
        return super().submit(q, answer)


def made(rate=lambda _: 1.0, grader=None, weights=lambda: "now", **changes):
    values = {"prompts_per_step": 4, "samples": 2, "steps": 5, "seed": 3, "row_length": 64} | changes
    config = config_of(train_policy, values)
    sampler = Sampler()
    prompts = PromptStream(QUESTIONS, config.seed)
    grader = grader or MadeGrader(rate)
    return sampler, RolloutBatches(config, prompts, sampler, grader, Rewards(config, QUESTIONS), weights)


def asked(sampler):
    return [ids for _, ids in sampler.log]


def in_order(count):
    return [q.id for q in PromptStream(QUESTIONS, 3).take(count)]


def test_a_step_is_made_of_the_next_prompts():
    sampler, batches = made(lambda answer: float(answer.id.endswith("#0")))
    first, second = batches.next(1), batches.next(2)
    assert asked(sampler) == [in_order(8)[:4], in_order(8)[4:]]
    assert first.kept == list(range(8)) and first.kept_rewards == [1.0, 0.0] * 4
    assert first.metrics["rollout/pass@1"] == 0.5 and first.metrics["rollout/completions"] == 8
    assert first.metrics["rollout/refills"] == 0 and first.metrics["rollout/groups_missing"] == 0
    texts = {c.text for c in first.completions} | {c.text for c in second.completions}
    assert len(texts) == 2, "the draws of each step have a seed of their own"


def test_equal_groups_are_replaced_until_the_batch_is_full():
    easy = set(in_order(6)[1:4])  # both samples pass: nothing to learn

    def rate(answer):
        return 1.0 if answer.question_id in easy else float(answer.id.endswith("#0"))

    sampler, batches = made(rate, drop_equal_groups=True)
    batch = batches.next(1)
    assert asked(sampler) == [in_order(4), in_order(7)[4:]]
    assert sorted({c.question_id for c in batch.completions}) == sorted({in_order(1)[0], *in_order(7)[4:]})
    assert batch.metrics["rollout/groups_equal"] == 3 and batch.metrics["rollout/groups_missing"] == 0
    assert batch.metrics["rollout/refills"] == 1 and batch.metrics["rollout/completions"] == 14
    assert batch.kept_rewards == [1.0, 0.0] * 4
    batches.next(2)
    assert asked(sampler)[2] == in_order(11)[7:], "it goes on behind the questions that filled the batch"


def test_refills_come_to_an_end():
    sampler, batches = made(drop_equal_groups=True, most_refills=1)
    batch = batches.next(1)
    assert batch.completions == [] and batch.metrics["rollout/groups_missing"] == 4
    assert batch.metrics["rollout/refills"] == 1 and len(sampler.log) == 2


def test_what_the_sandbox_fails_on_is_graded_again():
    _, batches = made(grader=Failing(1))
    batch = batches.next(1)
    assert batch.rewards == [1.0] * 8 and "rollout/outcome/infrastructure" not in batch.metrics


def test_what_it_fails_on_twice_is_left_out():
    _, batches = made(grader=Failing(3))
    batch = batches.next(1)
    assert sorted(map(str, batch.rewards)) == ["1.0"] * 4 + ["None"] * 4
    assert batch.kept_rewards == [1.0] * 4 and batch.metrics["reward/left_out"] == 4


def test_a_sandbox_that_only_fails_stops_the_run_where_it_was():
    _, batches = made(grader=Failing(9))
    before = batches.get_state()
    user_error(lambda: batches.next(7), "step 7", "all 8 completions", "twice", "same command")
    assert batches.get_state() == before, "the prompts of this step come again"


def test_prompts_of_which_none_can_be_sampled_stop_the_run_in_a_line_of_their_own():
    _, batches = made()
    batches._sampler = Refusing(set(in_order(4)))
    user_error(lambda: batches.next(7), "step 7", "none of its prompts", "max_prompt_tokens")


def test_a_refill_that_cannot_be_sampled_leaves_the_batch_smaller():
    easy = set(in_order(4)[1:3])
    _, batches = made(
        lambda answer: 1.0 if answer.question_id in easy else float(answer.id.endswith("#0")),
        drop_equal_groups=True,
        most_refills=1,
    )
    batches._sampler = Refusing(set(in_order(6)[4:]))
    batch = batches.next(1)
    assert batch.metrics["rollout/groups_missing"] == 2 and batch.metrics["rollout/refills"] == 1
    assert {c.question_id for c in batch.completions} == {in_order(4)[0], in_order(4)[3]}


def test_tests_that_check_nothing_are_no_failure_of_the_sandbox():
    class Vacuous(MadeGrader):
        def submit(self, q, answer):
            future = Future()
            future.set_result(dataclasses.replace(verdict(answer, None), outcome="vacuous"))
            return future

    _, batches = made(grader=Vacuous(None))
    batch = batches.next(1)
    assert batch.completions == [] and batch.metrics["rollout/groups_unscored"] == 4


def test_programs_are_graded_while_others_still_decode():
    seen = []

    class Watched(Sampler):
        def sample(self, questions, samples, seed):
            for answer in super().sample(questions, samples, seed):
                seen.append(("decoded", answer.id))
                yield answer

    class Watching(MadeGrader):
        def submit(self, q, answer):
            seen.append(("graded", answer.id))
            return super().submit(q, answer)

    _, batches = made(grader=Watching(lambda _: 1.0))
    batches._sampler = Watched()
    batches.next(1)
    assert [what for what, _ in seen] == ["decoded", "graded"] * 8


def test_one_step_ahead_samples_with_the_weights_before_the_update():
    weights = ["w0"]
    sampler, batches = made(weights=lambda: weights[0], mode="one_step_ahead", steps=3)
    staleness = []
    for step in (1, 2, 3):
        staleness.append(batches.next(step).metrics["rollout/staleness"])
        weights[0] = f"w{step}"
    assert [params for params, _ in sampler.log] == ["w0", "w0", "w1"]
    assert staleness == [0, 1, 1] and asked(sampler) == [in_order(12)[n : n + 4] for n in (0, 4, 8)]


def test_one_step_ahead_a_resumed_run_samples_again_what_was_not_yet_used():
    sampler, batches = made(mode="one_step_ahead")
    batches.next(1)
    state = batches.get_state()
    again, resumed = made(mode="one_step_ahead")
    resumed.set_state(state)
    assert resumed.next(2).metrics["rollout/staleness"] == 0
    assert asked(again)[0] == asked(sampler)[1] == in_order(8)[4:]


def test_every_completion_cut_and_masked_leaves_nothing_and_says_so():
    class Cut(Sampler):
        def sample(self, questions, samples, seed):
            for c in super().sample(questions, samples, seed):
                yield completion(c.question_id, c.id[-1], finish_reason="length")

    _, batches = made(overlong="mask")
    batches._sampler = Cut()
    batch = batches.next(1)
    assert batch.completions == [] and batch.metrics["rollout/truncated_share"] == 1.0
    assert batch.metrics["reward/left_out"] == 8 and batch.metrics["rollout/groups_unscored"] == 4


def test_a_failure_of_another_kind_passes_through():
    class Broken(MadeGrader):
        def submit(self, q, answer):
            future = Future()
            future.set_exception(RuntimeError("ours"))
            return future

    _, batches = made(grader=Broken(None))
    with pytest.raises(RuntimeError, match="ours"):
        batches.next(1)
