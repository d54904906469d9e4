"""Several runs of one recipe side by side: each step's change over all runs, as rows, as Markdown, and as curves.

What `gather` says of one run is laid together here: the runs differ in their seed, the steps of a run in their
algorithm, reward or warm start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from acecoder_jax.report.gather import Step, finished, policy_rows, series
from acecoder_jax.report.plots import STYLE


def changes(runs: Mapping[str, Sequence[Step]]) -> list[dict[str, Any]]:
    """One row for every step that trains a policy and everything measured before and after it.

    Args:
      runs: each run's name and its steps.

    Returns:
      Rows with `step`, `what`, the means `before` and `after`, the mean `change`, its `spread` over the runs (the
      standard deviation with n - 1, None of a single run), the `changes` of each run by name, in the runs' order.
    """
    groups: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for run, steps in runs.items():
        for row in policy_rows(list(steps)):
            groups[row["run"], row["what"]][run] = row
    rows = []
    for (step, what), by_run in groups.items():
        change = {run: row["after"] - row["before"] for run, row in by_run.items()}
        rows.append(
            {
                "step": step,
                "what": what,
                "before": fmean(row["before"] for row in by_run.values()),
                "after": fmean(row["after"] for row in by_run.values()),
                "change": fmean(change.values()),
                "spread": stdev(change.values()) if len(change) > 1 else None,
                "changes": change,
            }
        )
    return sorted(rows, key=lambda row: row["what"])


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table, in percent and points."""
    lines = [
        "| measured on | step | runs | before | after | change, points | each run |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        spread = "" if row["spread"] is None else f" ± {100 * row['spread']:.1f}"
        each = ", ".join(f"{100 * change:+.1f}" for change in row["changes"].values())
        lines.append(
            f"| {row['what']} | `{row['step']}` | {len(row['changes'])} | {100 * row['before']:.1f} |"
            f" {100 * row['after']:.1f} | {100 * row['change']:+.1f}{spread} | {each} |"
        )
    return "\n".join(lines) + "\n"


def curves(runs: Mapping[str, Sequence[Step]]) -> Figure:
    """Programs that pass every test, by step: rollouts on the left, the evaluation split on the right.

    A line a run; the steps of one name share a color.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.0, 3.4), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        colors: dict[str, str] = {}
        for steps in runs.values():
            for step in finished(list(steps), "train_policy"):
                label = None if step.name in colors else step.name
                color = colors.setdefault(step.name, f"C{len(colors)}")
                for panel, key, marker in zip(axes, ("rollout/pass@1", "eval/pass@1"), ("", "D")):
                    panel.plot(
                        *series(step.metrics, key), color=color, marker=marker, linewidth=1.2, label=label
                    )
        for panel, title in zip(axes, ("rollouts on train", "evaluation split")):
            panel.set(title=title, xlabel="step")
            panel.yaxis.set_major_formatter(PercentFormatter(1.0))
            panel.set_ylim(bottom=0)
        axes[0].set_ylabel("programs that pass every test")
        axes[0].legend()
    return figure
