"""SentencePiece in C++ against the Python package `sentencepiece`, text by text."""

import random
import shutil
from pathlib import Path

import pytest
from records import NO_TRUNCATION, code_points, decode, glue_records, random_records, run_driver

sentencepiece = pytest.importorskip("sentencepiece")

MODEL = Path(__file__).parents[2] / "golden" / "tokenizer" / "unigram.model"
CLASS, SEPARATOR = 1, 2
SPECIAL_TOKENS = [b"[PAD]", b"[CLS]", b"[SEP]", b"[UNK]", b"[MASK]"]
RANDOM_TEXTS = 100_000
WORDS = ["the", "river", "running", "mill", "student", "ABC", "\uff21\uff22", "\ufb01", "\u00bd", "\u2581", "e\u0301"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unigram")
    shutil.copy(MODEL, folder / "spm.model")
    return folder


@pytest.fixture(scope="session")
def processor():
    return sentencepiece.SentencePieceProcessor(model_file=str(MODEL))


def expect_equal_ids(driver, folder, processor, records):
    ours = run_driver(driver, folder, records, NO_TRUNCATION)
    first = processor.encode([decode(first) for first, _ in records])
    second = processor.encode([decode(second or b"") for _, second in records])
    for record, first_ids, second_ids, (ids, types) in zip(records, first, second, ours, strict=True):
        expected = [CLASS, *first_ids, SEPARATOR]
        expected_types = [0] * len(expected)
        if record[1] is not None:
            expected += [*second_ids, SEPARATOR]
            expected_types += [1] * (len(second_ids) + 1)
        if ids != expected or types != expected_types:
            pytest.fail(f"{record}: {expected[:100]} expected, {ids[:100]} found")


def has_special_token(record):
    """The package alone does not know them as tokens."""
    return any(token in (text or b"") for token in SPECIAL_TOKENS for text in record)


def test_random_texts(driver, folder, processor):
    generator = random.Random(20240302)
    records = random_records(generator, WORDS, ["[PAD", "MASK]"], RANDOM_TEXTS)
    expect_equal_ids(driver, folder, processor, [record for record in records if not has_special_token(record)])


def test_every_code_point(driver, folder, processor):
    records = [
        (character.encode(), f"the{character}river {character}{character}".encode()) for character in code_points()
    ]
    expect_equal_ids(driver, folder, processor, records)


def test_glue(driver, folder, processor, shared):
    expect_equal_ids(driver, folder, processor, list(glue_records(shared / "glue")))
