"""How fast the engine is, beside transformers on the same machine."""

import json
from typing import Any

from ..errors import CheckFailed, CheckSkipped, TimeIsUp
from ..machine import has_module
from ..runner import Context

LENGTHS = "11,64,128"
BATCH_SIZE = 32
ROUNDS = 3
PASSES = "^(evaluate|train/(full|layernorm)|fisher/full|product|copy)/"
LARGEST_WASTE = 1.15  # memory that the allocator takes for each byte in use
VARYING_STEPS = 300
# The first tell most. Of float32 one length will do.
RUNS = (
    ("bert-large", "bfloat16", "64"),
    ("minilm", "bfloat16", LENGTHS),
    ("bert-large", "bfloat16", "11,128"),
    ("bert-large", "tf32", "64"),
    ("bert-large", "float32", "64"),
    ("minilm", "float32", "11,64"),
)
# Fisher information is timed over so many examples too: in bfloat16 enough for the largest micro-batches.
FISHER_RUNS = (("bfloat16", 2048), ("float32", 256))
SHOWN = ("train/full/length:64", "train/layernorm/length:64", "fisher/full/length:64")


def engine(context: Context, configuration: str, precision: str, lengths: str, *options: str) -> list[dict[str, Any]]:
    """Time passes of the engine; return its measurements."""
    output = context.run(
        context.program("engine_benchmark"),
        f"--device={context.device}",
        f"--configuration={configuration}",
        f"--precision={precision}",
        f"--lengths={lengths}",
        f"--batch_size={BATCH_SIZE}",
        "--format=lines",
        *options,
    ).output
    return read_lines(output)


def read_lines(output: str) -> list[dict[str, Any]]:
    """Return the measurements that a program has printed, a line of JSON each. It may have been stopped in the last."""
    return [json.loads(line) for line in output.splitlines() if line.endswith("}")]


def medians(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return milliseconds and rates of each pass, by name: medians of the rounds."""
    found = {}
    for run in runs:
        if run["aggregate"] != "median":
            continue
        rates = {"items_per_second": "examples/s", "bytes_per_second": "bytes/s", "FLOP/s": "FLOP/s"}
        found[run["name"].removesuffix("/real_time")] = {"ms": run["ms"]} | {
            rate: run[key] for key, rate in rates.items() if key in run
        }
    return found


def check_speed(context: Context) -> str:
    """Time training, evaluation and Fisher information by model, length, lanes and precision."""
    context.program("engine_benchmark")
    help_of_jobs = context.run(context.program("tunescope"), "plan", "--help").output
    unknown = {precision for _, precision, _ in RUNS if precision not in help_of_jobs}
    note = f"; this build knows no {' and '.join(sorted(unknown))}" if unknown else ""
    for configuration, precision, lengths in RUNS:
        if precision in unknown:
            continue
        is_over = False
        try:
            runs = engine(
                context,
                configuration,
                precision,
                lengths,
                f"--examples={BATCH_SIZE}",
                "--lanes=1,16",
                "--methods=full,layernorm",
                f"--benchmark_filter={PASSES}",
                f"--benchmark_repetitions={ROUNDS}",
                "--benchmark_report_aggregates_only=true",
                "--benchmark_min_time=0.1",
            )
        except TimeIsUp as stopped:  # what has been timed counts
            runs, is_over = read_lines(stopped.output), True
        context.details.setdefault(configuration, {}).setdefault(precision, {}).update(medians(runs))
        if is_over:
            note += "; stopped at the time limit"
            break
    large = context.details["bert-large"]["bfloat16"]
    shown = [f"{' '.join(name.split('/')[:2])} {large[name]['ms']:.1f}" for name in SHOWN if name in large]
    if not shown:
        raise CheckFailed(f"nothing was timed{note}")
    return f"ms, BERT-large, {BATCH_SIZE} x 64 tokens, bfloat16: {', '.join(shown)}{note}"


def check_fisher_speed(context: Context) -> str:
    """Time Fisher information beside a forward and backward pass over the same examples."""
    figures = []
    for precision, examples in FISHER_RUNS:
        runs = engine(
            context,
            "bert-large",
            precision,
            "64",
            f"--examples={examples}",
            "--lanes=1",
            "--methods=full",
            "--benchmark_filter=^(forward_backward|fisher)/full/",
            f"--benchmark_repetitions={ROUNDS}",
            "--benchmark_report_aggregates_only=true",
            "--benchmark_min_time=0.001",
        )
        context.details[precision] = times = medians(runs)
        of_pass, of_fisher = (times[f"{name}/full/length:64"]["ms"] for name in ("forward_backward", "fisher"))
        figures.append(f"{precision} {of_fisher * BATCH_SIZE / examples:.1f}, {of_fisher / of_pass:.2f} passes")
    return f"ms, BERT-large, {BATCH_SIZE} x 64 tokens: {'; '.join(figures)}"


def check_varying_lengths(context: Context) -> str:
    """Batches that differ in size do not fragment the GPU's memory."""
    (run,) = engine(
        context,
        "bert-large",
        "bfloat16",
        "mixed",
        f"--examples={VARYING_STEPS * BATCH_SIZE}",
        "--methods=full",
        "--benchmark_filter=^train/full/",
        "--benchmark_min_time=0.001",
    )
    context.details |= {key: run[key] for key in ("peak_allocated", "peak_reserved", "allocation_retries")}
    waste = run["peak_reserved"] / run["peak_allocated"]
    figure = f"{VARYING_STEPS} steps: {waste:.2f} bytes taken for each in use, {run['allocation_retries']:.0f} retries"
    if waste >= LARGEST_WASTE or run["allocation_retries"] > 0:
        raise CheckFailed(f"{figure}; less than {LARGEST_WASTE} and none are right")
    return figure


def check_peer(context: Context) -> str:
    """Time transformers on the same lengths; the ratio is that of the medians."""
    if not has_module("transformers"):
        raise CheckSkipped("this Python has no transformers")
    own = context.report.details_of("speed")
    ratios, missing = [], ""
    for configuration in ("bert-large", "minilm"):
        script = context.bundle.root / "benchmarks" / "transformers_speed.py"
        options = ("--configuration", configuration, "--device", context.device, "--lengths", LENGTHS)
        try:
            output = context.run_python(script, *options, "--rounds", str(ROUNDS)).output
        except TimeIsUp as stopped:  # what has been timed counts
            output, missing = stopped.output, "; stopped at the time limit"
        times = {line["name"]: line["ms"] for line in read_lines(output)}
        passes = own.get(configuration, {}).get("bfloat16", {})
        found = {name: times[name] / passes[name]["ms"] for name in times if name in passes}
        context.details[configuration] = {"ms": times, "ratio": found}
        ratios += [f"{configuration} {name} {found[name]:.2f}" for name in SHOWN if name in found]
        if missing:
            break
    if not any(context.details[name]["ms"] for name in context.details):
        raise CheckFailed(f"nothing was timed{missing}")
    return (
        f"times as fast: {', '.join(ratios)}" if ratios else "timed, but nothing of the engine's beside it"
    ) + missing
