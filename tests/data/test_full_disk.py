"""A disk that fills up while a model is written ends the run in one line, and the same command goes on afterwards."""

import errno
import subprocess
import sys

import pytest

from acecoder_jax.data.full_disk import full_disk
from acecoder_jax.models.folders import load_model
from acecoder_jax.models.huggingface import read_safetensors

# A file system that takes no more than so many bytes a file stands in for a full one: the writers meet a real error.
FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from acecoder_jax.__main__ import main
from acecoder_jax.data.full_disk import full_disk
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.lora import lora_config, with_adapters, write_adapter
from tests.tiny_models import TINY_CONFIG, random_params, tiny_tokenizer

source, model, root = map(Path, sys.argv[1:])
tokenizer, plain, lora = tiny_tokenizer(), config_from_hf(TINY_CONFIG, "here"), lora_config()
lora.rank = 32
adapted, _, params = with_adapters(plain, random_params(plain)[1], lora, seed=0)

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

limit(20_000)  # the embedding alone is larger
print(main(["import", f"--from={source}", f"--workdir={root / 'model'}"]))
limit(40_000)  # room for the tokenizer
print(main(["export", f"--config.model={model}", f"--workdir={root / 'out'}", "--config.dtype=float32"]))
writers = [lambda: write_adapter(root / "adapter", adapted, params, "base")]
writers.append(lambda: (limit(1_000), tokenizer.save_pretrained(root / "tokenizer")))
for write in writers:
    try:
        write()
    except Exception as error:
        print("said:", full_disk(error))
limit(resource.RLIM_INFINITY)
print(main(["import", f"--from={source}", f"--workdir={root / 'model'}"]))
print(main(["export", f"--config.model={model}", f"--workdir={root / 'out'}", "--config.dtype=float32"]))
"""


@pytest.mark.timeout(180)
def test_models_that_find_no_room_end_in_one_line_and_are_written_when_there_is(tiny_model, tmp_path):
    command = [sys.executable, "-c", FULL, str(tiny_model.hf_folder), str(tiny_model.folder), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line for line in lines if len(line) == 1] == ["2", "2", "0", "0"]
    assert [line for line in lines if line.startswith("said:")] == ["said: File too large"] * 2
    said = [line for line in result.stderr.splitlines() if line.startswith("acecoder ")]
    for line, stage, folder in zip(said, ("import", "export"), ("model", "out"), strict=True):
        assert line.startswith(f"acecoder {stage}: {tmp_path / folder}: File too large; free some space")
    assert "ERROR:absl" not in result.stderr and "SafetensorError" not in result.stderr
    load_model(tmp_path / "model")
    assert len(read_safetensors(tmp_path / "out")) == len(read_safetensors(tiny_model.hf_folder))
    left = [
        path.name for path in tmp_path.rglob("*") if path.suffix in (".part", ".tmp") or "-tmp" in path.name
    ]
    assert not left


def test_what_is_a_full_disk_and_what_is_not():
    assert full_disk(OSError(errno.ENOSPC, "whatever")) == "No space left on device"
    assert full_disk(ValueError("OUT_OF_RANGE: Error writing: Disk quota exceeded [source x]")) == (
        "Disk quota exceeded"
    )
    assert full_disk(OSError(errno.EACCES, "Permission denied")) is None
    assert full_disk(ValueError("a bug")) is None
