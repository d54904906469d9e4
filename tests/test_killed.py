"""kill -9 in the middle of a shard, in every stage that makes data: what is finished stays, and the rest is made."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acecoder_jax.__main__ import main
from acecoder_jax.data.folders import open_records, read_manifest
from acecoder_jax.data.records import Completion, PreferencePair, Question, Verdict
from tests.data.test_released import question_line, write_jsonl
from tests.made_records import completion, folder_of, mtimes, question, verdict
from tests.test_import_samples import SAMPLES, TASKS
from tests.tiny_models import tiny_tokenizer

ROOT = Path(__file__).resolve().parents[1]
# The process ends itself, with the signal that nothing can catch, after the first line of its N-th shard.
KILLED = """
import os, signal, sys
from acecoder_jax.__main__ import main
from acecoder_jax.data import folders

def until_killed(lines):
    for line in lines:
        yield line
        os.kill(os.getpid(), signal.SIGKILL)

def write_shard(path, lines, write=folders.write_shard):
    write_shard.left -= 1
    write(path, until_killed(lines) if write_shard.left == 0 else lines)

write_shard.left = int(sys.argv[1])
folders.write_shard = write_shard
sys.exit(main(sys.argv[2:]))
"""
# The same in an export, whose files TFDS writes.
KILLED_EXPORT = """
import os, signal, sys
from acecoder_jax import convert
from acecoder_jax.__main__ import main

def folder_rows(*arguments, read=convert.folder_rows, **settings):
    kind, total, rows = read(*arguments, **settings)
    def until_killed():
        for number, row in enumerate(rows):
            yield row
            if number == int(sys.argv[1]):
                os.kill(os.getpid(), signal.SIGKILL)
    return kind, total, until_killed()

convert.folder_rows = folder_rows
sys.exit(main(sys.argv[2:]))
"""


def kill(script, number, arguments):
    """Run the stage in another process until it kills itself."""
    command = [sys.executable, "-c", script, str(number), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=240)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Folders and files for every stage below."""
    root = tmp_path_factory.mktemp("inputs")
    questions = [question(f"q{number}") for number in range(4)]
    programs = ["def f(x): return x + 1", "def f(x): return 1 + x * x", "def f(x): return 1"]
    answers = [completion(q.id, i, program) for q in questions for i, program in enumerate(programs)]
    folder_of(root / "questions", questions)
    folder_of(root / "completions", answers)
    folder_of(root / "verdicts", [verdict(answer, [1.0, 0.4, 0.2][int(answer.id[-1])]) for answer in answers])
    (root / "seeds").mkdir()
    functions = (f"def plus{n}(x: int) -> int:\n    '''Adds {n}.'''\n    return x + {n}\n" for n in range(40))
    (root / "seeds" / "plus.py").write_text("\n\n".join(functions))
    write_jsonl(root / "released.jsonl", [question_line(number) for number in range(12)])
    for name, rows in (("tasks", TASKS), ("samples", SAMPLES)):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tiny_tokenizer().save_pretrained(root / "tokenizer")
    return root


# Stage and settings, below which folder its shards are, of which record; the shard in which it is killed, how many
# are finished by then, and how many records there are in the end.
CASES = [
    (
        "synthesize --config.seeds=IN/seeds --config.seed_filter.near_duplicates=1"
        " --config.tests_per_question=5",
        "",
        Question,
        2,
        1,
        40,
    ),
    (
        "score --config.questions=IN/questions --config.completions=IN/completions"
        " --config.completions_per_shard=5",
        "",
        Verdict,
        3,
        2,
        12,
    ),
    ("filter --config.questions=IN/questions --config.oracle=IN/completions", "verdicts", Verdict, 2, 1, 12),
    (
        "pairs --config.questions=IN/questions --config.completions=IN/completions"
        " --config.verdicts=IN/verdicts",
        "",
        PreferencePair,
        1,
        0,
        8,
    ),
    ("hard --config.questions=IN/questions --config.verdicts=IN/verdicts", "", Question, 1, 0, 4),
    (
        "import_samples --config.benchmark=humanevalplus --config.tasks=IN/tasks.jsonl"
        " --config.samples=IN/samples.jsonl --config.tokenizer=IN/tokenizer",
        "completions",
        Completion,
        2,
        0,
        7,
    ),
    ("convert --from=IN/released.jsonl --config.shard_rows=3", "", Question, 8, 2, 12),
]


@pytest.mark.parametrize(
    ("command", "inner", "record", "killed_in", "finished", "count"),
    CASES,
    ids=[case[0].split()[0] for case in CASES],
)
def test_a_killed_stage_loses_no_finished_shard(
    inputs, tmp_path, command, inner, record, killed_in, finished, count
):
    arguments = [*command.replace("IN/", f"{inputs}/").split(), f"--workdir={tmp_path / 'out'}"]
    kill(KILLED, killed_in, arguments)
    folder = tmp_path / "out" / inner
    kept = {path: path.read_bytes() for path in sorted(folder.glob("records-*"))}
    before = mtimes(folder)
    assert len(kept) == finished and not (tmp_path / "out" / "manifest.json").exists()
    assert main(arguments) == 0
    for path, content in kept.items():
        assert path.read_bytes() == content and mtimes(folder)[path] == before[path]
    records = list(open_records(folder, record))
    assert len(records) == count == len({str(vars(item)) for item in records})
    manifest = read_manifest(folder)
    assert main(arguments) == 0 and read_manifest(folder) == manifest, "finished: nothing is done"


def test_a_killed_export_to_tfds_is_made_again(inputs, tmp_path):
    arguments = ["convert", f"--from={inputs / 'questions'}", "--config.form=tfds"]
    arguments.append(f"--workdir={tmp_path / 'out'}")
    kill(KILLED_EXPORT, 2, arguments)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert main(arguments) == 0

    from acecoder_jax.data.tfds_builders import PreparedQuestions

    assert {item.id for item in PreparedQuestions(tmp_path / "out")} == {"q0", "q1", "q2", "q3"}
    files = read_manifest(tmp_path / "out")["files"]
    assert files and not any("incomplete" in name for name in files), "nothing of the killed one is left"
