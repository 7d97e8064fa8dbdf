"""Run by a Python that has transformers: the labels and logits of exported folders.

python transformers_logits.py < {folder: [[token ids, token types], ...], ...} > {folder: {...}, ...}
"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification


def logits_of(model, texts):
    model.eval()
    logits = []
    with torch.no_grad():
        for ids, types in texts:
            inputs = {"input_ids": torch.tensor([ids])}
            if hasattr(model.config, "type_vocab_size"):
                inputs["token_type_ids"] = torch.tensor([types])
            logits.append(model(**inputs).logits[0].tolist())
    return logits


def classify(folder, texts):
    model, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    return {"labels": list(model.config.id2label.values()), "logits": logits_of(model, texts)}


if __name__ == "__main__":
    print(json.dumps({folder: classify(folder, texts) for folder, texts in json.load(sys.stdin).items()}))
