"""Writes the golden files of this folder with Hugging Face: `python make_tokenizer_golden.py`.

Made with transformers 5.23.0 and tokenizers 0.23.3. The vocabulary and all texts are the project's own; only the
expected values come from Hugging Face and, for bytes that are not UTF-8, from Python's decoder.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import tokenizers
import transformers
from tokenizers import normalizers
from transformers import BertTokenizerFast

FOLDER = Path(__file__).parent

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """the a river run run ##ning ##s un ##related ##relate ##d relate tune tuning scope tunes ##cope
he hello Hello world naive na ##ive ##ï ##ve cafe café Café caf istanbul i ##stanbul straße strasse
strass ##e o ##o ##k ok 2 ##0 ##2 ##4 20 km 漢 字 ##字 한 ᄒ ##ᅡ ##ᆫ ᄀ ##ᅳ ##ᆯ の ##の é ##é е ##й и ##и
🙂 ##🙂 ½ ##½ ß ##ß σ ##ς ##σ ς""".split()
PUNCTUATION = list("!#$%&'()*+,-./:;<=>?@[]^_`{|}~") + ["。", "、", "—", "…", "¿", "«", "»"]
VOCABULARY = list(
    dict.fromkeys(
        SPECIAL
        + WORDS
        + PUNCTUATION
        + [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"]
        + list("bcdefghjklmnpqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    )
)

TEXTS = [
    "",
    "   \t\n ",
    "The river runs, running unrelated.",
    "Hello WORLD! hello world",
    "naïve cafe\u0301 CAFÉ Café",
    "İstanbul I\u0307stanbul STRASSE Straße",
    "ΟΔΟΣ σας ς Σ",
    "漢字の漢 tune漢scope",
    "한글 한",
    "o\u0301\u0323k o\u0323\u0301k",
    "\u302f\U0001d165 \u302f\u0300\U0001d165 \u302f\u0901\U0001d165",
    "й ё й",
    "a\u00adb\u200dc\ufeffd e\u0000f g\ufffdh i\ue000j k\u0085l m\u000bn",
    "a\u00a0b\u2003c\u3000d\u2028e\u180ef",
    "ok🙂🙂 2024km ½ 20½",
    "\u037e\u1fef\u226e\u2260\u212b",
    "$5 ^ ` | ~ + = < > _a_ ¿«ok»? —…",
    "\u2e43 \u166d \u111c9 \u1885 a\ua9bdb \u1734",
    "the[SEP]a [MASK] [mask] [CLS][PAD] [UNK]x [[SEP]] [SEP",
    "##s ##ning run##ning",
    "o" * 100 + " " + "o" * 101,
    "é" * 100 + " " + "é" * 101,
    "\u0378\U000e0100\U0010ffff\U0001fbf9\ufffe",
    "\u1c89\ua7cb\U00010d50\U00016ea0",
    "\U0002a700\U0002b820\U0002f800\uf900\u4e00",
]
PAIRS = [
    ("the river", "a cafe"),
    ("the river runs a tune, ok", "hello"),
    ("hello", "the river runs a tune, ok"),
    ("a river runs", "the tune scope"),
    ("a river runs the tune", "the tune scope ok hello"),
    ("", "hello world"),
    ("hello [SEP] world", ""),
]
CONFIGS = [
    {},
    {"do_lower_case": False},
    {"do_lower_case": True, "strip_accents": False},
    {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False},
]
ADDED_TOKENS = {
    "added_tokens_decoder": {
        str(len(VOCABULARY)): {
            "content": "<ent>",
            "normalized": False,
            "single_word": True,
            "lstrip": False,
            "rstrip": True,
            "special": True,
        },
        str(len(VOCABULARY) + 1): {
            "content": "Rivér Run",
            "normalized": True,
            "single_word": False,
            "lstrip": True,
            "rstrip": False,
            "special": False,
        },
    }
}
ADDED_TEXTS = [
    "the <ent>  tune",
    "x<ent> <ent>",
    "a RIVER RUN ok",
    "river  run",
    "<ent><ent>",
    "riverrun RiVeR rUnning",
]
BROKEN = [
    "61ff62",
    "c3",
    "c328",
    "e282",
    "e28261",
    "f09f99",
    "f09f9982",
    "eda080",
    "c0af",
    "f4908080",
    "f8888080",
    "e0809f",
    "8061",
    "f0808080",
    "e282ace282",
    "61c3a9f1",
    "edbfbf",
    "f48fbfbf",
]


def load(folder: Path, config: dict) -> BertTokenizerFast:
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return BertTokenizerFast.from_pretrained(folder)


def encode(tokenizer: BertTokenizerFast, first: str, second: str | None, max_length: int) -> dict:
    # Lists, because transformers takes a single empty second text for none.
    encoding = tokenizer(
        [first], None if second is None else [second], max_length=max_length, truncation="longest_first"
    )
    return {
        "first": first,
        "second": second,
        "max_length": max_length,
        "token_ids": encoding["input_ids"][0],
        "type_ids": encoding["token_type_ids"][0],
    }


def encodings(config: dict, texts: list[str], pairs: list[tuple[str, str]]) -> dict:
    with tempfile.TemporaryDirectory() as name:
        tokenizer = load(Path(name), config)
        cases = [encode(tokenizer, text, None, 512) for text in texts]
        cases += [encode(tokenizer, texts[2], None, length) for length in (2, 3, 5)]
        cases += [encode(tokenizer, *pair, length) for pair in pairs for length in (3, 4, 6, 7, 8, 512)]
        return {"config": config, "vocabulary_size": len(tokenizer), "cases": cases}


def normalizations() -> list[dict]:
    results = []
    for bits in range(16):
        options = {
            name: bool(bits >> index & 1)
            for index, name in enumerate(["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"])
        }
        normalizer = normalizers.BertNormalizer(**options)
        results.append(
            {
                "options": options,
                "cases": [{"text": text, "normalized": normalizer.normalize_str(text)} for text in TEXTS],
            }
        )
    return results


def write(name: str, content: dict) -> None:
    made_with = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    text = json.dumps({"made_with": made_with, **content}, separators=(",", ":"))
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")


def main() -> None:
    write(
        "word_piece.json",
        {
            "vocabulary": VOCABULARY,
            "tokenizers": [encodings(config, TEXTS, PAIRS) for config in CONFIGS]
            + [encodings(ADDED_TOKENS, ADDED_TEXTS, [])],
        },
    )
    write("bert_normalizer.json", {"normalizers": normalizations()})
    write(
        "utf8.json",
        {"cases": [{"bytes": text, "decoded": bytes.fromhex(text).decode("utf-8", "replace")} for text in BROKEN]},
    )
    with tempfile.TemporaryDirectory() as name:
        load(Path(name), {}).backend_tokenizer.save(str(FOLDER / "tokenizer.json"), pretty=False)


if __name__ == "__main__":
    main()
