"""The compare stage: means, spread, the table, the picture, and bad settings."""

import io
import json

import pytest
from matplotlib.image import imread

from acecoder_jax import compare
from acecoder_jax.errors import UserError
from tests.report.made_run import make_run


@pytest.fixture
def runs(tmp_path):
    """Two runs; the second one's policy ends at 0.56 instead of 0.46 on its evaluation split."""
    roots = [make_run(tmp_path / name) for name in ("a", "b")]
    metrics = roots[1] / "train_policy_rule" / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    last = max(i for i, line in enumerate(lines) if "eval/pass_rate" in line)
    lines[last]["eval/pass_rate"] += 0.1
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return roots


def compared(roots, workdir):
    config = compare.default_config()
    config.runs = ",".join(str(root) for root in roots)
    return compare.run(config, workdir)


def test_the_mean_change_and_its_spread(runs, tmp_path, capsys):
    counts = compared(runs, tmp_path / "out")
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert counts == {"runs": 2, "rows": len(rows)}
    wanted = ("train_policy_rule", "validation, share of tests passed")
    (row,) = [row for row in rows if (row["step"], row["what"]) == wanted]
    first, second = row["changes"].values()
    assert second - first == pytest.approx(0.1)
    assert row["change"] == pytest.approx((first + second) / 2)
    assert row["spread"] == pytest.approx(0.1 / 2**0.5)  # of two values: their distance over the root of 2
    assert row["after"] - row["before"] == pytest.approx(row["change"])
    table = (tmp_path / "out" / "table.md").read_text()
    assert f"{100 * row['change']:+.1f} ± {100 * row['spread']:.1f} |" in table
    assert capsys.readouterr().out == table
    height, width, _ = imread(io.BytesIO((tmp_path / "out" / "curves.png").read_bytes())).shape
    assert width > 2 * height > 400


def test_a_finished_comparison_is_printed_again_and_left_alone(runs, tmp_path, monkeypatch, capsys):
    first = compared(runs, tmp_path / "out")
    monkeypatch.setattr(compare, "changes", None)
    assert compared(runs, tmp_path / "out") == first
    assert capsys.readouterr().out.count("| measured on |") == 2


def test_one_run_has_no_spread(runs, tmp_path):
    compared(runs[:1], tmp_path / "out")
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert {row["spread"] for row in rows} == {None}


def test_bad_runs_are_named(runs, tmp_path):
    for roots, words in (
        ([], ("config.runs", "give the folders")),
        ([runs[0], runs[0]], ("config.runs", "each once")),
        ([tmp_path / "nowhere"], ("nowhere", "no such folder")),
    ):
        with pytest.raises(UserError) as error:
            compared(roots, tmp_path / "out")
        assert all(word in str(error.value) for word in words)
    for name in ("train_policy_rule", "train_policy_model"):
        (runs[0] / name / "manifest.json").unlink()
    with pytest.raises(UserError, match="no finished step trains a policy"):
        compared(runs[:1], tmp_path / "out")
