"""Writes model folders of base shape with random weights: their time is that of trained ones.

Runs in the peers' environment.
"""

from collections.abc import Iterator
from pathlib import Path

import transformers
from glue_data import read_rows
from tokenizers.implementations import ByteLevelBPETokenizer
from unigram_model import train_unigram

# BERT-base and those that are compared with it, by name. The vocabularies of the last three are learned from the GLUE
# folder; a model has as many word embeddings as its vocabulary has tokens.
CONFIGURATIONS = {
    "bert-base": transformers.BertConfig(),
    "distilbert-base": transformers.DistilBertConfig(),
    "electra-base": transformers.ElectraConfig(
        embedding_size=768, hidden_size=768, num_attention_heads=12, intermediate_size=3072
    ),
    "roberta-base": transformers.RobertaConfig(max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5),
    "gpt2": transformers.GPT2Config(),
    "deberta-v3-base": transformers.DebertaV2Config(
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        position_biased_input=False,
    ),
}
WORD_PIECE_FILES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json")
LEARNED_TOKENS = 8000


def texts(glue: str) -> Iterator[str]:
    """Yield the fields of all training files."""
    for file in sorted(Path(glue).glob("*/train.tsv")):
        for row in read_rows(file):
            yield from row


def learn_byte_pairs(folder: Path, glue: str, special_tokens: list[str]) -> None:
    """Write vocab.json and merges.txt."""
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts(glue), LEARNED_TOKENS, special_tokens=special_tokens, show_progress=False)
    tokenizer.save_model(str(folder))


def learn_unigram(folder: Path, glue: str) -> None:
    """Write spm.model with DeBERTa's special tokens."""
    options = {"vocab_size": LEARNED_TOKENS, "hard_vocab_limit": False, "normalization_rule_name": "nmt_nfkc"}
    (folder / "spm.model").write_bytes(train_unigram(texts(glue), **options))


def write_tokenizer(model_type: str, folder: Path, word_piece: Path, glue: str) -> None:
    """Write the files of a model type's tokenizer."""
    if model_type == "roberta":
        learn_byte_pairs(folder, glue, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    elif model_type == "gpt2":
        learn_byte_pairs(folder, glue, ["<|endoftext|>"])
    elif model_type == "deberta-v2":
        learn_unigram(folder, glue)
    else:
        for name in WORD_PIECE_FILES:
            (folder / name).write_bytes((word_piece / name).read_bytes())


def write_random_model(name: str, folder: str, word_piece: str, glue: str) -> None:
    """Write a folder that both sides load. `word_piece` is the folder whose WordPiece vocabulary is used."""
    config = CONFIGURATIONS[name]
    config.save_pretrained(folder)  # which names the tokenizer's class
    write_tokenizer(config.model_type, Path(folder), Path(word_piece), glue)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    config.vocab_size = len(tokenizer)
    if config.model_type == "gpt2":
        config.pad_token_id = config.bos_token_id = config.eos_token_id = tokenizer.eos_token_id
    transformers.AutoModel.from_config(config).save_pretrained(folder)
