"""Models of the Hugging Face hub: configuration, weights and tokenizer, at a commit that the lock file pins."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.hf_api import ModelInfo

from .convert import convert
from .download import Downloader, describe
from .errors import UnavailableError, WrongAssetError
from .lock import Lock, Record, sha256, verify_or_delete
from .patience import TEMPORARY_STATUSES, Patience, TemporaryError, busy

SINGLE_WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
PICKLED_WEIGHTS = "pytorch_model.bin"
# Each line is enough to make a tokenizer; all that are there are fetched.
VOCABULARIES = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"), ("spm.model",))
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
STAGING = ".fetching"
COMMIT = re.compile(r"[0-9a-f]{40}")
REMEDY = "It was damaged on the way: run this again."
OTHER_CONVERSION = "Another version of this program converted it: take this one with --update-lock."


@dataclass(frozen=True)
class Revision:
    """One commit of a repository."""

    repository: str
    commit: str
    files: list[str]  # those that Tunescope reads
    sums: dict[str, str]  # SHA-256; the hub knows those of large files only
    downloads: dict[str, str]  # PICKLED_WEIGHTS if the weights are made of them, with their sum or ""
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
            revision = Revision(
                on_record.repository,
                on_record.commit,
                list(on_record.files),
                on_record.files,
                on_record.downloads,
                str(self.lock.path),
            )
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
        sums, downloads = dict(revision.sums), dict(revision.downloads)
        for file in files:
            if file == SINGLE_WEIGHTS and PICKLED_WEIGHTS in downloads:
                downloads[PICKLED_WEIGHTS] = self._make_weights(staging, sums.get(file, ""), revision)
            else:
                self._download(staging, file, revision)
            sums[file] = sha256(staging / file)
        # Recorded before the files get their names: a cut in between leaves files missing, never files unknown.
        self.lock.store("models", folder.name, Record(revision.repository, revision.commit, downloads, sums))
        known = revision.sums | ({SINGLE_WEIGHTS: revision.downloads[PICKLED_WEIGHTS]} if downloads else {})
        if unverified := [file for file in files if not known.get(file)]:
            print(
                f"{folder.name}: no sum was known of {', '.join(unverified)}; {self.lock.path} now has them", flush=True
            )
        for file in files:
            (staging / file).replace(folder / file)
        shutil.rmtree(folder / STAGING)

    def _download(self, staging: Path, file: str, revision: Revision) -> str:
        """Fetch a file and return its sum, which must be the known one if there is one."""
        token = get_token()
        login = {"Authorization": f"Bearer {token}"} if token else {}
        self.downloader.fetch(hf_hub_url(revision.repository, file, revision=revision.commit), staging / file, login)
        expected = (revision.sums | revision.downloads).get(file) or sha256(staging / file)
        return verify_or_delete(staging / file, expected, revision.source, REMEDY)

    def _make_weights(self, staging: Path, expected: str, revision: Revision) -> str:
        """Fetch the weights as a pickle and convert them; return the pickle's sum."""
        found = self._download(staging, PICKLED_WEIGHTS, revision)
        try:
            convert(staging / PICKLED_WEIGHTS, staging / SINGLE_WEIGHTS)
        finally:
            (staging / PICKLED_WEIGHTS).unlink()
        if expected:
            verify_or_delete(staging / SINGLE_WEIGHTS, expected, revision.source, OTHER_CONVERSION)
        return found


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
    sums = {sibling.rfilename: sibling.lfs.sha256 if sibling.lfs else "" for sibling in info.siblings or []}
    files = wanted_files(list(sums))
    is_pickled = SINGLE_WEIGHTS in files and SINGLE_WEIGHTS not in sums
    return Revision(
        info.id,
        commit,
        files,
        {file: sums[file] for file in files if sums.get(file)},
        {PICKLED_WEIGHTS: sums[PICKLED_WEIGHTS]} if is_pickled else {},
        constants.ENDPOINT,
    )


def wanted_files(available: list[str]) -> list[str]:
    """Choose the files that Tunescope reads; SINGLE_WEIGHTS too where they are made of PICKLED_WEIGHTS."""
    shards = [file for file in available if SHARD.fullmatch(file)]
    weights = [SINGLE_WEIGHTS]
    if SINGLE_WEIGHTS not in available and WEIGHTS_INDEX in available and shards:
        weights = [WEIGHTS_INDEX, *shards]
    elif SINGLE_WEIGHTS not in available and PICKLED_WEIGHTS not in available:
        raise lacking(f"{SINGLE_WEIGHTS}, no {WEIGHTS_INDEX} with its parts and no {PICKLED_WEIGHTS}")
    if "config.json" not in available:
        raise lacking("config.json")
    vocabularies = [file for files in VOCABULARIES if set(files) <= set(available) for file in files]
    if not vocabularies:
        raise lacking(" or ".join(" with ".join(files) for files in VOCABULARIES))
    return ["config.json", *weights, *vocabularies, *(file for file in TOKENIZER_SETTINGS if file in available)]


def lacking(what: str) -> WrongAssetError:
    """Return the error of a repository that has not got all that is needed."""
    return WrongAssetError(
        f"the repository has no {what}; Tunescope needs config.json, weights and the files of a tokenizer: "
        "choose another repository"
    )
