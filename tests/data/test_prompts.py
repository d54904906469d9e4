"""The prompt renderer: a question becomes exactly the chat that the template writes."""

import pytest

from acecoder_jax.data.prompts import render_prompt
from tests.tiny_models import tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


def test_the_question_is_asked_and_the_answer_awaited(tokenizer):
    ids = render_prompt(tokenizer, "Write add(a, b).")
    assert isinstance(ids, tuple) and all(type(i) is int for i in ids)
    assert tokenizer.decode(ids) == "<|im_start|>user\nWrite add(a, b).<|im_end|>\n<|im_start|>assistant\n"
    assert ids.count(1) == 2 and ids.count(2) == 1, "markup is special tokens, not text"


def test_a_system_message_comes_first(tokenizer):
    text = tokenizer.decode(render_prompt(tokenizer, "Hi", system="Be brief."))
    expected = (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert text == expected


def test_what_is_asked_survives_unchanged(tokenizer):
    question = "naïve — 世界\n\n```python\ndef f(x):\n\treturn x\n```  "
    ids = render_prompt(tokenizer, question)
    assert question in tokenizer.decode(ids)
