"""The report stage: the file, its making again, and bad settings."""

import json

import pytest

from acecoder_jax import write_report
from acecoder_jax.data.folders import read_manifest
from acecoder_jax.errors import UserError
from tests.report.made_run import make_run


@pytest.fixture
def root(tmp_path):
    return make_run(tmp_path / "run")


def config_for(root, **changes):
    config = write_report.default_config()
    config.runs = str(root)
    config.update(changes)
    return config


def test_the_page_is_written_into_a_finished_folder(root, capsys):
    counts = write_report.run(config_for(root, title="My run"), root / "report")
    page = root / "report" / "report.html"
    assert counts["bytes"] == page.stat().st_size > 20_000
    assert "<title>My run</title>" in page.read_text(encoding="utf-8")
    manifest = read_manifest(root / "report")
    assert manifest["stage"] == "report" and "report.html" in manifest["files"]
    assert set(counts["steps"]) == {path.parent.name for path in root.glob("*/manifest.json")} - {"report"}
    assert str(page) in capsys.readouterr().out


def test_an_unchanged_run_leaves_the_page_alone(root, monkeypatch):
    first = write_report.run(config_for(root), root / "report")
    monkeypatch.setattr(write_report, "render", None)
    assert write_report.run(config_for(root), root / "report") == first


def test_a_run_that_has_changed_is_drawn_anew(root):
    write_report.run(config_for(root), root / "report")
    results = json.loads((root / "best_of_n" / "results.json").read_text())
    (root / "best_of_n" / "results.json").write_text(json.dumps(results | {"greedy": 0.4321}))
    manifest = root / "best_of_n" / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    write_report.run(config_for(root), root / "report")
    assert "43.2" in (root / "report" / "report.html").read_text(encoding="utf-8")


def test_a_step_finished_since_then_is_added(root, capsys):
    manifest = root / "best_of_n" / "manifest.json"
    content = manifest.read_text()
    manifest.unlink()
    write_report.run(config_for(root), root / "report")
    assert "best_of_n" in capsys.readouterr().out
    page = root / "report" / "report.html"
    assert 'id="best-of-n"' not in page.read_text(encoding="utf-8")
    manifest.write_text(content)
    write_report.run(config_for(root), root / "report")
    assert 'id="best-of-n"' in page.read_text(encoding="utf-8")


def test_a_lost_or_damaged_page_is_made_again(root):
    write_report.run(config_for(root), root / "report")
    page = root / "report" / "report.html"
    whole = page.read_bytes()
    page.unlink()
    write_report.run(config_for(root), root / "report")
    assert page.read_bytes() == whole
    page.write_bytes(whole[:100])
    write_report.run(config_for(root), root / "report")
    assert page.read_bytes() == whole


def test_a_page_that_was_broken_off_is_finished(root, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write_report, "render", stop)
        with pytest.raises(KeyboardInterrupt):
            write_report.run(config_for(root), root / "report")
    assert not (root / "report" / "report.html").exists()
    write_report.run(config_for(root), root / "report")
    assert (root / "report" / "report.html").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runs": ""}, "config.runs: required"),
        ({"runs": "no/such/run"}, "no such folder"),
        ({"questions_shown": -1}, "questions_shown is -1"),
    ],
)
def test_bad_settings_end_with_one_clear_line(root, changes, words):
    with pytest.raises(UserError) as error:
        write_report.run(config_for(root, **changes), root / "report")
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not (root / "report").exists()


def test_a_folder_made_with_another_title_is_refused(root):
    write_report.run(config_for(root), root / "report")
    with pytest.raises(UserError, match="config.title was"):
        write_report.run(config_for(root, title="Another"), root / "report")
