"""Trials as offline runs of Weights & Biases, for `wandb sync`. Nothing is sent from here."""

import shutil
from pathlib import Path

import wandb

from tunescope_analysis.dashboards.trial_run import TrialRun, trial_runs
from tunescope_analysis.io.results import Results

# Nothing about this machine, which need not be the one that trained.
SETTINGS = wandb.Settings(
    console="off", silent=True, save_code=False, x_disable_meta=True, x_disable_stats=True
)

Failure = wandb.Error  # what it raises if it cannot write


def write(name: str, results: Results, folder: Path) -> str:
    """Write a project of this name, a folder per trial below `folder/wandb`; returns how to send it."""
    folder.mkdir(parents=True, exist_ok=True)
    for run in trial_runs(results):
        for earlier in (folder / "wandb").glob(f"offline-run-*-{run.id}"):
            shutil.rmtree(earlier)
        _write_run(run, name, folder)
    return f"wandb sync {folder / 'wandb'}/offline-run-*"


def _write_run(run: TrialRun, project: str, folder: Path) -> None:
    written = wandb.init(
        mode="offline",
        dir=str(folder),
        project=project,
        id=run.id,
        name=run.name,
        group=str(run.settings["task"]),
        tags=[run.state],
        notes=run.error or None,
        config=run.settings,
        reinit="create_new",
        settings=SETTINGS,
    )
    for step, values in run.steps.items():
        written.log(values, step=step)
    written.summary.update({f"trial/{name}": value for name, value in run.outcomes.items()})
    written.finish(exit_code=int(run.state == "failed"))
