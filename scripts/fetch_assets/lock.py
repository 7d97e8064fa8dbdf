"""The lock file: SHA-256 sums of everything fetched, as JSON to be committed."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .errors import UnavailableError, WrongAssetError


@dataclass
class Record:
    """What the lock file says of one asset."""

    repository: str = ""  # of a model
    commit: str = ""  # of a model
    downloads: dict[str, str] = field(default_factory=dict)  # path or file -> sum, of what `files` are made of
    files: dict[str, str] = field(default_factory=dict)  # name in the asset's folder -> sum


class Lock:
    """The records of all assets. With `update`, sums on record are replaced instead of verified."""

    def __init__(self, path: Path, update: bool) -> None:
        """Read the file; a missing one is empty."""
        self.path = path
        self.update = update
        try:
            self._records = json.loads(path.read_text()) if path.exists() else {}
        except ValueError as error:
            raise WrongAssetError(f"{path}: not valid JSON ({error}); restore it with git, or delete it") from error

    def record(self, kind: str, name: str) -> Record:
        """Return what is on record of an asset; an unknown asset has an empty record."""
        try:
            return Record(**self._records.get(kind, {}).get(name, {}))
        except (AttributeError, TypeError) as error:
            raise WrongAssetError(f"{self.path}: the entry of {name} is not one that this program writes") from error

    def store(self, kind: str, name: str, record: Record) -> None:
        """Put an asset on record and write the file, atomically."""
        self._records.setdefault(kind, {})[name] = {key: value for key, value in asdict(record).items() if value}
        temporary = self.path.with_name(self.path.name + ".new")
        temporary.write_text(json.dumps(self._records, indent=2, sort_keys=True) + "\n")
        temporary.replace(self.path)

    def missing_files(self, folder: Path, names: list[str], sums: dict[str, str]) -> list[str]:
        """Verify the files that are there and return the names of the others."""
        present = [name for name in names if os.path.lexists(folder / name)]
        for name in present:
            if name not in sums:
                raise WrongAssetError(
                    f"{folder / name} is there, but {self.path} has no sum for it: move it away, "
                    "or let --update-lock fetch over it"
                )
            verify(folder / name, sums[name], str(self.path), "Delete the file and run this again to fetch it again.")
        return [name for name in names if name not in present]

    def accept_download(self, path: Path, expected: str | None) -> str:
        """Return the sum of a fetched file; one with another sum than is on record is deleted and refused."""
        remedy = (
            "It was damaged on the way, or the server has another one now: run this again; "
            "if it stays so and is right, take it with --update-lock."
        )
        return verify_or_delete(path, expected or sha256(path), str(self.path), remedy)


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str, source: str, remedy: str) -> str:
    """Return the file's sum, which `source` says is `expected`; refuse the file where it is not."""
    found = sha256(path)
    if found != expected:
        sums = f"  SHA-256 found:    {found}\n  SHA-256 expected: {expected} ({source})"
        raise WrongAssetError(f"{path}: checksum mismatch\n{sums}\n  {remedy}")
    return found


def verify_or_delete(path: Path, expected: str, source: str, remedy: str) -> str:
    """Verify a file that has just come and delete it where it is wrong, so that it is not taken for good later."""
    try:
        return verify(path, expected, source, remedy)
    except WrongAssetError:
        path.unlink()
        raise


@contextmanager
def only_one_process(lock_path: Path) -> Iterator[None]:
    """Refuse to run beside another process that uses the same lock file; such two would mix their partial files."""
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(lock_path.parent, os.O_RDONLY)
    try:
        # Some cluster filesystems know no flock: there the user takes care.
        with suppress_unless_taken(lock_path):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)


@contextmanager
def suppress_unless_taken(lock_path: Path) -> Iterator[None]:
    """Let every failure to lock pass, except that another process has the lock."""
    with suppress(OSError):
        try:
            yield
        except BlockingIOError as error:
            raise UnavailableError(f"another fetch-assets works with {lock_path}: wait for its end") from error
