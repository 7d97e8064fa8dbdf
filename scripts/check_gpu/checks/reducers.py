"""Sums over ranks: over one rank, which is what one GPU allows."""

from ..jobs import Job, compare_bits
from ..models import tiny_model
from ..runner import Context
from .programs import run_tests

TESTS = "*Reducer.*:*Nccl*:FisherDiagonal.*"


def check_reducers(context: Context) -> str:
    """The tests of sums pass on one rank, and Fisher information does not depend on what sums it."""
    count = run_tests(context, "mpi_tests", TESTS)
    kinds = ("mpi", "auto") if context.device == "cpu" else ("mpi", "nccl")
    keys = {"train.epochs": "1", "fisher.at": "layernorm", "fisher.parameters": "layernorm"}
    keys |= {"fisher.keep": "layernorm", "fisher.examples": "64"}
    first, second = (Job(context, kind, tiny_model(context), keys | {"run.reducer": kind}) for kind in kinds)
    first.run("fisher")
    second.run("fisher")
    compare_bits(first, second, "fisher")
    return f"{count} tests; Fisher information of {' and '.join(kinds)} is the same"
