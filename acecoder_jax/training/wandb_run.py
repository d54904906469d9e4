"""A run's metrics in Weights & Biases too, for who asks for it: `config.wandb` names the project.

The package is an extra and is imported only here. It finds its account by itself (`wandb login`, WANDB_API_KEY), and
its own variables say where to and how: with WANDB_MODE=offline the run is written below the workdir alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from acecoder_jax.errors import UserError


def open_run(workdir: Path, project: str) -> Any:
    """The run of this workdir in that project; a command that continues the one continues the other.

    Raises:
      UserError: the package is not installed, or there is no account.
    """
    try:
        import wandb
    except ImportError as error:
        raise UserError(f"config.wandb: {error}; pip install '.[wandb]'") from error
    about = workdir / "stage.json"
    mark = hashlib.sha256(os.fsencode(workdir.resolve())).hexdigest()[:16]
    try:
        return wandb.init(
            project=project,
            name=workdir.name,
            id=mark,
            resume="allow",  # what is written again after a kill is dropped there: it is the same
            dir=workdir,
            config=json.loads(about.read_text())["config"] if about.is_file() else None,
            settings=wandb.Settings(console="off", silent=True),
        )
    except wandb.Error as error:
        reason = " ".join(str(error).split())
        raise UserError(f"config.wandb: {reason}; or set WANDB_MODE=offline, or leave it out") from error
