"""The command line: what to fetch, where to, and the exit status."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from .download import Downloader
from .errors import AssetError, WrongAssetError
from .glue import SOURCES, GlueFetcher
from .json_lines import convert
from .lock import Lock, only_one_process
from .models import ModelFetcher

Fetch = Callable[[str], bool]  # takes an asset's name, says whether anything had to be fetched

STOPPED = 75
SOME_FAILED = 1
DEFAULT_MODEL = "google-bert/bert-large-cased"
DESCRIPTION = """\
Bring the GLUE tasks and models of the Hugging Face hub into the folders that the job files name. Run it once on a
machine with internet access, such as a login node; after that everything runs offline. What is there and whole is not
fetched again. An interrupted download resumes where it stopped, in a later run too. Relative paths start at the top of
the checkout.

SHA-256 sums are kept in a lock file: written by the first fetch, verified by later ones. Commit it, and every machine
gets the same bytes. A model stays at the commit on record. The first fetch verifies a model's weights by the sum that
the hub names. Of its small files the hub names none: these are taken as they come, and named.

A model without safetensors comes as pytorch_model.bin, of which the tensors alone are read, and is written as
model.safetensors. Nothing of it is run.

With --convert nothing is fetched: data files become JSON lines (.jsonl), which a section [task NAME] of a job file may
name. FILE.parquet becomes FILE.jsonl, with its columns of texts, numbers and truth values. AdvGLUE's dev.json becomes
adv-sst2.jsonl, adv-mnli.jsonl and so on, with the columns and labels of GLUE's own files."""
EPILOG = """\
environment:
  HF_ENDPOINT   another hub or a mirror (default: https://huggingface.co)
  HF_TOKEN      a token for models that need a login
  HTTPS_PROXY   the proxy, if the login node needs one

exit status:
  0   everything asked for is there, or converted
  1   some assets could not be fetched, the others are there
  2   wrong use, unknown model, damaged or unexpected content; remedy in the message
  3   nothing could be fetched: network, server or filesystem
  75  stopped by a signal; run it again to resume

examples:
  scripts/fetch-assets                                        what jobs/paper.cfg needs
  scripts/fetch-assets --tasks RTE,CoLA google-bert/bert-base-uncased
  scripts/fetch-assets --only models google-bert/bert-base-cased google-bert/bert-large-uncased
  scripts/fetch-assets --only models FacebookAI/roberta-base google/electra-base-discriminator \\
    distilbert/distilbert-base-uncased openai-community/gpt2 microsoft/deberta-v3-base
  scripts/fetch-assets --convert reviews/train.parquet reviews/test.parquet --to data/reviews"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        "scripts/fetch-assets",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("models", nargs="*", metavar="OWNER/MODEL", help=f"models of the hub (default: {DEFAULT_MODEL})")
    add("--tasks", type=task_list, default=list(SOURCES), metavar="LIST", help=f"default: {','.join(SOURCES)}")
    add("--only", choices=["glue", "models"], help="fetch the tasks alone, or the models alone")
    add(
        "--convert",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="write .parquet files or AdvGLUE's dev.json as JSON lines",
    )
    add("--to", type=Path, metavar="DIR", help="where to; default: the folder of the file")
    add("--glue-folder", type=Path, default=Path("data/glue"), metavar="DIR", help="default: %(default)s")
    add("--models-folder", type=Path, default=Path("models"), metavar="DIR", help="default: %(default)s")
    add("--lock", type=Path, default=Path("scripts/assets.lock"), metavar="FILE", help="default: %(default)s")
    add("--update-lock", action="store_true", help="fetch again, models at their newest commit; record the new sums")
    add(
        "--glue-url",
        type=web_address,
        default="https://dl.fbaipublicfiles.com",
        metavar="URL",
        help="another server with the same paths (default: %(default)s)",
    )
    add(
        "--attempts",
        type=positive,
        default=6,
        metavar="N",
        help="give a download up after so many attempts in a row that brought nothing (default: %(default)s)",
    )
    return parser


def positive(text: str) -> int:
    """Parse a whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
    return value


def web_address(text: str) -> str:
    """Parse an address of the web."""
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"'{text}' is not an address that begins with https:// or http://")
    return text.rstrip("/")


def task_list(text: str) -> list[str]:
    """Parse names of tasks, separated by commas or blanks."""
    tasks = text.replace(",", " ").split()
    unknown = [task for task in tasks if task not in SOURCES]
    if unknown or not tasks:
        raise argparse.ArgumentTypeError(f"unknown task '{', '.join(unknown)}'; the tasks are {', '.join(SOURCES)}")
    return tasks


def fetch_all(jobs: list[tuple[str, Fetch]]) -> int:
    """Fetch every asset, a failed one not keeping the others from it; return the exit status."""
    failures = []
    for name, fetch in jobs:
        try:
            print(f"{name}: {'fetched' if fetch(name) else 'complete'}", flush=True)
        except (AssetError, OSError) as error:
            failures.append(error)
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    if not failures:
        return 0
    if any(isinstance(failure, WrongAssetError) for failure in failures):
        return WrongAssetError.status
    return SOME_FAILED if len(failures) < len(jobs) else 3


def convert_all(options: argparse.Namespace) -> int:
    """Convert files; return the exit status."""
    if options.models:
        raise WrongAssetError("--convert fetches nothing; leave out the models")
    for source in options.convert:
        for path, rows in convert(source, options.to or source.parent).items():
            print(f"{path}: {rows} rows", flush=True)
    return 0


def run(options: argparse.Namespace) -> int:
    """Do what the options ask for; return the exit status."""
    if options.convert:
        return convert_all(options)
    if options.to:
        raise WrongAssetError("--to belongs to --convert")
    with only_one_process(options.lock):
        lock = Lock(options.lock, options.update_lock)
        downloader = Downloader(options.attempts)
        glue = GlueFetcher(options.glue_url, options.glue_folder, lock, downloader)
        models = ModelFetcher(options.models_folder, lock, downloader)
        jobs: list[tuple[str, Fetch]] = []
        if options.only != "models":
            jobs += [(task, glue.fetch) for task in options.tasks]
        if options.only != "glue":
            jobs += [(model, models.fetch) for model in options.models or [DEFAULT_MODEL]]
        return fetch_all(jobs)


def stop(signal_number: int, frame: object) -> None:
    """Treat SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the command line; return the exit status."""
    options = make_parser().parse_args()
    signal.signal(signal.SIGTERM, stop)
    try:
        return run(options)
    except AssetError as error:
        print(error, file=sys.stderr)
        return error.status
    except OSError as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("stopped; what has come is kept, run this again to resume", file=sys.stderr)
        return STOPPED
