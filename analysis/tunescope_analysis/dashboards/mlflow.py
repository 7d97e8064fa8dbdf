"""Trials as runs of MLflow, in the server that `MLFLOW_TRACKING_URI` names or in a database file."""

import os
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

from tunescope_analysis.dashboards.trial_run import TrialRun, time_of, trial_runs
from tunescope_analysis.io.results import Results

Failure = MlflowException  # what it raises if it cannot write
MOST_METRICS = 1000  # that one request may carry
TAG = "tunescope.trial"  # the trial's id and state: a failed trial that was repeated is another run


def write(name: str, results: Results, folder: Path) -> str:
    """Write an experiment of this name, without the trials that it has; returns how to look at it."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{(folder / 'mlflow.db').resolve()}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(name)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(name)
    for run in trial_runs(results):
        written = client.search_runs([experiment_id], f"tags.`{TAG}` = '{_tag(run)}'")
        unfinished = [each for each in written if each.info.status == "RUNNING"]
        for each in unfinished:  # of a command that was interrupted
            client.delete_run(each.info.run_id)
        if len(written) == len(unfinished):
            _write_run(client, experiment_id, run, int(1000 * time_of(results)))
    return uri if uri.startswith("http") else f"mlflow ui --backend-store-uri {uri}"


def _tag(run: TrialRun) -> str:
    return f"{run.id} {run.state}"


def _write_run(client: MlflowClient, experiment_id: str, run: TrialRun, milliseconds: int) -> None:
    tags = {TAG: _tag(run), "tunescope.state": run.state, "tunescope.error": run.error}
    run_id = client.create_run(experiment_id, milliseconds, tags, run.name).info.run_id
    values = [(step, name, value) for step, own in run.steps.items() for name, value in own.items()]
    values += [(0, f"trial/{name}", value) for name, value in run.outcomes.items()]
    metrics = [Metric(name, value, milliseconds, step) for step, name, value in values]
    for begin in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics=metrics[begin : begin + MOST_METRICS])
    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in run.settings.items()])
    client.set_terminated(run_id, "FAILED" if run.state == "failed" else "FINISHED", milliseconds)
