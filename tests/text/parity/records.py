"""Texts to compare tokenizers on, and what Tunescope's makes of them."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

Record = tuple[bytes, bytes | None]
NO_TEXT = struct.pack("<I", 0xFFFFFFFF)
NO_TRUNCATION = 1_000_000
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


def as_bytes(pick: Callable[[], str]) -> Callable[[], bytes]:
    return lambda: pick().encode("utf-8")


def text_sources(generator: random.Random, words: list[str], special: list[str]) -> list[Callable[[], bytes]]:
    """Functions that make a fragment of text each, from every corner of Unicode."""

    def from_ranges(*ranges: tuple[int, int], longest: int = 4) -> Callable[[], bytes]:
        def pick() -> str:
            count = generator.randint(1, longest)
            return "".join(chr(generator.randint(*generator.choice(ranges))) for _ in range(count))

        return as_bytes(pick)

    def word() -> str:
        text = "".join(generator.choice(words) for _ in range(generator.randint(1, 3)))
        return generator.choice([str.upper, str.title, str, str])(text)

    def special_token() -> str:
        text = generator.choice(special)
        return generator.choice(["", " "]) + generator.choice([str.upper, str.lower, str, str])(text)

    anything = from_ranges((0, 0xD7FF), (0xE000, 0x10FFFF), (0, 0x2FFF))
    return [
        as_bytes(word),
        as_bytes(word),
        as_bytes(
            lambda: generator.choice([" ", " ", "\t", "\n", "\r\n", "\u00a0", "\u2028", "\u3000", "\u0085", "\x0b"])
        ),
        as_bytes(lambda: generator.choice(["[sep]", "[CLS", "[[MASK]]", "##", "##ing", "[unused3]", "</s", "<<s>>"])),
        as_bytes(lambda: generator.choice(["'s", "'T", " 're", "n't", "\u2019s", "_x", " 1", "x2", "  a", "\u2581"])),
        as_bytes(special_token),
        as_bytes(special_token),
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


def random_records(generator: random.Random, words: list[str], special: list[str], count: int) -> list[Record]:
    """Texts and pairs of words, characters, bytes that are not UTF-8, and the tokens `special`."""
    sources = text_sources(generator, words, special)

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
