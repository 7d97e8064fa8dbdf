"""What each dashboard's own library reads back."""

import json
import struct
import sys

import pytest
from make_file import write_file
from small_sweep import TRIALS, small_content

from tunescope_analysis.cli import main

EVALUATIONS = [
    {"trial": 0, "step": 50, "epoch": 0.5, "loss": 0.6, "accuracy": 0.5},
    {"trial": 0, "step": 100, "epoch": 1.0, "loss": 0.4, "accuracy": 0.7},
]
HISTORY = [{"trial": 0, "step": 100, "loss": 0.3, "learning_rate": 1e-5, "gradient_norm": 2.0}]
FAILED = next(trial for trial in TRIALS if trial.get("state") == "failed")


@pytest.fixture
def sweep(tmp_path):
    content = small_content()
    content.evaluations, content.history = EVALUATIONS, HISTORY
    return write_file(tmp_path / "sweep.h5", content)


def write(sweep, folder, kind):
    """Twice, as a group does whose sweep goes on: a trial must not be there twice."""
    for _ in range(2):
        assert main([str(sweep), "-o", str(folder), "--format", kind]) == 0


def test_tensorboard_shows_curves_and_settings(sweep, tmp_path, capsys):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.plugins.hparams import metadata

    write(sweep, tmp_path / "out", "tensorboard")
    assert capsys.readouterr().out.endswith(f"tensorboard: tensorboard --logdir {tmp_path}/out/tensorboard\n")
    runs = sorted((tmp_path / "out" / "tensorboard" / "sweep").iterdir())
    assert len(runs) == len(TRIALS)
    (first,) = [run for run in runs if run.name.endswith(f"{0:016x}")]
    assert first.name.startswith("RTE full 1e-05 seed 1 ")
    events = event_accumulator.EventAccumulator(str(first)).Reload()
    read = {
        tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }
    assert read["dev/accuracy"] == [(50, 0.5), (100, pytest.approx(0.7))]
    assert read["train/loss"] == [(100, pytest.approx(0.3))]
    assert read["trial/score"] == [(100, pytest.approx(0.70))]
    assert "dev/matthews" not in read  # no metric of RTE
    content = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    settings = metadata.parse_session_start_info_plugin_data(content).hparams
    assert settings["method"].string_value == "full"
    assert settings["learning_rate"].number_value == 1e-5


def test_mlflow_has_every_trial_once(sweep, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write(sweep, tmp_path / "out", "mlflow")
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/out/mlflow.db")
    experiment = client.get_experiment_by_name("sweep")
    runs = {run.data.tags["tunescope.trial"]: run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == len(TRIALS)
    first = runs[f"{0:016x} done"]
    assert first.info.run_name == "RTE full 1e-05 seed 1"
    assert first.data.params["learning_rate"] == "1e-05"
    assert first.data.metrics["trial/score"] == 0.70
    curve = client.get_metric_history(first.info.run_id, "dev/accuracy")
    assert sorted((metric.step, metric.value) for metric in curve) == [(50, 0.5), (100, 0.7)]
    (failed,) = [run for tag, run in runs.items() if tag.endswith("failed")]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["tunescope.error"] == FAILED["error"]
    assert "trial/score" not in failed.data.metrics


def test_mlflow_writes_a_trial_anew_of_which_it_has_a_part(sweep, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main([str(sweep), "-o", str(tmp_path / "out"), "--format", "mlflow"]) == 0
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/out/mlflow.db")
    experiment = [client.get_experiment_by_name("sweep").experiment_id]
    (before,) = client.search_runs(experiment, f"tags.`tunescope.trial` = '{0:016x} done'")
    client.update_run(before.info.run_id, status="RUNNING")  # as if the command had been killed
    assert main([str(sweep), "-o", str(tmp_path / "out"), "--format", "mlflow"]) == 0
    (after,) = client.search_runs(experiment, f"tags.`tunescope.trial` = '{0:016x} done'")
    assert after.info.run_id != before.info.run_id
    assert after.info.status == "FINISHED"


def test_a_server_that_does_not_answer_is_one_line_and_exit_2(sweep, tmp_path, capsys, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main([str(sweep), "-o", str(tmp_path / "out"), "--format", "mlflow"]) == 2
    printed = capsys.readouterr().err
    assert "127.0.0.1" in printed
    assert len(printed.splitlines()) == 1


def test_mlflow_writes_where_the_groups_server_is(sweep, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path}/server.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    write(sweep, tmp_path / "out", "mlflow")
    assert mlflow.MlflowClient(tracking_uri=uri).get_experiment_by_name("sweep")
    assert not (tmp_path / "out").exists()


def records_of(path):
    """The messages of a .wandb file: after 7 bytes a log of LevelDB, here shorter than one of its blocks."""
    data = path.read_bytes()
    assert len(data) < 32 * 1024
    place = 7
    while place < len(data):
        _, length, kind = struct.unpack_from("<IHB", data, place)
        assert kind == 1  # a whole message
        yield data[place + 7 : place + 7 + length]
        place += 7 + length


def test_wandb_keeps_runs_that_can_be_synced(sweep, tmp_path):
    pytest.importorskip("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    write(sweep, tmp_path / "out", "wandb-offline")
    folders = sorted((tmp_path / "out" / "wandb").glob("offline-run-*"))
    assert len(folders) == len(TRIALS)
    (first,) = [folder for folder in folders if folder.name.endswith(f"{0:016x}")]
    records = [Record.FromString(data) for data in records_of(next(first.glob("run-*.wandb")))]
    run = next(record.run for record in records if record.HasField("run"))
    assert (run.project, run.display_name, run.run_group) == ("sweep", "RTE full 1e-05 seed 1", "RTE")
    settings = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert settings["learning_rate"] == 1e-5
    curve = []
    for history in (record.history for record in records if record.HasField("history")):
        values = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in history.item}
        curve.append((values["_step"], values["dev/accuracy"]))
    assert curve == [(50, 0.5), (100, 0.7)]


def test_a_missing_library_is_named(sweep, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.delitem(sys.modules, "tunescope_analysis.dashboards.wandb", raising=False)
    assert main([str(sweep), "-o", str(tmp_path / "out"), "--format", "wandb-offline"]) == 2
    printed = capsys.readouterr()
    assert "pip install wandb" in printed.err
    assert len(printed.err.splitlines()) == 1
