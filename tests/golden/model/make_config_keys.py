"""Writes config_keys.json: the keys of `config.json` that transformers' BertConfig has: `python make_config_keys.py`.

With transformers 5.24.0. The file tells which keys the reader has to know, not what becomes of them.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import transformers
from transformers import BertConfig


def main() -> None:
    keys = set(BertConfig().to_dict()) | {field.name for field in dataclasses.fields(BertConfig)}
    text = json.dumps({"made_with": f"transformers {transformers.__version__}", "keys": sorted(keys)}, indent=1)
    Path(__file__).with_name("config_keys.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
