"""Time transformers on batches of given lengths, on one device: what the engine's times are held against.

Weights and token ids are random. Training is a step of 32 examples, with dropout, in bfloat16 autocast on float32
parameters, with SDPA attention, clipping and fused AdamW. The examples of a batch have one length, the best case of
dynamic padding: there is neither padding nor a mask. The Fisher information is the usual loop of single examples, over
as many, in bfloat16 autocast too. Loading and first steps are not timed. Prints a line of JSON for each pass: its name,
which is engine_benchmark's, and the median milliseconds of the rounds.

    python transformers_speed.py --configuration bert-large --lengths 11,64,128 --device cuda
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from transformers import BertConfig, BertForSequenceClassification

SIZES = {
    "bert-large": (1024, 24, 16, 4096),
    "bert-base": (768, 12, 12, 3072),
    "minilm": (384, 6, 12, 1536),
}
BATCH_SIZE = 32
FIRST_STEPS = 3
SECONDS_OF_A_ROUND = 0.3

Batch = dict[str, torch.Tensor]


def make_model(configuration: str, device: str) -> BertForSequenceClassification:
    """Return a random classifier of two classes with float32 parameters."""
    hidden, layers, heads, intermediate = SIZES[configuration]
    config = BertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        num_labels=2,
        attn_implementation="sdpa",
    )
    with torch.device(device):
        return BertForSequenceClassification(config)


def make_batch(count: int, length: int, device: str) -> Batch:
    """Return random examples."""
    ids = torch.randint(1000, 30000, (count, length), device=device)
    return {"input_ids": ids, "labels": torch.randint(0, 2, (count,), device=device)}


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def milliseconds(step: Callable[[], None], device: str, rounds: int) -> float:
    """Return the median over the rounds of a step's time. The device is idle whenever the clock is read."""
    for _ in range(FIRST_STEPS):
        step()
    synchronize(device)
    times = []
    for _ in range(rounds):
        count, begin = 0, time.perf_counter()
        while count == 0 or time.perf_counter() - begin < SECONDS_OF_A_ROUND:
            step()
            count += 1
            synchronize(device)
        times.append(1000 * (time.perf_counter() - begin) / count)
    return statistics.median(times)


def training_step(model: BertForSequenceClassification, method: str, batch: Batch, device: str) -> Callable[[], None]:
    """Return a function that does a step of a method."""
    for name, parameter in model.named_parameters():
        is_trained = method == "full" or "LayerNorm" in name or name.startswith("classifier.")
        parameter.requires_grad_(is_trained)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-12, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    return step


def evaluation(model: BertForSequenceClassification, batch: Batch, device: str) -> Callable[[], None]:
    """Return a function that computes the logits of a batch."""

    def step() -> None:
        with torch.inference_mode(), torch.autocast(device, dtype=torch.bfloat16):
            model(**batch)

    return step


def fisher_loop(model: BertForSequenceClassification, length: int, device: str) -> Callable[[], None]:
    """Return a function that squares the gradients of examples, one backward pass each, which sums in float32."""
    examples = [make_batch(1, length, device) for _ in range(BATCH_SIZE)]
    parameters = list(model.parameters())
    for parameter in parameters:
        parameter.requires_grad_(True)
    sums = [torch.zeros_like(parameter) for parameter in parameters]

    def step() -> None:
        for example in examples:
            model.zero_grad(set_to_none=True)
            with torch.autocast(device, dtype=torch.bfloat16):
                loss = model(**example).loss
            loss.backward()
            for total, parameter in zip(sums, parameters, strict=True):
                total.addcmul_(parameter.grad, parameter.grad)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configuration", choices=SIZES, required=True)
    parser.add_argument("--lengths", default="11,64,128")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    device, rounds = arguments.device, arguments.rounds
    model = make_model(arguments.configuration, device)

    def tell(name: str, step: Callable[[], None], length: int) -> None:
        line = {"name": f"{name}/length:{length}", "ms": milliseconds(step, device, rounds)}
        print(json.dumps(line), flush=True)

    for length in map(int, arguments.lengths.split(",")):
        batch = make_batch(BATCH_SIZE, length, device)
        model.train()
        for method in ("full", "layernorm"):
            tell(f"train/{method}", training_step(model, method, batch, device), length)
        model.eval()
        tell("evaluate", evaluation(model, batch, device), length)
        tell("fisher/full", fisher_loop(model, length, device), length)


if __name__ == "__main__":
    main()
