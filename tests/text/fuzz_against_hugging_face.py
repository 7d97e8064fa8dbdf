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
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
try:
    import tokenizers
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
except ImportError:
    print("skipped: the Python package `tokenizers` is not installed, so there is nothing to compare with")
    sys.exit(77)

Record = tuple[bytes, bytes | None]
NO_TEXT = struct.pack("<I", 0xFFFFFFFF)
NO_TRUNCATION = 1_000_000
SPECIAL_TOKENS = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]
GLUE_COLUMNS = {
    "CoLA": ["sentence"],
    "SST-2": ["sentence"],
    "RTE": ["sentence1", "sentence2"],
    "QNLI": ["question", "sentence"],
    "QQP": ["question1", "question2"],
    "MNLI": ["sentence1", "sentence2"],
    "MRPC": ["#1 String", "#2 String"],
    "STS-B": ["sentence1", "sentence2"],
}


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


def run_driver(driver: Path, folder: Path, records: list[Record], max_length: int) -> list[tuple[list[int], list[int]]]:
    """The ids and type ids that the C++ tokenizer gives."""
    stream = bytearray()
    for first, second in records:
        stream += struct.pack("<I", len(first)) + first
        stream += NO_TEXT if second is None else struct.pack("<I", len(second)) + second
    output = subprocess.run(
        [driver, folder, str(max_length)], input=bytes(stream), stdout=subprocess.PIPE, check=True
    ).stdout
    results = []
    position = 0
    while position < len(output):
        (count,) = struct.unpack_from("<i", output, position)
        values = struct.unpack_from(f"<{2 * count}i", output, position + 4)
        results.append((list(values[:count]), list(values[count:])))
        position += 4 + 8 * count
    return results


def decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


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


def as_bytes(pick: Callable[[], str]) -> Callable[[], bytes]:
    return lambda: pick().encode("utf-8")


def text_sources(generator: random.Random, words: list[str], added: list[str]) -> list[Callable[[], bytes]]:
    """Functions that make a fragment of text each, from every corner of Unicode."""

    def from_ranges(*ranges: tuple[int, int], longest: int = 4) -> Callable[[], bytes]:
        def pick() -> str:
            count = generator.randint(1, longest)
            return "".join(chr(generator.randint(*generator.choice(ranges))) for _ in range(count))

        return as_bytes(pick)

    def word() -> str:
        text = "".join(generator.choice(words) for _ in range(generator.randint(1, 3)))
        return generator.choice([str.upper, str.title, str, str])(text)

    def added_token() -> str:
        text = generator.choice(added or SPECIAL_TOKENS)
        return generator.choice(["", " "]) + generator.choice([str.upper, str.lower, str, str])(text)

    anything = from_ranges((0, 0xD7FF), (0xE000, 0x10FFFF), (0, 0x2FFF))
    return [
        as_bytes(word),
        as_bytes(word),
        as_bytes(
            lambda: generator.choice([" ", " ", "\t", "\n", "\r\n", "\u00a0", "\u2028", "\u3000", "\u0085", "\x0b"])
        ),
        as_bytes(lambda: generator.choice(SPECIAL_TOKENS + ["[sep]", "[CLS", "[[MASK]]", "##", "##ing", "[unused3]"])),
        as_bytes(added_token),
        as_bytes(lambda: generator.choice(["\0", "\ufffd", "\u00ad", "\u200d", "\ufeff", "\ue000", "\ufffe"])),
        as_bytes(lambda: chr(generator.randint(0x61, 0x7A)) * generator.randint(95, 105)),
        as_bytes(lambda: "\u00e9" * generator.randint(95, 105)),
        from_ranges((0x21, 0x2F), (0x3A, 0x40), (0x2010, 0x205E), (0x3001, 0x3020), longest=2),
        from_ranges((0xC0, 0x24F), (0x370, 0x52F), (0x1E00, 0x1FFF)),
        from_ranges((0x300, 0x36F), (0x483, 0x489), (0x591, 0x5C7), (0x8D0, 0x903), (0x1AB0, 0x1AFF), (0x302A, 0x302F)),
        from_ranges((0x302E, 0x302F), (0x1D165, 0x1D172), (0x1E944, 0x1E94A), (0x16FF0, 0x16FF1), (0x1715, 0x1715)),
        from_ranges((0x900, 0xDFF), (0xE00, 0x109F), (0x1700, 0x18AF)),
        from_ranges((0x4E00, 0x9FFF), (0x3040, 0x30FF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F)),
        from_ranges((0xAC00, 0xD7A3), (0x1100, 0x11FF)),
        from_ranges((0x1F300, 0x1FAFF), (0x200D, 0x200D), (0xFE0F, 0xFE0F)),
        anything,
        anything,
        lambda: generator.randbytes(generator.randint(1, 3)),
    ]


def random_records(generator: random.Random, words: list[str], added: list[str], count: int) -> list[Record]:
    sources = text_sources(generator, words, added)

    def text() -> bytes:
        return b"".join(generator.choice(sources)() for _ in range(generator.randint(0, 12)))

    return [(text(), text() if generator.random() < 0.5 else None) for _ in range(count)]


def glue_records(folder: Path) -> Iterator[Record]:
    for task, wanted in GLUE_COLUMNS.items():
        for path in sorted((folder / task).glob("*.tsv")):
            lines = path.read_bytes().decode("utf-8-sig").split("\n")
            header = lines[0].rstrip("\r").split("\t")
            columns = [header.index(name) for name in wanted if name in header]
            body = lines[1:]
            if not columns:  # CoLA train and dev have no header
                columns, body = [3], lines
            for line in body:
                cells = line.rstrip("\r").split("\t")
                if len(cells) <= max(columns):
                    continue
                texts = [cells[column].encode("utf-8") for column in columns]
                yield from ((text, None) for text in texts)
                if len(texts) == 2:
                    yield texts[0], texts[1]


def code_points() -> Iterator[str]:
    return (chr(value) for value in range(0x110000) if not 0xD800 <= value < 0xE000)


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
        yield random_records(generator, words, added, arguments.count // 10), max_length


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
