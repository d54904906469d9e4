"""Stage `convert`: the released data sets become folders of records, and folders of records their released form.

`--from` is either. Released files (AceCode-87K or AceCodePair-300K, parquet or JSON lines) are imported: questions with
`completions` and `verdicts` inside, or pairs with `questions` and `completions`. A folder of questions or pairs is
written as released files, or as a TFDS data set. One after the other gives the same rows, and the same bytes too unless
parquet files were written by another version of its library or with settings that a file does not tell: the stage
compares and says which. Killed, the same command continues at the last finished shard.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, file_hash, write_atomically
from acecoder_jax.data.pair_rows import with_end
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.released import (
    Layout,
    Row,
    layouts_from_json,
    layouts_to_json,
    new_layout,
    read_layout,
    read_rows,
    released_files,
    write_file,
)
from acecoder_jax.data.released_records import (
    Encode,
    folder_rows,
    pair_records,
    pair_row,
    question_records,
    question_row,
    remainder,
)
from acecoder_jax.data.splits import check_shares
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_tokenizer

FORMS = ("parquet", "jsonl", "tfds")
NO_TOKENS: Encode = (lambda prompt: (), lambda text: ())


def default_config() -> ConfigDict:
    """`source`: released files or a folder of records.

    To import: `model` is a folder whose tokenizer gives the token ids; questions may do without, pairs may not.
    To export: `form`, and the folders of the texts where they are not inside the source.
    """
    return ConfigDict(
        {
            "source": "",
            "model": config_dict.placeholder(str),
            "validation": 0.005,  # the share that the paper holds out of the pairs
            "held_out": 0.0,
            "shard_format": "array_record",
            "shard_rows": 1000,
            "duplicates": "refuse",  # rows with an id seen before; or "drop"
            "form": "parquet",
            "questions": config_dict.placeholder(str),
            "completions": config_dict.placeholder(str),
            "verdicts": config_dict.placeholder(str),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Import into, or export to, `workdir`; returns the counts."""
    for name, allowed in (("form", FORMS), ("duplicates", ("refuse", "drop"))):
        if config[name] not in allowed:
            raise UserError(f"config.{name}: {config[name]!r} is unknown; use one of {', '.join(allowed)}")
    if any(Path(config.source).glob("records-[0-9]*")):
        return _export(config, workdir)
    return _import(config, workdir)


def _import(config: ConfigDict, workdir: Path) -> dict:
    shares = {"validation": config.validation, "held_out": config.held_out}
    check_shares(shares)
    files = released_files(config.source)
    layouts = [read_layout(file) for file in files]
    kind = layouts[0].kind
    encode = _encode(config, kind)
    about = config.to_dict() | {"files": {file.name: file.stat().st_size for file in files}}
    output = OutputFolder(workdir, "convert", about, shard_format=config.shard_format)
    if output.finished:
        return output.counts
    names = ("completions", "verdicts") if kind == "questions" else ("questions", "completions")
    inner = {
        n: OutputFolder(workdir / n, f"convert/{n}", {}, shard_format=config.shard_format) for n in names
    }
    write_atomically(workdir / "layouts.json", layouts_to_json(layouts))
    done, counts = len(output.shards()), {"rows": 0, "dropped_duplicates": 0, "rows_with_a_remainder": 0}
    reader = _Reader(kind, shares, config.duplicates == "drop")
    rows = (row for file in files for row in read_rows(file, kind))
    with tqdm(total=sum(sum(layout.rows) for layout in layouts), unit="row", desc=f"convert {kind}") as bar:
        for number in count():
            chunk = list(islice(rows, config.shard_rows))
            if not chunk:
                break
            fresh = number >= done
            main, others, rest = reader.records(chunk, encode if fresh else NO_TOKENS, counts)
            if fresh:  # the main shard last: it says that this number is finished
                for name, records in zip(names, others):
                    inner[name].write_shard(records, number)
                write_atomically(workdir / f"rest-{number:05d}.jsonl", "".join(map(_line, rest)))
                output.write_shard(main, number)
            bar.update(len(chunk))
    for folder in inner.values():
        folder.finish()
    output.finish(kind=kind, **counts)
    print(f"{counts['rows']} {kind} in {workdir}; " + ", ".join(f"{n} in {workdir / n}" for n in names))
    if counts["dropped_duplicates"]:
        print(f"rows dropped: {counts['dropped_duplicates']:,} x id seen before")
    return output.counts


class _Reader:
    """Rows to records, remembering what came before."""

    def __init__(self, kind: str, shares: dict[str, float], drop: bool):
        self._kind, self._shares, self._drop = kind, shares, drop
        self._places: dict[Any, str] = {}  # id of a row -> where it was
        self._named: set[str] = set()  # questions and completions of pairs that are written already

    def records(
        self, chunk: list, encode: Encode, counts: dict[str, int]
    ) -> tuple[list, tuple[list, list], list]:
        """The main records, those of the two inner folders, and the remainders; adds to the counts."""
        main: list = []
        others: tuple[list, list] = ([], [])
        rest = []
        for where, row, line in chunk:
            if self._is_double(row, where):
                counts["dropped_duplicates"] += 1
                continue
            if self._kind == "questions":
                made = question_records(row, where, self._shares, encode if encode is not NO_TOKENS else None)
                main.append(made.question)
                others[0].extend(made.completions)
                others[1].extend(made.verdicts)
                rates = [verdict.pass_rate for verdict in made.verdicts]
                rebuilt = question_row(made.question, zip(made.completions, rates))
            else:
                pair = pair_records(row, where, self._shares, encode)
                main.append(pair.pair)
                others[0].extend(self._unnamed([pair.question]))
                others[1].extend(self._unnamed(pair.completions))
                rebuilt = pair_row(pair.question, *pair.completions, counts["rows"])
            left = remainder(row, line, rebuilt)
            if left is not None:
                rest.append({"row": counts["rows"]} | left)
                counts["rows_with_a_remainder"] += 1
            counts["rows"] += 1
        return main, others, rest

    def _is_double(self, row: Row, where: str) -> bool:
        name = row.get("id")
        before = self._places.setdefault(name, where) if name is not None else where
        if before == where:
            return False
        if self._drop:
            return True
        raise UserError(
            f"{where}: has the id {name!r} of {before}; set --config.duplicates=drop to keep the first"
        )

    def _unnamed(self, records: Any) -> Iterator[Any]:
        for record in records:
            if record.id not in self._named:
                self._named.add(record.id)
                yield record


def _encode(config: ConfigDict, kind: str) -> Encode:
    """The tokenizer of `config.model`, as two functions."""
    if config.model is None:
        if kind == "pairs":
            raise UserError(
                "config.model: required to import pairs, whose token ids are its tokenizer's; set it"
            )
        return NO_TOKENS
    tokenizer = load_tokenizer(Path(config.model))
    return (
        lambda prompt: render_prompt(tokenizer, prompt),
        lambda text: with_end(tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id),
    )


def _export(config: ConfigDict, workdir: Path) -> dict:
    texts = {name: config[name] for name in ("questions", "completions", "verdicts")}
    inputs = [config.source, *filter(None, texts.values())]
    output = OutputFolder(workdir, "convert", config.to_dict(), inputs)
    if output.finished:
        return output.counts
    kind, total, rows = folder_rows(config.source, **texts)
    bar = tqdm(rows, total=total, unit="row", desc=f"convert {kind}")
    copies: Counter[str] = Counter()
    if config.form == "tfds":
        from acecoder_jax.data import tfds_builders  # half a second that only this needs

        builder = {"questions": tfds_builders.AcecodeQuestions, "pairs": tfds_builders.AcecodePairs}[kind]
        builder(data_dir=workdir, rows=(row for row, _ in bar)).download_and_prepare()
    else:
        lines = iter(bar)
        for layout in _layouts(config, kind, total):
            write_file(workdir, layout, lines)
            if layout.sha256:
                same = file_hash(workdir / layout.name) == layout.sha256
                copies["same bytes" if same else "same rows, other bytes"] += 1
        next(lines, None)  # there is none: the bar is finished
    output.finish(kind=kind, rows=total, copies=dict(copies))
    print(f"{total} {kind} as {config.form} in {workdir}")
    for how, files in copies.items():
        print(f"{files} files of those that were imported: {how}")
    return output.counts


def _layouts(config: ConfigDict, kind: str, total: int) -> list[Layout]:
    """Those of the files that the folder was imported from, where it was, and nothing was dropped."""
    path = Path(config.source) / "layouts.json"
    if path.is_file():
        layouts = layouts_from_json(path.read_text())
        same_form = all(layout.name.endswith(f".{config.form}") for layout in layouts)
        if same_form and sum(sum(layout.rows) for layout in layouts) == total:
            return layouts
    return [new_layout(f"train-00000-of-00001.{config.form}", kind, total)]


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"
