"""Stage `report`: the folders of a run become one self-contained HTML page.

The last step of the picture. It reads whatever steps are there and computes nothing new. Started again, it
leaves the page alone while the run is as it was, and writes it anew when a step has been added or remade.

    acecoder report --config.runs=runs/demo --workdir=runs/demo/report
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from acecoder_jax.data.folders import OutputFolder, read_manifest, write_atomically
from acecoder_jax.errors import UserError
from acecoder_jax.report.gather import Step, read_steps
from acecoder_jax.report.page import render


def default_config() -> ConfigDict:
    """`runs` is the folder that holds the steps of a run."""
    return ConfigDict(
        {
            "runs": "",
            "title": "AceCoder report",
            "questions_shown": 8,  # whose programs the page shows, in each group
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """Write `workdir/report.html`; returns the counts.

    Raises:
      UserError: `config.runs` holds no steps, one of them is damaged, or the folder cannot be used.
    """
    if not config.runs:
        raise UserError(
            "config.runs: required by `acecoder report`; give the folder that holds the run's steps"
        )
    if config.questions_shown < 0:
        raise UserError(f"config.questions_shown is {config.questions_shown}; give 0 or more")
    steps = read_steps(config.runs)
    # Not inputs of the folder: with those it could not be made again when the run has grown.
    output = OutputFolder(workdir, "report", config.to_dict())
    page = workdir / "report.html"
    marks = {step.name: step.mark for step in steps}
    if output.finished and _is_current(page, read_manifest(workdir), marks):
        print(f"report: {page} (already finished)")
        return output.counts
    (workdir / "manifest.json").unlink(missing_ok=True)
    html = render(steps, config.title, config.questions_shown)
    # Programs may hold halves of characters, which no file can.
    write_atomically(page, html.encode("utf-8", "replace"))
    output.finish(steps=marks, bytes=page.stat().st_size)
    print(f"report: {page}")
    _tell_left_out(steps)
    return output.counts


def _is_current(page: Path, manifest: dict[str, Any], marks: dict[str, str | None]) -> bool:
    """Whether the page is whole and shows these very steps."""
    if manifest["counts"].get("steps") != marks or not page.is_file():
        return False
    return hashlib.sha256(page.read_bytes()).hexdigest() == manifest["files"].get("report.html")


def _tell_left_out(steps: list[Step]) -> None:
    unfinished = [step.name for step in steps if step.manifest is None]
    if unfinished:
        print(f"report: left out, because not finished: {', '.join(unfinished)}")
