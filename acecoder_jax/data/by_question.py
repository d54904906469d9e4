"""Folders read question by question: a place in memory for each record, the records themselves on disk.

The paper's 124,006 questions with 18 tests and 16 programs each are more verdicts and token ids than a modest host
holds. Stages of curation therefore go through the questions in order and ask here for what belongs to each.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from acecoder_jax.data.folders import each_record, open_records
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.data.shards import RecordSource

Answer = TypeVar("Answer", Completion, Verdict)


class Questions(Mapping[str, Question]):
    """The questions of a finished folder by id, in the folder's order; each is read when it is asked for."""

    def __init__(self, folder: str | Path):
        """Find where each one is.

        Raises:
          UserError: see `each_record`.
        """
        self.places = {question.id: place for place, question in enumerate(each_record(folder, Question))}
        self._records = open_records(folder, Question)
        self._last: Question | None = None  # one is often asked for several times in a row

    def __getitem__(self, id: str) -> Question:
        if self._last is None or self._last.id != id:
            self._last = self._records[self.places[id]]
        return self._last

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __contains__(self, id: object) -> bool:
        return id in self.places


class ByQuestion(Generic[Answer]):
    """The completions or verdicts of each question, in their order; they are read when they are asked for."""

    def __init__(
        self, records: RecordSource[Answer], questions: Questions, checked: Iterable[Answer] | None = None
    ):
        """Go through the records once.

        Args:
          records: each has a `question_id`; those of other questions are passed over, and are `foreign`.
          checked: the same records once more, from a reader that looks at each of them.
        """
        numbers = array("q")
        for record in records if checked is None else checked:
            numbers.append(questions.places.get(record.question_id, -1))
        owners = np.frombuffer(numbers, np.int64) if numbers else np.zeros(0, np.int64)
        self._records: RecordSource[Answer] = records
        self._numbers = questions.places
        self._places = np.argsort(owners, kind="stable")
        self._starts = np.searchsorted(owners[self._places], np.arange(len(questions) + 1))
        self.foreign = int(self._starts[0])

    def __getitem__(self, question_id: str) -> list[Answer]:
        number = self._numbers[question_id]
        places = self._places[self._starts[number] : self._starts[number + 1]]
        return [self._records[int(place)] for place in places]

    def __len__(self) -> int:
        """How many records belong to some question."""
        return len(self._places) - self.foreign
