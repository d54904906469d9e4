"""Stage `ask`: a language model behind an endpoint answers the questions, as `sample` lets a policy answer them.

The paper's filter believes a stronger coder than the policy (section 3.1); this is the way to one that is not here.
Every reply is kept by its request, as those of the teacher are, so that a rerun costs nothing.

    acecoder ask --config.questions=runs/questions --config.endpoint.model=my-model --workdir=runs/answers
    acecoder filter --config.questions=runs/questions --config.oracle=runs/answers --workdir=runs/filter
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.code import extract_program
from acecoder_jax.data.folders import OutputFolder, each_record, open_records
from acecoder_jax.data.records import Completion, Question
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.curation import reason_lines
from acecoder_jax.synthesis.endpoint import DECIDING, Endpoint, endpoint_config
from acecoder_jax.synthesis.outcomes import Rejection
from acecoder_jax.synthesis.replies import Prompt


def default_config() -> ConfigDict:
    """`questions` is a folder; one greedy answer to each, as the paper's oracle gives."""
    endpoint = endpoint_config()
    endpoint.update({"temperature": 0.0, "json_mode": False})
    return ConfigDict(
        {
            "questions": "",
            "samples": 1,  # further ones are asked for with the request's field `seed`, and a temperature above 0
            "completions_per_shard": 100,
            "shard_format": "jsonl",  # or "array_record", for anything large
            "endpoint": endpoint,
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """Write completions into `workdir`; returns the counts.

    Raises:
      UserError: a setting or the questions cannot be used, or see `Endpoint.__call__`.
    """
    if config.samples < 1:
        raise UserError(f"config.samples is {config.samples}; give at least 1")
    settings = config.to_dict()
    about = settings | {"endpoint": {key: settings["endpoint"][key] for key in DECIDING}}
    output = OutputFolder(workdir, "ask", about, [config.questions], config.shard_format)
    if output.finished:
        return output.counts
    endpoint = Endpoint(settings["endpoint"], config.endpoint.cache or workdir.resolve().parent / "replies")
    questions = open_records(config.questions, Question)
    done = {completion.id for completion in output.read(Completion)}
    wanted = (
        (question, number)
        for question in each_record(config.questions, Question)
        for number in range(config.samples)
        if f"{question.id}#{number}" not in done
    )
    rejected: Counter[str] = Counter()
    total = len(questions) * config.samples
    with tqdm(total=total, initial=len(done), unit="program", desc="ask") as bar:
        output.write_shards(_answers(endpoint, wanted, rejected, bar), config.completions_per_shard)
    counts: Counter[str] = Counter()
    for completion in output.read(Completion):
        counts["completions"] += 1
        counts["truncated"] += completion.finish_reason == "length"
        counts["without_program"] += completion.program is None
    # What was rejected before a restart is asked again, so these are all.
    output.finish(questions=len(questions), **counts, rejected=dict(sorted(rejected.items())))
    total = (
        f"{workdir}: {counts['completions']:,} answers to {len(questions):,} questions;"
        f" {counts['truncated']:,} cut at the limit, {counts['without_program']:,} without a program"
    )
    print("\n".join([total, *reason_lines("answers", rejected)]))
    return output.counts


def _answers(
    endpoint: Endpoint, wanted: Iterable[tuple[Question, int]], rejected: Counter[str], bar: tqdm
) -> Iterator[Completion]:
    """The completions in order; a prompt without a reply is counted and left out."""
    asked: deque[tuple[Question, int]] = deque()  # and not yet answered

    def prompts() -> Iterator[Prompt]:
        for question, number in wanted:
            asked.append((question, number))
            yield Prompt(question.id, question.prompt, number)

    with closing(endpoint(prompts())) as replies:
        for reply in replies:
            question, number = asked.popleft()
            bar.set_postfix_str(endpoint.progress(), refresh=False)
            bar.update()
            if isinstance(reply, Rejection):
                rejected[reply.reason] += 1
                continue
            program = extract_program(reply.text, question.entry_point or None)
            yield Completion(
                f"{question.id}#{number}",
                question.id,
                reply.text,
                program,
                (),
                (),
                (),
                "length" if reply.finish_reason == "length" else "stop",
                endpoint.model,
            )
