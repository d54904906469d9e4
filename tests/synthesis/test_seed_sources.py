"""The config key `seeds`, and which seeds are kept."""

import collections
import os
import shutil

import huggingface_hub
import pytest

from acecoder_jax.data.records import Seed
from acecoder_jax.synthesis import seed_files, seed_sources
from acecoder_jax.synthesis.decontaminate import EvaluationSets
from acecoder_jax.synthesis.duplicates import Duplicates
from acecoder_jax.synthesis.seed_files import load_seeds
from acecoder_jax.synthesis.seed_sources import find_sources, fingerprint, select
from tests.synthesis.seed_data import ADD, EVOL, OSS, SORT, STACK, write_jsonl, write_parquet
from tests.user_errors import user_error


def selected(seeds, near=0.7, tasks=()):
    sets = EvaluationSets(n=4, share=0.5)
    sets.add(tasks)
    results = list(select(find_sources(seeds), 20_000, Duplicates(near), sets))
    kept = [result for result in results if isinstance(result, Seed)]
    return kept, dict(collections.Counter(r.reason for r in results if not isinstance(r, Seed)))


def test_the_shipped_seeds_are_all_kept():
    kept, dropped = selected("builtin")
    assert kept == load_seeds()
    assert dropped == {}


def test_part_of_the_shipped_seeds():
    kept, dropped = selected("builtin:basics_strings, builtin:words")
    assert kept == [
        seed for name in ("basics_strings/", "words/") for seed in load_seeds() if seed.id.startswith(name)
    ]
    assert {seed.source for seed in kept} == {"builtin"} and dropped == {}
    kept, dropped = selected("builtin:basics_*")
    assert kept == [seed for seed in load_seeds() if seed.id.startswith("basics_")] and dropped == {}
    assert [seed.id for seed in selected("builtin:basics_*#3")[0]] == [seed.id for seed in kept[:3]]
    kept, dropped = selected("builtin:words,builtin")
    assert sorted(seed.id for seed in kept) == sorted(seed.id for seed in load_seeds())
    assert set(dropped) == {"duplicate id"}  # nothing is read as two questions


def test_the_fingerprint_is_of_the_named_modules_alone(tmp_path, monkeypatch):
    shutil.copytree(seed_files.BUILTIN, tmp_path / "seeds")
    monkeypatch.setattr(seed_sources, "BUILTIN", tmp_path / "seeds")
    words, everything = (fingerprint(find_sources(seeds)) for seeds in ("builtin:words", "builtin"))
    with open(tmp_path / "seeds" / "dates.py", "a") as file:
        file.write("\n\ndef later(year: int) -> int:\n    return year + 1\n")
    assert fingerprint(find_sources("builtin:words")) == words
    assert fingerprint(find_sources("builtin")) != everything


def test_files_and_folders_of_data_sets(tmp_path):
    (tmp_path / "hub" / "data").mkdir(parents=True)
    write_parquet(tmp_path / "hub" / "data" / "train-00000.parquet", EVOL)
    write_parquet(tmp_path / "hub" / "data" / "train-00001.parquet", [{"content": STACK["docstring"]}])
    (tmp_path / "hub" / "README.md").write_text("a card")
    write_jsonl(tmp_path / "oss.jsonl.gz", OSS)
    kept, dropped = selected(f"{tmp_path / 'hub'}, {tmp_path / 'oss.jsonl.gz'}")
    assert [seed.id for seed in kept] == ["evol_0", "bigcode_python_fns_3", "oss_0"]
    assert dropped == {"no Python code block": 2, "not Python": 1}


def test_a_folder_with_python_files_is_a_folder_of_code(tmp_path):
    (tmp_path / "a.py").write_text(ADD)
    write_jsonl(tmp_path / "fixture.jsonl", [{"x": 1}])
    kept, _ = selected(str(tmp_path))
    assert [seed.id for seed in kept] == ["a/add"]


def test_a_source_may_be_limited_to_its_first_kept_seeds(tmp_path):
    write_jsonl(
        tmp_path / "x.jsonl", [{"program": "bad("}, {"program": ADD}, {"program": ADD}, {"program": SORT}]
    )
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text(STACK["docstring"])
    kept, dropped = selected(f"{tmp_path / 'x.jsonl'}#1,{tmp_path / 'code'}")
    assert [seed.id for seed in kept] == ["x_1", "a/word_lengths"]
    assert dropped == {"not valid Python": 1}
    kept, dropped = selected(f"{tmp_path / 'x.jsonl'}#2")
    assert [seed.id for seed in kept] == ["x_1", "x_3"]
    assert dropped == {"not valid Python": 1, "exact duplicate": 1}


def test_duplicates_are_found_over_all_sources(tmp_path):
    write_jsonl(tmp_path / "x.jsonl", [{"program": ADD, "id": "one"}, {"program": SORT, "id": "one"}])
    write_jsonl(tmp_path / "y.jsonl", [{"program": ADD + "\n"}, {"program": SORT}])
    kept, dropped = selected(f"{tmp_path / 'x.jsonl'},{tmp_path / 'y.jsonl'}")
    assert [seed.id for seed in kept] == ["one", "y_1"]
    assert dropped == {"duplicate id": 1, "exact duplicate": 1}


def test_seeds_that_hold_a_task_are_dropped(tmp_path):
    rows = [{"program": SORT, "instruction": "Given a list, put its items into descending order."}]
    write_jsonl(tmp_path / "x.jsonl", [*rows, {"program": ADD}])
    sources = str(tmp_path / "x.jsonl")
    for text in ("put its items into descending order", SORT):
        kept, dropped = selected(sources, tasks=[("Set/4", [text])])
        assert [seed.id for seed in kept] == ["x_1"] and dropped == {"in an evaluation set": 1}
    kept, dropped = selected(sources, tasks=[("Set/4", ["put its items somewhere else at once"])])
    assert len(kept) == 2 and not dropped


def test_the_fingerprint_is_of_the_files_content(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", [{"program": ADD}])
    first = fingerprint(find_sources(str(path)))
    os.utime(path, (0, 0))
    assert fingerprint(find_sources(str(path))) == first
    assert fingerprint(find_sources(f"{path}#1")) == first  # the limit is in the config
    write_jsonl(path, [{"program": SORT}])
    assert fingerprint(find_sources(str(path))) != first
    assert fingerprint(find_sources("package:toolz")) != fingerprint(find_sources("builtin"))


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = write_jsonl(tmp_path / "x.jsonl", [{"program": ADD}])

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    sources = find_sources(str(path))
    monkeypatch.setattr("hashlib.file_digest", refused)
    user_error(lambda: fingerprint(sources), f"{path}: cannot be read (Permission denied)")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with two data sets in a local folder; records what was asked for."""
    write_jsonl(tmp_path / "oss.jsonl", OSS)
    asked = []

    def snapshot_download(repo_id, *, repo_type, revision, allow_patterns):
        asked.append((repo_id, repo_type, revision))
        folder = tmp_path / "cache" / repo_id
        if repo_id == "me/broken":
            raise OSError("no network\nand more")
        folder.mkdir(parents=True, exist_ok=True)
        if repo_id == "ise-uiuc/Magicoder-OSS-Instruct-75K":
            shutil.copy(tmp_path / "oss.jsonl", folder / "data-oss_instruct-decontaminated.jsonl")
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_a_data_set_of_the_hub(hub):
    kept, dropped = selected("hub:ise-uiuc/Magicoder-OSS-Instruct-75K#10")
    assert [seed.id for seed in kept] == ["oss_0"] and dropped == {"not Python": 1}
    find_sources("hub:ise-uiuc/Magicoder-OSS-Instruct-75K@abc123")
    assert hub == [
        ("ise-uiuc/Magicoder-OSS-Instruct-75K", "dataset", version) for version in (None, "abc123")
    ]


def test_a_hub_that_cannot_be_reached_is_one_line(hub):
    user_error(
        lambda: find_sources("hub:me/broken"),
        "hub:me/broken: cannot be fetched (no network)",
        "give its folder",
    )
    user_error(lambda: find_sources("hub:me/images"), "hub:me/images: holds no parquet or JSONL file")


def test_a_name_the_hub_would_not_take_is_one_line():
    """With the real client, which refuses it before it asks anyone."""
    user_error(lambda: find_sources("hub:not a name"), "hub:not a name: cannot be fetched")


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ("", "names no source"),
        (" , ", "names no source"),
        ("no/such/place", "no/such/place: no such folder of seeds or file"),
        ("package:no_such_package", "package:no_such_package: no such package is installed"),
        (
            "builtin:basic",
            "builtin:basic: no such built-in seeds; there are basics_comparisons, basics_dictionaries,",
        ),
        ("builtin:", "builtin:: no such built-in seeds"),
        ("builtin:words.py", "builtin:words.py: no such built-in seeds"),
        ("builtin:../tables", "builtin:../tables: no such built-in seeds"),
        ("builtin#0", "give a number of seeds after '#'"),
        ("builtin#many", "give a number of seeds after '#'"),
        ("builtin#", "give a number of seeds after '#'"),
    ],
)
def test_sources_that_are_misspelt_or_missing(seeds, words):
    user_error(lambda: find_sources(seeds), words)


def test_files_of_another_kind(tmp_path):
    (tmp_path / "x.csv").write_text("a,b")
    user_error(lambda: find_sources(str(tmp_path / "x.csv")), "x.csv: not a file of seeds", ".parquet")
    (tmp_path / "empty").mkdir()
    user_error(lambda: selected(str(tmp_path / "empty")), "empty: no seeds")


def test_damaged_and_wrong_files_name_themselves(tmp_path):
    (tmp_path / "set").mkdir()
    write_parquet(tmp_path / "set" / "0.parquet", EVOL)
    path = write_parquet(tmp_path / "set" / "1.parquet", EVOL * 100)
    path.write_bytes(path.read_bytes()[:-40])
    user_error(lambda: selected(str(tmp_path / "set")), path, "damaged or cut off")
    write_parquet(path, [{"question": "q"}])
    user_error(lambda: selected(str(tmp_path / "set")), path, "has the columns question", "seeds need one of")
