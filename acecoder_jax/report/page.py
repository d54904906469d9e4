"""From gathered data to the page: which sections there are, what they say, and the template that holds them.

`render` is pure but for reading the step folders: the same run gives the same page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from acecoder_jax.report import plots, programs
from acecoder_jax.report.gather import (
    KEPT,
    STAGES,
    Step,
    curation,
    evaluations,
    exports,
    filter_table,
    finished,
    pass_rates,
    policy_rows,
    questions_per_split,
)

_TITLES = {
    "run": "what was run",
    "questions": "questions per split",
    "filter": "test filtering",
    "curation": "what was kept",
    "pass-rates": "pass rates",
    "reward-model": "reward model",
    "best-of-n": "best of n",
    "rl": "reinforcement learning",
    "evaluation": "evaluation",
    "programs": "sampled programs",
    "exports": "exported models",
}
MOST_METRIC_ROWS = 200


def render(steps: list[Step], title: str, shown: int) -> str:
    """The whole page.

    Args:
      steps: of the run, from `gather.read_steps`.
      title: the page's heading.
      shown: how many questions to show the programs of, in each group.
    """
    values: dict[str, Any] = {
        "splits": questions_per_split(steps),
        "table": filter_table(steps),
        "curation": _curation(steps),
        "histogram": _histogram(steps),
        "rewards": [_reward(step) for step in finished(steps, "train_reward")],
        "bests": [_best_of_n(step) for step in finished(steps, "best_of_n") if step.results],
        "policies": _policies(steps),
        "evaluations": evaluations(steps),
        "shown": _programs(steps, shown),
        "exports": exports(steps),
    }
    sections = dict(zip(_TITLES, [True, *values.values()]))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["in_words"] = in_words
    environment.filters["visible"] = lambda text: programs.visible(str(text))
    return environment.get_template("page.html").render(
        title=title,
        sections=[(id, _TITLES[id]) for id, content in sections.items() if content],
        cards=_cards(steps),
        steps=[_described(step) for step in steps],
        not_run=[(stage, what) for stage, what in STAGES.items() if stage not in {s.stage for s in steps}],
        **values,
    )


def duration(seconds: float | None) -> str:
    """Seconds for people: `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def in_words(count: Any) -> str:
    """One of a manifest's counts, in words: numbers with separators, mappings as `passed 12, failed 3`."""
    if isinstance(count, dict):
        return ", ".join(f"{key} {in_words(value)}" for key, value in count.items()) or "none"
    if isinstance(count, bool) or not isinstance(count, int | float):
        return "–" if count is None else str(count)
    return f"{count:,}" if isinstance(count, int) else f"{count:,.4g}"


def _described(step: Step) -> dict[str, Any]:
    settings = json.dumps(step.config, indent=2, ensure_ascii=False)
    extra = {"what": STAGES[step.stage], "elapsed": duration(step.elapsed_s), "settings": settings}
    return {**vars(step), "counts": step.counts, **extra}


def _curation(steps: list[Step]) -> dict[str, Any] | None:
    found = curation(steps)
    if found is None:
        return None
    svg = None
    if found["tests"] or found["pairs"]:
        told = "Histograms of questions by their number of tests, before and after filtering, and of pairs."
        svg = plots.to_svg(plots.curation(found["tests"], found["pairs"]), "curation", told)
    return found | {"svg": svg}


def _histogram(steps: list[Step]) -> dict[str, Any] | None:
    rates = pass_rates(steps)
    if not rates:
        return None
    programs = sum(rates.values())
    mean = sum(rate * number for rate, number in rates.items()) / programs
    none, every = rates.get(0, 0), rates.get(1, 0)
    told = f"Histogram of {programs} pass rates: {none} programs pass no test, {every} pass all of them."
    svg = plots.to_svg(plots.pass_rate_histogram(rates), "pass-rates", told)
    return {"svg": svg, "programs": programs, "mean": mean}


def _reward(step: Step) -> dict[str, Any]:
    before, after = step.results.get("accuracy_before"), step.results.get("accuracy_after")
    told = f"Loss and pair accuracy of {step.name} by step; the numbers are in the table below."
    return {
        "name": step.name,
        "svg": plots.to_svg(plots.reward_training(step.metrics), f"reward-{step.name}", told),
        "pairs": step.results.get("held_out_pairs"),
        "before": before,
        "after": after,
        "metrics": _metrics_table(
            step.metrics,
            ("loss", "accuracy", "eval/loss", "eval/accuracy", "margin", "grad_norm", "tokens_per_s"),
        ),
    }


def _best_of_n(step: Step) -> dict[str, Any]:
    results = step.results
    labels = {"best_of_n": "picked by the reward model", "oracle": "oracle"}
    curves = [(label, results[key]) for key, label in labels.items() if results.get(key)]
    told = f"Questions solved against n for {step.name}; the numbers are in the table below."
    return {
        "name": step.name,
        "svg": plots.to_svg(plots.best_of_n(results), f"best-{step.name}", told),
        "questions": results.get("questions"),
        "samples": results.get("samples"),
        "pairs": results.get("pairs"),
        "pair_accuracy": results.get("pair_accuracy"),
        "set": str(step.config.get("set", "held_out")).replace("_", "-"),
        "ns": sorted({n for _, curve in curves for n in curve}, key=int),
        "curves": curves,
        "lines": [
            (label, results[key])
            for key, label in (("greedy", "greedy answer"), ("average", "average of all answers"))
            if results.get(key) is not None
        ],
    }


def _policies(steps: list[Step]) -> list[dict[str, Any]]:
    rows = policy_rows(steps)
    columns = ("reward/mean", "rollout/pass_rate", "rollout/pass@1", "eval/pass_rate", "eval/pass@1")
    columns += ("guard/hidden_pass_rate", "guard/gap", "guard/rank_correlation", "rollout/mean_tokens")
    columns += ("rollout/truncated_share", "policy/reference_kl", "policy/entropy", "policy/clip_share")
    columns += ("policy/ratio_spread", "advantage/mean", "advantage/std", "policy/mismatch_kl")
    columns += ("time/step_s", "time/exposed_reward_s", "rollout/tokens_per_s", "policy/tokens_per_s")
    policies = []
    for step in finished(steps, "train_policy"):
        split = str(step.config.get("eval_split", "validation")).replace("_", "-")
        told = f"Pass rates and reward of {step.name} by step; the numbers are in the table below."
        policies.append(
            {
                "name": step.name,
                "split": split,
                "reward": _reward_name(step.config),
                "svg": plots.to_svg(plots.policy_training(step.metrics, split), f"rl-{step.name}", told),
                "rows": [row for row in rows if row["run"] == step.name],
                "metrics": _metrics_table(step.metrics, columns),
            }
        )
    return policies


def _reward_name(config: dict[str, Any]) -> str:
    model = f"the reward model {Path(config.get('reward_model') or '').name}"
    rule = f"the sandbox's verdict ({config.get('rule', 'binary')})"
    return {"model": model, "sum": f"{rule} and {model}"}.get(config.get("reward", "rule"), rule)


def _metrics_table(metrics: list[dict[str, Any]], columns: tuple[str, ...]) -> Markup:
    """The plotted numbers, folded away; a long run is thinned to about `MOST_METRIC_ROWS` rows."""
    present = [column for column in columns if any(line.get(column) is not None for line in metrics)]
    by_step: dict[int, dict[str, Any]] = {}
    for line in metrics:
        by_step.setdefault(line["step"], {}).update(line)
    stride = -(-len(by_step) // MOST_METRIC_ROWS)
    lines = [
        line
        for number, line in enumerate(by_step.values())
        if stride <= 1 or number % stride == 0 or number == len(by_step) - 1
    ]
    head = Markup("").join(Markup('<th class="n">{}</th>').format(name) for name in ["step", *present])
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<td class="n">{}</td>').format(_plain(line.get(name))) for name in ["step", *present]
            )
        )
        for line in lines
    )
    every = f", every {stride}th step" if stride > 1 else ""
    return Markup(
        "<details><summary>the numbers, step by step{}</summary>"
        '<div class="scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>'
    ).format(every, head, body)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _programs(steps: list[Step], shown: int) -> list[tuple[str, list[dict[str, Any]]]]:
    groups = [
        ("Greedy answers of the evaluated models, side by side", programs.evaluated_programs(steps, shown)),
        ("Answers sampled for preference pairs", programs.sampled_programs(steps, shown)),
        ("Rollouts of the last step of reinforcement learning", programs.rollouts(steps, shown)),
    ]
    return [(heading, entries) for heading, entries in groups if entries]


def _cards(steps: list[Step]) -> list[dict[str, str]]:
    """The few numbers that a reader wants first."""
    cards = []
    for row in [row for row in questions_per_split(steps) if row["title"] == KEPT]:
        train, validation, held_out = row["values"]
        note = f"{train:,} train, {validation:,} validation, {held_out:,} held out"
        cards.append({"what": "questions", "value": f"{row['all']:,}", "note": note})
    for step in finished(steps, "train_reward"):
        before, after = step.results.get("accuracy_before"), step.results.get("accuracy_after")
        if before is not None and after is not None:
            note = f"on {step.results.get('held_out_pairs')} pairs of unseen questions"
            cards.append(
                {"what": "reward model accuracy", "value": f"{before:.1%} → {after:.1%}", "note": note}
            )
    for step in finished(steps, "best_of_n"):
        curve = step.results.get("best_of_n")
        if curve and step.results.get("average") is not None:
            n = max(curve, key=int)
            value = f"{step.results['average']:.1%} → {curve[n]:.1%}"
            cards.append(
                {
                    "what": f"solved: average answer → best of {n}",
                    "value": value,
                    "note": "held-out questions",
                }
            )
    for row in policy_rows(steps):
        if row["what"] == "held-out, sampled pass@1":
            value = f"{row['before']:.1%} → {row['after']:.1%}"
            cards.append({"what": "held-out pass@1 before → after RL", "value": value, "note": row["run"]})
    return cards
