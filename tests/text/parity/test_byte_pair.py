"""The byte-level BPE against Hugging Face `tokenizers`, text by text."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest
from records import NO_TRUNCATION, code_points, decode, glue_records, random_records, run_driver

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
tokenizers = pytest.importorskip("tokenizers")

GOLDEN = Path(__file__).parents[2] / "golden" / "tokenizer" / "byte_pair.json"
ROBERTA_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
RANDOM_TEXTS = 25_000  # for each of four tokenizers


def byte_level(folder, add_prefix_space=False):
    """The tokenizer that transformers builds from vocab.json and merges.txt."""
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    return tokenizer


def copy_of(source, folder):
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(source / name, folder)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    """The vocabulary and merges of the golden file."""
    folder = tmp_path_factory.mktemp("small")
    golden = json.loads(GOLDEN.read_text())
    files = next(entry["files"] for entry in golden["folders"] if entry["name"].startswith("RoBERTa, vocab.json"))
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def gpt2(shared, tmp_path_factory):
    """A folder without tokenizer.json, and its reference."""
    folder = tmp_path_factory.mktemp("gpt2")
    copy_of(shared / "vocab" / "gpt2", folder)
    tokenizer = byte_level(folder)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return folder, tokenizer


def roberta_of(source, folder, add_prefix_space):
    """As the hub's: a tokenizer.json in which <mask> includes the white space before it."""
    tokenizer = byte_level(source, add_prefix_space)
    ids = {token: tokenizer.token_to_id(token) for token in ROBERTA_TOKENS}
    tokenizer.post_processor = tokenizers.processors.RobertaProcessing(("</s>", ids["</s>"]), ("<s>", ids["<s>"]))
    tokenizer.add_special_tokens(ROBERTA_TOKENS[:4])
    tokenizer.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder, tokenizer


@pytest.fixture(scope="session")
def roberta(shared, tmp_path_factory):
    return roberta_of(shared / "vocab" / "roberta-base", tmp_path_factory.mktemp("roberta"), add_prefix_space=False)


@pytest.fixture(scope="session")
def roberta_with_blank(shared, tmp_path_factory):
    return roberta_of(shared / "vocab" / "roberta-base", tmp_path_factory.mktemp("blank"), add_prefix_space=True)


@pytest.fixture(scope="session")
def small(small_folder, tmp_path_factory):
    return roberta_of(small_folder, tmp_path_factory.mktemp("small_json"), add_prefix_space=True)


@pytest.fixture(params=["small", "gpt2", "roberta", "roberta_with_blank"])
def pair(request):
    """The folder of a tokenizer, and its reference."""
    return request.getfixturevalue(request.param)


def expect_equal_ids(driver, pair, records, max_length):
    folder, tokenizer = pair
    if max_length < NO_TRUNCATION:
        tokenizer.enable_truncation(max_length, strategy="longest_first")
    else:
        tokenizer.no_truncation()
    texts = [decode(first) if second is None else (decode(first), decode(second)) for first, second in records]
    end_of_text = tokenizer.token_to_id("<|endoftext|>")  # of GPT-2; what an empty text is encoded as
    ours = run_driver(driver, folder, records, max_length)
    for text, reference, (ids, types) in zip(texts, tokenizer.encode_batch(texts), ours, strict=True):
        if ids != (reference.ids or [end_of_text]) or any(types):
            pytest.fail(f"{ascii(text)[:500]}: {reference.ids[:100]} expected, {ids[:100]} found")


def test_random_texts(driver, pair):
    generator = random.Random(20240301)
    words = [
        token.replace("\u0120", " ") for token in sorted(pair[1].get_vocab()) if token.isascii() or "\u0120" in token
    ]
    special = [*ROBERTA_TOKENS, "<|endoftext|>"]
    # The reference takes long where it truncates much, because it keeps what it cuts off.
    counts = {NO_TRUNCATION: RANDOM_TEXTS, 64: 5000, 16: 500, 6: 100, 5: 100, 4: 100}
    for max_length, count in counts.items():
        expect_equal_ids(driver, pair, random_records(generator, words, special, count), max_length)


@pytest.mark.parametrize("pair", ["small", "roberta"], indirect=True)
def test_every_code_point(driver, pair):
    records = [
        (f"{character}".encode(), f"a{character}1 {character}!{character}".encode()) for character in code_points()
    ]
    expect_equal_ids(driver, pair, records, NO_TRUNCATION)


@pytest.mark.parametrize(
    ("name", "max_length"),
    [("gpt2", NO_TRUNCATION), ("roberta", NO_TRUNCATION), ("roberta_with_blank", NO_TRUNCATION), ("roberta", 48)],
)
def test_glue(driver, request, shared, name, max_length):
    pair = request.getfixturevalue(name)
    expect_equal_ids(driver, pair, list(glue_records(shared / "glue")), max_length)


def test_a_long_text_without_blanks(driver, pair):
    generator = random.Random(5)
    text = "".join(generator.choice("abcdefgh0123_-\u00e9\u6f22") for _ in range(50_000))
    expect_equal_ids(driver, pair, [(text.encode(), None)], NO_TRUNCATION)
