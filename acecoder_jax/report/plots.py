"""The report's plots: matplotlib figures of a run's own numbers, written into the page as inline SVG.

Each function takes plain data from `gather` and returns a figure; `to_svg` turns one into markup that takes
its text color from the page, so that it reads in light and in dark.
"""

from __future__ import annotations

import html
import io
import re
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from acecoder_jax.report.gather import series

# Readable on white and on near-black, and apart for the color-blind.
BLUE, ORANGE, GREEN, GREY = "#3b82c4", "#d9822b", "#3a9d6e", "#8a8f98"
_INK = "#010203"  # stands for the page's own text color; replaced in `to_svg`
STYLE = {
    "svg.fonttype": "none",  # real text: selectable, small, in the page's font
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
}


def pass_rate_histogram(rates: dict[float, int]) -> Figure:
    """How many programs passed none, some and all of their tests; the ends have bars of their own.

    Args:
      rates: pass rates in [0, 1], each with its number of programs.
    """
    labels = ["none", *[f"{low}–{low + 10}" for low in range(0, 100, 10)], "all"]
    counts = [0] * len(labels)
    for rate, programs in rates.items():
        counts[0 if rate == 0 else 11 if rate == 1 else 1 + min(9, int(rate * 10))] += programs
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(1, height=3.0)
        bars = axes[0].bar(labels, counts, color=[ORANGE, *[BLUE] * 10, GREEN], width=0.85)
        axes[0].bar_label(
            bars, labels=[f"{count:,}" if count else "" for count in counts], fontsize=9, color=_INK
        )
        axes[0].set(xlabel="% of its tests that a program passed", ylabel="programs")
        axes[0].yaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0].grid(visible=False, axis="x")
        axes[0].margins(y=0.12)
    return figure


def curation(tests: dict[str, dict[str, int]] | None, pairs: dict[str, int] | None) -> Figure:
    """Questions by their number of tests, before and after filtering, and by their number of pairs.

    Args:
      tests: `before` and `after`, each number of tests with its questions.
      pairs: each number of pairs with its questions; the rest have none. One of both may be None.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(bool(tests) + bool(pairs))
        if tests:
            for key, color, width in (("before", GREY, 0.9), ("after", BLUE, 0.5)):
                counts = {int(number): questions for number, questions in tests[key].items()}
                axes[0].bar(list(counts), list(counts.values()), width=width, color=color, label=key)
            axes[0].set(xlabel="tests of a question", ylabel="questions")
            axes[0].legend()
        if pairs:
            counts = {int(number): questions for number, questions in pairs.items()}
            axes[-1].bar(list(counts), list(counts.values()), color=GREEN)
            axes[-1].set(xlabel="pairs of a question", ylabel="questions")
        for panel in axes:
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel.yaxis.set_major_locator(MaxNLocator(integer=True))
            panel.grid(visible=False, axis="x")
    return figure


def reward_training(metrics: list[dict[str, Any]]) -> Figure:
    """Loss and pair accuracy by step, on the batches trained on and on unseen pairs."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(2)
        for panel, key, title in (
            (axes[0], "loss", "Bradley-Terry loss"),
            (axes[1], "accuracy", "pair accuracy"),
        ):
            _line(panel, metrics, key, "training batches", BLUE)
            _points(panel, metrics, f"eval/{key}", "unseen questions", ORANGE)
            panel.set(title=title, xlabel="step")
        axes[0].axhline(0.6931, color=GREY, linestyle=":", linewidth=1)  # ln 2: a coin's loss
        axes[1].axhline(0.5, color=GREY, linestyle=":", linewidth=1)
        _percent(axes[1])
        axes[0].legend()
    return figure


def best_of_n(results: dict[str, Any]) -> Figure:
    """Share of questions solved when the reward model, or an oracle, picks one of n answers."""
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _figure(1, height=3.4)
        for key, label, color in (
            ("oracle", "oracle", GREEN),
            ("best_of_n", "picked by the reward model", BLUE),
        ):
            curve = results.get(key) or {}
            ns = sorted(map(int, curve))
            axes.plot(ns, [curve[str(n)] for n in ns], color=color, marker="o", label=label)
        for key, color, style in (("greedy", ORANGE, "--"), ("average", GREY, ":")):
            if results.get(key) is not None:
                axes.axhline(results[key], color=color, linestyle=style, label=key)
        axes.set_xscale("log", base=2)
        ticks = sorted({int(n) for key in ("oracle", "best_of_n") for n in results.get(key) or {}})
        axes.set_xticks(ticks, [str(n) for n in ticks])
        axes.minorticks_off()
        axes.set(xlabel="n, the answers to pick from", ylabel="questions solved")
        _percent(axes)
        axes.set_ylim(bottom=0)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def policy_training(metrics: list[dict[str, Any]], split: str) -> Figure:
    """RL by step: the share of tests passed, the share of programs that pass them all, and the reward."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(3)
        panels = (("pass_rate", "share of tests passed"), ("pass@1", "programs that pass every test"))
        for panel, (key, title) in zip(axes, panels):
            _line(panel, metrics, f"rollout/{key}", "rollouts", BLUE)
            _points(panel, metrics, f"eval/{key}", f"{split} questions", ORANGE)
            panel.set(title=title, xlabel="step")
            _percent(panel)
            panel.set_ylim(bottom=0)  # so that a small change looks small
        axes[0].legend()
        _line(axes[2], metrics, "reward/mean", "reward", GREEN)
        axes[2].set(title="mean reward", xlabel="step")
    return figure


def to_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as inline SVG.

    Args:
      figure: to draw.
      name: unique on the page; keeps the ids of several pictures apart.
      description: what a reader who cannot see it is told.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL).replace(_INK, "currentColor")
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(
        r' (width|height)="[^"]*pt"', "", svg, count=2
    )  # the page sets the size; the viewBox the shape
    label = html.escape(description, quote=True)
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg).group(1))
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{label}" style="max-width: {width * 1.25:.0f}px"', 1
    )


def _figure(panels: int, height: float = 2.8) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(8.0 if panels == 1 else 10.0, height), layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def _line(axes: Axes, metrics: list[dict[str, Any]], key: str, label: str, color: str) -> None:
    steps, values = series(metrics, key)
    marker = "." if len(steps) <= 30 else ""
    axes.plot(steps, values, color=color, linewidth=1.5, marker=marker, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _points(axes: Axes, metrics: list[dict[str, Any]], key: str, label: str, color: str) -> None:
    steps, values = series(metrics, key)
    axes.plot(steps, values, color=color, linestyle="--", linewidth=1, marker="D", markersize=5, label=label)


def _percent(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
