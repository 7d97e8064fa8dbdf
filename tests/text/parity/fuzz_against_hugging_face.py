"""Compares Tunescope's WordPiece with Hugging Face `tokenizers`, string by string.

    python fuzz_against_hugging_face.py --driver build/tests/tokenize_stdin --vocabulary bert-base-uncased/vocab.txt
    ... --vocabulary bert-base-cased/vocab.txt --config '{"do_lower_case": false}'
    ... --vocabulary bert-base-uncased/vocab.txt --glue glue       every sentence and pair of GLUE
    ... --every_code_point                                         every code point there is

`--every_code_point` replaces the vocabulary by one in which every code point is a token, so that ids show exactly
what normalization made of a text. Exit status: 0 all equal, 1 any difference, 77 `tokenizers` is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from records import NO_TRUNCATION, Record, code_points, decode, glue_records, random_records, run_driver

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
try:
    import tokenizers
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
except ImportError:
    print("skipped: the Python package `tokenizers` is not installed, so there is nothing to compare with")
    sys.exit(77)

SPECIAL_TOKENS = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]


def reference_tokenizer(folder: Path) -> Tokenizer:
    """The backend that transformers' `BertTokenizerFast` builds from `vocab.txt` and `tokenizer_config.json`."""
    config = json.loads((folder / "tokenizer_config.json").read_text())
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = {line.rstrip(): index for index, line in enumerate(lines) if line}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=config.get("tokenize_chinese_chars", True),
        strip_accents=config.get("strip_accents"),
        lowercase=config.get("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    added = config.get("added_tokens_decoder", {})
    tokenizer.add_tokens([AddedToken(**added[index]) for index in sorted(added, key=int)])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return tokenizer


def compare(tokenizer: Tokenizer, driver: Path, folder: Path, records: list[Record], max_length: int) -> int:
    """Prints the first differences and returns how many there are."""
    ours = run_driver(driver, folder, records, max_length)
    if len(ours) != len(records):
        raise SystemExit(f"the driver returned {len(ours)} results for {len(records)} records")
    if max_length < NO_TRUNCATION:
        tokenizer.enable_truncation(max_length, strategy="longest_first")
    else:
        tokenizer.no_truncation()
    inputs = [decode(a) if b is None else (decode(a), decode(b)) for a, b in records]
    differences = 0
    for text, encoding, (ids, types) in zip(inputs, tokenizer.encode_batch(inputs), ours, strict=True):
        if encoding.ids == ids and encoding.type_ids == types:
            continue
        differences += 1
        if differences <= 10:
            print(f"  max_length {max_length}: {ascii(text)}\n    expected {encoding.ids}\n    got      {ids}")
    return differences


def every_character_vocabulary() -> list[str]:
    characters = [character for character in code_points() if not character.isspace()]
    return SPECIAL_TOKENS + characters + ["##" + character for character in characters]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", type=Path, required=True, help="the program built from tokenize_stdin.cpp")
    parser.add_argument("--vocabulary", type=Path, help="a vocab.txt")
    parser.add_argument("--config", type=json.loads, default={}, help="contents of tokenizer_config.json")
    parser.add_argument("--count", type=int, default=100_000, help="number of random strings")
    parser.add_argument("--seed", type=int, default=20240229)
    parser.add_argument("--glue", type=Path, help="compare a GLUE folder instead of random strings")
    parser.add_argument("--every_code_point", action="store_true", help="use a vocabulary of all code points")
    arguments = parser.parse_args()
    if (arguments.vocabulary is None) != arguments.every_code_point:
        parser.error("give either --vocabulary or --every_code_point")
    return arguments


def make_runs(arguments: argparse.Namespace, words: list[str]) -> Iterator[tuple[list[Record], int]]:
    """The records to compare and the lengths to truncate them to."""
    if arguments.glue is not None:
        records = list(glue_records(arguments.glue))
        for max_length in (NO_TRUNCATION, 128, 17):
            yield records, max_length
        return
    if arguments.every_code_point:
        yield [(character.encode("utf-8"), f"a{character}b".encode()) for character in code_points()], NO_TRUNCATION
    generator = random.Random(arguments.seed)
    # The large vocabulary takes seconds to read; what truncation does is not its subject.
    lengths = [NO_TRUNCATION, 8] if arguments.every_code_point else [NO_TRUNCATION] * 5 + [3, 4, 8, 15, 32]
    added = [token["content"] for token in arguments.config.get("added_tokens_decoder", {}).values()]
    for max_length in lengths:
        yield random_records(generator, words, SPECIAL_TOKENS + added, arguments.count // 10), max_length


def main() -> int:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.every_code_point:
            tokens = every_character_vocabulary()
            (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
            words = [chr(value) for value in range(0x61, 0x7B)]
        else:
            (folder / "vocab.txt").write_bytes(arguments.vocabulary.read_bytes())
            tokens = arguments.vocabulary.read_text(encoding="utf-8").split("\n")
            words = [token.removeprefix("##") for token in tokens if token]
        (folder / "tokenizer_config.json").write_text(json.dumps(arguments.config))
        tokenizer = reference_tokenizer(folder)
        compared = differences = 0
        for records, max_length in make_runs(arguments, words):
            differences += compare(tokenizer, arguments.driver, folder, records, max_length)
            compared += len(records)
    print(f"tokenizers {tokenizers.__version__}: {compared} compared, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
