"""A Cloud TPU slice from a workstation: create it, install this checkout, launch a stage on all workers, delete it.

    python tpu_scripts/tpu.py create NAME --zone=ZONE --topology=v5e:4x4 [--slices=2] [--spot]
    python tpu_scripts/tpu.py setup NAME --zone=ZONE
    python tpu_scripts/tpu.py launch NAME --zone=ZONE -- train_reward --config=FILE:v5e:4x4 --workdir=/mnt/runs/reward
    python tpu_scripts/tpu.py delete NAME --zone=ZONE

The workdir and what a stage reads lie where every worker sees them, such as a mounted bucket or Filestore; checkpoints
may lie in a bucket of their own (--config.checkpoints.folder=gs://...). Every command is printed before it runs; with
--dry-run it is printed only. Needs the gcloud CLI, logged in, and the standard library alone.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from math import prod

# Chip of a topology's name -> accelerator type without its count, what it counts per chip, runtime version.
# cloud.google.com/tpu/docs/v5e, /v5p, /v6e and /runtimes; a v5p is counted by its two cores.
CHIPS = {
    "v5e": ("v5litepod", 1, "v2-alpha-tpuv5-lite"),
    "v5p": ("v5p", 2, "v2-alpha-tpuv5"),
    "v6e": ("v6e", 1, "v2-alpha-tpuv6e"),
}
ARCHIVE = "acecoder_jax.tar.gz"
# The image's own Python may be older than this project's oldest; uv brings one along.
INSTALL = (
    "set -e; rm -rf acecoder_jax; mkdir acecoder_jax; tar -xzf "
    + ARCHIVE
    + " -C acecoder_jax; cd acecoder_jax; "
    "command -v ~/.local/bin/uv >/dev/null || curl -LsSf https://astral.sh/uv/install.sh | sh; "
    "~/.local/bin/uv venv --quiet --allow-existing --python 3.11 ~/acecoder; "
    "~/.local/bin/uv pip install --quiet --python ~/acecoder/bin/python -c constraints.txt -e '.[tpu]'"
)


class Mistake(Exception):
    """What the user has to change, in one line."""


def create(options: argparse.Namespace) -> list[list[str]]:
    """Queue for the slice, or for several that run as one."""
    chip, _, shape = options.topology.partition(":")
    if chip not in CHIPS or not re.fullmatch(r"\d+(x\d+){1,2}", shape):
        raise Mistake(
            f"--topology={options.topology}: unknown; give CHIP:SHAPE with a chip of {', '.join(CHIPS)},"
            " such as v5e:4x4"
        )
    kind, per_chip, runtime = CHIPS[chip]
    count = prod(map(int, shape.split("x"))) * per_chip
    nodes = (
        [f"--node-id={options.name}"]
        if options.slices == 1
        else [f"--node-prefix={options.name}", f"--node-count={options.slices}"]
    )
    accelerator = [f"--accelerator-type={kind}-{count}", f"--runtime-version={runtime}"]
    verb = ["gcloud", "compute", "tpus", "queued-resources", "create", options.name]
    return [[*verb, *nodes, *accelerator, *(["--spot"] if options.spot else []), *_place(options)]]


def setup(options: argparse.Namespace) -> list[list[str]]:
    """Send the last commit of this checkout to every worker and install it there."""
    commands = [["git", "archive", "--format=tar.gz", f"--output={ARCHIVE}", "HEAD"]]
    for node in _nodes(options):
        copy = ["gcloud", "compute", "tpus", "tpu-vm", "scp", ARCHIVE, f"{node}:{ARCHIVE}", "--worker=all"]
        commands += [[*copy, *_place(options)], _ssh(options, node, INSTALL)]
    return commands


def launch(options: argparse.Namespace) -> list[list[str]]:
    """Start the same command on every worker; it goes on when the connection ends, and logs to acecoder.log there."""
    if not options.stage:
        raise Mistake(
            "launch: no stage; put it behind --, such as -- train_reward --config=... --workdir=/mnt/..."
        )
    command = shlex.join(["../acecoder/bin/acecoder", *options.stage])
    remote = f"cd acecoder_jax && (setsid nohup {command} >../acecoder.log 2>&1 </dev/null &)"
    return [_ssh(options, node, remote) for node in _nodes(options)]


def delete(options: argparse.Namespace) -> list[list[str]]:
    """Give the slice back, running or still queued; what is on its disks is lost."""
    verb = ["gcloud", "compute", "tpus", "queued-resources", "delete", options.name]
    return [[*verb, "--force", "--quiet", *_place(options)]]


VERBS = {"create": create, "setup": setup, "launch": launch, "delete": delete}


def _ssh(options: argparse.Namespace, node: str, command: str) -> list[str]:
    verb = ["gcloud", "compute", "tpus", "tpu-vm", "ssh", node, "--worker=all", f"--command={command}"]
    return [*verb, *_place(options)]


def _nodes(options: argparse.Namespace) -> list[str]:
    if options.slices == 1:
        return [options.name]
    return [f"{options.name}-{number}" for number in range(options.slices)]


def _place(options: argparse.Namespace) -> list[str]:
    return [f"--zone={options.zone}", *([f"--project={options.project}"] if options.project else [])]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tpu.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, function in VERBS.items():
        sub = verbs.add_parser(verb, help=function.__doc__, description=function.__doc__, allow_abbrev=False)
        sub.add_argument("name", metavar="NAME", help="of the queued resource and its nodes")
        sub.add_argument("--zone", required=True)
        sub.add_argument("--project", help="gcloud's own default without it")
        sub.add_argument("--dry-run", action="store_true", help="print what would run, and run nothing")
        if verb != "delete":
            sub.add_argument("--slices", type=int, default=1, help="slices that run as one; 1 without it")
        if verb == "create":
            sub.add_argument("--topology", required=True, help="such as v5e:4x4 or v5p:2x2x2")
            sub.add_argument("--spot", action="store_true", help="cheaper, and may be taken away")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0 done, 2 a user's mistake, else that of the command that failed."""
    arguments = sys.argv[1:] if arguments is None else arguments
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = _parser().parse_args(arguments[:end])
    options.stage = arguments[end + 1 :]
    try:
        if getattr(options, "slices", 1) < 1:
            raise Mistake(f"--slices={options.slices}: give 1 or more")
        commands = VERBS[options.verb](options)
        if not options.dry_run and shutil.which("gcloud") is None:
            raise Mistake(
                "gcloud: not found; install the Google Cloud CLI and log in, or look with --dry-run"
            )
    except Mistake as mistake:
        print(f"tpu.py {options.verb}: {mistake}", file=sys.stderr)
        return 2
    for command in commands:
        print(shlex.join(command), flush=True)
        if options.dry_run:
            continue
        status = subprocess.run(command).returncode
        if status:
            print(f"tpu.py {options.verb}: the command above ended with status {status}", file=sys.stderr)
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
