"""Models of the Hugging Face hub: configuration, safetensors and tokenizer, at a commit that the lock file pins."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.hf_api import ModelInfo

from .download import Downloader, describe
from .errors import UnavailableError, WrongAssetError
from .lock import Lock, Record, sha256, verify_or_delete
from .patience import TEMPORARY_STATUSES, Patience, TemporaryError, busy

SINGLE_WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
VOCABULARIES = ("tokenizer.json", "vocab.txt")
STAGING = ".fetching"
COMMIT = re.compile(r"[0-9a-f]{40}")
REMEDY = "It was damaged on the way: run this again."


@dataclass(frozen=True)
class Revision:
    """One commit of a repository."""

    repository: str
    commit: str
    files: list[str]  # those that Tunescope reads
    sums: dict[str, str]  # SHA-256; the hub knows those of large files only
    source: str  # who says so


@dataclass(frozen=True)
class ModelFetcher:
    """Fetches models into folders below `folder`, named after the repository without its owner."""

    folder: Path
    lock: Lock
    downloader: Downloader

    def fetch(self, repository: str) -> bool:
        """Bring one model; return whether anything had to be fetched."""
        name = repository.rsplit("/", 1)[-1]
        folder = self.folder / name
        on_record = self.lock.record("models", name)
        refuse_other_repository(repository, on_record, folder)
        if on_record.files and not self.lock.update:
            sums = on_record.files
            revision = Revision(on_record.repository, on_record.commit, list(sums), sums, str(self.lock.path))
        else:
            revision = ask_hub(repository, self.downloader.attempts)
        missing = revision.files
        if not self.lock.update:
            missing = self.lock.missing_files(folder, revision.files, on_record.files)
        if missing:
            self._bring(folder, missing, revision)
        for file in on_record.files.keys() - revision.files:
            (folder / file).unlink(missing_ok=True)
        return bool(missing)

    def _bring(self, folder: Path, files: list[str], revision: Revision) -> None:
        """Fetch `files` of a commit, put them on record, and give them their names."""
        staging = folder / STAGING / revision.commit
        sums = dict(revision.sums)
        token = get_token()
        login = {"Authorization": f"Bearer {token}"} if token else {}
        for file in files:
            url = hf_hub_url(revision.repository, file, revision=revision.commit)
            self.downloader.fetch(url, staging / file, login)
            expected = sums.get(file) or sha256(staging / file)
            sums[file] = verify_or_delete(staging / file, expected, revision.source, REMEDY)
        # Recorded before the files get their names: a cut in between leaves files missing, never files unknown.
        self.lock.store("models", folder.name, Record(revision.repository, revision.commit, files=sums))
        for file in files:
            (staging / file).replace(folder / file)
        shutil.rmtree(folder / STAGING)


def refuse_other_repository(repository: str, on_record: Record, folder: Path) -> None:
    """Refuse a model whose folder belongs to another owner's. A name without owner means the one on record."""
    if on_record.repository and "/" in repository and repository != on_record.repository:
        raise WrongAssetError(
            f"{folder} is on record for {on_record.repository}: give {repository} another --models-folder and --lock"
        )


def ask_patiently(repository: str, attempts: int) -> ModelInfo:
    """Ask for a repository's listing, again where the hub is busy or limits how often it is asked."""
    patience = Patience(attempts)
    while True:
        try:
            return HfApi().model_info(repository, files_metadata=True)
        except HfHubHTTPError as error:
            answer = error.response
            if answer.status_code not in TEMPORARY_STATUSES:
                raise
            temporary: TemporaryError = busy(answer.status_code, answer.reason_phrase, answer.headers)
            patience.wait_after(temporary, f"cannot ask {constants.ENDPOINT}: {temporary}")


def ask_hub(repository: str, attempts: int) -> Revision:
    """Ask for the newest commit of a repository and its files."""
    try:
        info = ask_patiently(repository, attempts)
    except RepositoryNotFoundError as error:
        raise WrongAssetError(
            f"{constants.ENDPOINT} has no such model, or it needs a login: check the name, or put a token into HF_TOKEN"
        ) from error
    except HFValidationError as error:
        raise WrongAssetError(str(error)) from error
    except httpx2.HTTPError as error:
        raise UnavailableError(f"cannot ask {constants.ENDPOINT}: {describe(error)}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UnavailableError(f"{constants.ENDPOINT} does not answer as a Hugging Face hub: {error!r}") from error
    commit = info.sha or ""
    if not COMMIT.fullmatch(commit):
        raise UnavailableError(f"{constants.ENDPOINT} names no commit; is it a Hugging Face hub?")
    siblings = info.siblings or []
    files = wanted_files([sibling.rfilename for sibling in siblings], repository)
    sums = {sibling.rfilename: sibling.lfs.sha256 for sibling in siblings if sibling.lfs and sibling.rfilename in files}
    return Revision(info.id, commit, files, sums, constants.ENDPOINT)


def wanted_files(available: list[str], repository: str) -> list[str]:
    """Choose the files that Tunescope reads."""
    weights = [SINGLE_WEIGHTS]
    if SINGLE_WEIGHTS not in available:
        weights = [WEIGHTS_INDEX, *filter(SHARD.fullmatch, available)]
    vocabularies = [file for file in VOCABULARIES if file in available]
    needed = ["config.json", *weights, *(vocabularies or VOCABULARIES[:1])]
    if lacking := [file for file in needed if file not in available]:
        raise WrongAssetError(
            f"the repository has no {', '.join(lacking)}; Tunescope needs config.json, "
            "safetensors weights and tokenizer.json or vocab.txt: choose another repository"
        )
    return needed + [file for file in ("tokenizer_config.json",) if file in available]
