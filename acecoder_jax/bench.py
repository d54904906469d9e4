"""Stage `bench`: how fast one part of the project runs on this machine.

`acecoder bench pipeline` packs an epoch of preference pairs as `train_reward` does, with no model behind it: real
tokens and pairs a second for each core that was busy, the padding share, and whether memory grows. Beside them it
puts what the fastest of the shipped reward-model runs could take in on eight chips, by the roofline.

`acecoder bench prompts` takes an epoch of questions in the batches of `train_policy`.

`acecoder bench train_reward` puts our reward-model step beside TRL's (see `training.bench_reward`).

`acecoder bench train_policy` runs steps of reinforcement learning in which a share of the programs loops for ever, and
says for how much of a step the device waits for rewards.

`acecoder bench sampling` measures the engine beside transformers and google-tunix; see `benches/sampling.py`.
"""

from __future__ import annotations

import contextlib
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.benches.sampling import bench_sampling, sampling_bench_config
from acecoder_jax.data.folders import OutputFolder, open_records, write_atomically
from acecoder_jax.data.pipelines import PromptStream, pair_batches
from acecoder_jax.data.records import PreferencePair, Question
from acecoder_jax.errors import UserError
from acecoder_jax.models.config import read_hf_config
from acecoder_jax.rewards.verdicts import sandbox_config
from acecoder_jax.training.bench_reward import bench_reward_config, compare
from acecoder_jax.training.costs import tokens_per_s_at_most
from acecoder_jax.training.policy_bench import policy_bench
from acecoder_jax.training.topology import chip_count

CHIPS = 8  # for which the appetite of a training run is stated


def default_config() -> ConfigDict:
    """`name` is the benchmark; `pairs` a folder, or made ones of about the released set's lengths.

    `questions` is a folder of records, or of the TFDS data set that `convert` makes of one.
    `runs` is the folder of training configs whose appetite the rate is compared with.
    """
    return ConfigDict(
        {
            "name": config_dict.placeholder(str),
            "pairs": config_dict.placeholder(str),
            "made_pairs": 20_000,
            "questions": config_dict.placeholder(str),
            "prompts_per_step": 256,
            "batch_pairs": 128,
            "row_length": 2048,
            "rows_per_microbatch": 8,
            "workers": 0,  # processes, as in train_reward; 0 for one thread
            "seed": 0,
            "runs": str(Path(__file__).parents[1] / "configs" / "train_reward"),
            "train_reward": bench_reward_config(),
            "looping": 0.05,  # share of programs that never end
            "train_policy": {  # settings of that stage
                "model": config_dict.placeholder(str),
                "mode": "one_step_ahead",
                "steps": 5,  # the first compiles
                "prompts_per_step": 16,
                "samples": 8,
                "prompts_per_update": 16,
                "row_length": 512,
                "rows_per_microbatch": 2,
                "dtype": "bfloat16",
                "remat": "dots",
                "max_new_tokens": 192,
                "slots": 64,
                "sandbox": sandbox_config(),
            },
            "sampling": sampling_bench_config(),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Run the benchmark `config.name`; returns the counts."""
    if config.name not in BENCHES:
        raise UserError(
            f"config.name: no benchmark {config.name!r}: use `acecoder bench NAME`, one of {', '.join(BENCHES)}"
        )
    stages = config.train_reward, config.train_policy, config.sampling
    folders = config.pairs, config.questions, *(stage.model for stage in stages)
    inputs = [folder for folder in folders if folder is not None]
    output = OutputFolder(workdir, "bench", config.to_dict(), inputs)
    if not output.finished:
        results = BENCHES[config.name](config, workdir)
        write_atomically(workdir / "results.json", json.dumps(results, indent=2))
        output.finish(**results)
    width = max(map(len, output.counts), default=0)
    for name, value in output.counts.items():
        shown = (
            value if isinstance(value, str) else f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
        )
        print(f"{name:{width}} {shown}")
    return output.counts


def _pipeline(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """One epoch of pair batches."""
    eater, eaten = _fastest_run(Path(config.runs))
    pairs = open_records(config.pairs or _made_pairs(config, workdir / "pairs"), PreferencePair)
    batches = pair_batches(
        pairs,
        np.arange(len(pairs)),
        eos_id=2,
        batch_pairs=config.batch_pairs,
        epochs=1,
        row_length=config.row_length,
        rows=config.rows_per_microbatch,
        seed=config.seed,
        workers=config.workers,
    )
    real = computed = 0
    memory, shapes = [], set()
    started, busy = time.perf_counter(), _cpu_s()
    for step in tqdm(batches, total=batches.steps, unit="step", desc="bench pipeline"):
        real += sum(int((m["tree"] > 0).sum()) for m in step)
        computed += sum(m["tree"].size for m in step)
        shapes |= {m["tree"].shape for m in step}
        memory.append(_memory_mb())
    batches.close()
    wall, busy = time.perf_counter() - started, _cpu_s() - busy
    settled = memory[len(memory) // 4 :]  # buffers are full by then
    return {
        "pairs": len(pairs),
        "steps": batches.steps,
        "real_tokens": real,
        "padding_share": 1 - real / computed,
        "row_shapes": len(shapes),
        "wall_s": wall,
        "cpu_s": busy,
        "real_tokens_per_s": real / wall,
        "real_tokens_per_core_s": real / busy,
        "pairs_per_s": len(pairs) / wall,
        "pairs_per_core_s": len(pairs) / busy,
        "memory_mb_after_a_quarter": settled[0],
        "memory_mb_at_the_end": settled[-1],
        "memory_mb_most": max(memory),
        "fastest_run": eater,
        "fastest_run_tokens_per_s": eaten,
        "times_the_fastest_run": real / wall / eaten,
        "times_the_fastest_run_per_core": real / busy / eaten,
    }


def _fastest_run(folder: Path) -> tuple[str, float]:
    """The training config and slice that take in the most tokens a second on eight chips, and how many at most.

    Every config counts on every slice that it is meant for, larger ones for eight of their chips.

    Raises:
      UserError: no training config is there.
    """
    from acecoder_jax.__main__ import compile_values, load_config_file

    rates = {}
    for path in sorted(folder.glob("*.py")):
        for topology in load_config_file(str(path))["compile"].topologies:
            values = compile_values(str(path), topology, 1, [])
            decoder, _ = read_hf_config(Path(values.architecture))
            rate = tokens_per_s_at_most(values.settings, decoder, topology)
            rates[f"{path.stem} on {topology}"] = rate / chip_count(topology) * CHIPS
    if not rates:
        raise UserError(
            f"config.runs: {folder}: holds no training configs; give the checkout's configs/train_reward"
        )
    name = max(rates, key=rates.__getitem__)
    return name, rates[name]


def _prompts(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """One epoch of prompt batches; the last step takes what is left of it, and begins the next."""
    if config.questions is None:
        raise UserError("config.questions: required by `acecoder bench prompts`; give a folder of questions")
    if (Path(config.questions) / "acecode_questions").is_dir():
        from acecoder_jax.data.tfds_builders import PreparedQuestions  # half a second that only this needs

        questions: Any = PreparedQuestions(config.questions)
    else:
        questions = open_records(config.questions, Question)
    steps = -(-len(questions) // config.prompts_per_step)
    stream = PromptStream(questions, config.seed)
    seen, tests, prompts = set(), 0, 0
    started, busy = time.perf_counter(), _cpu_s()
    for _ in tqdm(range(steps), unit="step", desc="bench prompts"):
        batch = stream.take(config.prompts_per_step)
        prompts += len(batch)
        fresh = {question.id: len(question.tests) for question in batch if question.id not in seen}
        seen |= set(fresh)
        tests += sum(fresh.values())
    wall, busy = time.perf_counter() - started, _cpu_s() - busy
    return {
        "questions": len(seen),
        "tests": tests,
        "steps": steps,
        "prompts": prompts,
        "wall_s": wall,
        "cpu_s": busy,
        "prompts_per_core_s": prompts / busy,
        "memory_mb_at_the_end": _memory_mb(),
    }


def _made_pairs(config: ConfigDict, folder: Path) -> Path:
    """Pairs of random tokens, eight a question, as ArrayRecord."""
    output = OutputFolder(folder, "bench/pairs", {"pairs": config.made_pairs}, shard_format="array_record")
    draw = np.random.default_rng(0)

    def ids(median: int) -> tuple[int, ...]:
        length = int(np.clip(draw.lognormal(np.log(median), 0.5), 8, 1024))
        return tuple(draw.integers(1000, 150_000, length).tolist())

    def records(start: int, end: int):
        for number in range(start, end):
            name = f"q{number // 8}"
            prompt = np.random.default_rng(number // 8).integers(1000, 150_000, 200)
            sides = ids(250), ids(250)
            yield PreferencePair(
                name,
                f"{name}#{2 * number}",
                f"{name}#{2 * number + 1}",
                tuple(prompt.tolist()),
                *sides,
                1.0,
                0.2,
            )

    if not output.finished:
        for shard, start in enumerate(range(0, config.made_pairs, 5000)):
            output.write_shard(records(start, min(start + 5000, config.made_pairs)), shard)
        output.finish(pairs=config.made_pairs)
    return folder


def _cpu_s() -> float:
    """CPU seconds of this process and of the worker processes that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _memory_mb() -> float:
    """Resident memory of this process and of its worker processes."""
    pages = 0
    for process in ("self", *_children()):
        with contextlib.suppress(OSError):  # one that has just ended
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _children() -> list[str]:
    found = []
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # one that has just ended
            found += (thread / "children").read_text().split()
    return found


def _train_reward(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """Our step and TRL's on the same pairs, flat for the table."""
    rows = compare(config.train_reward, config.pairs, config.seed, workdir)
    flat = {}
    for name, row in rows.items():
        flat |= (
            {f"{name}: {key}": value for key, value in row.items()} if isinstance(row, dict) else {name: row}
        )
    return flat


def _train_policy(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """Steps of a policy run on made questions."""
    from acecoder_jax.__main__ import load_stage  # its default config, and nothing else of it

    given = config.train_policy.to_dict()
    if given["model"] is None:
        raise UserError(
            "config.train_policy.model: required by this benchmark; give a folder of `acecoder import`"
        )
    sampling = {
        "max_prompt_tokens": 96,
        "max_new_tokens": given.pop("max_new_tokens"),
        "slots": given.pop("slots"),
    }
    sampling["dtype"] = given["dtype"]
    settings = load_stage("train_policy").default_config()
    settings.update(given | {"sampling": sampling, "seed": config.seed})
    return policy_bench(settings, config.looping, workdir)


BENCHES = {
    "pipeline": _pipeline,
    "prompts": _prompts,
    "train_reward": _train_reward,
    "train_policy": _train_policy,
    "sampling": lambda config, _: bench_sampling(config.sampling, config.questions),
}
