"""TFDS builders `acecode_questions` and `acecode_pairs`: the released data sets, or folders of one's own in their form.

Files are ArrayRecord, and nothing here needs TensorFlow. Once prepared, importing this module is enough:

    tfds.data_source("acecode_questions", data_dir=..., split="train[:1%]")
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from acecoder_jax.data.records import Question
from acecoder_jax.data.released import Row, read_layout, read_rows, released_files
from acecoder_jax.data.released_records import folder_rows, question_records
from acecoder_jax.errors import UserError

Text = tfds.features.Text

FEATURES = {
    "questions": {
        "id": Text(),
        "source": Text(),
        "question": Text(),
        "test_cases": tfds.features.Sequence(Text()),
        "inferences": tfds.features.Sequence(
            {"completion": Text(), "completion_id": np.int64, "model_name": Text(), "pass_rate": np.float64}
        ),
        "context_messages": tfds.features.Sequence({"content": Text(), "role": Text()}),
    },
    "pairs": {"instruction": Text(), "input": Text(), "chosen": Text(), "rejected": Text(), "id": np.int64},
}


def released_rows(source: str | Path) -> tuple[str, Iterator[Row]]:
    """The kind and the rows of released files, or of a finished folder of questions or pairs."""
    if any(Path(source).glob("records-[0-9]*")):
        kind, _, rows = folder_rows(source)
        return kind, (row for row, _ in rows)
    files = released_files(source)
    kind = read_layout(files[0]).kind
    return kind, (row for file in files for _, row, _ in read_rows(file, kind))


class _AcecodeBuilder(tfds.core.GeneratorBasedBuilder):
    """What the two share: where rows come from, and how a row without some value is written."""

    VERSION = tfds.core.Version("1.0.0")
    kind = ""

    def __init__(self, *, rows: Any = None, source: str | Path | None = None, **arguments: Any):
        """Make a builder.

        Args:
          source: what `released_rows` reads; needed to prepare the data, not to read it.
          rows: instead of a source, an iterator of rows.
          arguments: TFDS's own, such as `data_dir`.
        """
        self._source, self._rows = source, rows
        super().__init__(file_format="array_record", **arguments)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(FEATURES[self.kind]),
            homepage="https://github.com/TIGER-AI-Lab/AceCoder",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        rows, kind = self._rows, self.kind
        if rows is None:
            if self._source is None:
                raise UserError(
                    f"{self.name}: not prepared yet; give released files or a folder as source=..."
                )
            kind, rows = released_rows(self._source)
        if kind != self.kind:
            raise UserError(f"{self._source}: holds {kind}; build acecode_{kind} from it")
        for number, row in enumerate(rows):
            yield number, _example(kind, row | {"id": row.get("id", number)})


class AcecodeQuestions(_AcecodeBuilder):
    """AceCode-87K."""

    kind = "questions"


class AcecodePairs(_AcecodeBuilder):
    """AceCodePair-300K."""

    kind = "pairs"


class PreparedQuestions(Sequence[Question]):
    """The questions of a prepared `acecode_questions`, as records that are read when asked for."""

    def __init__(self, data_dir: str | Path):
        """Open the data set; raises UserError when it is not prepared."""
        self._source = tfds.data_source("acecode_questions", data_dir=data_dir, split="train")

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        example = self._source[index]
        row = {name: example[name].decode() for name in ("id", "source", "question")}
        row |= {"test_cases": [test.decode() for test in example["test_cases"]], "inferences": []}
        return question_records(row, f"acecode_questions:{index}", {}, None).question


def _example(kind: str, row: Row) -> dict[str, Any]:
    """The row without nulls, which TFDS does not have: empty text, no items, a pass rate that is not a number."""
    if kind == "pairs":
        return {name: row[name] or "" for name in ("instruction", "input", "chosen", "rejected")} | {
            "id": row["id"]
        }
    return {
        **{name: row[name] or "" for name in ("id", "source", "question")},
        "test_cases": row["test_cases"] or [],
        "inferences": [
            {
                "completion": inference["completion"] or "",
                "completion_id": inference["completion_id"] or 0,
                "model_name": inference["model_name"] or "",
                "pass_rate": float("nan") if inference["pass_rate"] is None else inference["pass_rate"],
            }
            for inference in row["inferences"] or []
        ],
        "context_messages": [
            {name: message[name] or "" for name in ("content", "role")}
            for message in row["context_messages"] or []
        ],
    }
