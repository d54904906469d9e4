"""Files of the released data sets AceCode-87K and AceCodePair-300K: their columns, read and written row by row.

Parquet, as on the hub, or JSON lines, as the authors' scripts write them. A row is a plain dict. What a file is besides
its rows (its Arrow schema with all metadata, row groups, how JSON is escaped) is a `Layout`, so that a file that was
read can be written again as it was. How rows become records is in `released_records`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acecoder_jax.data.folders import file_hash
from acecoder_jax.data.shards import replacing
from acecoder_jax.errors import UserError

Row = dict[str, Any]

SCHEMAS = {
    "questions": pa.schema(
        {
            "id": pa.string(),
            "source": pa.string(),
            "question": pa.string(),
            "test_cases": pa.list_(pa.string()),
            "inferences": pa.list_(
                pa.struct(
                    {
                        "completion": pa.string(),
                        "completion_id": pa.int64(),
                        "model_name": pa.string(),
                        "pass_rate": pa.float64(),
                    }
                )
            ),
            "context_messages": pa.list_(pa.struct({"content": pa.string(), "role": pa.string()})),
        }
    ),
    "pairs": pa.schema(
        {
            "instruction": pa.string(),
            "input": pa.string(),
            "chosen": pa.string(),
            "rejected": pa.string(),
            "id": pa.int64(),
        }
    ),
}
_OPTIONAL = {"pairs": {"id"}}  # LLaMA-Factory's own form has no ids
_NAMES = {"questions": "AceCode-87K", "pairs": "AceCodePair-300K"}
_ROWS_PER_GROUP = 1000


@dataclass(frozen=True)
class Layout:
    """How one file holds its rows.

    Attributes:
      name: the file's name, `.parquet` or `.jsonl`.
      kind: a key of `SCHEMAS`.
      rows: rows per row group of a parquet file; all rows in one number otherwise.
      schema: the Arrow schema, serialized, in base64; empty for JSON lines.
      compression, version, dictionary, statistics, page_index: of a parquet file, as `ParquetWriter` takes them.
      newline_at_end: whether the last line of JSON lines is ended.
      sha256: of the file that was read; empty for one that is not a copy.
    """

    name: str
    kind: str
    rows: tuple[int, ...]
    schema: str = ""
    compression: str = "snappy"
    newline_at_end: bool = True
    version: str = "2.6"
    dictionary: bool = True
    statistics: bool = True
    page_index: bool = False
    sha256: str = ""


def new_layout(name: str, kind: str, count: int) -> Layout:
    """The layout of a file that is not a copy of another."""
    groups = [min(_ROWS_PER_GROUP, count - start) for start in range(0, count, _ROWS_PER_GROUP)]
    return Layout(name, kind, tuple(groups), _encode(SCHEMAS[kind]) if name.endswith(".parquet") else "")


def released_files(path: str | Path) -> list[Path]:
    """The released files that a path names: itself, or the folder's in order.

    Raises:
      UserError: there are none.
    """
    path = Path(path)
    files = (
        [path] if path.is_file() else sorted(p for end in ("parquet", "jsonl") for p in path.glob(f"*.{end}"))
    )
    if not files or any(file.suffix not in (".parquet", ".jsonl") for file in files):
        raise UserError(
            f"{path}: no .parquet or .jsonl file there; give a released file, or the folder that holds them"
        )
    return files


def read_layout(path: Path) -> Layout:
    """What the file is, apart from its rows.

    Raises:
      UserError: it is cut short, or has neither data set's columns.
    """
    if path.suffix == ".parquet":
        try:
            with pq.ParquetFile(path) as file:
                schema, about = file.schema_arrow, file.metadata
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path}: cannot read as parquet ({_one_line(error)}); fetch it again") from error
        kind = _kind(schema.names, str(path))
        for field in SCHEMAS[kind]:
            if field.name in schema.names and not _same_type(schema.field(field.name).type, field.type):
                raise UserError(
                    f"{path}: column {field.name!r} is {schema.field(field.name).type} where {_NAMES[kind]} has"
                    f" {field.type}; give a released file"
                )
        groups = tuple(about.row_group(i).num_rows for i in range(about.num_row_groups))
        chunks = [about.row_group(0).column(i) for i in range(about.num_columns)] if groups else []
        compression = chunks[0].compression.lower() if chunks else "snappy"
        # Arrow's own note of the schema says what the parquet columns do not, such as the names of list items.
        note = (about.metadata or {}).get(b"ARROW:schema")
        encoded = note.decode() if note else _encode(schema)
        return Layout(
            path.name,
            kind,
            groups,
            encoded,
            compression.replace("uncompressed", "none"),
            version=about.format_version,
            dictionary=any(chunk.has_dictionary_page for chunk in chunks),
            statistics=any(chunk.is_stats_set for chunk in chunks),
            page_index=any(chunk.has_column_index for chunk in chunks),
            sha256=file_hash(path),
        )
    first = next(iter(_lines(path)), None)
    if first is None:
        raise UserError(f"{path}: holds no rows; fetch it again")
    count = 0
    with open(path, "rb") as file:
        for count, line in enumerate(file, start=1):  # noqa: B007 - the last line and its number are used
            pass
    kind = _kind(first[1], f"{path}:1")
    return Layout(path.name, kind, (count,), newline_at_end=line.endswith(b"\n"), sha256=file_hash(path))


def read_rows(path: Path, kind: str) -> Iterator[tuple[str, Row, str | None]]:
    """Every row with its place for messages, and for JSON lines its text.

    Raises:
      UserError: a row cannot be read, lacks a column, or has a value of another type.
    """
    for where, row, line in _lines(path) if path.suffix == ".jsonl" else _parquet_rows(path):
        if _kind(row, where) != kind:
            raise UserError(
                f"{where}: not a row of {_NAMES[kind]} as the rows before it; give one data set at a time"
            )
        if line is not None:
            _check_types(row, kind, where)
        yield where, row, line


def write_file(folder: Path, layout: Layout, rows: Iterator[tuple[Row, str | None]]) -> None:
    """Write one file, whole or not at all; memory holds one row group.

    Args:
      rows: as many as the layout has are taken, each with the exact line it must have, or None for `json_line`.
    """
    with replacing(folder / layout.name) as temporary:
        if not layout.schema:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                for number, (row, line) in enumerate(islice(rows, sum(layout.rows))):
                    file.write("\n" * (number > 0) + (json_line(row) if line is None else line))
                file.write("\n" * layout.newline_at_end)
            return
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(layout.schema)))
        settings = {
            "compression": layout.compression,
            "version": layout.version,
            "use_dictionary": layout.dictionary,
            "write_statistics": layout.statistics,
            "write_page_index": layout.page_index,
        }
        with pq.ParquetWriter(temporary, schema, **settings) as writer:
            for count in layout.rows:
                group = [row for row, _ in islice(rows, count)]
                writer.write_table(pa.Table.from_pylist(group, schema), row_group_size=max(count, 1))


def json_line(row: Row) -> str:
    """A row as the authors' scripts write it."""
    return json.dumps(row)


def layouts_to_json(layouts: Iterable[Layout]) -> str:
    return json.dumps([asdict(layout) for layout in layouts], indent=2)


def layouts_from_json(text: str) -> list[Layout]:
    return [Layout(**(values | {"rows": tuple(values["rows"])})) for values in json.loads(text)]


def _kind(columns: Iterable[str], where: str) -> str:
    columns = set(columns)
    for kind, schema in SCHEMAS.items():
        if columns >= set(schema.names) - _OPTIONAL.get(kind, set()):
            return kind
    missing = {_NAMES[kind]: sorted(set(schema.names) - columns) for kind, schema in SCHEMAS.items()}
    name = min(missing, key=lambda name: len(missing[name]))
    raise UserError(f"{where}: lacks the columns {', '.join(missing[name])} of {name}; give a released file")


def _lines(path: Path) -> Iterator[tuple[str, Row, str]]:
    with open(path, "rb") as file:
        for number, data in enumerate(file, start=1):
            where = f"{path}:{number}"
            try:
                line = data.decode()
                row = json.loads(line)
                if "\\ud" in line.lower():  # perhaps half of a surrogate pair, which no file can hold as text
                    json.dumps(row, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                raise UserError(
                    f"{where}: holds half a character ({error.reason}); remove that row"
                ) from error
            except UnicodeDecodeError as error:
                raise UserError(f"{where}: not UTF-8 ({error.reason}); fetch the file again") from error
            except json.JSONDecodeError as error:
                raise UserError(
                    f"{where}: not valid JSON ({error.msg}); cut short? fetch the file again"
                ) from error
            if not isinstance(row, dict):
                raise UserError(
                    f"{where}: expected a JSON object, one row of a data set; give a released file"
                )
            yield where, row, line.removesuffix("\n")


def _parquet_rows(path: Path) -> Iterator[tuple[str, Row, None]]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row, None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, after row {number}: not UTF-8 ({error.reason}); fetch the file again"
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path}, after row {number}: cannot read ({_one_line(error)}); fetch it again"
        ) from error


def _check_types(row: Row, kind: str, where: str) -> None:
    for field in SCHEMAS[kind]:
        if field.name in row:
            try:
                if pa.types.is_list(field.type) and isinstance(row[field.name], str):
                    raise TypeError("Arrow would take its characters for the items")
                pa.array([row[field.name]], field.type)
            except (pa.ArrowException, TypeError, ValueError) as error:
                raise UserError(
                    f"{where}: column {field.name!r} does not hold {field.type}; give a released file"
                ) from error


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Equal, or equal but for the width of offsets, the order of a struct's fields, or further fields."""
    if pa.types.is_list(wanted):
        is_list = pa.types.is_list(found) or pa.types.is_large_list(found)
        return is_list and _same_type(found.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return pa.types.is_struct(found) and all(
            found.get_field_index(field.name) >= 0 and _same_type(found.field(field.name).type, field.type)
            for field in wanted
        )
    if pa.types.is_string(wanted):
        return pa.types.is_string(found) or pa.types.is_large_string(found)
    return found.equals(wanted)


def _encode(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
