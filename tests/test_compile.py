"""The compile stage: every step of both training stages on a small slice, what it writes, and what it refuses.

The slow tier compiles every shipped TPU config for every slice that it names.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from jax.sharding import SingleDeviceSharding

from acecoder_jax import compile as compile_stage
from acecoder_jax.__main__ import compile_values, load_config_file, load_stage, main, overlay
from acecoder_jax.models.config import read_hf_config
from acecoder_jax.training import topology
from acecoder_jax.training.abstract_steps import Step, train_policy_steps
from acecoder_jax.training.costs import Cost
from acecoder_jax.training.mesh import make_mesh
from acecoder_jax.training.topology import chip_count, chip_of, topology_devices
from tests.tiny_models import TINY_CONFIG
from tests.user_errors import user_error

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(
    path
    for stage in ("train_reward", "train_policy")
    for path in (ROOT / "configs" / stage).glob("*.py")
    if "compile" in load_config_file(str(path))  # the others are for this machine
)
POLICY = ROOT / "configs" / "train_policy" / "qwen2_5_coder_7b_instruct.py"
PLACES = [(path, topology) for path in FILES for topology in load_config_file(str(path)).compile.topologies]
needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed: pip install '.[tpu]'"
)
SETTINGS = {
    "train_reward": {"row_length": 64, "rows_per_microbatch": 4, "batch_pairs": 16},
    "train_policy": {
        "row_length": 64,
        "rows_per_microbatch": 4,
        "reward": "model",
        "reward_model": "@reward",
        "sampling": {"max_prompt_tokens": 32, "max_new_tokens": 28, "slots": 8},
    },
}


@pytest.fixture
def config_file(tmp_path):
    """A config of a training stage on the tiny model."""

    def write(stage, section=None, **changes):
        (tmp_path / "tiny").mkdir(exist_ok=True)
        (tmp_path / "tiny" / "config.json").write_text(json.dumps(TINY_CONFIG))
        about = {"stage": stage, "architecture": str(tmp_path / "tiny"), "topologies": ["v5e:2x2"]}
        values = (
            SETTINGS[stage]
            | {"compile": section or about, "mesh": {"data": -1, "fsdp": 2, "tensor": 2}}
            | changes
        )
        path = tmp_path / f"{stage}.py"
        path.write_text(
            f"from ml_collections import ConfigDict\n\ndef get_config(arg):\n    return ConfigDict({values!r})\n"
        )
        return path

    return write


def compile_report(capsys, path, *arguments):
    workdir = path.parent / "out"
    status = main(["compile", f"--config={path}", f"--workdir={workdir}", *arguments])
    printed = capsys.readouterr()
    (written,) = workdir.glob("*.json")
    return status, json.loads(written.read_text()), printed


@needs_libtpu
def test_the_steps_of_a_reward_model_on_four_chips(config_file, capsys):
    path = config_file("train_reward")
    status, report, printed = compile_report(capsys, path, "--topology=v5e:2x2")
    assert status == 0 and report["mesh"] == {"data": 1, "fsdp": 2, "tensor": 2}
    steps = {row["step"]: row for row in report["steps"]}
    assert list(steps) == ["accumulate", "apply", "score"]
    assert all(row["fits"] and row["flops"] > 0 and row["bytes"] > 0 for row in steps.values())
    assert all(f"\n{name} " in printed.out for name in steps)
    assert steps["accumulate"]["runs"] == 4 and steps["accumulate"]["collectives"]
    # While gradients add up, both moments wait beside them; all of it split over the four chips.
    decoder, _ = read_hf_config(path.parent / "tiny")
    whole = 4 * (decoder.matmul_parameters + decoder.vocab_size * decoder.hidden_size)
    assert 2 * whole / 4 < steps["accumulate"]["hbm"]["beside"] < 1.1 * 2 * whole / 4
    assert steps["apply"]["hbm"]["beside"] == 0 and steps["apply"]["hbm"]["arguments"] > 4 * whole / 4
    for row in steps.values():
        parts = {key: value for key, value in row["hbm"].items() if key not in ("total", "peak_by_compiler")}
        assert row["hbm"]["total"] == sum(parts.values()) < report["chip"]["hbm_bytes"]
        times = row["roofline_seconds"]
        assert times["bound"] in times and times[times["bound"]] == max(
            v for k, v in times.items() if k != "bound"
        )


@pytest.mark.tpu_compile
@needs_libtpu
@pytest.mark.parametrize(("rank", "guesses"), [(0, 2), (2, 0)])
def test_the_steps_of_a_policy_on_two_slices(config_file, capsys, rank, guesses):
    sampling = SETTINGS["train_policy"]["sampling"] | {"speculate": guesses}
    path = config_file("train_policy", rows_per_microbatch=8, lora={"rank": rank}, sampling=sampling)
    status, report, _ = compile_report(capsys, path, "--topology=v5e:2x2", "--slices=2")
    assert status == 0 and report["mesh"] == {"data": 2, "fsdp": 2, "tensor": 2}
    names = [row["step"] for row in report["steps"]]
    rollouts = ["prefill", "decode", *(["verify"] if guesses else [])]
    assert names == [*rollouts, "reference", "score", "accumulate", "apply"]


@needs_libtpu
def test_what_does_not_fit_is_said_after_all_steps(config_file, capsys, monkeypatch):
    small = topology.Chip(1.0, 1.0, 1.0, 1.0)
    monkeypatch.setitem(topology.CHIPS, "v5e", small)
    monkeypatch.setitem(compile_stage.STEPS, "train_reward", lambda *_: [_identity()])
    status, report, printed = compile_report(capsys, config_file("train_reward"), "--topology=v5e:2x2")
    assert status == 2 and not report["steps"][0]["fits"]
    assert "v5e:2x2" in printed.err and "score" in printed.err and "more chips" in printed.err


def _identity():
    leaf = jax.ShapeDtypeStruct(
        (8, 128), "float32", sharding=SingleDeviceSharding(topology_devices("v5e:2x2")[0])
    )
    return Step("score", lambda: jax.jit(lambda x: x + 1).lower(leaf), 0.0, Cost(1.0, 1.0))


def test_bad_input_is_refused_in_one_line(config_file, tmp_path):
    path = str(config_file("train_reward"))
    user_error(lambda: compile_values(None, "v5e:2x2", 1, []), "--config", "--topology")
    user_error(lambda: compile_values(path, None, 1, []), "--config", "--topology")
    user_error(
        lambda: compile_values(f"{ROOT}/configs/demo.py:train_reward", "v5e:2x2", 1, []),
        "compile",
        "configs/",
    )
    user_error(
        lambda: compile_values(path, "v5e:2x2", 1, ["--config.row_lenth=3"]), "row_lenth", "row_length"
    )
    wrong = str(
        config_file(
            "train_reward", section={"stage": "sample", "architecture": "x", "topologies": ()}, mesh={}
        )
    )
    user_error(lambda: compile_values(wrong, "v5e:2x2", 1, []), "unknown config key")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--topology=v5e-16"], ("'v5e-16'", "v5e:4x4")),
        (["--topology=v5e:2x2", "--config.mesh.fsdp=3"], ("fsdp=3", "4 devices")),
        (["--topology=v5e:2x2", "--config.rows_per_microbatch=3"], ("3 rows", "multiple of 2")),
        (
            ["--topology=v5e:2x2", "--config.mesh.tensor=-1", "--config.mesh.data=1", "--slices=2"],
            ("data=1", "2 slices"),
        ),
    ],
)
@needs_libtpu
def test_settings_that_the_slice_does_not_take(config_file, tmp_path, capsys, arguments, words):
    path = config_file("train_reward")
    assert main(["compile", f"--config={path}", f"--workdir={tmp_path / 'o'}", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and all(word in lines[0] for word in words), lines
    assert not (tmp_path / "o").exists()


# The configs that are shipped


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_shipped_config_begins_with_its_commands_and_is_accepted(path):
    text = path.read_text().split('"""')[1]
    commands = [line.split() for line in text.splitlines() if line.strip().startswith("acecoder ")]
    assert {words[1] for words in commands} == {path.parent.name, "compile"}
    for words in commands:
        name, _, argument = words[2].removeprefix("--config=").partition(":")
        assert ROOT / name == path
        if words[1] == "compile":
            assert words[3].removeprefix("--topology=") in load_config_file(str(path)).compile.topologies
            continue
        values = load_config_file(f"{path}:{argument}")
        assert values.compile.stage == path.parent.name
        del values["compile"]
        overlay(load_stage(path.parent.name).default_config(), values, path.name)


@pytest.mark.parametrize(("path", "topology"), PLACES, ids=lambda value: getattr(value, "stem", value))
def test_a_shipped_config_divides_over_its_slices(path, topology):
    for slices in (1, 2):
        values = compile_values(str(path), topology, slices, [])
        ways = chip_count(topology) * slices // values.settings.mesh.tensor
        assert values.settings.rows_per_microbatch % ways == 0
        decoder, _ = read_hf_config(Path(values.architecture))
        assert decoder.hidden_size % values.settings.mesh.fsdp == 0
        assert decoder.num_kv_heads % values.settings.mesh.tensor == 0
        if values.stage == "train_policy":
            assert values.settings.sampling.slots % ways == 0


@pytest.mark.tpu_compile
@pytest.mark.timeout(3600)
@needs_libtpu
@pytest.mark.parametrize("topology", load_config_file(str(POLICY)).compile.topologies)
def test_a_7b_policy_decodes_from_pages_and_from_rings(topology):
    """Plain and wide steps of the shipped config; what each form keeps in a chip's memory is printed (pytest -s)."""
    total = {}
    for attention in ("auto", "xla"):
        changes = [f"--config.sampling.attention={attention}", "--config.sampling.speculate=3"]
        values = compile_values(str(POLICY), topology, 1, changes)
        settings, chip = values.settings, chip_of(topology)
        mesh = make_mesh(**settings.mesh, devices=topology_devices(topology))
        decoder, _ = read_hf_config(Path(values.architecture))
        steps = train_policy_steps(settings, decoder, load_stage(values.stage)._loss(settings), mesh)
        for step in (step for step in steps if step.name in ("decode", "verify")):
            compiled = step.lower().compile()
            assert ("Pallas" in step.note) == (attention == "auto")
            kernels = compiled.as_text().count('custom_call_target="tpu_custom_call"')
            assert kernels == (decoder.num_layers if attention == "auto" else 0)
            hbm = compiled.memory_analysis()
            sizes = hbm.argument_size_in_bytes, hbm.temp_size_in_bytes
            assert hbm.output_size_in_bytes - hbm.alias_size_in_bytes < 2**20, "the cache is changed in place"
            assert sum(sizes) + step.beside < chip.hbm_bytes
            total[attention, step.name] = sum(sizes)
            print(f"{topology} {step.name} {step.note}: {sizes[0] / 2**30:.2f} + {sizes[1] / 2**30:.2f} GiB")
    for name in ("decode", "verify"):
        assert total["auto", name] < 1.1 * total["xla", name]


def test_the_papers_hyperparameters():
    for path in FILES:
        values = load_config_file(str(path))
        if path.parent.name == "train_reward":
            assert (values.batch_pairs, values.epochs, values.eval_every) == (128, 1, 200)
            assert (values.optimizer.learning_rate, values.optimizer.warmup_share) == (1e-5, 0.1)
        else:
            assert values.prompts_per_update * values.samples == 128 and values.prompts_per_step == 256
            assert (values.optimizer.learning_rate, values.algorithm.kl_coef) == (5e-7, 0.01)
            assert (values.sampling.max_prompt_tokens, values.sampling.max_new_tokens) == (2048, 2048)
            reward = load_config_file(f"{path}:model,v5p:2x2x2,2")
            assert (reward.reward, reward.rows_per_microbatch % 16) == ("model", 0)


@pytest.mark.tpu_compile
@pytest.mark.timeout(3600)
@needs_libtpu
@pytest.mark.parametrize(("path", "topology"), PLACES, ids=lambda value: getattr(value, "stem", value))
def test_a_shipped_config_fits_its_slices(path, topology, tmp_path):
    """In a process of its own, whose memory is given back. The policies differ in nothing that is compiled."""
    if path.stem in ("qwen2_5_coder_7b", "qwen2_5_7b_instruct") and path.parent.name == "train_policy":
        pytest.skip("the same shapes as qwen2_5_coder_7b_instruct, which is compiled")
    command = [sys.executable, "-m", "acecoder_jax", "compile", f"--config={path}", f"--topology={topology}"]
    extra = ["--config.reward=model"] if path.parent.name == "train_policy" else []
    environment = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
    result = subprocess.run(
        [*command, *extra, f"--workdir={tmp_path}"], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert result.returncode == 0, result.stdout + result.stderr
