"""The dashboards by the name of their format; a library is loaded only if its format is asked for."""

from importlib import import_module
from pathlib import Path

from tunescope_analysis.io.results import Results

FORMATS = {
    "tensorboard": "a run of TensorBoard for each trial",
    "mlflow": "a run of MLflow for each trial, in mlflow.db or where MLFLOW_TRACKING_URI says",
    "wandb-offline": "an offline run of Weights & Biases for each trial, for wandb sync",
}
MODULES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb-offline": "wandb"}


class DashboardError(ValueError):
    """A dashboard's own library is not installed, or failed."""


def write_dashboard(kind: str, name: str, results: Results, folder: Path) -> str:
    """Write a file's trials for one dashboard, under a name; returns the command that shows them.

    Raises `DashboardError` and `OSError`.
    """
    try:
        module = import_module(f"tunescope_analysis.dashboards.{MODULES[kind]}")
    except ModuleNotFoundError as error:
        raise DashboardError(
            f"format {kind} needs the Python package {MODULES[kind]} ({error}): pip install {MODULES[kind]}"
        ) from error
    try:
        return str(module.write(name, results, folder))
    except module.Failure as error:
        raise DashboardError(f"format {kind}: {' '.join(str(error).split())}") from error
