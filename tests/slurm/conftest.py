"""A Slurm cluster for the tests, and the model, data and jobs of tests/cli."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import cluster as slurm_cluster  # noqa: E402

CLI = Path(__file__).parent.parent / "cli" / "conftest.py"
specification = importlib.util.spec_from_file_location("tunescope_cli_conftest", CLI)
cli = importlib.util.module_from_spec(specification)
sys.modules[specification.name] = cli
specification.loader.exec_module(cli)

program, vocabulary, model, glue = cli.program, cli.vocabulary, cli.model, cli.glue
make_job = cli.make_job
pytest_sessionfinish = cli.pytest_sessionfinish


def pytest_addoption(parser):
    cli.pytest_addoption(parser)
    parser.addoption("--rank_devices", help="the program that tells which GPU each rank would use")


@pytest.fixture(scope="session")
def rank_devices(request):
    option = request.config.getoption("--rank_devices")
    if option is None:
        pytest.skip("no program to ask for GPUs: give --rank_devices PATH")
    return Path(option).resolve()


@pytest.fixture(scope="session")
def cluster(program):
    if reason := slurm_cluster.missing():
        pytest.skip(reason)
    with slurm_cluster.Cluster() as running:
        running.environment |= {
            "TUNESCOPE_BINARY": str(program.binary),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl_tcp_if_include": "lo",
            "OMPI_MCA_mpi_yield_when_idle": "1",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        }
        yield running
