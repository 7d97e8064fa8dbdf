"""Writes byte_pair.json with Hugging Face: `python make_byte_pair_golden.py`.

Made with transformers 5.24.0 and tokenizers 0.23.3. The small vocabularies are trained on the project's own sentences;
only the expected ids come from Hugging Face. A text of which GPT-2 makes no token stands here as one <|endoftext|>,
which is the project's choice.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import tokenizers
import transformers
from texts import SENTENCES, TEXTS
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Tokenizer, RobertaTokenizer

FOLDER = Path(__file__).parent
NO_TRUNCATION = 512
GPT2_TOKENS = ["<|endoftext|>"]
ROBERTA_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]

PAIRS = [
    ("the river", "an old mill"),
    ("", "the river"),
    ("the river", ""),
    ("", ""),
    ("the old mill never runs", "river"),
    (" the river ", " runs"),
    ("the river <mask>", "<mask> runs"),
]
LENGTHS = (4, 5, 6, 7, 9)


def train(special: list[str]) -> tuple[dict[str, int], list[list[str]]]:
    """A vocabulary and merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=len(special) + 256 + 70,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], model["merges"]


def byte_level(special: list[str], add_prefix_space: bool) -> Tokenizer:
    vocabulary, merges = train(special)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(merge) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def gpt2() -> Tokenizer:
    tokenizer = byte_level(GPT2_TOKENS, add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens(GPT2_TOKENS)
    return tokenizer


def roberta(add_prefix_space: bool) -> Tokenizer:
    """As the hub's: <mask> includes the white space before it."""
    tokenizer = byte_level(ROBERTA_TOKENS, add_prefix_space)
    ids = {token: tokenizer.token_to_id(token) for token in ROBERTA_TOKENS}
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", ids["</s>"]), ("<s>", ids["<s>"]))
    tokenizer.add_special_tokens(ROBERTA_TOKENS[:4])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    return tokenizer


def with_added_tokens() -> Tokenizer:
    tokenizer = gpt2()
    tokenizer.add_tokens(
        [
            AddedToken("old mill", normalized=True, single_word=True),
            AddedToken("<ent>", normalized=False, lstrip=True, rstrip=True),
            AddedToken("riv", normalized=False),
        ]
    )
    return tokenizer


def merges_as_strings(text: str) -> str:
    content = json.loads(text)
    content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
    return json.dumps(content, ensure_ascii=False)


def case(first: str, second: str | None, max_length: int, ids: list[int], empty: int) -> dict:
    return {"first": first, "second": second, "max_length": max_length, "token_ids": ids or [empty]}


def inputs(texts: list[str]) -> list[tuple[str, str | None, int]]:
    singles = [(text, None, NO_TRUNCATION) for text in texts]
    singles += [(texts[5], None, length) for length in LENGTHS]
    return singles + [(*pair, length) for pair in PAIRS for length in (*LENGTHS, NO_TRUNCATION)]


def cases_of_tokenizers(tokenizer: Tokenizer, texts: list[str] = TEXTS) -> list[dict]:
    cases = []
    for first, second, length in inputs(texts):
        tokenizer.enable_truncation(length, strategy="longest_first")
        ids = tokenizer.encode(first, second).ids
        cases.append(case(first, second, length, ids, tokenizer.token_to_id("<|endoftext|>")))
    tokenizer.no_truncation()
    return cases


def cases_of_transformers(kind: type, files: dict[str, str]) -> list[dict]:
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            (Path(name) / file).write_text(content, encoding="utf-8")
        tokenizer = kind.from_pretrained(name)
    cases = []
    for first, second, length in inputs(TEXTS):
        # Lists, because transformers takes a single empty second text for none.
        pair = None if second is None else [second]
        ids = tokenizer([first], pair, max_length=length, truncation="longest_first")["input_ids"][0]
        cases.append(case(first, second, length, ids, tokenizer.convert_tokens_to_ids("<|endoftext|>")))
    return cases


def lines(special: list[str]) -> dict[str, str]:
    vocabulary, merges = train(special)
    text = "".join(" ".join(merge) + "\n" for merge in merges)
    return {"vocab.json": json.dumps(vocabulary, ensure_ascii=False), "merges.txt": "#version: 0.2\n" + text}


def of_json(name: str, tokenizer: Tokenizer, texts: list[str] = TEXTS, old: bool = False) -> dict:
    text = tokenizer.to_str()
    files = {"tokenizer.json": merges_as_strings(text) if old else text}
    return {"name": name, "files": files, "cases": cases_of_tokenizers(tokenizer, texts)}


def of_files(name: str, kind: type, files: dict[str, str]) -> dict:
    return {"name": name, "files": files, "cases": cases_of_transformers(kind, files)}


def main() -> None:
    added_texts = [
        "the old mill",
        "the gold mill old mills",
        "a <ent>  b<ent>",
        "river riv er",
        "<|endoftext|>a",
    ]
    reading = {"tokenizer_config.json": json.dumps({"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True})}
    bos = {"tokenizer_config.json": json.dumps({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True})}
    folders = [
        of_json("GPT-2, tokenizer.json", gpt2()),
        of_json("GPT-2, tokenizer.json with merges as strings", gpt2(), old=True),
        of_json("RoBERTa, tokenizer.json", roberta(add_prefix_space=False)),
        of_json("RoBERTa, tokenizer.json with a blank before texts", roberta(add_prefix_space=True)),
        of_json("added tokens", with_added_tokens(), [*added_texts, TEXTS[5]]),
        of_files("GPT-2, vocab.json and merges.txt", GPT2Tokenizer, lines(GPT2_TOKENS)),
        of_files("GPT-2, add_bos_token", GPT2Tokenizer, lines(GPT2_TOKENS) | bos),
        of_files("RoBERTa, vocab.json and merges.txt", RobertaTokenizer, lines(ROBERTA_TOKENS)),
        of_files("RoBERTa, add_prefix_space", RobertaTokenizer, lines(ROBERTA_TOKENS) | reading),
    ]
    made_with = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    text = json.dumps({"made_with": made_with, "folders": folders}, separators=(",", ":"))
    (FOLDER / "byte_pair.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
