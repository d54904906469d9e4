"""The config key `seeds`: where seeds come from, and which of them are kept.

`seeds` names one source, or several with commas between them, in order:

    builtin                      the seeds that come with the package
    builtin:MODULE               those of one module of `seeds/`, or of a pattern such as `builtin:basics_*`
    FOLDER                       a folder of `.py` files, or else of `.parquet` and `.jsonl` files
    FILE                         a `.parquet`, `.jsonl` or `.json` file (`.gz` too), in a form of `seed_tables`
    package:NAME                 an installed package: its functions with doctests
    hub:OWNER/NAME[@REVISION]    a data set of the Hugging Face hub

A source may end in `#N`: its first N seeds that are kept, such as `hub:bigcode/stack-dedup-python-fns#50000`.
Everything is read as a stream.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acecoder_jax.data.records import Seed
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.decontaminate import EvaluationSets
from acecoder_jax.synthesis.duplicates import Duplicates
from acecoder_jax.synthesis.seed_files import (
    BUILTIN,
    LONGEST_PROGRAM,
    Dropped,
    Found,
    import_name,
    package_files,
    python_files,
    read_folder,
    read_package,
)
from acecoder_jax.synthesis.seed_tables import read_tables
from acecoder_jax.synthesis.tables import SUFFIXES, is_table

_SHARDS = (".parquet", ".jsonl", ".jsonl.gz")  # what data sets are split into; .json beside them is metadata


@dataclass(frozen=True)
class Source:
    """One source, found on this machine.

    Attributes:
      kind: `python` (a folder of Python files), `package` or `tables`.
      name: the source's name in its seeds; of a package, the package.
      root: the folder or file.
      limit: the most seeds to keep of it; None for all.
      python: of a folder of Python files, the pattern of the names of those that are read.
    """

    kind: str
    name: str
    root: Path
    limit: int | None = None
    python: str = "*.py"

    def files(self) -> list[Path]:
        """All files that are read, in order."""
        if self.kind == "package":
            return [path for _, path in package_files(self.name)]
        if self.kind == "python":
            return python_files(self.root, self.python)
        return [self.root] if self.root.is_file() else _shards(self.root)

    def read(self, longest: int = LONGEST_PROGRAM) -> Iterator[Found | Dropped]:
        """Every seed of the source and everything that is left out; raises UserError for what is damaged."""
        if self.kind == "package":
            return read_package(self.name, longest)
        if self.kind == "python":
            return read_folder(self.root, self.name, longest, self.python)
        return read_tables(self.files(), self.name, longest)


def find_sources(seeds: str) -> list[Source]:
    """Read the config key; hub data sets are downloaded, or taken from the hub's cache.

    Raises:
      UserError: a source is misspelt, missing, or cannot be fetched.
    """
    sources = [_find_source(text.strip()) for text in seeds.split(",") if text.strip()]
    if not sources:
        raise UserError(
            "seeds: names no source; give 'builtin', a folder, a file, package:NAME or hub:OWNER/NAME"
        )
    return sources


def fingerprint(sources: Iterable[Source]) -> str:
    """A short hash of the bytes of all files: half of one version and half of another would not do.

    Raises:
      UserError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in (path for source in sources for path in source.files()):
        try:
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}); see its owner and permissions"
            ) from error
    return digest.hexdigest()[:16]


def select(
    sources: Iterable[Source], longest: int, duplicates: Duplicates, evaluation_sets: EvaluationSets
) -> Iterator[Seed | Dropped]:
    """The seeds to make questions of, in order, with everything that is dropped and why.

    Raises:
      UserError: a source is damaged.
    """
    ids: set[str] = set()
    for source in sources:
        kept = 0
        for item in source.read(longest):
            if kept == source.limit:
                break
            result = _keep(item, ids, duplicates, evaluation_sets) if isinstance(item, Found) else item
            if isinstance(result, Seed):
                ids.add(result.id)
                kept += 1
            yield result


def _keep(
    item: Found, ids: set[str], duplicates: Duplicates, evaluation_sets: EvaluationSets
) -> Seed | Dropped:
    seed = item.seed
    if seed.id in ids:
        return Dropped(seed.id, "duplicate id")
    held = evaluation_sets.find(f"{seed.instruction or ''}\n{seed.program}")
    if held is not None:
        return Dropped(seed.id, "in an evaluation set", f"{held[1]:.0%} of {held[0]}")
    alike = duplicates.find(seed.id, seed.program, item.own)
    return Dropped(seed.id, *alike) if alike is not None else seed


def _find_source(text: str) -> Source:
    place, _, limit = text.rpartition("#") if "#" in text else (text, "", "")
    if "#" in text and not (limit.isdecimal() and int(limit) > 0):
        raise UserError(f"seeds: {text!r}: give a number of seeds after '#', at least 1")
    most = int(limit) if limit else None
    if place.partition(":")[0] == "builtin":
        return Source("python", "builtin", BUILTIN, most, _builtin_files(place))
    if place.startswith("package:"):
        name = place.removeprefix("package:")
        return Source("package", import_name(name), package_files(name)[0][1].parent, most)
    if place.startswith("hub:"):
        repository = place.removeprefix("hub:").partition("@")[0]
        return Source("tables", repository.rpartition("/")[2], _download(place), most)
    path = Path(place)
    if path.is_file():
        if not is_table(path):
            raise UserError(
                f"{path}: not a file of seeds; give one that ends in {', '.join(SUFFIXES)}, or a folder"
            )
        return Source("tables", path.name.partition(".")[0], path, most)
    kind = "tables" if path.is_dir() and not python_files(path) and _shards(path) else "python"
    if not path.is_dir():
        raise UserError(
            f"{path}: no such folder of seeds or file; correct `seeds` in the config, or use 'builtin'"
        )
    return Source(kind, path.resolve().name, path, most)


def _builtin_files(place: str) -> str:
    """The pattern of the files that `builtin` or `builtin:MODULE` reads."""
    module = place.partition(":")[2] if ":" in place else "*"
    files = [path.stem for path in python_files(BUILTIN) if path.stem != "__init__"]
    if not fnmatch.filter(files, module):
        raise UserError(
            f"{place}: no such built-in seeds; there are {', '.join(files)}, and patterns of them"
        )
    return f"{module}.py"


def _shards(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.name.endswith(_SHARDS) and path.is_file())


def _download(place: str) -> Path:
    """The local copy of `hub:OWNER/NAME[@REVISION]`; without the network, what an earlier run has fetched."""
    import huggingface_hub

    repository, _, revision = place.removeprefix("hub:").partition("@")
    try:
        folder = Path(
            huggingface_hub.snapshot_download(
                repository,
                repo_type="dataset",
                revision=revision or None,
                allow_patterns=[f"*{suffix}" for suffix in _SHARDS],
            )
        )
    except (
        Exception
    ) as error:  # the client's own, the HTTP library's and the system's: a user has one way out
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{place}: cannot be fetched ({reason}); see the name, the network and HF_TOKEN, or download the data"
            " set elsewhere and give its folder"
        ) from error
    if not _shards(folder):
        raise UserError(f"{place}: holds no parquet or JSONL file; download it by hand and give the file")
    return folder
