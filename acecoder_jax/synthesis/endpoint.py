"""A language model behind any OpenAI-compatible endpoint: many requests at once, and no reply is ever paid twice.

The client is `openai`'s, which retries with back-off and heeds Retry-After; the pace is `pyrate_limiter`'s. Every
reply becomes a file named by the hash of its request the moment it arrives, before anything is made of it, so a
rerun asks nothing again, and several processes may share the folder. The key is read from the environment and
goes into the request's header, nowhere else.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from collections import Counter, deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
from ml_collections import ConfigDict, config_dict
from pyrate_limiter import Duration
from pyrate_limiter.limiter_factory import create_token_bucket_limiter

from acecoder_jax.data.folders import write_atomically
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.outcomes import Rejection
from acecoder_jax.synthesis.replies import Prompt, Reply

OUTAGE = 8  # so many prompts in a row without a reply are the endpoint's fault, not the prompts'
CONNECT_S = 10.0


def endpoint_config() -> ConfigDict:
    """Settings of an endpoint; the model, temperature and length are the paper's, the prices that model's."""
    return ConfigDict(
        {
            "base_url": "https://api.openai.com/v1",
            "model": "gpt-4o-mini",
            "key_variable": "OPENAI_API_KEY",  # the environment variable that holds the key
            "temperature": 0.7,
            "max_tokens": 8192,
            "json_mode": True,  # ask the endpoint for JSON; off for those that do not know response_format
            "extra_body": {},  # further fields of the request's body; None takes one of the above out
            "concurrency": 16,
            "requests_per_minute": 500,  # of this process, retries included
            "timeout_s": 300.0,
            "max_retries": 6,
            "dollars_per_million_prompt_tokens": 0.15,
            "dollars_per_million_completion_tokens": 0.60,
            "cache": config_dict.placeholder(
                str
            ),  # folder of kept replies; None: `replies`, beside the workdir
        }
    )


# The settings that decide which replies there are; the others are about pace and price, and may change on the way.
DECIDING = ("base_url", "model", "temperature", "max_tokens", "json_mode", "extra_body")


class Endpoint:
    """Called with prompts, it gives their replies in order; threads do the waiting."""

    def __init__(self, settings: Mapping[str, Any], cache: str | Path):
        """Check the settings; nothing is sent yet.

        Args:
          settings: see `endpoint_config`.
          cache: the folder of kept replies.

        Raises:
          UserError: a setting cannot be used, the key's variable is not set, or the folder cannot be written.
        """
        self._settings, self._cache = settings, Path(cache)
        self._key = check_endpoint(settings)
        self._counts: Counter[str] = Counter()
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._pace = create_token_bucket_limiter(
            settings["requests_per_minute"], Duration.MINUTE, burst=1, buffer_ms=0
        )
        self._client = openai.OpenAI(
            base_url=settings["base_url"],
            api_key=self._key,
            timeout=openai.Timeout(settings["timeout_s"], connect=min(CONNECT_S, settings["timeout_s"])),
            max_retries=settings["max_retries"],
            http_client=openai.DefaultHttpxClient(event_hooks={"request": [self._before_sending]}),
        )
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self._cache}: cannot keep replies there ({error.strerror}); set endpoint.cache to another folder"
            ) from error

    def __call__(self, prompts: Iterable[Prompt]) -> Generator[Reply | Rejection, None, None]:
        """One reply for each prompt, in order, or the reason that there is none.

        A prompt that gets no reply after all retries is rejected when others do get theirs. Stopped early, it
        waits for what is under way: that is paid, and kept.

        Raises:
          UserError: nobody answers at the address, the key or the model is refused, the rate limit stays
            exceeded, or `OUTAGE` prompts in a row get no reply. What is answered by then is kept.
        """
        failed: list[Rejection] = []  # held back until it is known whose fault they are
        answered = False
        for result in self._in_order(prompts):
            if isinstance(result, Reply):
                yield from failed
                failed, answered = [], True
                yield result
            else:
                failed.append(result)
            if len(failed) == OUTAGE:
                break
        if failed and (len(failed) == OUTAGE or not answered):
            last = failed[-1]
            raise UserError(
                f"{self._where}: no reply to {len(failed)} prompts in a row, the last for: {last.reason}"
                f" ({last.detail}); all replies so far are kept, so the same command continues once it is cured"
            )
        yield from failed

    def progress(self) -> str:
        """What this run sent and what it cost so far, for the progress bar."""
        with self._lock:
            count = self._counts.copy()
        tokens = f"{count['prompt tokens']:,}+{count['completion tokens']:,} tokens"
        cost = f"${dollars(self._settings, count):.3f}"
        return f"{count['sent']} sent, {count['kept']} kept before, {tokens}, {cost}"

    @property
    def model(self) -> str:
        return self._settings["model"]

    @property
    def _where(self) -> str:
        return f"endpoint {self._settings['base_url']}, model {self._settings['model']}"

    def _in_order(self, prompts: Iterable[Prompt]) -> Generator[Reply | Rejection, None, None]:
        """Ask some prompts ahead; a prompt that is already under way is not sent twice."""
        ahead = 4 * self._settings["concurrency"]  # one slow reply must not leave the others idle
        waiting: deque[tuple[tuple[str, int], Future[Reply | Rejection]]] = deque()
        pool = ThreadPoolExecutor(self._settings["concurrency"])
        try:
            for prompt in prompts:
                asked = prompt.text, prompt.sample
                same = next((future for before, future in waiting if before == asked), None)
                waiting.append((asked, same or pool.submit(self._reply, prompt)))
                while waiting and (len(waiting) >= ahead or waiting[0][1].done()):
                    yield waiting.popleft()[1].result()
            while waiting:
                yield waiting.popleft()[1].result()
        finally:
            self._stopping.set()  # no further retries
            pool.shutdown(cancel_futures=True)
            self._stopping.clear()

    def _reply(self, prompt: Prompt) -> Reply | Rejection:
        """The kept reply to a prompt, or a new one, kept before it is returned."""
        request = self._request(prompt)
        asked = json.dumps({"base_url": self._settings["base_url"].rstrip("/")} | request, sort_keys=True)
        name = hashlib.sha256(asked.encode()).hexdigest()
        path = self._cache / name[:2] / f"{name}.json"
        reply = _read(path)
        if reply is not None:
            self._add({"kept": 1})
            return reply
        reply = self._send(request)
        if isinstance(reply, Reply):
            content = {"request": request, "reply": dataclasses.asdict(reply)}
            write_atomically(path, json.dumps(content, indent=1))
            self._add({"prompt tokens": reply.prompt_tokens, "completion tokens": reply.completion_tokens})
        return reply

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        """The request's body."""
        body = {
            "model": self._settings["model"],
            "messages": [{"role": "user", "content": prompt.text}],
            "temperature": self._settings["temperature"],
            "max_tokens": self._settings["max_tokens"],
            "response_format": {"type": "json_object"} if self._settings["json_mode"] else None,
            "seed": prompt.sample or None,
        }
        return {
            key: value for key, value in (body | self._settings["extra_body"]).items() if value is not None
        }

    def _send(self, request: dict[str, Any]) -> Reply | Rejection:
        """Send one request, with the client's retries.

        Raises:
          UserError: see `__call__`; raised without its cause, whose text may repeat the key.
        """
        required = {key: request[key] for key in ("model", "messages")}
        try:
            answer = self._client.chat.completions.create(**required, extra_body=request)
            choice = answer.choices[0]
            text, refusal = choice.message.content or "", choice.message.refusal
            if not isinstance(text, str):
                raise TypeError("the message is not a text")
            reason = "content_filter" if refusal else choice.finish_reason or "stop"
            used = answer.usage
            tokens = (int(used.prompt_tokens or 0), int(used.completion_tokens or 0)) if used else (0, 0)
        except openai.APIError as error:
            return self._failure(error)
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            return Rejection("endpoint: not a chat completion", self._clean(error))
        return Reply(text or refusal or "", reason, *tokens)

    def _failure(self, error: openai.APIError) -> Rejection:
        """Why one request has no reply, unless no other could have one either."""
        detail = self._clean(error)
        if isinstance(error, openai.APITimeoutError) and "Connect" not in type(error.__cause__).__name__:
            return Rejection("endpoint: timed out", f"after {self._settings['timeout_s']} s")
        if isinstance(error, openai.APIConnectionError):
            if "Connect" not in type(error.__cause__).__name__:
                return Rejection("endpoint: connection broken", self._clean(error.__cause__))
            detail = self._clean(error.__cause__)
            cure = "is it running? correct endpoint.base_url"
        elif isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            cure = f"put a key that it accepts into the environment variable {self._settings['key_variable']}"
        elif isinstance(error, openai.NotFoundError):
            cure = "correct endpoint.model, or endpoint.base_url, which usually ends in /v1"
        elif isinstance(error, openai.RateLimitError):
            cure = "lower endpoint.requests_per_minute or see to your quota; all replies so far are kept"
        elif isinstance(error, openai.APIStatusError):
            return Rejection(f"endpoint: status {error.status_code}", detail)
        else:
            return Rejection("endpoint: not a chat completion", detail)
        raise UserError(f"{self._where}: {detail}; {cure}") from None

    def _clean(self, error: BaseException | None) -> str:
        """An error's text on one line, short, and without the key, which some servers repeat."""
        return " ".join(str(error).replace(self._key, "(the key)").split())[:300]

    def _before_sending(self, _: Any) -> None:
        """Runs in a request's thread before every attempt."""
        turn = 60 / self._settings["requests_per_minute"]
        while self._stopping.is_set() or not self._pace.try_acquire("request", blocking=False):
            if self._stopping.wait(min(turn, 1)):
                raise openai.OpenAIError("stopped")
        self._add({"sent": 1})

    def _add(self, numbers: dict[str, int]) -> None:
        with self._lock:
            self._counts.update(numbers)


def dollars(settings: Mapping[str, Any], count: Mapping[str, int]) -> float:
    """What `prompt tokens` and `completion tokens` cost at an endpoint."""
    kinds = ("prompt", "completion")
    return (
        sum(settings[f"dollars_per_million_{kind}_tokens"] * count[f"{kind} tokens"] for kind in kinds) / 1e6
    )


def _read(path: Path) -> Reply | None:
    try:
        return Reply(**json.loads(path.read_text(encoding="utf-8"))["reply"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: not a kept reply; remove the file, and its prompt is asked again"
        ) from error


def _read_key(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UserError(
            f"endpoint.key_variable: the environment variable {variable} is not set; put the endpoint's key there"
            " (any word for a server that asks for none), or name another variable"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UserError(
            f"endpoint.key_variable: {variable} holds spaces or other characters that no key has; set it again"
        )
    return key


def _is_address(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and " " not in text
    except ValueError:  # an odd port, or brackets that are no IPv6 address
        return False


def check_endpoint(settings: Mapping[str, Any]) -> str:
    """Refuse settings that cannot be used, before anything else is done; gives the key.

    Raises:
      UserError: a setting cannot be used, or the key's variable is not set.
    """
    address = settings["base_url"]
    if "@" in address or "?" in address:
        raise UserError(
            "endpoint.base_url: holds a user name, password or query, which would end up in files; "
            "give the plain address, and the key in the environment variable of endpoint.key_variable"
        )
    if not _is_address(address):
        raise UserError(
            f"endpoint.base_url: {address!r} is no address; give one such as http://localhost:8000/v1"
        )
    least = {"concurrency": 1, "requests_per_minute": 1, "max_tokens": 1, "max_retries": 0, "temperature": 0}
    least |= {f"dollars_per_million_{kind}_tokens": 0 for kind in ("prompt", "completion")}
    for name, smallest in least.items():
        if not settings[name] >= smallest:
            raise UserError(f"endpoint.{name} is {settings[name]}; give at least {smallest}")
    if not settings["timeout_s"] > 0:
        raise UserError(f"endpoint.timeout_s is {settings['timeout_s']}; give seconds above 0")
    return _read_key(settings["key_variable"])
