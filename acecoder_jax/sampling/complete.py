"""Questions to completions: prompts rendered, requests numbered and seeded, answers decoded and their code extracted.

The one way in which stages use the engine, so that sampling for pairs, best-of-n, RL and evaluation is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import jax
from flax import nnx
from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.code import extract_program
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.records import Completion, Question
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.layout import decode_mesh
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.speculate import AUTO
from acecoder_jax.sampling.warp import SamplingParams


def sampling_config() -> ConfigDict:
    """Settings of the engine and the draws; the temperature and lengths are the paper's."""
    return ConfigDict(
        {
            "temperature": 1.0,
            "top_p": 1.0,
            "top_k": 0,
            "min_p": 0.0,
            "max_prompt_tokens": 2048,
            "max_new_tokens": 2048,
            "stop_at_program": False,  # end a completion once its code block has closed
            # Completions decoded at a time on all hosts; 0: as many as the memory holds, at most 256 a device.
            "slots": 0,
            "chunk": 4,  # tokens between looks at what has finished
            "dtype": "float32",
            "cache_dtype": "float32",  # or bfloat16, int8
            "weights_dtype": config_dict.placeholder(
                str
            ),  # int8: fewer bytes to read while decoding; None: as dtype
            # Tokens guessed ahead from text of the same prompt, and checked in one step; 0: none, -1: some where that
            # measures faster. The tokens are the same, but their log-probabilities round differently.
            "speculate": AUTO,
            # Over the cache: "paged" (a Pallas kernel on TPUs), "xla", or "auto": paged on TPUs where the kernel takes
            # the model's heads.
            "attention": "auto",
            "tensor": 1,  # accelerators that share one copy of the weights; slots are split over the others
        }
    )


class Sampler:
    """An engine bound to a tokenizer."""

    def __init__(self, model: LoadedModel, config: ConfigDict):
        """Load the model's weights into an engine.

        Args:
          model: a policy.
          config: see `sampling_config`.

        Raises:
          UserError: settings that nothing can be drawn with, or that do not fit the memory.
        """
        if config.speculate < AUTO:
            raise UserError(
                f"config.sampling.speculate: {config.speculate} tokens cannot be guessed; give a number, 0 for none or"
                " -1 for some where that measures faster"
            )
        self._tokenizer = model.tokenizer
        self._params = SamplingParams(config.temperature, config.top_p, config.top_k, config.min_p)
        eos = model.hf_config.get("eos_token_id")
        eos_ids = set(eos if isinstance(eos, list) else [eos]) | {model.tokenizer.eos_token_id}
        # Asked for every running request at every chunk: is there a program yet?
        stop = (
            (lambda ids: extract_program(self._decode(ids)) is not None) if config.stop_at_program else None
        )
        self.engine = Engine(
            model.config,
            model.graph,
            self._params,
            max_prompt_tokens=config.max_prompt_tokens,
            max_new_tokens=config.max_new_tokens,
            eos_ids=sorted(eos_ids - {None}),
            slots=-(-config.slots // jax.process_count()),
            chunk=config.chunk,
            dtype=config.dtype,
            cache_dtype=config.cache_dtype,
            weights_dtype=config.weights_dtype,
            speculate=config.speculate,
            attention=config.attention,
            stop=stop,
            mesh=decode_mesh(config.tensor),
        )
        self.load(model.params, model.fingerprint)
        print(
            f"sampling: {self.engine.plan}; {self.engine.attention}; weights laid out for decoding in"
            f" {self.engine.load_s:.2f} s"
        )

    def load(self, params: nnx.State, mark: str = "") -> None:
        """Sample from these parameters from now on; `mark` is written into the completions."""
        self.engine.load(params, mark)

    def sample(
        self, questions: Sequence[Question], samples: int, seed: int, greedy: bool = False
    ) -> Iterator[Completion]:
        """`samples` completions of every question, in the order in which they finish.

        A question whose prompt is empty or too long, or on which the model's output is not finite, is named in a
        line and has no completion; the others go on.

        Args:
          seed: a completion's draws depend on this, its question's id and its number, on nothing else.
          greedy: also the most likely completion, numbered `#greedy`.

        Raises:
          UserError: no samples are asked for.
        """
        if samples < 1 and not greedy:
            raise UserError(f"samples: {samples} completions of a question are none; ask for at least 1")
        if samples > 1 and self._params.temperature == 0:
            print(f"sampling: at temperature 0 all {samples} samples of a question are equal")
        by_id = {question.id: question for question in questions}
        requests = []
        for question in questions:
            prompt = render_prompt(self._tokenizer, question.prompt)
            if greedy:
                best = SamplingParams(temperature=0.0)
                requests.append(Request(f"{question.id}#greedy", prompt, 0, best))
            requests += [
                Request(f"{question.id}#{i}", prompt, request_seed(seed, question.id, i))
                for i in range(samples)
            ]
        for sampled in self.engine.generate(requests):
            if sampled.error:
                print(f"{sampled.id}: {sampled.finish_reason}: {sampled.error}")
                continue
            question = by_id[sampled.id.rpartition("#")[0]]
            text = self._decode(sampled.token_ids)
            yield Completion(
                id=sampled.id,
                question_id=question.id,
                text=text,
                program=extract_program(text, question.entry_point),
                prompt_ids=sampled.prompt_ids,
                token_ids=sampled.token_ids,
                log_probs=sampled.log_probs,
                finish_reason=sampled.finish_reason,
                model=sampled.version,
            )

    def _decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)


def request_seed(seed: int, question_id: str, number: int) -> int:
    """32 bits that differ for every run seed, question and sample."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{question_id}/{number}".encode()).digest()[:4], "big")


def require_questions(questions: Sequence[Question], where: str) -> None:
    """Refuse an empty set, or questions that nothing can be measured on.

    Raises:
      UserError: no questions, or questions without tests, named by id.
    """
    if not questions:
        raise UserError(
            f"{where}: holds no questions of the splits asked for; check config.splits and the folder"
        )
    require_tests(questions, where)


def require_tests(questions: Sequence[Question], where: str) -> None:
    """Refuse questions that nothing can be measured on.

    Raises:
      UserError: naming some of them by id.
    """
    without = [question.id for question in questions if not question.tests]
    if without:
        raise UserError(
            f"{where}: {len(without)} questions have no tests ({', '.join(without[:5])}); run filter first"
        )
