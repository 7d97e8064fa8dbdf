"""Whole sweeps: on one device and the other, again, stopped, in lanes, and with little memory."""

import math

from ..errors import CheckFailed, CheckSkipped
from ..jobs import Job, compare_bits, largest_difference, read_file
from ..machine import has_module
from ..models import random_model, tiny_model
from ..runner import Context

# With the device's arithmetic, and that of four trials in one product.
LARGEST_LOSS_DIFFERENCE = 1e-4
LARGEST_LANE_DIFFERENCE = 1e-3
FREE_BYTES = 5_000_000_000
# Takes all of the GPU's memory but so many bytes, leaves a file to say so, and keeps it until it is ended.
HOLD_MEMORY = """
import pathlib, sys, time, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(max(0, free - int(sys.argv[1])), dtype=torch.uint8, device="cuda")
torch.cuda.synchronize()
pathlib.Path(sys.argv[2]).touch()
time.sleep(600)
"""


def check_sweep(context: Context) -> str:
    """A short sweep leaves finite scores for every trial."""
    job = Job(context, "short", tiny_model(context), {"data.tasks": "CoLA MNLI", "train.epochs": "2"})
    job.run()
    losses = [float(read_file(file)["evaluations/loss"][-1]) for file in job.files()]
    if len(losses) != 4 or not all(map(math.isfinite, losses)):
        raise CheckFailed(f"4 trials should have left finite losses: {losses}")
    return f"4 trials, loss {min(losses):.3f} to {max(losses):.3f}"


def check_resuming(context: Context) -> str:
    """A sweep that is stopped and resumed leaves the bits of one that was not."""
    undisturbed = Job(context, "undisturbed", tiny_model(context))
    undisturbed.run()
    stopped = Job(context, "stopped", tiny_model(context))
    stopped.stop_in_training()
    stopped.run()
    compare_bits(undisturbed, stopped)
    return "bitwise equal"


def check_repetition(context: Context) -> str:
    """The same sweep leaves the same bits twice."""
    keys = {"train.epochs": "5"}
    first, second = (Job(context, name, tiny_model(context), keys) for name in ("first", "second"))
    first.run()
    second.run()
    compare_bits(first, second)
    return "bitwise equal"


def check_lanes(context: Context) -> str:
    """Trials that train together follow those that train alone."""
    keys = {"sweep.methods": "layernorm", "sweep.seeds": "1 2 3 4", "train.epochs": "5"}
    alone = Job(context, "alone", tiny_model(context), keys)
    together = Job(context, "together", tiny_model(context), keys | {"run.lanes": "4"})
    alone.run()
    together.run()
    difference = largest_difference(alone, together, "history/loss")
    if not difference < LARGEST_LANE_DIFFERENCE:
        raise CheckFailed(f"losses of 1 and 4 lanes differ by {difference:.1e}")
    return f"losses of 1 and 4 lanes differ by {difference:.1e} at most"


def check_both_devices(context: Context) -> str:
    """The same job on the CPU and on the GPU, under the same dropout masks."""
    model = random_model(context, "minilm")
    keys = {"data.max_length": "64", "train.epochs": "1", "train.batch_size": "16", "sweep.learning_rates": "1e-4"}
    keys |= {"sweep.peft_learning_rates": "1e-3", "run.threads": "0"}
    on_cpu = Job(context, "cpu", model, keys | {"run.device": "cpu"})
    on_gpu = Job(context, context.device, model, keys)
    on_cpu.run()
    on_gpu.run()
    difference = largest_difference(on_cpu, on_gpu, "history/loss")
    if not difference < LARGEST_LOSS_DIFFERENCE:
        raise CheckFailed(f"losses differ by {difference:.1e}")
    return f"losses differ by {difference:.1e} at most"


def check_little_memory(context: Context) -> str:
    """With most of the memory taken, batches are computed in parts, and no trial fails."""
    if not has_module("torch"):
        raise CheckSkipped("this Python has no torch, which takes the memory")
    model = random_model(context, "bert-large")
    held = context.folder / "held"
    holder = context.start_python("-c", HOLD_MEMORY, str(FREE_BYTES), held)
    context.wait_for(held.exists, holder)
    if not held.exists():
        raise CheckFailed(f"the memory could not be taken: {context.processes.finish(holder).errors.strip()[-200:]}")
    keys = {"sweep.methods": "layernorm", "sweep.seeds": "1 2", "train.batch_size": "256", "data.max_length": "128"}
    keys |= {"data.train_examples": "512", "data.dev_examples": "200", "train.epochs": "1", "run.lanes": "auto"}
    keys |= {"fisher.at": "head", "fisher.examples": "64"}
    keys |= {"fisher.parameters": "layernorm", "fisher.keep": "layernorm"}
    job = Job(context, "tight", model, keys)
    job.run()
    job.run("fisher")
    if failed := job.files("failed"):
        raise CheckFailed(f"{len(failed)} of 2 trials failed; the first is {failed[0].stem}")
    return f"{len(job.files())} trials and Fisher information with {FREE_BYTES / 1e9:.0f} GB free"
