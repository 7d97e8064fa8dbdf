"""The GLUE tasks: the official archives, of which the files that a sweep reads are kept."""

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .download import Downloader
from .errors import WrongAssetError
from .lock import Lock, Record

TRAIN_AND_DEV = ("train.tsv", "dev.tsv")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STAGING = ".fetching"


@dataclass(frozen=True)
class Source:
    """Where a task comes from and how its files are made from what is downloaded."""

    downloads: tuple[str, ...]  # below --glue-url
    files: tuple[str, ...]
    unpack: Callable[[Path, str, tuple[str, ...]], None]  # staging folder, task, files


def unzip(staging: Path, task: str, files: tuple[str, ...]) -> None:
    """Take TASK/FILE of the one archive in the staging folder, for each file; nothing else is written."""
    (archive_path,) = staging.glob("*.zip")
    try:
        with zipfile.ZipFile(archive_path) as archive:
            refuse_unsafe_members(archive, archive_path)
            for file in files:
                take_member(archive, f"{task}/{file}", staging / file)
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise WrongAssetError(f"{archive_path}: damaged or no zip archive ({error})") from error


def refuse_unsafe_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse an archive with a member that points outside the folder it is unpacked into."""
    for name in archive.namelist():
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",):
            raise WrongAssetError(f"{path}: refused, its member '{name}' points outside the folder to unpack into")


def take_member(archive: zipfile.ZipFile, member: str, destination: Path) -> None:
    """Write one member's content to `destination`."""
    if member not in archive.namelist():
        raise WrongAssetError(f"{archive.filename}: has no member '{member}'; found: {', '.join(archive.namelist())}")
    with archive.open(member) as source, destination.open("wb") as target:
        shutil.copyfileobj(source, target)


def split_mrpc(staging: Path, task: str, files: tuple[str, ...]) -> None:
    """Divide the corpus into the official train and dev files, by the list of sentence ids in dev."""
    corpus = (staging / "msr_paraphrase_train.txt").read_bytes().removeprefix(BYTE_ORDER_MARK)
    header, *rows = [line.removesuffix(b"\r") for line in corpus.split(b"\n") if line.strip()]
    dev_ids = {tuple(line.split()) for line in (staging / "mrpc_dev_ids.tsv").read_bytes().splitlines()}
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for row in rows:
        is_dev = tuple(row.split(b"\t")[1:3]) in dev_ids
        parts[is_dev].append(row)
    if not all(parts):
        raise WrongAssetError(f"mrpc_dev_ids.tsv puts {len(parts[1])} of {len(rows)} pairs into the dev set")
    for file, part in zip(files, parts, strict=True):
        (staging / file).write_bytes(b"\n".join([header, *part]) + b"\n")


def zipped(archive: str, files: tuple[str, ...] = TRAIN_AND_DEV) -> Source:
    """Return the source of a task with an archive of its own."""
    return Source((f"glue/data/{archive}",), files, unzip)


# GLUE may not host MRPC's corpus. SentEval does; GLUE has the list of the pairs that are its dev set.
MRPC = Source(
    ("senteval/senteval_data/msr_paraphrase_train.txt", "glue/data/mrpc_dev_ids.tsv"), TRAIN_AND_DEV, split_mrpc
)
SOURCES = {
    "CoLA": zipped("CoLA.zip"),
    "SST-2": zipped("SST-2.zip"),
    "MRPC": MRPC,
    "STS-B": zipped("STS-B.zip"),
    "QQP": zipped("QQP-clean.zip"),
    "MNLI": zipped("MNLI.zip", ("train.tsv", "dev_matched.tsv", "dev_mismatched.tsv")),
    "QNLI": zipped("QNLIv2.zip"),
    "RTE": zipped("RTE.zip"),
}


@dataclass(frozen=True)
class GlueFetcher:
    """Fetches tasks from `url` into folders below `folder`."""

    url: str
    folder: Path
    lock: Lock
    downloader: Downloader

    def fetch(self, task: str) -> bool:
        """Bring one task; return whether anything had to be fetched."""
        source = SOURCES[task]
        folder = self.folder / task
        on_record = self.lock.record("glue", task)
        if self.lock.update:
            on_record = Record()
        elif not self.lock.missing_files(folder, list(source.files), on_record.files):
            return False
        staging = folder / STAGING
        downloads = {path: self._download(path, staging, on_record) for path in source.downloads}
        self._unpack(source, staging, task)
        files = {file: self.lock.accept_download(staging / file, on_record.files.get(file)) for file in source.files}
        # Recorded before the files get their names: a cut in between leaves files missing, never files unknown.
        self.lock.store("glue", task, Record(downloads=downloads, files=files))
        for file in source.files:
            (staging / file).replace(folder / file)
        shutil.rmtree(staging)
        return True

    def _unpack(self, source: Source, staging: Path, task: str) -> None:
        try:
            source.unpack(staging, task, source.files)
        except WrongAssetError:
            shutil.rmtree(staging)  # so that the next run does not take the same bytes again
            raise

    def _download(self, path: str, staging: Path, on_record: Record) -> str:
        destination = staging / path.rsplit("/", 1)[-1]
        self.downloader.fetch(f"{self.url}/{path}", destination)
        return self.lock.accept_download(destination, on_record.downloads.get(path))
