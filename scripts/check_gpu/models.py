"""Model folders for the checks: the tiny golden one, and random ones that transformers writes here."""

import json
import shutil
import string
import sys
from pathlib import Path

from .errors import CheckSkipped
from .machine import has_module
from .runner import Context

TINY_VOCABULARY = 120
BERT_VOCABULARY = 30522
SIZES = {
    "minilm": {
        "hidden_size": 384,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
    },
    "bert-large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
}


def write_vocabulary(folder: Path, size: int) -> None:
    """Write a vocabulary of single letters, which spells every word of the synthetic tasks."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.digits, *".,?!'-:;"]
    tokens += [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    tokens += [f"[unused{number}]" for number in range(size - len(tokens))]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}), encoding="utf-8")


def tiny_model(context: Context) -> Path:
    """Return a folder with the golden model of two layers."""
    folder = context.models / "tiny"
    if not folder.exists():
        folder.mkdir(parents=True)
        for name in ("config.json", "model.safetensors"):
            shutil.copy(context.bundle.root / "tests" / "golden" / "model" / "tiny" / name, folder)
        write_vocabulary(folder, TINY_VOCABULARY)
    return folder


def random_model(context: Context, name: str) -> Path:
    """Return a folder with a random model, which transformers writes on the first call."""
    folder = context.models / name
    if not (folder / "model.safetensors").exists():
        if not (has_module("transformers") and has_module("torch")):
            raise CheckSkipped("this Python has no transformers, which writes the model")
        folder.mkdir(parents=True, exist_ok=True)
        write_vocabulary(folder, BERT_VOCABULARY)
        context.run_python("-m", "check_gpu.models", folder, name)
    return folder


def write_random_weights(folder: Path, name: str) -> None:
    """Write configuration and weights. Runs in a process of its own: torch takes seconds to import."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(1)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = BertForSequenceClassification(BertConfig(vocab_size=BERT_VOCABULARY, **SIZES[name]))
    model.cpu().save_pretrained(folder)


if __name__ == "__main__":
    write_random_weights(Path(sys.argv[1]), sys.argv[2])
