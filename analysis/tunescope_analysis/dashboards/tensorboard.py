"""Trials as runs of TensorBoard, with their settings on its page HPARAMS."""

import shutil
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tunescope_analysis.dashboards.trial_run import TrialRun, time_of, trial_runs
from tunescope_analysis.io.results import Results

Failure = OSError  # what it raises if it cannot write


def write(name: str, results: Results, folder: Path) -> str:
    """Write or replace a folder per trial below `folder/tensorboard/NAME`; returns how to look at them."""
    home = folder / "tensorboard"
    for run in trial_runs(results):
        own = home / name / f"{run.name} {run.id}"
        shutil.rmtree(own, ignore_errors=True)
        _write_run(run, own, time_of(results))
    return f"tensorboard --logdir {home}"


def _write_run(run: TrialRun, folder: Path, time: float) -> None:
    writer = EventFileWriter(str(folder))
    started = SessionStartInfo(group_name=run.id, start_time_secs=time)
    for name, value in run.settings.items():
        if isinstance(value, str):
            started.hparams[name].string_value = value
        else:
            started.hparams[name].number_value = value
    ended = SessionEndInfo(
        status=Status.STATUS_FAILURE if run.state == "failed" else Status.STATUS_SUCCESS, end_time_secs=time
    )
    outcomes = {f"trial/{name}": value for name, value in run.outcomes.items()}
    summaries = [
        (0, _hparams(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=started))),
        *((step, _scalars(values)) for step, values in run.steps.items()),
        (max(run.steps, default=0), _scalars(outcomes)),
        (0, _hparams(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=ended))),
    ]
    for step, summary in summaries:
        writer.add_event(Event(wall_time=time, step=step, summary=summary))
    writer.close()


def _scalars(values: dict[str, float]) -> Summary:
    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])


def _hparams(tag: str, data: HParamsPluginData) -> Summary:
    described = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=tag, metadata=described, tensor=metadata.NULL_TENSOR)])
