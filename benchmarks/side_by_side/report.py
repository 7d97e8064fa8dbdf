"""Turns the measurements into Markdown."""

import statistics
from collections.abc import Iterable

TITLES = {"padded": "Trainer, padded", "best": "Trainer, best", "compiled": "compiled"}


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rate(rounds: list[dict[str, float]], side: str, examples: int) -> str:
    """Examples a second, the median of the rounds."""
    value = examples / statistics.median(each[side] for each in rounds)
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def ratio(rounds: list[dict[str, float]], peer: str, ours: str = "tunescope") -> str:
    """How many times faster we are: the median of the rounds' ratios, and their smallest and largest."""
    ratios = [each[peer] / each[ours] for each in rounds]
    return f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}-{max(ratios):.2f})"


def gemm_share(record: dict) -> str:
    """Which share of the rate of a large matrix product a whole step reaches, each round against its own."""
    shares = [record["flop"] / each["tunescope"] / each["gemm"] for each in record["training"]]
    return f"{statistics.median(shares):.0%}"


def peer_columns(rounds: list[dict[str, float]], examples: int, peers: list[str]) -> list[str]:
    """Rate and ratio of each peer; a dash where it was not measured."""
    columns = []
    for peer in peers:
        is_measured = all(peer in each for each in rounds)
        columns += [rate(rounds, peer, examples), ratio(rounds, peer)] if is_measured else ["-", "-"]
    return columns


def peer_titles(peers: list[str]) -> list[str]:
    return [text for peer in peers for text in (TITLES[peer], "ratio")]


def training_table(records: list[dict]) -> str:
    peers = [peer for peer in TITLES if any(peer in record["peak_bytes"] for record in records)]
    rows = []
    for record in records:
        rounds, examples = record["training"], record["examples"]
        row = [record["model"], record["task"], record["method"], rate(rounds, "tunescope", examples)]
        measured = [record["peak_bytes"][side] for side in ("tunescope", *peers) if side in record["peak_bytes"]]
        peaks = " / ".join(f"{peak / 1e6:.0f}" for peak in measured)
        rows.append([*row, *peer_columns(rounds, examples, peers), gemm_share(record), peaks])
    header = ["model", "task", "method", "Tunescope", *peer_titles(peers), "of GEMM limit", "peak memory, MB"]
    return table(header, rows)


def lanes_table(records: list[dict], lanes: int) -> str:
    """Seconds of an epoch of so many trials. Single runs are alike: one is measured for all."""
    rows = []
    for record in records:
        rounds = [
            each | {"single": lanes * each["tunescope"], "peers": lanes * each["best"]} for each in record["training"]
        ]
        seconds = [f"{statistics.median(each[side] for each in rounds):.1f}" for side in ("lanes", "single", "peers")]
        ratios = [ratio(rounds, side, "lanes") for side in ("single", "peers")]
        rows.append([record["model"], record["task"], record["method"], *seconds, *ratios])
    header = [
        "model",
        "task",
        "method",
        f"one pass of {lanes} lanes",
        f"{lanes} runs",
        f"{lanes} runs of {TITLES['best']}",
    ]
    return table([*header, "ratio to runs", "ratio to Trainer"], rows)


def evaluation_table(records: list[dict]) -> str:
    records = [record for record in records if "evaluation" in record]
    peers = [peer for peer in TITLES if any(peer in record["evaluation"][0] for record in records)]
    rows = []
    for record in records:
        rounds, examples = record["evaluation"], record["evaluation_examples"]
        row = [record["model"], record["task"], rate(rounds, "tunescope", examples)]
        rows.append([*row, *peer_columns(rounds, examples, peers)])
    return table(["model", "task", "Tunescope", *peer_titles(peers)], rows)


def compile_line(records: list[dict]) -> str:
    """What torch.compile costs, or why it is missing."""
    found = [record["compiling"] for record in records if record["compiling"]]
    errors = [each["error"].splitlines()[-1] for each in found if "error" in each]
    if errors:
        return f"torch.compile failed after {len(found) - len(errors)} cases: {errors[0]}"
    if not found:
        return "torch.compile was left out."
    seconds = [each["first_epoch_seconds"] for each in found]
    return (
        f"*Compiled*: the best with `torch_compile`, whose first epoch, not counted, took {min(seconds):.0f} to "
        f"{max(seconds):.0f} s."
    )


def markdown(result: dict) -> str:
    """The whole report."""
    machine, settings, cells = result["machine"], result["settings"], result["cells"]
    peers = cells[0]["peers"]["best"]
    gemm = statistics.median(each["gemm"] for cell in cells for each in cell["training"])
    introduction = (
        f"{machine['cpu']}, {settings['threads']} threads, {result['date']}. Tunescope {result['tunescope']}; "
        f"transformers {peers['transformers']}, torch {peers['torch']}, accelerate {peers['accelerate']}, "
        f"peft {peers['peft']}. "
        f"{settings['precision'].capitalize()}, dropout on, batch size {settings['batch_size']}, "
        "the same examples on all sides, which run in turn; "
        f"medians of {settings['repeats']} rounds (smallest-largest). Start-up is not counted. "
        "Models of base shape have random weights."
    )
    legend = (
        "*Trainer, padded*: the defaults of `run_glue.py`, each example padded to 128 tokens. *Trainer, best*: dynamic "
        "padding, grouped by length, four times the batch size in evaluation. Both use fused AdamW and SDPA, which are "
        "Trainer's own defaults; DeBERTa has no SDPA. "
        "*Of GEMM limit*: matrix products of the step on real tokens over its time, against a "
        f"[2048 x 1536] x [1536 x 1536] product in the same round ({gemm / 1e9:.0f} GFLOP/s). *Peak memory*: "
        f"Tunescope, then each Trainer. {compile_line(cells)}"
    )
    parts = [introduction, "Training, examples a second:", training_table(cells)]
    if settings["lanes"] > 1:
        parts += [
            f"Seconds of an epoch of {settings['lanes']} trials that differ in their seeds. One run is measured and "
            "its time multiplied:",
            lanes_table(cells, settings["lanes"]),
        ]
    if any("evaluation" in cell for cell in cells):
        parts += ["Evaluation, examples a second:", evaluation_table(cells)]
    return "\n\n".join([*parts, legend])
