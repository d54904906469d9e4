"""A stage's output folder: sharded records, the config that made them, and a manifest once it is finished.

A folder is in one of three states. New: nothing there. Half-finished: `stage.json` says what is being made
and every `records-*` file present is complete, because shards are renamed into place only when whole.
Finished: `manifest.json` is there too. Started again, a stage does nothing on a finished folder, continues a
half-finished one, and refuses one that was made with another config or from other inputs.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import acecoder_jax
from acecoder_jax.data.records import SCHEMA_VERSION, Record, to_json
from acecoder_jax.data.shards import FORMATS, RecordSource, replacing, write_shard
from acecoder_jax.errors import UserError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that its final name never holds half of it."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def require_disk(folder: Path, needed_bytes: int, what: str) -> None:
    """Refuse early when a file system cannot hold what a stage will write.

    Raises:
      UserError: less than `needed_bytes` are free where `folder` is.
    """
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise UserError(
            f"{folder}: not enough disk for {what}: {needed_bytes / 2**20:.0f} MiB needed, {free / 2**20:.0f} MiB free;"
            " free some space or pick another --workdir"
        )


def code_version() -> str:
    """The git commit of this checkout, or the package version where there is none, or no git that could tell."""
    root = Path(__file__).resolve().parents[2]
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode == 0:
            return result.stdout.strip()
    return acecoder_jax.__version__


def fingerprint(folder: str | Path) -> str:
    """A short hash of a finished folder's manifest, which itself holds the hash of every file.

    Raises:
      UserError: the folder is missing, or its stage has not finished.
    """
    folder = Path(folder)
    manifest = folder / "manifest.json"
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder; run the stage that makes it, or correct the path in the config"
        )
    if not manifest.is_file():
        raise UserError(
            f"{folder}: has no manifest.json, so its stage has not finished; run that stage again first"
        )
    return hashlib.sha256(manifest.read_bytes()).hexdigest()[:16]


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a finished folder (see `fingerprint` for what is raised)."""
    fingerprint(folder)
    return _read_json(Path(folder) / "manifest.json")


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two trees of plain JSON values, as words for an error; empty where nothing does."""
    flat_before, flat_now = _flatten(before), _flatten(now)
    keys = sorted(k for k in flat_before | flat_now if flat_before.get(k, ...) != flat_now.get(k, ...))
    changes = [f"{k} was {flat_before.get(k)!r} and is now {flat_now.get(k)!r}" for k in keys[:4]]
    return ", ".join(changes) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")


class OutputFolder:
    """One stage's output, opened for making or continuing it."""

    def __init__(
        self,
        path: str | Path,
        stage: str,
        config: Mapping[str, Any],
        inputs: Iterable[str | Path] = (),
        shard_format: str = "jsonl",
    ):
        """Open or create the folder.

        Args:
          path: the stage's workdir.
          stage: the stage's name, kept in the folder.
          config: the stage's whole config; plain JSON values.
          inputs: finished folders that this stage reads.
          shard_format: "jsonl", or "array_record" for anything large.

        Raises:
          UserError: an input is unfinished, or the folder was made by another stage, config or input.
        """
        if shard_format not in FORMATS:
            raise UserError(f"{path}: shards cannot be {shard_format!r}; use one of {', '.join(FORMATS)}")
        self.path, self._suffix = Path(path), FORMATS[shard_format]
        self._about = {
            "schema_version": SCHEMA_VERSION,
            "stage": stage,
            "config": json.loads(json.dumps(config)),
            "inputs": {str(folder): fingerprint(folder) for folder in inputs},
        }
        about_path = self.path / "stage.json"
        if about_path.exists():
            self._refuse_if_different(_read_json(about_path))
        elif self.path.is_dir() and any(not _cut_short(path) for path in self.path.iterdir()):
            raise UserError(f"{self.path}: holds files that no stage made; pick an empty --workdir")
        else:
            write_atomically(about_path, json.dumps(self._about, indent=2))

    def _refuse_if_different(self, before: dict[str, Any]) -> None:
        changes = changed_settings(before, self._about)
        if changes:
            raise UserError(
                f"{self.path}: was made with other settings: {changes}; use another --workdir, or remove this one"
            )

    @property
    def finished(self) -> bool:
        return (self.path / "manifest.json").exists()

    @property
    def counts(self) -> dict[str, Any]:
        """What `finish` recorded."""
        return read_manifest(self.path)["counts"]

    def shards(self) -> list[Path]:
        return sorted(self.path.glob("records-[0-9]*"))

    def write_shard(self, records: Iterable[Any], number: int | None = None) -> None:
        """Add one complete shard after the ones already there, or write the one of that number (again)."""
        number = len(self.shards()) if number is None else number
        write_shard(self.path / f"records-{number:05d}{self._suffix}", map(to_json, records))

    def write_shards(self, records: Iterable[Any], most: int, seconds: float = 60.0) -> None:
        """Add records as they are made, in shards of at most `most`; a kill loses the work of `seconds`, or less."""
        shard: list[Any] = []
        begun = time.monotonic()
        for record in records:
            shard.append(record)
            if len(shard) == most or time.monotonic() - begun >= seconds:
                self.write_shard(shard)
                shard, begun = [], time.monotonic()
        if shard:
            self.write_shard(shard)

    def write_again(self, records: Iterable[Any], most: int) -> None:
        """Write all records in shards of `most`, over those that a killed run left: they are made again, the same."""
        records = iter(records)
        for number in itertools.count():
            shard = list(itertools.islice(records, most))
            if number and not shard:
                break
            self.write_shard(shard, number)

    def read(self, record_type: type[Record]) -> RecordSource[Record]:
        """The records of the shards written so far, each read when it is asked for."""
        return RecordSource(self.shards(), record_type)

    def finish(self, **counts: Any) -> dict[str, Any]:
        """Write the manifest; from here on the folder is an input for other stages."""
        files = sorted(p for p in self.path.rglob("*") if p.is_file() and not p.name.startswith("."))
        # Checkpoints are soon to be removed; event files and traces are for looking at.
        aside = ("checkpoints", "tensorboard", "wandb", "profile")
        files = [p for p in files if p.relative_to(self.path).parts[0] not in aside]
        hashes = {str(p.relative_to(self.path)): file_hash(p) for p in files if p.name != "manifest.json"}
        sizes = {name: (self.path / name).stat().st_size for name in hashes}
        manifest = self._about | {
            "code_version": code_version(),
            "counts": counts,
            "files": hashes,
            "sizes": sizes,
        }
        write_atomically(self.path / "manifest.json", json.dumps(manifest, indent=2))
        return manifest


def open_records(folder: str | Path, record_type: type[Record]) -> RecordSource[Record]:
    """The records of a finished folder as a sequence that reads each one when it is asked for.

    Raises:
      UserError: the folder is missing or unfinished, or a shard is gone or not as long as the manifest says.
    """
    shards = finished_shards(folder)
    sizes = read_manifest(folder).get("sizes", {})  # folders of older versions have none
    for shard in shards:
        size = shard.stat().st_size
        if size != sizes.get(shard.name, size):
            raise UserError(
                f"{shard}: has {size} bytes where manifest.json says {sizes[shard.name]}; it was cut short or"
                " changed, remake the folder or copy it again"
            )
    return RecordSource(shards, record_type)


def read_records(folder: str | Path, record_type: type[Record]) -> list[Record]:
    """All records of a finished folder; see `each_record` for what is raised."""
    return list(each_record(folder, record_type))


def each_record(folder: str | Path, record_type: type[Record]) -> Iterator[Record]:
    """The records of a finished folder one after the other, checked.

    Raises:
      UserError: the folder is missing or unfinished, a shard is gone or not what the manifest says, a line is not
        such a record, or two records have one id.
    """
    records = open_records(folder, record_type)
    hashes = read_manifest(folder)["files"]
    for shard in finished_shards(folder):
        if file_hash(shard) != hashes[shard.name]:
            raise UserError(
                f"{shard}: is not the file that manifest.json lists (its hash differs); it was changed, remake the"
                " folder or copy it again"
            )
    seen: set[str] = set()
    for record in records:
        name = getattr(record, "id", None)  # verdicts and pairs have the ids of others
        if name in seen:
            raise UserError(
                f"{folder}: holds two records with the id {name!r}; ids must be unique, remake the folder"
            )
        if name is not None:
            seen.add(name)
        yield record


def finished_shards(folder: str | Path) -> list[Path]:
    """The shards that a finished folder's manifest lists, all of them there."""
    names = sorted(name for name in read_manifest(folder)["files"] if name.startswith("records-"))
    shards = [Path(folder) / name for name in names]
    for shard in shards:
        if not shard.is_file():
            raise UserError(f"{shard}: listed in manifest.json but missing; remake the folder")
    return shards


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON ({error.msg}); the folder is damaged, remake it") from error


def _cut_short(path: Path) -> bool:
    """Whether a killed stage left this when it was about to write its first file (see `shards.replacing`)."""
    return path.name.startswith(".stage.json.") and path.suffix == ".tmp"


def _flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    return {
        k: v for key in tree for k, v in _flatten(tree[key], f"{prefix}.{key}" if prefix else key).items()
    }


def file_hash(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
