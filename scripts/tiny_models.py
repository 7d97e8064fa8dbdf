"""Writes six tiny random models, one of each architecture: enough to see a job on all of them.

    python3 scripts/tiny_models.py models/tiny

They are those of the tests (tests/golden/model). Where these have no tokenizer, they get BERT's with single letters.
"""

import shutil
import sys
from pathlib import Path

from check_gpu.models import TINY_VOCABULARY, write_vocabulary

GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "model"
SOURCES = {
    "bert": "tiny",
    "roberta": "roberta_folder",
    "electra": "electra",
    "distilbert": "distilbert",
    "gpt2": "gpt2_folder",
    "deberta": "deberta",
}
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def main() -> None:
    """Write the folders below the one that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python3 scripts/tiny_models.py FOLDER")
    for name, source in SOURCES.items():
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        present = [GOLDEN / source / file for file in FILES if (GOLDEN / source / file).exists()]
        for file in present:
            shutil.copy(file, folder)
        if "tokenizer.json" not in [file.name for file in present]:
            write_vocabulary(folder, TINY_VOCABULARY)


if __name__ == "__main__":
    main()
