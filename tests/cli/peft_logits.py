"""Run by a Python that has peft: the logits of exported adapters on the models that they were trained from.

python peft_logits.py < {folder: {"base": ..., "outputs": ..., "texts": [...]}, ...} > {folder: [...], ...}
"""

import json
import sys

from peft import PeftModel
from transformers import AutoModelForSequenceClassification
from transformers_logits import logits_of


def classify(folder, base, outputs, texts):
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=outputs, ignore_mismatched_sizes=True)
    return logits_of(PeftModel.from_pretrained(model, folder), texts)


if __name__ == "__main__":
    print(json.dumps({folder: classify(folder, **inputs) for folder, inputs in json.load(sys.stdin).items()}))
