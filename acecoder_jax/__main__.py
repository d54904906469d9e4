"""The one command: `acecoder STAGE --config=FILE[:ARG] --workdir=DIR [--config.key=value ...]`.

A stage is a module with `default_config()` and `run(config, workdir)`. Its defaults are overlaid with the config
file's `get_config(ARG)`, then with the flags; a key that the defaults do not have is an error.
"""

from __future__ import annotations

import argparse
import copy
import difflib
import importlib
import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from acecoder_jax.data.full_disk import full_disk
from acecoder_jax.errors import Preempted, UserError

# In the order of the paper: name on the command line -> (module, what it does).
STAGES = {
    "import": ("import_model", "turn a GGUF file or a Hugging Face folder into a model folder"),
    "synthesize": ("synthesize", "turn seed code into questions with tests"),
    "sample": ("sample", "sample programs for every question"),
    "ask": ("ask", "let a model behind an endpoint answer the questions, perhaps as filter's oracle"),
    "score": ("score", "run the programs against the tests in the sandbox"),
    "filter": (
        "filter_tests",
        "drop tests that the strongest solution fails, and questions left with too few",
    ),
    "import_samples": ("import_samples", "read published programs for a benchmark, instead of sampling any"),
    "pairs": ("pairs", "build preference pairs from pass rates"),
    "hard": ("hard_subset", "pick the hard quarter of the questions for reinforcement learning"),
    "sft": ("sft", "train the policy on the programs that passed"),
    "train_reward": ("train_reward", "train a Bradley-Terry reward model on the pairs"),
    "best_of_n": ("best_of_n", "pick the best of n programs by reward"),
    "train_policy": ("train_policy", "train the policy with REINFORCE++ or a relative"),
    "evaluate": ("evaluate", "measure greedy pass@1 and pass@k"),
    "export": ("export", "write a model as a Hugging Face folder"),
    "compile": ("compile", "compile a training config for a TPU slice that need not be there"),
    "convert": ("convert", "turn the released data sets into folders of records, and back"),
    "bench": ("bench", "measure how fast a part runs: acecoder bench pipeline, train_policy"),
    "report": ("write_report", "draw one HTML page from a run's folders"),
    "compare": ("compare", "lay several runs side by side: seeds, algorithms, rewards"),
    "demo": ("demo", "run the stages of a pipeline config in a row"),
}

# Stages whose results are times of compilation: for them compiled programs are not kept.
TIMED = ("compile", "bench")

# Stages that may run as one program on several hosts.
ON_SEVERAL_HOSTS = ("import", "sft", "train_reward", "train_policy")


def load_stage(name: str) -> Any:
    """The stage's module.

    Raises:
      UserError: no stage has that name.
    """
    if name not in STAGES:
        raise UserError(f"unknown stage {name!r}{_did_you_mean(name, STAGES)}; see acecoder --help")
    return importlib.import_module(f"acecoder_jax.{STAGES[name][0]}")


def load_config_file(spec: str) -> ConfigDict:
    """`get_config(ARG)` of the Python file in `FILE[:ARG]`.

    Raises:
      UserError: the file is missing, does not run, or has no such function.
    """
    path, _, argument = spec.partition(":")
    if not Path(path).is_file():
        raise UserError(f"--config={spec}: no such file {path}; configs of this project are in configs/")
    module_spec = importlib.util.spec_from_file_location("acecoder_config", path)
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
        values = module.get_config(argument) if argument else module.get_config()
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"--config={spec}: {type(error).__name__} while reading it: {reason}; correct the file"
        ) from error
    if not isinstance(values, ConfigDict):
        raise UserError(
            f"--config={spec}: get_config() gave a {type(values).__name__}; return an ml_collections.ConfigDict"
        )
    return values


def overlay(defaults: ConfigDict, values: ConfigDict, where: str) -> ConfigDict:
    """Defaults with a config's values on top.

    Raises:
      UserError: a key that the defaults do not have, or a value of another type.
    """
    config = copy.deepcopy(defaults)  # placeholders stay as they are: resolved, they forget their type
    for key, value in values.items():
        if key not in defaults:
            raise UserError(f"{where}: unknown config key {key!r}{_did_you_mean(key, defaults)}")
        # An empty section in the defaults is open: a pipeline's steps are checked by their own stages.
        if isinstance(defaults[key], ConfigDict) and len(defaults[key]) and isinstance(value, ConfigDict):
            value = overlay(defaults[key], value, f"{where}, {key}")
        try:
            if value is None and defaults[key] is not None:
                raise TypeError("only a setting that is None by default may be None")
            with config.unlocked():
                config[key] = value
        except TypeError as error:
            kind = defaults.get_type(key).__name__
            given = f"a {type(value).__name__}" if isinstance(value, ConfigDict) else repr(value)
            raise UserError(f"{where}: {key} has the wrong type: {given} where {kind} is needed") from error
    return config


def apply_flags(config: ConfigDict, arguments: list[str]) -> ConfigDict:
    """Overrides of the form `--config.key=value`, typed by the config.

    Raises:
      UserError: an unknown flag or key, or a value of another type.
    """
    for argument in arguments:
        if argument.startswith("--config."):
            _check_key(config, argument.partition("=")[0])
    values = flags.FlagValues()
    command = ["acecoder", *arguments]
    try:
        holder = config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=command)
        left = values(command)[1:]
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{' '.join(arguments)}: unknown or malformed setting: {reason}") from error
    if left:
        raise UserError(f"unexpected argument {left[0]!r}; settings are given as --config.key=value")
    return holder.value


def require_values(config: ConfigDict, stage: str, prefix: str = "config") -> None:
    """Refuse a config whose required keys are not set: those that a stage's defaults leave as an empty string.

    Raises:
      UserError: naming the first such key.
    """
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            require_values(value, stage, f"{prefix}.{key}")
        elif value == "":
            raise UserError(
                f"{prefix}.{key}: required by `acecoder {stage}`; set it with --{prefix}.{key}=..."
            )


def resolve(values: Any, root: Path) -> Any:
    """The values with every `@name` replaced by the folder `name` below `root`, `@` alone by `root` itself."""
    if isinstance(values, ConfigDict):
        return ConfigDict({key: resolve(value, root) for key, value in values.items()})
    if isinstance(values, str) and values.startswith("@"):
        return str(root / values[1:])
    return values


def prepare(stage: str, values: ConfigDict, where: str, arguments: list[str] = ()) -> ConfigDict:
    """The full, checked and locked config of a stage."""
    config = apply_flags(overlay(load_stage(stage).default_config(), values, where), list(arguments))
    require_values(config, stage)
    return config.lock()


def compile_values(spec: str | None, topology: str | None, slices: int, arguments: list[str]) -> ConfigDict:
    """The config of `compile`: the `compile` section of a training stage's file, and that stage's own settings.

    The file's `get_config` gets the slice as its argument, unless the command gives it another one.

    Raises:
      UserError: a flag or the section is missing, or the settings are not those of the stage.
    """
    if spec is None or topology is None:
        raise UserError(
            "--config=FILE and --topology=NAME: both are required, such as"
            " --config=configs/train_reward/qwen2_5_coder_7b.py --topology=v5e:4x4"
        )
    if ":" not in spec:
        spec = f"{spec}:{topology}" + (f",{slices}" if slices > 1 else "")
    values = load_config_file(spec).to_dict()
    if "compile" not in values:
        raise UserError(
            f"--config={spec}: has no section `compile`, which names the stage and the model's shape; use a file of"
            " configs/train_reward or configs/train_policy"
        )
    about = values.pop("compile")
    settings = overlay(load_stage(about["stage"]).default_config(), ConfigDict(values), f"--config={spec}")
    settings = apply_flags(settings, arguments).to_dict()
    # Folders that the run reads and its compilation does not may be missing.
    settings = {key: value for key, value in settings.items() if value != ""}
    return ConfigDict(about | {"topology": topology, "slices": slices, "settings": settings})


def _check_key(config: ConfigDict, flag: str) -> None:
    """Refuse a flag such as `--config.sampling.top_q` whose key the config does not have."""
    at = config
    for name in flag.removeprefix("--config.").split("."):
        if not isinstance(at, ConfigDict):
            raise UserError(f"{flag}: {name!r} is asked of a plain value, which has no settings of its own")
        if name not in at:
            raise UserError(f"{flag}: unknown config key {name!r}{_did_you_mean(name, at)}")
        at = at[name]


def _did_you_mean(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, [str(key) for key in known], n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(map(str, known))}"


def _parser() -> argparse.ArgumentParser:
    stages = "\n".join(f"  {name:13} {text}" for name, (_, text) in STAGES.items())
    parser = argparse.ArgumentParser(
        prog="acecoder",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="AceCoder in JAX. Stages, in the order of the paper:\n" + stages,
        epilog="Any setting of a stage is overridden with --config.key=value.",
        allow_abbrev=False,
    )
    parser.add_argument("stage", metavar="STAGE", help="one of the stages above")
    parser.add_argument("name", metavar="NAME", nargs="?", help="bench: which benchmark")
    parser.add_argument(
        "--config", metavar="FILE[:ARG]", help="Python file with get_config(); defaults without it"
    )
    parser.add_argument("--workdir", metavar="DIR", type=Path, help="folder that the stage writes")
    parser.add_argument(
        "--from", metavar="PATH", dest="source", help="import, convert: the file or folder to read"
    )
    parser.add_argument("--topology", metavar="NAME", help="compile: the slice, such as v5e:4x4 or v5p:2x2x2")
    parser.add_argument("--profile", action="store_true", help="training: an xprof trace of three steps")
    parser.add_argument("--slices", metavar="N", type=int, default=1, help="compile: how many of them")
    return parser


def _keep_compiled_programs() -> None:
    """Let later stages and later runs find what XLA compiled: on a laptop that is half the time of a short stage.

    jax reads its settings from the environment when it is imported, which no stage has done yet; whoever sets them
    decides. `JAX_ENABLE_COMPILATION_CACHE=false` turns it off.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acecoder_jax" / "compiled"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:  # no home, or one that may not be written
        return
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(2 * 2**30))  # bytes; the oldest leave
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; returns the exit status: 0 done or preempted, 2 a user's mistake, 130 stopped by Ctrl-C."""
    parser = _parser()
    known, rest = parser.parse_known_args(arguments)
    if known.workdir is None:
        if known.stage != "compile":
            parser.error("the following arguments are required: --workdir")
        known.workdir = Path("runs/compile")
    if known.source is not None:
        rest.append(f"--config.source={known.source}")
    if known.name is not None:
        rest.insert(0, f"--config.name={known.name}" if known.stage == "bench" else known.name)
    if known.profile:
        rest.append("--config.profile=true")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if known.stage not in TIMED:
        _keep_compiled_programs()
    try:
        if re.match(r"[a-z0-9]+:/", str(known.workdir)):
            raise UserError(
                f"--workdir={known.workdir}: give a local or mounted folder; of what a stage writes only checkpoints"
                " may lie in a bucket, with --config.checkpoints.folder=gs://..."
            )
        if known.stage == "compile":
            values, rest = compile_values(known.config, known.topology, known.slices, rest), []
        else:
            values = load_config_file(known.config) if known.config else ConfigDict()
            if "compile" in values:  # what that stage needs to know of the run, and no other
                with values.unlocked():
                    del values["compile"]
        module = load_stage(known.stage)
        if known.stage != "demo":  # a step of a pipeline, run alone, finds its siblings beside its own folder
            values = resolve(values, known.workdir.parent)
        config = prepare(known.stage, values, f"--config={known.config}", rest)
        if known.stage in ON_SEVERAL_HOSTS:
            importlib.import_module("acecoder_jax.training.processes").start()
        module.run(config, known.workdir)
    except UserError as error:
        print(f"acecoder {known.stage}: {error}", file=sys.stderr)
        return 2
    except Preempted:
        print(f"\nacecoder {known.stage}: saved and stopped; the same command continues it", file=sys.stderr)
        return 0
    except KeyboardInterrupt:
        print(f"\nacecoder {known.stage}: stopped; the same command continues it", file=sys.stderr)
        return 130
    except Exception as error:
        reason = full_disk(error)
        if reason is None:
            raise
        where = getattr(error, "filename", None) or known.workdir
        print(
            f"acecoder {known.stage}: {where}: {reason}; free some space and run the same command again",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
