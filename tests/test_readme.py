"""Every command that the README shows: make targets exist, stages exist, configs are accepted."""

import re
import shlex
from pathlib import Path

import pytest

from acecoder_jax.__main__ import STAGES, load_config_file, load_stage, main, prepare, resolve

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.strip()
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]


def flag(words, name):
    return next((word.split("=", 1)[1] for word in words if word.startswith(f"{name}=")), None)


def test_every_command_is_of_a_kind_that_is_checked_here():
    assert {command.split()[0] for command in COMMANDS} <= {"make", "acecoder"}
    assert "make demo" in COMMANDS and "make test" in COMMANDS


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_make_targets_exist(command):
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY:(.*)$", makefile, re.MULTILINE).group(1).split()
    for target in [word for word in command.split()[1:] if "=" not in word]:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target
        assert target in phony


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("acecoder ")])
def test_acecoder_commands_are_accepted(command, monkeypatch):
    """All of the command line, up to the stage's own `run`."""
    monkeypatch.chdir(ROOT)
    words = shlex.split(command)
    ran = []
    module = load_stage(words[1])
    monkeypatch.setattr(module, "run", lambda config, workdir: ran.append((config, workdir)))
    assert main(words[1:]) == 0
    ((config, workdir),) = ran
    assert str(workdir) == flag(words, "--workdir") and not workdir.is_absolute()
    if words[1] == "demo":
        for name in config.order:
            values = config.steps[name].to_dict()
            prepare(values.pop("stage"), resolve(type(config)(values), workdir), name)


def test_the_commands_of_the_makefile_are_accepted(monkeypatch):
    """What `make demo` runs, with the Makefile's own variables."""
    monkeypatch.chdir(ROOT)
    (line,) = re.findall(r"^\t\$\(BIN\)/acecoder (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    words = line.split()
    assert words[0] == "demo" and "--workdir=$(WORKDIR)" in words
    prepare("demo", load_config_file(flag(words, "--config")), "the Makefile")


def test_the_table_of_stages_is_that_of_the_command_line():
    shown = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert sorted(set(shown) & set(STAGES)) == sorted(STAGES)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:acecoder_jax|configs|sandbox)(?:/\w+)*(?:\.py)?)`", README)))
)
def test_places_that_the_readme_names_exist(path):
    assert (ROOT / path).exists()
