"""Times Tunescope's tokenizer of a folder beside the library of its kind, one thread each, in the same run: Hugging
Face `tokenizers` if the folder has a tokenizer.json, else the Python package `sentencepiece`.

    python tokenizer_speed.py --driver build/tests/tokenize_stdin --folder models/bert-base-uncased --glue glue
    python tokenizer_speed.py --driver ... --folder ... --lines sentences.txt

Both get the same sentences, truncated to `--max_length`, and both are timed without reading and loading. The fastest
of `--repeat` rounds counts, and the rounds of the two alternate, so that a busy machine slows both. Exit status 77:
the library is not installed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

os.environ["TOKENIZERS_PARALLELISM"] = "false"

NO_TEXT = struct.pack("<I", 0xFFFFFFFF)


def read_glue(folder: Path) -> list[str]:
    """Every cell of every training file that looks like a sentence: it has a blank."""
    texts: list[str] = []
    for path in sorted(folder.glob("*/train.tsv")):
        for line in path.read_text(encoding="utf-8-sig").split("\n"):
            texts.extend(cell for cell in line.split("\t") if " " in cell)
    return texts


def import_or_skip(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"skipped: the Python package `{name}` is not installed, so there is nothing to compare with")
        sys.exit(77)


def library_of(folder: Path, max_length: int) -> tuple[str, Callable[[list[str]], object]]:
    """Its name, and what encodes texts with it."""
    if (folder / "tokenizer.json").exists():
        tokenizers = import_or_skip("tokenizers")
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(max_length)
        tokenizer.no_padding()
        return f"tokenizers {tokenizers.__version__}", tokenizer.encode_batch
    sentencepiece = import_or_skip("sentencepiece")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    return f"sentencepiece {sentencepiece.__version__}", lambda texts: processor.encode(texts, num_threads=1)


def seconds_of(encode: Callable[[list[str]], object], texts: list[str]) -> float:
    begin = time.perf_counter()
    encode(texts)
    return time.perf_counter() - begin


def seconds_of_tunescope(driver: Path, folder: Path, max_length: int, stream: bytes) -> float:
    command = [driver, folder, str(max_length), "1"]
    return float(subprocess.run(command, input=stream, stderr=subprocess.PIPE, check=True).stderr)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", type=Path, required=True, help="the program built from tokenize_stdin.cpp")
    parser.add_argument("--folder", type=Path, required=True, help="a model folder with tokenizer.json or spm.model")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--glue", type=Path, help="a GLUE folder")
    source.add_argument("--lines", type=Path, help="a file with one text a line")
    parser.add_argument("--max_length", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    texts = read_glue(arguments.glue) if arguments.glue else arguments.lines.read_text(encoding="utf-8").split("\n")
    encoded = [text.encode("utf-8") for text in texts]
    stream = b"".join(struct.pack("<I", len(text)) + text + NO_TEXT for text in encoded)
    library, encode = library_of(arguments.folder, arguments.max_length)

    theirs = ours = float("inf")
    for _ in range(arguments.repeat):
        theirs = min(theirs, seconds_of(encode, texts))
        ours = min(ours, seconds_of_tunescope(arguments.driver, arguments.folder, arguments.max_length, stream))
    megabytes = sum(map(len, encoded)) / 1e6
    print(f"{len(texts)} texts, {megabytes:.1f} MB, one thread, fastest of {arguments.repeat}")
    print(f"{library}: {theirs:.3f} s, {megabytes / theirs:.1f} MB/s")
    print(f"tunescope: {ours:.3f} s, {megabytes / ours:.1f} MB/s")
    print(f"ratio: {theirs / ours:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
