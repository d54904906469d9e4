"""Stage `compare`: several runs of one recipe become one table and one picture, with the spread over the runs.

A run is a folder of steps, as `report` reads it. Runs with other seeds give the spread; steps with other names
(algorithms, rewards, a supervised start) give the rows.

    acecoder compare --config.runs=runs/easy_0,runs/easy_1,runs/easy_2 --workdir=runs/comparison
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from acecoder_jax.data.folders import OutputFolder, write_atomically
from acecoder_jax.errors import UserError
from acecoder_jax.report.comparison import changes, curves, markdown
from acecoder_jax.report.gather import read_steps


def default_config() -> ConfigDict:
    """`runs` names folders of steps, with commas between them."""
    return ConfigDict({"runs": ""})


def run(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """Write `table.md`, `curves.png` and `results.json` into `workdir`; returns the counts.

    Raises:
      UserError: no runs, one named twice, one without steps, or none with a policy measured before and after.
    """
    names = [name.strip() for name in config.runs.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise UserError(
            f"config.runs: {config.runs!r}: give the folders of one or more runs, each once, with commas between them"
        )
    runs = {name: read_steps(name) for name in names}
    about = config.to_dict() | {"steps": {n: {s.name: s.mark for s in steps} for n, steps in runs.items()}}
    output = OutputFolder(workdir, "compare", about)
    if output.finished:
        print((workdir / "table.md").read_text(), end="")
        return output.counts
    rows = changes(runs)
    if not rows:
        raise UserError(
            f"config.runs: {config.runs}: no finished step trains a policy that was measured before and after;"
            " run train_policy with evaluation, or evaluate its model and the one it started from"
        )
    picture = io.BytesIO()
    curves(runs).savefig(picture, format="png", dpi=120)
    write_atomically(workdir / "curves.png", picture.getvalue())
    write_atomically(workdir / "results.json", json.dumps({"rows": rows}, indent=2))
    write_atomically(workdir / "table.md", markdown(rows))
    output.finish(runs=len(runs), rows=len(rows))
    print(markdown(rows), end="")
    return output.counts
