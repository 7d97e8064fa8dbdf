"""Make small models with a byte-level BPE as transformers writes them: `python make_byte_pair_folders.py [NAME]`.

Writes roberta_folder and gpt2_folder beside this script with `save_pretrained` of transformers 5.24.0: a random
two-layer model, GPT-2's for language modelling, and a tokenizer with a vocabulary of its own.
"""

import sys
from pathlib import Path

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Tokenizer,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaTokenizer,
)

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tokenizer"))
from make_byte_pair_golden import GPT2_TOKENS, ROBERTA_TOKENS, train  # noqa: E402


def save_roberta(folder: Path) -> None:
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
    RobertaForSequenceClassification(config).save_pretrained(folder)
    RobertaTokenizer(vocab=vocabulary, merges=[tuple(merge) for merge in merges]).save_pretrained(folder)


def save_gpt2(folder: Path) -> None:
    torch.manual_seed(20260330)
    vocabulary, merges = train(GPT2_TOKENS)
    end_of_text = vocabulary[GPT2_TOKENS[0]]
    config = GPT2Config(
        vocab_size=len(vocabulary),
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=128,
        initializer_range=0.3,
        bos_token_id=end_of_text,
        eos_token_id=end_of_text,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    GPT2Tokenizer(vocab=vocabulary, merges=[tuple(merge) for merge in merges]).save_pretrained(folder)


SAVE = {"roberta": save_roberta, "gpt2": save_gpt2}


def main() -> None:
    for name in sys.argv[1:] or SAVE:
        SAVE[name](HERE / f"{name}_folder")


if __name__ == "__main__":
    main()
