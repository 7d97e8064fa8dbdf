"""Make dropout_curve.json: training runs with dropout, with transformers and torch under the engine's masks.

The model is ../model/tiny, the examples are those of curve.json, for regression with their label's value. Initial head,
order of examples and dropout masks are drawn as the engine draws them, by the numbers that
benchmarks/training_parity/random_numbers.py makes from their definitions. All else is torch, in float64: so the engine
must follow each run step by step. Per run: the loss and the gradient norm before clipping of every step, and the logits
of all examples after the last, in evaluation mode.

    python make_dropout_curve.py [--output FILE]
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "benchmarks" / "training_parity"))
from transformers_run import Example, Settings, train  # noqa: E402

SEED = 7
DROPOUT = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.15, "classifier_dropout": 0.2}
RUNS = (("full", 3), ("layernorm", 3), ("full", 1), ("layernorm", 1))
LEARNING_RATES = {"full": 3e-4, "layernorm": 1e-3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=HERE / "dropout_curve.json")
    arguments = parser.parse_args()
    stored = json.loads((HERE / "curve.json").read_text())["examples"]
    examples = [Example(e["input_ids"], e["type_ids"], float(e["label"])) for e in stored]
    runs = []
    for method, outputs in RUNS:
        settings = Settings(
            model=HERE.parent / "model" / "tiny",
            method=method,
            learning_rate=LEARNING_RATES[method],
            steps=30,
            batch_size=8,
            outputs=outputs,
            dropout=DROPOUT,
        )
        curve = train(settings, examples, examples, SEED, "engine", "float64")
        runs.append(asdict(settings) | {"model": "tiny", "seed": SEED} | curve)
    text = ",\n".join(json.dumps(run) for run in runs)
    arguments.output.write_text(f'{{"runs": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
