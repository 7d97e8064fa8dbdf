"""The models that make_architecture_golden.py measures."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from make_model_golden import PackedInputs, pad
from torch import Tensor
from torch.nn import Module

SPELLED = [2, 9, 15, 16]  # the tokens of the batch that are padding in `padded.`


@dataclass(frozen=True)
class Subject:
    """A model that is measured."""

    classifier: str  # transformers' class
    config: dict
    lengths: tuple[int, ...]
    # What stands for the hidden states, the branches of attention and those of feed-forward.
    depth_modules: Callable[[Module], list[list[Module]]]
    spelled: tuple[int, ...] = tuple(SPELLED)
    dropout_keys: tuple[str, ...] = ()
    shares_masks: bool = False  # whether the examples of a batch share a mask

    @property
    def padding(self) -> int | None:
        return self.config.get("pad_token_id")

    def batches(self, inputs: PackedInputs) -> list[dict[str, Tensor]]:
        """As transformers takes them; what pads them is not attended to. Without a padding token, one by one."""
        if self.padding is None:
            bounds = zip(inputs.offsets.tolist(), inputs.offsets.tolist()[1:], strict=False)
            return [{"input_ids": inputs.input_ids[first:end][None]} for first, end in bounds]
        padded = pad(inputs)
        padded["input_ids"][padded["attention_mask"] == 0] = self.padding
        if self.config.get("type_vocab_size", 0) == 0:
            del padded["token_type_ids"]
        return [padded]

    def logits(self, model: Module, inputs: PackedInputs) -> Tensor:
        return torch.cat([model(**batch).logits for batch in self.batches(inputs)])  # [B, labels] float64


ROBERTA = {
    "architectures": ["RobertaForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 16,
    "initializer_range": 0.3,
    "intermediate_size": 24,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 34,
    "model_type": "roberta",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 1,
    "type_vocab_size": 1,
    "vocab_size": 90,
}
ELECTRA = {
    "architectures": ["ElectraForPreTraining"],
    "attention_probs_dropout_prob": 0.0,
    "embedding_size": 12,
    "hidden_act": "relu",  # not that of the head
    "hidden_dropout_prob": 0.0,
    "hidden_size": 16,
    "initializer_range": 0.3,
    "intermediate_size": 24,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 48,
    "model_type": "electra",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "type_vocab_size": 2,
    "vocab_size": 120,
}
DISTILBERT = {
    "activation": "gelu",
    "architectures": ["DistilBertForMaskedLM"],
    "attention_dropout": 0.0,
    "dim": 16,
    "dropout": 0.0,
    "hidden_dim": 24,
    "initializer_range": 0.3,
    "max_position_embeddings": 48,
    "model_type": "distilbert",
    "n_heads": 2,
    "n_layers": 2,
    "pad_token_id": 0,
    "seq_classif_dropout": 0.0,
    "vocab_size": 120,
}
GPT2 = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "initializer_range": 0.3,
    "layer_norm_epsilon": 1e-5,
    "model_type": "gpt2",
    "n_embd": 16,
    "n_head": 2,
    "n_layer": 2,
    "n_positions": 48,
    "pad_token_id": 0,
    "resid_pdrop": 0.0,
    "vocab_size": 120,
}


DEBERTA = {
    "architectures": ["DebertaV2ForMaskedLM"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 16,
    "initializer_range": 0.3,
    "intermediate_size": 24,
    "layer_norm_eps": 1e-7,
    "max_position_embeddings": 48,
    "max_relative_positions": -1,
    "model_type": "deberta-v2",
    "norm_rel_ebd": "layer_norm",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "pooler_dropout": 0,
    "pooler_hidden_act": "gelu",
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
    "position_buckets": 16,
    "relative_attention": True,
    "share_att_key": True,
    "type_vocab_size": 0,
    "vocab_size": 120,
}


def depth_of_bert(encoder: Callable[[Module], Module], embeddings: str) -> Callable[[Module], list[list[Module]]]:
    def modules(model: Module) -> list[list[Module]]:
        layers = list(encoder(model).encoder.layer)
        attention = [layer.attention.output.dense for layer in layers]
        return [[getattr(encoder(model), embeddings), *layers], attention, [layer.output.dense for layer in layers]]

    return modules


def depth_of_convolution(model: Module) -> list[list[Module]]:
    """DeBERTa's, whose first layer ends in a convolution."""
    hidden, attention, feed_forward = depth_of_bert(lambda model: model.deberta, "embeddings")(model)
    hidden[1] = model.deberta.encoder.conv
    return [hidden, attention, feed_forward]


def depth_of_distilbert(model: Module) -> list[list[Module]]:
    layers = list(model.distilbert.transformer.layer)
    hidden = [model.distilbert.embeddings, *layers]
    return [hidden, [layer.attention.out_lin for layer in layers], [layer.ffn.lin2 for layer in layers]]


def depth_of_gpt2(model: Module) -> list[list[Module]]:
    layers = list(model.transformer.h)
    hidden = [model.transformer.drop, *layers]
    return [hidden, [layer.attn.c_proj for layer in layers], [layer.mlp.c_proj for layer in layers]]


LENGTHS = (7, 3, 40, 12)
BERT_DROPOUT = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
MODELS = {
    "roberta": Subject(
        "RobertaForSequenceClassification",
        ROBERTA,
        (7, 3, 30, 12),
        depth_of_bert(lambda model: model.roberta, "embeddings"),
        dropout_keys=BERT_DROPOUT,
    ),
    "electra": Subject(
        "ElectraForSequenceClassification",
        ELECTRA,
        LENGTHS,
        depth_of_bert(lambda model: model.electra, "embeddings_project"),
        dropout_keys=BERT_DROPOUT,
    ),
    "electra-square": Subject(
        "ElectraForSequenceClassification",
        ELECTRA | {"embedding_size": 16, "hidden_act": "gelu"},
        LENGTHS,
        depth_of_bert(lambda model: model.electra, "embeddings"),
    ),
    "distilbert": Subject(
        "DistilBertForSequenceClassification",
        DISTILBERT,
        LENGTHS,
        depth_of_distilbert,
        dropout_keys=("dropout", "attention_dropout", "seq_classif_dropout"),
    ),
    "deberta": Subject(
        "DebertaV2ForSequenceClassification",
        DEBERTA,
        LENGTHS,
        depth_of_bert(lambda model: model.deberta, "embeddings"),
        dropout_keys=("hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout", "cls_dropout"),
        shares_masks=True,
    ),
    "deberta-convolution": Subject(
        "DebertaV2ForSequenceClassification",
        DEBERTA | {"conv_act": "gelu", "conv_groups": 2, "conv_kernel_size": 3, "share_att_key": False},
        LENGTHS,
        depth_of_convolution,
        dropout_keys=("hidden_dropout_prob",),
        shares_masks=True,
    ),
    # Texts end in padding: the first in one, the second has nothing else, the last in several.
    "gpt2": Subject(
        "GPT2ForSequenceClassification",
        GPT2,
        LENGTHS,
        depth_of_gpt2,
        spelled=(2, 6, 7, 8, 9, 30, 59, 60, 61),
        dropout_keys=("embd_pdrop", "attn_pdrop", "resid_pdrop"),
    ),
    "gpt2-switches": Subject(
        "GPT2ForSequenceClassification",
        GPT2
        | {
            "activation_function": "relu",
            "n_inner": 24,
            "pad_token_id": None,
            "scale_attn_by_inverse_layer_idx": True,
            "scale_attn_weights": False,
        },
        LENGTHS,
        depth_of_gpt2,
    ),
}
