"""The command line: what it lists, what it refuses and in which words, and its exit codes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ml_collections import ConfigDict, config_dict

from acecoder_jax import sample
from acecoder_jax.__main__ import (
    STAGES,
    apply_flags,
    load_stage,
    main,
    overlay,
    prepare,
    require_values,
    resolve,
)
from acecoder_jax.data.folders import read_manifest
from tests.made_records import completion, folder_of, question
from tests.models.test_gguf import write_gguf
from tests.user_errors import user_error

DEFAULTS = {
    "model": "",
    "count": 3,
    "share": 0.5,
    "names": ("a", "b"),
    "path": None,  # of type str
    "sampling": {"temperature": 1.0, "slots": 64},
    "steps": {},
}


@pytest.fixture
def refused(capsys):
    """Run the command, which must end with status 2 and one line that holds all the words."""

    def run(arguments, *words):
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        printed = capsys.readouterr().err
        lines = [line for line in printed.replace("\r", "\n").split("\n") if line]
        assert len(lines) == 1, printed
        assert lines[0].startswith(f"acecoder {arguments[0]}: ")
        for word in words:
            assert str(word) in lines[0], f"{word!r} is not in {lines[0]!r}"
        return lines[0]

    return run


@pytest.fixture
def config_file(tmp_path):
    def write(body, name="config.py"):
        path = tmp_path / name
        path.write_text(f"from ml_collections import ConfigDict\n\ndef get_config(arg=None):\n    {body}\n")
        return path

    return write


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    return folder_of(
        tmp_path_factory.mktemp("questions") / "made", [question("q0"), question("q1", "validation")]
    )


def defaults():
    return ConfigDict(DEFAULTS | {"path": config_dict.placeholder(str)})


def overlaid(values):
    return overlay(defaults(), ConfigDict(values), "the file")


# What it lists


def test_help_lists_the_stages_in_the_order_of_the_paper(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    names = [
        line.split()[0] for line in text.splitlines() if line.startswith("  ") and line.split()[0] in STAGES
    ]
    assert names == list(STAGES)
    paper = [
        "synthesize",
        "sample",
        "score",
        "pairs",
        "train_reward",
        "best_of_n",
        "train_policy",
        "evaluate",
    ]
    assert [name for name in names if name in paper] == paper
    assert all(description in text for _, description in STAGES.values())


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_defaults_and_a_run(name):
    stage = load_stage(name)
    assert isinstance(stage.default_config(), ConfigDict) and callable(stage.run)


def test_the_module_is_the_command():
    result = subprocess.run(
        [sys.executable, "-m", "acecoder_jax", "samples", "--workdir=nowhere"], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert (
        result.stderr
        == "acecoder samples: unknown stage 'samples'; did you mean 'sample'?; see acecoder --help\n"
    )


def test_without_a_workdir_it_says_how_it_is_used(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["sample"])
    assert stop.value.code == 2 and "--workdir" in capsys.readouterr().err


# How a config comes about


def test_a_files_values_and_then_the_flags_go_over_the_defaults():
    config = overlaid({"model": "here", "count": 4, "sampling": {"slots": 8}, "share": 1, "path": "there"})
    assert config.to_dict() == DEFAULTS | {
        "model": "here",
        "count": 4,
        "share": 1.0,
        "path": "there",
        "sampling": {"temperature": 1.0, "slots": 8},
    }
    config = apply_flags(
        config, ["--config.count=5", "--config.sampling.temperature=0.8", "--config.names=('c','d')"]
    )
    assert (config.count, config.sampling.temperature, config.sampling.slots) == (5, 0.8, 8)
    assert config.names == ("c", "d") and config.model == "here"


def test_a_setting_that_is_none_by_default_can_be_set_by_a_flag():
    assert apply_flags(overlaid({}), ["--config.path=there"]).path == "there"
    config = prepare(
        "evaluate",
        ConfigDict({"model": "m"}),
        "the file",
        ["--config.benchmarks.humaneval=x.gz", "--config.questions=q"],
    )
    assert (config.benchmarks.humaneval, config.benchmarks.mbpp, config.questions) == ("x.gz", None, "q")


def test_the_defaults_stay_as_they_were():
    before = defaults()
    overlay(before, ConfigDict({"path": "x", "sampling": {"slots": 1}, "steps": {"new": 1}}), "the file")
    assert before.to_dict() == DEFAULTS


def test_an_open_section_takes_any_key():
    assert overlaid({"steps": {"first": {"stage": "sample"}}}).steps.first.stage == "sample"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"modle": "x"}, ("the file", "unknown config key 'modle'", "did you mean 'model'?")),
        ({"sampling": {"slot": 3}}, ("the file, sampling", "'slot'", "did you mean 'slots'?")),
        ({"zzz": 1}, ("'zzz'", "known are", "model", "sampling")),
        ({"count": "four"}, ("count", "'four'", "int is needed")),
        ({"count": 1.5}, ("count", "1.5", "int is needed")),
        ({"count": {"a": 1}}, ("count", "int is needed")),
        ({"path": 3}, ("path", "3", "str is needed")),
        ({"sampling": 3}, ("sampling", "3", "ConfigDict is needed")),
        ({"sampling": {"slots": "many"}}, ("the file, sampling", "slots", "'many'")),
        ({"model": None}, ("model", "None", "str is needed")),
        ({"names": "ab"}, ("names", "'ab'", "tuple is needed")),
    ],
    ids=str,
)
def test_bad_values_in_a_file(values, words):
    user_error(lambda: overlaid(values), *words)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--config.cuont=3", ("--config.cuont", "unknown config key 'cuont'", "did you mean 'count'?")),
        ("--config.sampling.slot=3", ("--config.sampling.slot", "did you mean 'slots'?")),
        ("--config.sampling.zzz=3", ("'zzz'", "known are slots, temperature")),
        ("--config.count.more=3", ("--config.count.more", "'more'")),
        ("--config.count=four", ("--config.count=four", "int", "four")),
        ("--config.share=x", ("--config.share=x", "float")),
        ("--config.sampling=3", ("--config.sampling=3",)),
        ("--config.model", ("--config.model", "Missing value")),
        ("--count=3", ("--count=3", "count")),
        ("stray", ("unexpected argument 'stray'", "--config.key=value")),
    ],
)
def test_bad_flags(flag, words):
    user_error(lambda: apply_flags(overlaid({}), [flag]), *words)


def test_required_settings_are_named_with_their_flag():
    user_error(
        lambda: require_values(overlaid({}), "sample"), "config.model", "acecoder sample", "--config.model="
    )
    nested = ConfigDict({"a": {"b": {"c": ""}}})
    user_error(lambda: require_values(nested, "x"), "--config.a.b.c=...")
    require_values(overlaid({"model": "m"}), "sample")


def test_names_of_steps_become_folders():
    values = ConfigDict(
        {"model": "@import", "runs": "@", "n": 3, "in": {"questions": "@filter"}, "mail": "a@b"}
    )
    assert resolve(values, Path("runs/demo")).to_dict() == {
        "model": "runs/demo/import",
        "runs": "runs/demo",
        "n": 3,
        "in": {"questions": "runs/demo/filter"},
        "mail": "a@b",
    }


def test_a_prepared_config_is_whole_and_locked(questions):
    config = prepare(
        "sample", ConfigDict({"model": "m", "questions": questions}), "x", ["--config.samples=2"]
    )
    assert config.samples == 2 and config.sampling.temperature == 1.0
    with pytest.raises(AttributeError):
        config.new_key = 1


# The whole command, refusing


def test_unknown_stages_and_files(refused, tmp_path):
    refused(["smaple", f"--workdir={tmp_path}"], "unknown stage 'smaple'", "did you mean 'sample'?")
    refused(["xyz", f"--workdir={tmp_path}"], "unknown stage 'xyz'", "train_reward")
    refused(
        ["sample", "--workdir=gs://bucket/run"], "--workdir=gs:", "local or mounted", "checkpoints.folder"
    )
    missing = tmp_path / "none.py"
    refused(
        ["sample", f"--config={missing}:x", f"--workdir={tmp_path / 'o'}"],
        missing,
        "no such file",
        "configs/",
    )
    assert list(tmp_path.iterdir()) == []


def test_files_that_do_not_give_a_config(refused, config_file, tmp_path):
    def attempt(body, *words, argument=""):
        path = config_file(body)
        return refused(["sample", f"--config={path}{argument}", f"--workdir={tmp_path / 'o'}"], path, *words)

    attempt("raise RuntimeError('first\\n  second')", "RuntimeError", "first second", "correct the file")
    attempt("return {'a': 1}['b']", "KeyError", "'b'")
    attempt("return (", "SyntaxError")
    attempt("return {'model': 'x'}", "gave a dict", "ConfigDict")
    attempt("return", "gave a NoneType")
    attempt("return {'x': ConfigDict()}[arg]", "KeyError", "'y'", argument=":y")
    path = config_file("return 1")
    path.write_text("x = 1\n")
    refused(["sample", f"--config={path}", f"--workdir={tmp_path / 'o'}"], path, "get_config")
    assert not (tmp_path / "o").exists()


def test_the_argument_reaches_get_config(refused, config_file, tmp_path):
    path = config_file("return ConfigDict({'model': 'no/' + arg})")
    flag = "--config.questions=q"
    refused(
        ["sample", f"--config={path}:a:b", f"--workdir={tmp_path / 'o'}", flag], "no/a:b", "no such folder"
    )


def test_bad_settings_of_a_stage(refused, config_file, tmp_path):
    out = f"--workdir={tmp_path / 'o'}"
    path = config_file("return ConfigDict({'sampling': {'temprature': 1.0}})")
    refused(
        ["sample", f"--config={path}", out], path, "sampling", "'temprature'", "did you mean 'temperature'?"
    )
    path = config_file("return ConfigDict({'samples': 'many'})")
    refused(["sample", f"--config={path}", out], path, "samples", "'many'")
    refused(["sample", out, "--config.sample=3"], "--config.sample", "did you mean 'samples'?")
    refused(["sample", out, "--config.samples=many"], "--config.samples=many")
    refused(["sample", out, "--config.sampling.temprature=2"], "did you mean 'temperature'?")
    refused(["sample", out], "config.model", "required", "--config.model=")
    refused(["demo", out], "config.order", "configs/demo.py")
    assert not (tmp_path / "o").exists()


def test_inputs_that_are_not_there(refused, tiny_model, questions, tmp_path):
    out = f"--workdir={tmp_path / 'o'}"
    refused(
        ["sample", out, f"--config.model={tmp_path / 'no'}", f"--config.questions={questions}"],
        tmp_path / "no",
    )
    bare = folder_of(tmp_path / "bare", [question("q0"), question("empty", tests=0)])
    refused(
        ["sample", out, f"--config.model={tiny_model.folder}", f"--config.questions={bare}"],
        *(bare, "1 questions have no tests", "empty"),
    )
    refused(
        ["filter", f"--workdir={tmp_path / 'f'}", f"--config.questions={bare}"], bare, "no tests", "empty"
    )
    (tmp_path / "seeds").mkdir()
    refused(
        ["synthesize", f"--workdir={tmp_path / 's'}", f"--config.seeds={tmp_path / 'seeds'}"],
        tmp_path / "seeds",
    )


def test_unreadable_models(refused, tiny_model, questions, tmp_path):
    def attempt(model, *words):
        out = f"--workdir={tmp_path / 'o'}"
        shutil.rmtree(tmp_path / "o", ignore_errors=True)
        refused(["sample", out, f"--config.model={model}", f"--config.questions={questions}"], *words)

    attempt(questions, questions, "holds no model")
    for name, victim in (("a", "params"), ("b", "config.json"), ("c", "tokenizer.json")):
        model = shutil.copytree(tiny_model.folder, tmp_path / name)
        shutil.rmtree(model / victim) if (model / victim).is_dir() else (model / victim).write_text("{")
        attempt(model, model)
    (tmp_path / "hf").mkdir()
    refused(
        ["import", f"--workdir={tmp_path / 'i'}", f"--config.source={tmp_path / 'hf'}"],
        tmp_path / "hf",
        "config.json",
    )
    write_gguf(tmp_path / "m.gguf", {}, architecture="falcon")
    refused(
        ["import", f"--workdir={tmp_path / 'j'}", f"--config.source={tmp_path / 'm.gguf'}"],
        *(tmp_path / "m.gguf", "'falcon'", "llama"),
    )


def test_too_little_disk(refused, tiny_model, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    out = tmp_path / "export"
    refused(
        ["export", f"--workdir={out}", f"--config.model={tiny_model.folder}"],
        out,
        "not enough disk",
        "--workdir",
    )
    monkeypatch.undo()
    assert main(["export", f"--workdir={out}", f"--config.model={tiny_model.folder}"]) == 0


# The whole command, working


def pairs_command(root, *more):
    answers = [completion("q0", 0, "def f(x): return 0")]
    if not (root / "q").exists():
        folder_of(root / "q", [question("q0")])
        folder_of(root / "c", answers)
        folder_of(root / "v", [])
    inputs = [f"--config.{name}={root / name[0]}" for name in ("questions", "completions", "verdicts")]
    return ["pairs", f"--workdir={root / 'out'}", *inputs, *more]


def test_a_workdir_made_with_another_config_is_refused_and_kept(refused, tmp_path):
    folder_of(tmp_path / "q", [question("q0")])
    folder_of(tmp_path / "c", [])
    folder_of(tmp_path / "v", [])
    command = pairs_command(tmp_path)
    assert main(command) == 0
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    refused(
        [*command, "--config.margin=0.5"],
        tmp_path / "out",
        "config.margin was 0.4 and is now 0.5",
        "--workdir",
    )
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before
    assert main(command) == 0


def test_missing_verdicts_are_named(refused, tmp_path):
    refused(pairs_command(tmp_path), tmp_path / "v", "q0#0", "score")


def test_a_stop_by_the_user_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sample, "run", stopped)
    assert main(["sample", f"--workdir={tmp_path}", "--config.model=m", "--config.questions=q"]) == 130
    assert "acecoder sample: stopped; the same command continues it" in capsys.readouterr().err


def test_import_takes_its_source_from_a_flag_of_its_own(refused, tiny_model, tmp_path):
    out = f"--workdir={tmp_path / 'model'}"
    assert main(["import", f"--from={tiny_model.hf_folder}", out]) == 0
    assert read_manifest(tmp_path / "model")["config"]["source"] == str(tiny_model.hf_folder)
    refused(["import", f"--from={tmp_path / 'none'}", f"--workdir={tmp_path / 'o'}"], tmp_path / "none")
    refused(["import", f"--workdir={tmp_path / 'o'}"], "config.source", "required")
    refused(["export", "--from=x", f"--workdir={tmp_path / 'o'}"], "--config.source", "unknown config key")


def test_siblings_of_the_workdir_are_found_by_name(config_file, tmp_path):
    for name in ("q", "c", "v"):
        folder_of(tmp_path / name, [question("q0")] if name == "q" else [])
    path = config_file("return ConfigDict({'questions': '@q', 'completions': '@c', 'verdicts': '@v'})")
    assert main(["pairs", f"--config={path}", f"--workdir={tmp_path / 'out'}"]) == 0
    assert read_manifest(tmp_path / "out")["config"]["questions"] == str(tmp_path / "q")


def test_what_xla_compiled_is_kept_for_the_next_command(tmp_path):
    code = (
        "from acecoder_jax.__main__ import _keep_compiled_programs; _keep_compiled_programs()\n"
        "import jax; print(jax.jit(lambda x: x * 2)(3.0))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    environment |= {"JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(tmp_path)}

    def run(**more):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment | more,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert done.stdout == "6.0\n" and "warn" not in done.stderr.lower()

    run(JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0")
    assert list((tmp_path / "acecoder_jax" / "compiled").glob("jit__lambda*-cache"))
    (tmp_path / "file").touch()
    run(XDG_CACHE_HOME=str(tmp_path / "file"))  # cannot be made: goes without


def test_bench_takes_its_name_from_the_command_line(refused, tmp_path):
    out = tmp_path / "bench"
    settings = ["--config.made_pairs=40", "--config.batch_pairs=16", "--config.rows_per_microbatch=1"]
    assert main(["bench", "pipeline", f"--workdir={out}", *settings]) == 0
    counts = read_manifest(out)["counts"]
    assert counts["pairs"] == 40 and counts["steps"] == 3 and counts["real_tokens"] > 40 * 200
    refused(["bench", "sandboxes", f"--workdir={tmp_path / 'o'}"], "'sandboxes'", "pipeline")
    refused(["bench", f"--workdir={tmp_path / 'o'}"], "pipeline")
    refused(["export", "stray", f"--workdir={tmp_path / 'o'}"], "unexpected argument 'stray'")
