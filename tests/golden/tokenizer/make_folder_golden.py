"""Writes folders.json: model folders as other tools leave them, and what transformers makes of each.

`python make_folder_golden.py`, with transformers 5.24.0 and tokenizers 0.23.3. Files and texts are the project's own;
only the token ids come from Hugging Face.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import tokenizers
import transformers
from transformers import BertTokenizerFast

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "river",
    "bank",
    "##s",
    "near",
    "[",
    "]",
    "e",
    "##1",
    "<",
    ">",
    "s",
]
TEXTS = [
    "a river bank",
    "the banks near a [E1] river",
    "[e1] a [E1]bank",
    "<s> a river near [MASK] bank",
    "Rivers <X> <x> near",
]


def lines(words: list[str]) -> str:
    return "".join(f"{word}\n" for word in words)


def token(content: str, **flags: bool) -> dict:
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False} | flags


RENAMED = ["[PAD]", "[UNK]", "<s>", "</s>", "[MASK]", *WORDS[5:]]
BERT_NAMES = {
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "unk_token": "[UNK]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
}
RENAMED_NAMES = BERT_NAMES | {"cls_token": "<s>", "sep_token": "</s>"}

FOLDERS = {
    "a token that is there twice": {"vocab.txt": lines([*WORDS, "river", "near"])},
    "a class token that is there twice": {"vocab.txt": lines([*WORDS, "[CLS]"])},
    "added tokens of a slow tokenizer": {
        "vocab.txt": lines(WORDS),
        "added_tokens.json": json.dumps({"[E1]": len(WORDS), "<X>": len(WORDS) + 1}),
    },
    "added tokens of which one is special": {
        "vocab.txt": lines(WORDS),
        "added_tokens.json": json.dumps({"[E1]": len(WORDS), "<X>": len(WORDS) + 1}),
        "special_tokens_map.json": json.dumps(BERT_NAMES | {"additional_special_tokens": ["[E1]"]}),
    },
    "added tokens that the configuration lists too": {
        "vocab.txt": lines(WORDS),
        "added_tokens.json": json.dumps({"[E1]": len(WORDS)}),
        "tokenizer_config.json": json.dumps(
            {"added_tokens_decoder": {str(len(WORDS)): token("<X>", normalized=True) | {"special": False}}}
        ),
    },
    "names in special_tokens_map.json": {
        "vocab.txt": lines(RENAMED),
        "special_tokens_map.json": json.dumps(RENAMED_NAMES),
    },
    "names in special_tokens_map.json as objects": {
        "vocab.txt": lines(RENAMED),
        "special_tokens_map.json": json.dumps(
            {key: token(name, lstrip=key == "mask_token") for key, name in RENAMED_NAMES.items()}
        ),
    },
    "names in special_tokens_map.json before those of the configuration": {
        "vocab.txt": lines([*RENAMED, "[CLS]", "[SEP]"]),
        "special_tokens_map.json": json.dumps(RENAMED_NAMES),
        "tokenizer_config.json": json.dumps(BERT_NAMES),
    },
    "names of the configuration where it lists added tokens": {
        "vocab.txt": lines([*RENAMED, "[CLS]", "[SEP]"]),
        "special_tokens_map.json": json.dumps(RENAMED_NAMES),
        "tokenizer_config.json": json.dumps(
            BERT_NAMES | {"added_tokens_decoder": {"0": token("[PAD]") | {"special": True}}}
        ),
    },
    "additional special tokens that the vocabulary has": {
        "vocab.txt": lines([*WORDS, "[E1]"]),
        "special_tokens_map.json": json.dumps(BERT_NAMES | {"additional_special_tokens": ["[E1]"]}),
    },
    "additional special tokens that the vocabulary lacks": {
        "vocab.txt": lines(WORDS),
        "special_tokens_map.json": json.dumps(BERT_NAMES | {"additional_special_tokens": ["[E1]"]}),
    },
    "extra special tokens": {
        "vocab.txt": lines(WORDS),
        "special_tokens_map.json": json.dumps(BERT_NAMES | {"extra_special_tokens": ["[E1]", token("<X>")]}),
    },
}


def describe(name: str, files: dict[str, str]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            Path(folder, file).write_text(content, encoding="utf-8")
        tokenizer = BertTokenizerFast.from_pretrained(folder)
        cases = [{"text": text, "token_ids": tokenizer(text)["input_ids"]} for text in TEXTS]
    return {"name": name, "files": files, "cases": cases}


def main() -> None:
    made_with = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    folders = [describe(name, files) for name, files in FOLDERS.items()]
    text = json.dumps({"made_with": made_with, "folders": folders}, indent=1)
    Path(__file__).with_name("folders.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
