"""The pipeline: refused before it starts when something is wrong with it, continued where it stopped.

One whole run on the tiny model: it writes no programs, so the pair rule is one that takes any two answers, and
reinforcement learning finds nothing to learn. What the stages do is in their own tests; here they follow each other.
"""

import json

import pytest
from ml_collections import ConfigDict

from acecoder_jax import best_of_n, demo, score
from acecoder_jax.__main__ import main
from acecoder_jax.data.folders import read_manifest
from tests.made_records import mtimes
from tests.user_errors import user_error

pytestmark = pytest.mark.usefixtures("compile_cache")
SEED = '''def {name}(x: int) -> int:
    """Returns `x` times {factor}, plus {n}."""
    return {factor} * x + {n}
'''
SHORT = {"max_prompt_tokens": 160, "max_new_tokens": 8, "slots": 4}
COMPUTE = {"row_length": 192, "remat": "none", "rows_per_microbatch": 8}
POLICY = COMPUTE | {
    "stage": "train_policy",
    "model": "@import",
    "questions": "@filter",
    "steps": 1,
    "prompts_per_step": 2,
    "samples": 2,
    "eval_samples": 1,
    "eval_questions": 1,
    "sampling": SHORT,
}
STEPS = {
    "import": {"stage": "import"},
    "synthesize": {"stage": "synthesize", "split_shares": {"validation": 0.3, "held_out": 0.3}, "workers": 2},
    "filter": {"stage": "filter", "questions": "@synthesize"},
    "sample": {
        "stage": "sample",
        "model": "@import",
        "questions": "@filter",
        "max_questions": 2,
        "samples": 2,
        "sampling": SHORT,
    },
    "score": {"stage": "score", "questions": "@filter", "completions": "@sample"},
    "pairs": {
        "stage": "pairs",
        "questions": "@filter",
        "completions": "@sample",
        "verdicts": "@score",
        "margin": -1.0,
        "chosen_above": -1.0,
        "rejected_above": -1.0,
    },
    "train_reward": COMPUTE | {"stage": "train_reward", "model": "@import", "pairs": "@pairs"},
    "evaluate": {
        "stage": "evaluate",
        "model": "@import",
        "questions": "@filter",
        "max_questions": 2,
        "samples": 2,
        "sampling": SHORT,
    },
    "best_of_n": {
        "stage": "best_of_n",
        "reward_model": "@train_reward",
        "evaluation": "@evaluate",
        "ns": (1, 2),
        "row_length": 192,
    },
    "policy_rule": POLICY,
    "policy_model": POLICY | {"reward": "model", "reward_model": "@train_reward"},
    "export_policy": {"stage": "export", "model": "@policy_rule"},
    "export_reward": {"stage": "export", "model": "@train_reward"},
    "report": {"stage": "report", "runs": "@"},
}


def pipeline(steps, **changes):
    config = demo.default_config()
    with config.unlocked():
        config.update(ConfigDict({"steps": steps, "order": tuple(steps)} | changes))
    return config


@pytest.fixture(scope="module")
def steps(tiny_model, tmp_path_factory):
    """The pipeline from the tiny model's Hugging Face folder and a dozen seeds."""
    seeds = tmp_path_factory.mktemp("seeds")
    for n in range(12):
        (seeds / f"s{n}.py").write_text(SEED.format(name=f"scaled{n}", factor=n + 2, n=n))
    made = {name: dict(values) for name, values in STEPS.items()}
    made["import"]["source"] = str(tiny_model.hf_folder)
    made["synthesize"]["seeds"] = str(seeds)
    return made


# Refused before it starts


@pytest.mark.parametrize(
    ("steps", "changes", "words"),
    [
        ({}, {}, ("config.order", "configs/demo.py")),
        ({"a": {"stage": "import", "source": "x"}}, {"order": ("a", "b")}, ("config.order", "'b'")),
        ({"a": {"source": "x"}}, {}, ("config.steps.a", "'stage'")),
        ({"a": {"stage": "imprt", "source": "x"}}, {}, ("unknown stage 'imprt'", "'import'")),
        ({"a": {"stage": "import", "sources": "x"}}, {}, ("step 'a'", "'sources'", "did you mean 'source'?")),
        ({"a": {"stage": "import"}}, {}, ("config.source", "required", "import")),
        (
            {"a": {"stage": "filter", "questions": "@b"}},
            {},
            ("config.steps.a.questions", "'@b'", "no earlier step"),
        ),
        (
            {"b": {"stage": "filter", "questions": "@a"}, "a": {"stage": "synthesize"}},
            {},
            ("config.steps.b.questions", "'@a'", "order"),
        ),
        (
            {
                "a": {"stage": "synthesize"},
                "b": {"stage": "filter", "questions": "@a", "sandbox": {"isolation": "@c"}},
            },
            {},
            ("config.steps.b.sandbox.isolation", "'@c'"),
        ),
    ],
    ids=lambda value: None,
)
def test_a_pipeline_with_a_mistake_anywhere_does_not_start(steps, changes, words, tmp_path):
    user_error(lambda: demo.run(pipeline(steps, **changes), tmp_path / "run"), *words)
    assert not (tmp_path / "run").exists()


def test_it_runs_from_a_file_with_flags_for_its_steps(steps, tmp_path, capsys):
    path = tmp_path / "config.py"
    made = {name: steps[name] for name in ("synthesize", "filter")}
    path.write_text(
        "from ml_collections import ConfigDict\n\ndef get_config():\n"
        f"    steps = {made!r}\n    return ConfigDict({{'steps': steps, 'order': tuple(steps)}})\n"
    )
    command = ["demo", f"--config={path}", f"--workdir={tmp_path / 'run'}"]
    assert main([*command, "--config.steps.synthesize.zeds=5"]) == 2
    assert "--config.steps.synthesize.zeds" in capsys.readouterr().err
    assert main([*command, "--config.steps.synthesize.workers=1"]) == 0
    assert read_manifest(tmp_path / "run" / "synthesize")["config"]["workers"] == 1
    manifest = read_manifest(tmp_path / "run" / "filter")
    assert manifest["config"]["questions"] == str(tmp_path / "run" / "synthesize")
    assert [*manifest["inputs"]] == [str(tmp_path / "run" / "synthesize")]


# The whole


@pytest.fixture(scope="module")
def stopped(steps, tmp_path_factory):
    """A run that was stopped twice, and what had been written then: (workdir, {step: times of its files})."""
    workdir = tmp_path_factory.mktemp("demo") / "run"
    written = {}

    def killed(*_):
        raise KeyboardInterrupt

    for stage, last in ((score, "sample"), (best_of_n, "evaluate")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stage, "run", killed)
            with pytest.raises(KeyboardInterrupt):
                demo.run(pipeline(steps), workdir)
        assert (workdir / last / "manifest.json").exists() and not (
            workdir / stage.__name__.split(".")[1]
        ).exists()
        written = {name: mtimes(workdir / name) for name in STEPS if (workdir / name).exists()} | written
    return workdir, written


@pytest.fixture(scope="module")
def finished(stopped, steps):
    """The same command once more, up to the end."""
    seconds = demo.run(pipeline(steps), stopped[0])
    assert list(seconds) == list(STEPS)
    return stopped[0]


def test_a_stopped_run_continues_where_it_was(stopped, finished):
    _, written = stopped
    assert list(written) == list(STEPS)[:8]
    assert {name: mtimes(finished / name) for name in written} == written


def test_every_step_is_finished_and_names_its_inputs(finished):
    manifests = {name: read_manifest(finished / name) for name in STEPS}
    assert [manifest["stage"] for manifest in manifests.values()] == [
        step["stage"] for step in STEPS.values()
    ]
    for name, step in STEPS.items():
        asked = {
            str(finished / value[1:])
            for value in step.values()
            if str(value).startswith("@") and value != "@"
        }
        assert set(manifests[name]["inputs"]) == asked
    assert manifests["filter"]["counts"]["questions"] == 12
    assert manifests["pairs"]["counts"]["pairs"] > 0
    assert (finished / "report" / "report.html").stat().st_size > 1000
    assert json.loads((finished / "export_policy" / "config.json").read_text())["architectures"] == [
        "LlamaForCausalLM"
    ]


def test_a_second_run_does_nothing_and_says_where_things_are(finished, steps, capsys):
    before = mtimes(finished)
    demo.run(pipeline(steps), finished)
    assert mtimes(finished) == before
    printed = capsys.readouterr().out
    assert "[1/14] import" in printed and "[14/14] report" in printed
    for place in ("report/report.html", "export_policy", "export_reward", "best_of_n/results.json"):
        assert str(finished / place) in printed


def test_a_step_changed_in_a_finished_run_is_refused_by_name(finished, steps):
    other = steps | {"pairs": steps["pairs"] | {"margin": -0.5}}
    before = mtimes(finished)
    user_error(
        lambda: demo.run(pipeline(other), finished),
        finished / "pairs",
        "config.margin was -1.0 and is now -0.5",
    )
    assert mtimes(finished) == before
