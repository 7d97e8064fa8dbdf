"""Make a small RoBERTa as transformers writes it: `python make_roberta_folder.py`.

Writes roberta_folder beside this script with `save_pretrained` of transformers 5.24.0: a random two-layer model and a
tokenizer with a vocabulary of its own.
"""

import sys
from pathlib import Path

import torch
from transformers import RobertaConfig, RobertaForSequenceClassification, RobertaTokenizer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tokenizer"))
from make_byte_pair_golden import ROBERTA_TOKENS, train  # noqa: E402


def main() -> None:
    torch.manual_seed(20260329)
    vocabulary, merges = train(ROBERTA_TOKENS)
    config = RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=130,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        initializer_range=0.3,
    )
    folder = HERE / "roberta_folder"
    RobertaForSequenceClassification(config).save_pretrained(folder)
    RobertaTokenizer(vocab=vocabulary, merges=[tuple(merge) for merge in merges]).save_pretrained(folder)


if __name__ == "__main__":
    main()
