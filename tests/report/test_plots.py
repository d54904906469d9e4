"""The plots hold the numbers they are given, and are real pictures."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from acecoder_jax.report import plots

METRICS = [
    {"step": 0, "eval/loss": 0.69, "eval/accuracy": 0.5, "eval/pass@1": 0.2, "eval/pass_rate": 0.3},
    {
        "step": 1,
        "loss": 0.68,
        "accuracy": 0.55,
        "rollout/pass@1": 0.25,
        "rollout/pass_rate": 0.4,
        "reward/mean": 0.25,
    },
    {
        "step": 2,
        "loss": 0.6,
        "accuracy": 0.7,
        "rollout/pass@1": 0.35,
        "rollout/pass_rate": 0.5,
        "reward/mean": 0.35,
    },
    {"step": 2, "eval/loss": 0.65, "eval/accuracy": 0.6, "eval/pass@1": 0.3, "eval/pass_rate": 0.45},
]
BEST = {
    "greedy": 0.3,
    "average": 0.2,
    "best_of_n": {"1": 0.2, "16": 0.4, "4": 0.3},
    "oracle": {"1": 0.2, "16": 0.8},
}
FIGURES = {
    "histogram": lambda: plots.pass_rate_histogram({0: 2, 0.05: 1, 0.1: 1, 0.7: 1, 0.95: 1, 1: 3}),
    "curation": lambda: plots.curation({"before": {"7": 4, "6": 9}, "after": {"5": 11}}, {"1": 3, "12": 2}),
    "reward": lambda: plots.reward_training(METRICS),
    "best": lambda: plots.best_of_n(BEST),
    "rl": lambda: plots.policy_training(METRICS, "validation"),
}


def curve(axes, label):
    """The points of the line with this label, as a list of (x, y)."""
    (line,) = (line for line in axes.lines if line.get_label() == label)
    return list(zip(line.get_xdata(), line.get_ydata()))


def test_the_histogram_counts_every_program_once_and_keeps_the_ends_apart():
    heights = [bar.get_height() for bar in FIGURES["histogram"]().axes[0].patches]
    assert heights == [2, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 3]


def test_the_curation_bars_are_the_counts():
    def bars(panel):
        return {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in panel.patches}

    tests, pairs = FIGURES["curation"]().axes
    assert bars(tests) == {7: 4, 6: 9, 5: 11} and bars(pairs) == {1: 3, 12: 2}
    assert (
        len(plots.curation(None, {"1": 3}).axes)
        == len(plots.curation({"before": {}, "after": {}}, None).axes)
        == 1
    )


def test_the_reward_curves_are_the_metrics():
    loss, accuracy = FIGURES["reward"]().axes
    assert curve(loss, "training batches") == [(1, 0.68), (2, 0.6)]
    assert curve(loss, "unseen questions") == [(0, 0.69), (2, 0.65)]
    assert curve(accuracy, "unseen questions") == [(0, 0.5), (2, 0.6)]


def test_best_of_n_curves_run_in_the_order_of_n():
    (axes,) = FIGURES["best"]().axes
    assert curve(axes, "picked by the reward model") == [(1, 0.2), (4, 0.3), (16, 0.4)]
    assert curve(axes, "oracle") == [(1, 0.2), (16, 0.8)]
    assert {y for _, y in curve(axes, "greedy")} == {0.3}
    assert {y for _, y in curve(axes, "average")} == {0.2}


def test_the_rl_curves_are_the_metrics():
    tests_passed, solved, reward = FIGURES["rl"]().axes
    assert curve(tests_passed, "rollouts") == [(1, 0.4), (2, 0.5)]
    assert curve(solved, "validation questions") == [(0, 0.2), (2, 0.3)]
    assert curve(reward, "reward") == [(1, 0.25), (2, 0.35)]


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_pictures_with_their_series_colors(name):
    """Decoded from a PNG: a plot has more than a few pixels of blue, and is neither empty nor full."""
    buffer = io.BytesIO()
    FIGURES[name]().savefig(buffer, format="png", dpi=80)
    pixels = imread(io.BytesIO(buffer.getvalue()))[..., :3]
    assert min(pixels.shape[:2]) > 150
    blue = np.abs(pixels - to_rgb(plots.BLUE)).max(axis=-1) < 0.02
    assert 30 < blue.sum() < blue.size / 2


@pytest.mark.parametrize("name", FIGURES)
def test_svgs_are_well_formed_take_the_pages_color_and_keep_their_ids_apart(name):
    svg = plots.to_svg(FIGURES[name](), f"plot-{name}", 'says "this" & that')
    tree = ElementTree.fromstring(svg)
    _, _, width, height = map(float, tree.get("viewBox").split())
    assert width > 300 and height > 100
    assert tree.get("aria-label") == 'says "this" & that'
    paths = tree.findall(".//{http://www.w3.org/2000/svg}path")
    assert len(paths) > 5
    texts = ["".join(node.itertext()) for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"step", "programs", "questions", "questions solved"} & set(texts)
    assert "currentColor" in svg and plots.BLUE in svg and "#010203" not in svg
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert ids and all(id.startswith(f"plot-{name}-") for id in ids)
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
    assert set(used) <= set(ids)
    assert svg == plots.to_svg(FIGURES[name](), f"plot-{name}", 'says "this" & that')


def test_a_run_that_measured_little_still_has_a_plot():
    assert "<path" in plots.to_svg(plots.policy_training(METRICS[:1], "validation"), "a", "a")
    assert "<path" in plots.to_svg(plots.reward_training([]), "b", "b")
    assert "<path" in plots.to_svg(plots.best_of_n({"oracle": {"1": 0.5}}), "c", "c")
