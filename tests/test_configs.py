"""The config files: every step of every pipeline is accepted by its stage, alone and in the row."""

import json
from pathlib import Path

import pytest

from acecoder_jax.__main__ import STAGES, load_config_file, prepare, resolve
from acecoder_jax.demo import _check_names, split_step
from tests.user_errors import user_error

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "configs").glob("*.py"))
STEPS = [(path.name, name) for path in FILES for name in load_config_file(str(path)).get("order", ())]


def config_of(file, argument=""):
    return load_config_file(f"{ROOT / 'configs' / file}{argument}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_begins_with_the_command_that_runs_it(path):
    text = path.read_text().split('"""')[1]
    commands = [line.split() for line in text.splitlines() if line.strip().startswith("acecoder ")]
    assert commands and all(words[1] in STAGES for words in commands)
    assert any(word.startswith(f"--config=configs/{path.name}") for word in commands[0])
    assert all(any(word.startswith("--workdir=") for word in words) for words in commands)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_whole_is_accepted(path):
    config = prepare("demo", load_config_file(str(path)), path.name)
    assert list(config.order) == list(load_config_file(str(path)).order) and set(config.order) == set(
        config.steps
    )


@pytest.mark.parametrize(("file", "name"), STEPS)
def test_a_step_of_the_row_is_accepted_by_its_stage(file, name, tmp_path):
    config = config_of(file)
    earlier = config.order[: config.order.index(name)]
    stage, values = split_step(config.steps[name])
    _check_names(name, values, earlier)
    settings = prepare(stage, resolve(values, tmp_path), name)
    assert not any(str(value).startswith("@") for value in settings.values())
    json.dumps(settings.to_dict())


@pytest.mark.parametrize("name", config_of("demo.py").order)
def test_a_step_alone_is_the_same_as_in_the_row(name, tmp_path):
    config = config_of("demo.py")
    stage, values = split_step(config.steps[name])
    in_the_row = prepare(stage, resolve(values, tmp_path), name)
    alone = prepare(stage, resolve(config_of("demo.py", f":{name}"), tmp_path), name)
    assert alone.to_dict() == in_the_row.to_dict()


def test_an_unknown_step_is_named_with_the_known_ones():
    user_error(lambda: config_of("demo.py", ":train_rewards"), "'train_rewards'", "train_reward, ", "demo.py")


def test_the_longer_recipe_takes_a_seed_and_differs_in_sizes_only():
    demo, easy, seeded = (
        config_of("demo.py"),
        config_of("smollm2_easy.py"),
        config_of("smollm2_easy.py", ":3"),
    )
    assert demo.order == easy.order
    assert easy.steps.train_policy_rule.seed == 0 and seeded.steps.train_policy_rule.seed == 3
    assert easy.steps.train_policy_rule.steps > demo.steps.train_policy_rule.steps
    for name in easy.order:
        assert easy.steps[name].stage == demo.steps[name].stage
        assert set(easy.steps[name]) == set(demo.steps[name])
    user_error(lambda: config_of("smollm2_easy.py", ":three"), "'three'", "smollm2_easy.py")


def test_a_step_of_the_longer_recipe_runs_alone():
    step, seeded = (
        config_of("smollm2_easy.py", arg) for arg in (":train_policy_rule", ":2,train_policy_rule")
    )
    assert (step.seed, seeded.seed) == (0, 2)
    assert (
        seeded.to_dict()
        == split_step(config_of("smollm2_easy.py", ":2").steps.train_policy_rule)[1].to_dict()
    )


@pytest.mark.parametrize("arg", ["", "3", "rloo", "model", "2,grpo", "dr_grpo,model,1"])
def test_the_policy_of_the_longer_recipe_takes_a_seed_an_algorithm_and_a_reward(arg, tmp_path):
    recipe = config_of("smollm2_easy.py").steps
    values = config_of("train_policy/smollm2_easy.py", f":{arg}" if arg else "")
    settings = prepare("train_policy", resolve(values, tmp_path), "here")
    named = set(filter(None, arg.split(",")))
    assert {str(settings.seed), settings.algorithm.name, settings.reward} >= named
    rule, model = recipe.train_policy_rule, recipe.train_policy_model
    for key in (
        "steps",
        "prompts_per_step",
        "samples",
        "optimizer",
        "sampling",
        "eval_every",
        "eval_samples",
    ):
        assert values[key] == rule[key]
    assert settings.reward_model == (str(tmp_path / model.reward_model[1:]) if "model" in named else None)
    assert settings.model == str(tmp_path / "import")


@pytest.mark.parametrize("step", ["sample", "score", "sft"])
def test_the_supervised_baseline_samples_as_many_programs_as_the_policy(step, tmp_path):
    settings = prepare(step, resolve(config_of("sft/smollm2_easy.py", f":{step}"), tmp_path), "here")
    policy = config_of("smollm2_easy.py").steps.train_policy_rule
    if step == "sample":
        programs = policy.steps * policy.prompts_per_step * policy.samples
        assert settings.samples * settings.max_questions == programs
    if step == "sft":
        assert settings.sampling.temperature == policy.sampling.temperature
        assert settings.model == str(tmp_path / "import")


def test_an_unknown_argument_of_that_policy_is_named_with_the_known_ones():
    user_error(lambda: config_of("train_policy/smollm2_easy.py", ":a2c"), "'a2c'", "rloo")


def test_the_demo_does_everything_and_never_samples_what_is_held_out(tmp_path):
    config = config_of("demo.py")
    # Published programs and a quarter of its few questions are of no use to it, and it runs on no TPU.
    aside = {"demo", "sft", "import_samples", "hard", "compile", "convert", "bench", "compare", "ask"}
    assert {config.steps[name].stage for name in config.order} == set(STAGES) - aside
    settings = {}
    for name in config.order:
        stage, values = split_step(config.steps[name])
        settings[name] = prepare(stage, resolve(values, tmp_path), name)
    assert "held_out" not in settings["sample"].splits
    for name, values in settings.items():
        if config.steps[name].stage == "evaluate":
            assert values.split == "held_out"
        if config.steps[name].stage == "train_policy":
            assert values.eval_split == "validation"
