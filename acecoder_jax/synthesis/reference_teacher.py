"""The reference teacher: the seed's docstring words the question, and its own program gives the answers.

Needs no language model. The program runs in the sandbox on inputs drawn for it, and what it returns is what
the tests expect, so no test can be imagined wrong; of the answers, those are kept that together run most of its
branches. What cannot be covered is rejected with a reason that is counted: of every sixth of TheAlgorithms' 1,185
functions with doctests, 168 of 198 (85 %) became questions, and half of the rest had no docstring to word one from.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acecoder_jax.data.records import Question, Seed
from acecoder_jax.synthesis.assertions import Candidate, assertion, call_source, choose_tests
from acecoder_jax.synthesis.branches import DRIVER, read_answer, with_branches
from acecoder_jax.synthesis.inputs import UnsupportedHint, draw_inputs, draw_similar
from acecoder_jax.synthesis.literals import NotPlain, as_source, from_source
from acecoder_jax.synthesis.outcomes import Outcome, Outcomes, Rejection
from acecoder_jax.synthesis.prompts import Task, question_prompt, read_task
from sandbox import EvaluatedCall, Evaluation, Limits, Sandbox, SandboxError

CANDIDATES_PER_TEST = 5  # inputs tried for each test wanted
SEEDS_AT_ONCE = 16  # evaluated together, so that every sandbox worker has something to do
# Slower calls make no test: the programs to be judged by it will be slower still, and many.
LIMITS = Limits(test_cpu_s=1.0, program_cpu_s=6.0, max_timeouts=4)


def reference_teacher(seeds: Iterable[Seed], settings: Mapping[str, Any]) -> Outcomes:
    """The seed's own program answers: see `Teacher`, and `_prepare` and `_judge` for the reasons to reject.

    Inputs come in two rounds. The first is drawn blindly; the second, where it is needed, starts from inputs
    that worked and gave a rare value, so that formats are kept and no answer is far commoner than the others.

    Settings read: `tests_per_question`, `fewest_tests`, `seed`, `isolation`, `workers` (0 for all cores).

    Raises:
      SandboxError: the sandbox cannot run here as asked, or fails on every program.
    """
    waiting = iter(seeds)
    with Sandbox(
        workers=settings["workers"] or _cores(), isolation=settings["isolation"], limits=LIMITS
    ) as box:
        while batch := list(itertools.islice(waiting, SEEDS_AT_ONCE)):
            prepared = [_prepare(seed, settings) for seed in batch]
            readable = [item for item in prepared if isinstance(item, _Prepared)]
            _answer(box, [(item, item.inputs) for item in readable])
            _answer(box, [(item, _second_round(item, settings)) for item in readable])
            broken = [item for item in readable if _infrastructure_failure(item) is not None]
            if len(broken) == len(readable) > 1:  # not the fault of one odd seed
                detail = _infrastructure_failure(broken[0])
                raise SandboxError(
                    f"every program is lost ({detail}); see that nothing kills the sandbox's processes"
                )
            for seed, item in zip(batch, prepared, strict=True):
                yield seed, _judge(item, settings) if isinstance(item, _Prepared) else item


@dataclass(frozen=True)
class _Answer:
    """One call, evaluated in two processes; the second counts branches."""

    arguments: tuple[Any, ...]
    call: str
    once: EvaluatedCall
    again: EvaluatedCall  # its value is the function's own; the same as `once` where that did not pass
    branches: frozenset[int] = frozenset()

    @property
    def passed(self) -> bool:
        return self.once.outcome == "passed" and self.again.outcome == "passed"


@dataclass(frozen=True)
class _Prepared:
    seed: Seed
    task: Task
    prompt: str
    inputs: list[tuple[Any, ...]]  # of the first round, the docstring's examples first
    counting: str  # the program with counters in its branches
    branches: int  # how many it has
    answers: list[_Answer] = dataclasses.field(default_factory=list)  # filled as rounds are run


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _random(seed: Seed, settings: Mapping[str, Any], use: str) -> random.Random:
    """Chance for one seed, whatever the other seeds are. Text seeds do not depend on the process."""
    return random.Random(f"{settings['seed']}/{seed.id}/{use}")


def _prepare(seed: Seed, settings: Mapping[str, Any]) -> _Prepared | Rejection:
    """Read the seed and draw inputs; nothing runs yet."""
    try:
        task = read_task(seed)
    except (ValueError, SyntaxError) as error:
        return Rejection("no such function", str(error))
    prompt = question_prompt(task)
    if prompt is None:
        return Rejection("no docstring")
    if not task.callable_by_position:
        return Rejection("needs keyword arguments", task.signature)
    try:
        count = CANDIDATES_PER_TEST * settings["tests_per_question"]
        inputs = draw_inputs(task, count, _random(seed, settings, "inputs"))
    except UnsupportedHint as error:
        return Rejection("no inputs for its types", str(error))
    try:
        return _Prepared(seed, task, prompt, inputs, *with_branches(seed.program, seed.entry_point))
    except RecursionError:
        return Rejection("nested too deeply", f"{len(seed.program):,} characters")


def _answer(box: Sandbox, work: list[tuple[_Prepared, list[tuple[Any, ...]]]]) -> None:
    """Evaluate each seed's inputs and add what they gave to its answers."""
    work = [(item, inputs) for item, inputs in work if inputs]
    first = _evaluate(box, [(item.seed, item.task.name, item.seed.program, inputs) for item, inputs in work])
    # What passed once more, in another process: a value that differs there is no answer to test for. What raised or
    # hung will make no test, and hanging again is what would take most of the time.
    passed = [
        [each for each, once in zip(inputs, results, strict=True) if once.outcome == "passed"]
        for (_, inputs), results in zip(work, first, strict=True)
    ]
    second = _evaluate(
        box,
        [(item.seed, DRIVER, item.counting, inputs) for (item, _), inputs in zip(work, passed, strict=True)],
    )
    for (item, inputs), results, again in zip(work, first, second, strict=True):
        rest = iter(again)
        for each, once in zip(inputs, results, strict=True):
            item.answers.append(_read(item, each, once, next(rest) if once.outcome == "passed" else once))


def _evaluate(
    box: Sandbox, work: list[tuple[Seed, str, str, list[tuple[Any, ...]]]]
) -> list[tuple[EvaluatedCall, ...]]:
    """For each (seed, function, program, inputs) what the calls gave; nothing is run where there are no inputs."""
    evaluations = [
        Evaluation(f"{seed.id}:{name}", program, tuple(call_source(name, each) for each in inputs))
        for seed, name, program, inputs in work
        if inputs
    ]
    results = iter(box.evaluate(evaluations)) if evaluations else iter(())
    return [tuple(next(results).values) if inputs else () for _, _, _, inputs in work]


def _read(item: _Prepared, arguments: tuple[Any, ...], once: EvaluatedCall, again: EvaluatedCall) -> _Answer:
    call = call_source(item.task.name, arguments)
    if again.outcome != "passed":
        return _Answer(arguments, call, once, again)
    answer = read_answer(again.value, item.branches)
    if answer is None:  # the program has put something else in the driver's place
        return _Answer(arguments, call, once, EvaluatedCall("error", None, "no answer with branches"))
    return _Answer(arguments, call, once, dataclasses.replace(again, value=answer[0]), answer[1])


def _second_round(item: _Prepared, settings: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Further inputs for a seed with few answers, mostly one answer, or branches that none of them runs."""
    usable = _usable(item)
    frequency = collections.Counter(test.expected for _, test in usable)
    ways = collections.Counter(test.branches for _, test in usable)
    count = settings["tests_per_question"]
    enough = len(usable) >= 2 * count and max(frequency.values()) <= len(usable) / 2
    reached = frozenset[int]().union(*ways)
    # Where some inputs hang, more of them cost the most and tell the least.
    hangs = len(usable) >= count and any(answer.once.outcome == "timeout" for answer in item.answers)
    if not usable or hangs or (enough and len(reached) == item.branches):
        return []
    known = [answer.arguments for answer, _ in usable]
    # What gave a rare value, or went a rare way, is a better start than the rest.
    weights = [1 / frequency[test.expected] + 1 / ways[test.branches] for _, test in usable]
    rng = _random(item.seed, settings, "second round")
    return draw_similar(item.task, known, weights, CANDIDATES_PER_TEST * count, rng)


def _usable(item: _Prepared) -> list[tuple[_Answer, Candidate]]:
    """Answers that a test can hold, with the test.

    Left out are calls that raised, ran too long, gave no plain data, or gave what is too long or too exact.
    """
    usable = []
    for answer in item.answers:
        text = assertion(answer.call, answer.once.value) if answer.passed else None
        if text is not None:
            usable.append((answer, Candidate(text, as_source(answer.once.value), answer.branches)))
    return usable


def _judge(item: _Prepared, settings: Mapping[str, Any]) -> Outcome:
    """Make the question from what the calls gave."""
    failure = _infrastructure_failure(item)
    if failure is not None:
        return Rejection("sandbox failure", failure)
    usable = _usable(item)
    tests = [test for _, test in usable]
    for answer, test in usable:
        if assertion(answer.call, answer.again.value) != test.text:
            return Rejection(
                "not deterministic", f"{answer.call} gave {test.expected} and then another value"
            )
    if len(tests) < settings["fewest_tests"]:
        return _too_few(item, len(tests), settings["fewest_tests"])
    documented = {as_source(example.arguments) for example in item.task.examples}
    examples = [answer for answer, _ in usable if as_source(answer.arguments) in documented]
    for answer in examples:
        wrong = _contradiction(item.task, answer.arguments, answer.once.value)
        if wrong is not None:
            return Rejection("contradicts its own examples", wrong)
    if len({test.expected for test in tests}) == 1:
        return Rejection("constant answer", f"always {tests[0].expected}")
    rng = _random(item.seed, settings, "choice")
    chosen = choose_tests(tests, len(examples), settings["tests_per_question"], rng)
    if len(chosen) < settings["fewest_tests"]:
        return Rejection("too few tests", f"{len(chosen)} of {settings['fewest_tests']}")
    return Question(
        id=item.seed.id,
        source=item.seed.source,
        prompt=item.prompt,
        tests=tuple(test.text for test in chosen),
        entry_point=item.seed.entry_point,
        reference=item.seed.program,
    )


def _too_few(item: _Prepared, found: int, fewest: int) -> Rejection:
    """The reason why too few calls gave an answer that a test can hold."""
    slow = next((answer for answer in item.answers if answer.once.outcome == "timeout"), None)
    if slow is not None:
        return Rejection("too slow", _summary(slow))
    if not found:
        return Rejection("no usable answer", "; ".join(_summary(answer) for answer in item.answers[:1]))
    return Rejection("too few tests", f"{found} of {fewest}")


def _infrastructure_failure(item: _Prepared) -> str | None:
    """What the sandbox says if it lost some of the calls itself, after its own retries."""
    results = [result for answer in item.answers for result in (answer.once, answer.again)]
    return next((result.detail for result in results if result.outcome == "infrastructure"), None)


def _summary(answer: _Answer) -> str:
    detail = f" ({answer.once.detail})" if answer.once.detail else ""
    return f"{answer.call}: {answer.once.outcome}{detail}"


def _contradiction(task: Task, arguments: tuple[Any, ...], value: Any) -> str | None:
    """How the docstring's example for these arguments disagrees with the program, if it does."""
    for example in task.examples:
        if example.want is None or as_source(example.arguments) != as_source(arguments):
            continue
        try:
            want = from_source(example.want)
        except NotPlain:
            continue  # printed in a form that is not a constant, such as `...`
        close = isinstance(want, float) and isinstance(value, float) and abs(want - value) <= 1e-6 * abs(want)
        if want != value and not close:
            return f"{example.source} is documented as {example.want} and gives {as_source(value)}"
    return None
