"""The Cloud TPU script: what it would run, word for word, and that it runs exactly what it prints. No gcloud here."""

import importlib.util
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from acecoder_jax.__main__ import STAGES
from acecoder_jax.training.topology import CHIPS

SCRIPT = Path(__file__).resolve().parents[2] / "tpu_scripts" / "tpu.py"
spec = importlib.util.spec_from_file_location("tpu", SCRIPT)
tpu = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tpu)

PLACE = ["--zone=us-west4-a", "--project=mine"]
STAGE = [
    "train_reward",
    "--config=configs/train_reward/qwen2_5_coder_7b.py:v5e:4x4",
    "--workdir=/mnt/b/a run",
]


@pytest.fixture
def dry(capsys):
    """Lines of a dry run, split into words as a shell would."""

    def run(*arguments):
        assert tpu.main([*arguments, "--dry-run", *PLACE] if "--" not in arguments else list(arguments)) == 0
        return [shlex.split(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.mark.parametrize(
    ("topology", "accelerator", "runtime"),
    [
        ("v5e:4x4", "v5litepod-16", "v2-alpha-tpuv5-lite"),
        ("v6e:8x8", "v6e-64", "v2-alpha-tpuv6e"),
        ("v5p:2x2x2", "v5p-16", "v2-alpha-tpuv5"),
        ("v5p:4x4x4", "v5p-128", "v2-alpha-tpuv5"),
    ],
)
def test_create_queues_for_the_slice(dry, topology, accelerator, runtime):
    verb = ["gcloud", "compute", "tpus", "queued-resources", "create", "ace"]
    kind = [f"--accelerator-type={accelerator}", f"--runtime-version={runtime}"]
    assert dry("create", "ace", f"--topology={topology}") == [[*verb, "--node-id=ace", *kind, *PLACE]]
    assert dry("create", "ace", f"--topology={topology}", "--slices=2", "--spot") == [
        [*verb, "--node-prefix=ace", "--node-count=2", *kind, "--spot", *PLACE]
    ]


def test_it_knows_the_chips_that_compile_knows():
    assert set(tpu.CHIPS) == set(CHIPS)


def test_setup_sends_the_last_commit_to_every_worker(dry):
    archive, copy, install = dry("setup", "ace")
    assert archive == ["git", "archive", "--format=tar.gz", "--output=acecoder_jax.tar.gz", "HEAD"]
    assert copy[4:] == ["scp", "acecoder_jax.tar.gz", "ace:acecoder_jax.tar.gz", "--worker=all", *PLACE]
    assert install[4:7] == ["ssh", "ace", "--worker=all"] and install[8:] == PLACE
    remote = install[7].removeprefix("--command=")
    assert "-c constraints.txt -e '.[tpu]'" in remote
    assert subprocess.run(["bash", "-n", "-c", remote]).returncode == 0
    assert [words[5] for words in dry("setup", "ace", "--slices=2")[1:]] == [
        *("acecoder_jax.tar.gz", "ace-0", "acecoder_jax.tar.gz", "ace-1")
    ]


def test_launch_starts_one_stage_on_all_workers(dry):
    assert STAGE[0] in STAGES
    (line,) = dry("launch", "ace", "--dry-run", *PLACE, "--", *STAGE)
    assert line[4:7] == ["ssh", "ace", "--worker=all"] and line[8:] == PLACE
    remote = line[7].removeprefix("--command=")
    words = shlex.split(remote, comments=False, posix=True)
    start = words.index("../acecoder/bin/acecoder")
    assert words[start + 1 : start + 4] == STAGE  # the blank in the folder's name survives two shells
    assert subprocess.run(["bash", "-n", "-c", remote]).returncode == 0
    lines = dry("launch", "ace", "--dry-run", "--slices=2", *PLACE, "--", *STAGE)
    assert [line[5] for line in lines] == ["ace-0", "ace-1"]


def test_delete_gives_it_back(dry):
    verb = ["gcloud", "compute", "tpus", "queued-resources", "delete", "ace", "--force", "--quiet"]
    assert dry("delete", "ace") == [[*verb, *PLACE]]


@pytest.fixture
def recorded(tmp_path):
    """Run the script where `gcloud` and `git` only write down their arguments; gcloud fails on `scp` of `bad`."""
    log = tmp_path / "log"
    for name in ("gcloud", "git"):
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            f"open({str(log)!r}, 'a').write(json.dumps([{name!r}, *sys.argv[1:]]) + '\\n')\n"
            "sys.exit(7 if 'scp' in sys.argv and 'bad:acecoder_jax.tar.gz' in sys.argv else 0)\n"
        )
        tool.chmod(0o755)

    def run(*arguments):
        log.write_text("")
        command = [sys.executable, str(SCRIPT), *arguments]
        result = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}
        )
        return result, [json.loads(line) for line in log.read_text().splitlines()]

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "ace", "--topology=v5e:4x4", *PLACE),
        ("setup", "ace", "--slices=2", *PLACE),
        ("launch", "ace", *PLACE, "--", *STAGE),
        ("delete", "ace", *PLACE),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_dry_run_prints_exactly_what_runs(recorded, arguments):
    at = arguments.index("--") if "--" in arguments else len(arguments)
    planned, ran = recorded(*arguments[:at], "--dry-run", *arguments[at:])
    assert planned.returncode == 0 and ran == []
    result, ran = recorded(*arguments)
    assert result.returncode == 0 and result.stdout == planned.stdout
    assert ran == [shlex.split(line) for line in planned.stdout.splitlines()]


def test_a_command_that_fails_is_the_last(recorded):
    result, ran = recorded("setup", "bad", *PLACE)
    assert result.returncode == 7 and len(ran) == 2
    assert result.stderr == "tpu.py setup: the command above ended with status 7\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "ace", "--topology=v5e-16"), ("--topology=v5e-16", "v5e:4x4")),
        (("create", "ace", "--topology=v4:2x2x2"), ("v4:2x2x2", "v5e, v5p, v6e")),
        (("setup", "ace", "--slices=0"), ("--slices=0", "1 or more")),
        (("launch", "ace"), ("no stage", "train_reward")),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, words):
    assert tpu.main([*arguments, *PLACE, "--dry-run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tpu.py {arguments[0]}: ") and all(word in line for word in words)


def test_without_gcloud_it_says_so(capsys, monkeypatch):
    monkeypatch.setattr(tpu.shutil, "which", lambda _: None)
    assert tpu.main(["delete", "ace", *PLACE]) == 2
    assert "gcloud: not found" in capsys.readouterr().err
