"""Trains SentencePiece models for tests and benchmarks."""

import io
from collections.abc import Iterable
from typing import Any

import sentencepiece


def train_unigram(sentences: Iterable[str], **options: Any) -> bytes:
    """A model with the special pieces of DeBERTa-v3, under its ids. `options` are SentencePiece's own."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
        minloglevel=2,
        **options,
    )
    return model.getvalue()
