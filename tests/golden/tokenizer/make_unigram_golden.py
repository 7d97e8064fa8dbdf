"""Writes unigram.model and unigram.json with SentencePiece: `python make_unigram_golden.py`.

Made with the Python package sentencepiece 0.2.3. The small model is trained on the project's own sentences, with the
normalization rule nmt_nfkc, as DeBERTa-v3's; only the expected ids come from the package.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import sentencepiece
from texts import SENTENCES, TEXTS

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.resolve().parents[2] / "benchmarks"))
from unigram_model import train_unigram  # noqa: E402

EVERY_LETTER = ['A quick brown fox jumps over the lazy dog, (JUST) BECAUSE "Why" & 6789 km/h; Zoe\'s XVI?'] * 3
SUBJECTS = ["the student", "an old miller", "his daughter", "nobody", "another river", "a gold ring", "every teacher"]
VERBS = ["found", "was seeing", "never understood", "is running past", "has been building", "quickly examined"]
OBJECTS = ["the bridge", "a sentence", "unrelated paintings", "twenty mountains", "yesterday's weather", "two birds"]
MORE_TEXTS = [
    "\uff21\uff22\uff23 \ufb01nd \u00bd \u2122 \u2026 \uff76\uff9e",
    "a\u200bb\ufeffc\u00adde\u0301 e\u0301 \u1e9b\u0323",
    "\u2581the\u2581river \u2581 \u2581",
    "the\u0008river\u007f\u0000mill",
    "\ue000\U000f0000 the",
    "[CLS] the [MASK] river [SEP][UNK] [PAD]",
    "aaaaaaaaaa abababab",
    " \u3000\u00a0 ",
    "x" * 3000,
]


def train() -> bytes:
    """A model with the special pieces of DeBERTa-v3. With [MASK], which is no piece, it has 120 tokens, as the golden
    models."""
    made = [" ".join(words) + "." for words in itertools.product(SUBJECTS, VERBS, OBJECTS)]
    return train_unigram(
        SENTENCES + made + EVERY_LETTER,
        model_type="unigram",
        vocab_size=119,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc",
    )


def main() -> None:
    model = train()
    (FOLDER / "unigram.model").write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    cases = [{"text": text, "token_ids": processor.encode(text)} for text in TEXTS + MORE_TEXTS]
    content = {"made_with": f"sentencepiece {sentencepiece.__version__}", "pieces": len(processor), "cases": cases}
    (FOLDER / "unigram.json").write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
