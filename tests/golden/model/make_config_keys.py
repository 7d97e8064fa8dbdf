"""Writes config_keys.json: the keys of `config.json` that transformers has for each architecture.

    python make_config_keys.py

With transformers 5.24.0. The file tells which keys the reader has to know, not what becomes of them.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import transformers
from transformers import AutoConfig

MODEL_TYPES = ("bert", "roberta", "electra", "distilbert", "gpt2", "deberta-v2")


def main() -> None:
    keys = {}
    for model_type in MODEL_TYPES:
        config = AutoConfig.for_model(model_type)
        keys[model_type] = sorted(set(config.to_dict()) | {field.name for field in dataclasses.fields(config)})
    text = json.dumps({"made_with": f"transformers {transformers.__version__}", "keys": keys}, indent=1)
    Path(__file__).with_name("config_keys.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
