"""Stage `compile`: the training stages' own compiled steps, for a TPU slice that need not be there.

Takes the config of a training stage and the name of a slice, lowers the very functions that the stage runs with
abstract weights, and lets libtpu compile them on this machine. Prints for each what it keeps in a chip's memory, what
it sends between chips and what the chip's published figures allow; nothing is executed, so it measures no speed.
"""

from __future__ import annotations

import importlib.metadata
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from acecoder_jax.data.folders import write_atomically
from acecoder_jax.errors import UserError
from acecoder_jax.models.config import read_hf_config
from acecoder_jax.training.abstract_steps import Step, train_policy_steps, train_reward_steps
from acecoder_jax.training.collectives import collectives
from acecoder_jax.training.costs import roofline
from acecoder_jax.training.mesh import make_mesh
from acecoder_jax.training.topology import GIB, Chip, chip_of, topology_devices

STEPS = {"train_reward": train_reward_steps, "train_policy": train_policy_steps}


def default_config() -> ConfigDict:
    """Filled in by the command line from the config of a training stage.

    `stage`, `architecture` (a folder with a Hugging Face config.json) and `topologies` (what the run is meant for) are
    the file's section `compile`; `settings` is the training stage's config.
    """
    return ConfigDict(
        {"stage": "", "architecture": "", "topologies": (), "topology": "", "slices": 1, "settings": {}}
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Compile every step; prints a table, writes a JSON file into `workdir` and returns its content.

    Raises:
      UserError: a step does not fit the chips' memory, after all have been tried.
    """
    from acecoder_jax.__main__ import load_stage  # the stage's loss, and nothing else of it

    if config.stage not in STEPS:
        raise UserError(
            f"config.compile.stage: {config.stage!r} has no compiled steps; use one of {', '.join(STEPS)}"
        )
    jax.config.update("jax_platforms", "cpu")  # whatever this machine has: the slice is not its own
    settings, chip = config.settings, chip_of(config.topology)
    if settings.get("attention") == "auto":
        settings.attention = "splash"  # what it is on the slice; here it would go by this machine
    mesh = make_mesh(**settings.mesh, devices=topology_devices(config.topology, config.slices))
    decoder, _ = read_hf_config(Path(config.architecture))
    steps = STEPS[config.stage](settings, decoder, load_stage(config.stage)._loss(settings), mesh)
    rows = []
    for step in steps:
        rows.append(_compile(step, chip))
        print(
            _line(rows[-1], chip) if len(rows) > 1 else f"{_heading(config, mesh)}\n{_line(rows[-1], chip)}",
            flush=True,
        )
    report = {
        "config": config.to_dict(),
        "mesh": dict(mesh.shape),
        "chip": asdict(chip),
        "versions": {name: importlib.metadata.version(name) for name in ("jax", "libtpu")},
        "steps": rows,
    }
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / f"{_name(config)}.json"
    write_atomically(path, json.dumps(report, indent=2))
    print(f"written to {path}")
    too_large = [row["step"] for row in rows if not row["fits"]]
    if too_large:
        raise UserError(
            f"{config.topology} x {config.slices}: {', '.join(too_large)} need more than the chip's"
            f" {chip.hbm_bytes / GIB:.2f} GiB; use more chips, fewer rows_per_microbatch or slots, or shorter rows"
        )
    return report


def _compile(step: Step, chip: Chip) -> dict[str, Any]:
    """Compile one step; what it takes and what the chip's figures say about it."""
    started = time.perf_counter()
    result: dict[str, Any] = {
        "step": step.name,
        "runs": step.runs,
        "note": step.note,
        "flops": step.cost.flops,
        "bytes": step.cost.bytes,
    }
    try:
        compiled = step.lower().compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        reason = " ".join(str(error).split())
        return result | {
            "fits": False,
            "refused": reason[:300],
            "seconds_to_compile": time.perf_counter() - started,
        }
    seconds = time.perf_counter() - started
    memory = compiled.memory_analysis()
    hbm = {
        "arguments": memory.argument_size_in_bytes,
        "outputs": memory.output_size_in_bytes - memory.alias_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "program": memory.generated_code_size_in_bytes,
        "beside": step.beside,
    }
    # Outputs and temporaries are set aside when the program starts, so their sum counts, not the compiler's peak.
    total = sum(hbm.values())
    traffic = collectives(compiled.as_text())
    times = roofline(step.cost, sum(kind.bytes for kind in traffic.values()), chip)
    return result | {
        "fits": total <= chip.hbm_bytes,
        "seconds_to_compile": seconds,
        "hbm": hbm | {"total": total, "peak_by_compiler": memory.peak_memory_in_bytes},
        "collectives": {kind: asdict(value) for kind, value in sorted(traffic.items())},
        "roofline_seconds": times | {"bound": max(times, key=times.get)},
    }


def _name(config: ConfigDict) -> str:
    model = Path(config.architecture).name
    slices = f"x{config.slices}" if config.slices > 1 else ""
    return f"{config.stage}_{model}_{config.topology.replace(':', '-')}{slices}"


def _heading(config: ConfigDict, mesh: jax.sharding.Mesh) -> str:
    shape = ", ".join(f"{axis}={size}" for axis, size in mesh.shape.items())
    return (
        f"{config.stage}, {Path(config.architecture).name},"
        f" {config.slices} x {config.topology} ({shape})\n"
        f"{'':12}{'HBM, GiB per device':^47}{'compile':>9}{'TFLOP':>9}{'GB':>8}{'GB sent':>9}  roofline\n"
        f"{'step':12}{'args':>8}{'temp':>8}{'beside':>8}{'total':>8}{'of':>7}{'':8}{'s':>9}"
        f"{'/device':>9}{'/device':>8}{'/device':>9}  s, bound"
    )


def _line(row: dict[str, Any], chip: Chip) -> str:
    """One step of the table."""
    limit = f"{chip.hbm_bytes / GIB:7.2f}"
    if "refused" in row:
        return f"{row['step']:12}{'':32}{limit}  DOES NOT FIT: {row['refused']}"
    hbm, times = {key: value / GIB for key, value in row["hbm"].items()}, row["roofline_seconds"]
    sent = sum(value["bytes"] for value in row["collectives"].values())
    kinds = ", ".join(f"{value['count']} {kind}" for kind, value in row["collectives"].items())
    return (
        f"{row['step']:12}{hbm['arguments']:8.2f}{hbm['temporaries'] + hbm['outputs']:8.2f}{hbm['beside']:8.2f}"
        f"{hbm['total']:8.2f}{limit}{'    fits' if row['fits'] else ' TOO BIG'}{row['seconds_to_compile']:9.1f}"
        f"{row['flops'] / 1e12:9.2f}{row['bytes'] / 1e9:8.2f}{sent / 1e9:9.2f}"
        f"  {times[times['bound']]:.4f}, {times['bound']}"
        + (f"; {row['runs']} times a step" if row["runs"] > 1 else "")
        + (f"; {row['note']}" if row["note"] else "")
        + (f"\n{'':12}{kinds}" if kinds else "")
    )
