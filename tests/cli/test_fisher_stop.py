"""A Fisher run that is stopped inside goes on from where it was."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")

from interruption import STOPPED_EARLY, ranks_of, start, wait_until  # noqa: E402


@pytest.fixture(scope="module")
def large_fisher(make_job, tmp_path_factory):
    """A job maker whose Fisher run takes seconds, and the diagonal of an undisturbed run on 2 ranks."""
    data = tmp_path_factory.mktemp("large")

    def make(folder, keys=None):
        job = make_job(folder, {**MEASURED, **(keys or {})})
        if not (data / "CoLA").exists():
            shutil.copytree(Path(job.keys["data.glue"]) / "CoLA", data / "CoLA")
            rows = (data / "CoLA" / "train.tsv").read_text().splitlines()
            (data / "CoLA" / "train.tsv").write_text("\n".join(rows[:320] * 25) + "\n")
        job.keys["data.glue"] = str(data)
        return job

    whole = make(tmp_path_factory.mktemp("whole"))
    result = whole.run("fisher", ranks=2)
    assert result.returncode == 0, result.stdout + result.stderr
    return make, diagonals(whole)


MEASURED = {
    "data.tasks": "CoLA",
    "data.train_examples": "0",
    "fisher.at": "ia3",
    "fisher.points": "0",
    "fisher.examples": "0",
    "fisher.mode": "empirical true",
}


def diagonals(job):
    found = {}
    for path in sorted((job.results / "fisher").glob("*.h5")):
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item, stem=path.stem: (
                    found.update({(stem, name): item[()].tobytes()})
                    if isinstance(item, h5py.Dataset)
                    and name.startswith(("fisher_parameters", "added_fisher"))
                    and item.dtype.kind == "f"
                    else None
                )
            )
    assert found
    return found


OF_MODEL = {"rank-0-of-2.safetensors", "rank-1-of-2.safetensors"}
OF_ADDED = {f"added-{name}" for name in OF_MODEL}


def unfinished_shards(job):
    """Whether each saved shard has micro-batches left, by the name of its file."""
    found = {}
    for path in (job.results / "checkpoints").glob("*/*"):
        content = path.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        done, total, *_ = header["__metadata__"]["state"].split()
        found[path.name] = int(done) < int(total)
    return found


def test_fisher_run_is_stopped_inside_and_goes_on_bitwise(large_fisher, tmp_path):
    make, undisturbed = large_fisher
    job = make(tmp_path, {"run.deadline_seconds": "1.5"})
    cuts = 0
    for _ in range(100):
        result = job.run("fisher", ranks=2)
        if result.returncode == 0:
            break
        assert result.returncode == STOPPED_EARLY, result.stdout + result.stderr
        shards = unfinished_shards(job).keys()
        if shards:  # on a busy machine the deadline may come before a run has begun
            assert shards in (OF_ADDED, OF_ADDED | OF_MODEL)
            cuts += 1
    assert cuts >= 1
    assert diagonals(job) == undisturbed
    with h5py.File(next((job.results / "fisher").glob("*.h5"))) as file:  # 1.5 s and more a piece, less its start
        assert file["fisher/wall_seconds"][0] > 0.2 * cuts
    assert list((job.results / "checkpoints").iterdir()) == []


def test_stop_in_the_passes_over_the_model_keeps_what_is_known_of_added_tensors(large_fisher, tmp_path):
    make, undisturbed = large_fisher
    job = make(tmp_path, {"run.checkpoint_seconds": "0.05"})

    def stop_after(first_file):
        process = start(job, command="fisher")
        wait_until(lambda: list((job.results / "checkpoints").glob(f"*/{first_file}")))
        os.kill(ranks_of(process)[0], signal.SIGUSR2)
        output, _ = process.communicate(timeout=150)
        assert process.returncode == STOPPED_EARLY, output
        return unfinished_shards(job)

    is_unfinished = stop_after("added-rank-0-of-2.safetensors")
    assert is_unfinished.keys() == OF_ADDED
    assert any(is_unfinished.values())
    is_unfinished = stop_after("rank-0-of-2.safetensors")
    assert is_unfinished.keys() == OF_ADDED | OF_MODEL
    assert any(is_unfinished[name] for name in OF_MODEL)
    assert not any(is_unfinished[name] for name in OF_ADDED)
    result = job.run("fisher", ranks=2)
    assert result.returncode == 0, result.stdout
    assert diagonals(job) == undisturbed


@pytest.mark.parametrize("rank", [0, 1])
def test_signal_to_one_rank_stops_a_fisher_run(large_fisher, tmp_path, rank):
    make, undisturbed = large_fisher
    job = make(tmp_path, {"data.train_examples": "0"})
    process = start(job, command="fisher")
    wait_until(lambda: (job.results / "log" / "rank-1.log").exists() and len(ranks_of(process)) == 2)
    os.kill(ranks_of(process)[rank], signal.SIGTERM)
    output, _ = process.communicate(timeout=150)
    assert process.returncode == STOPPED_EARLY, output
    assert "run it again to resume" in output
    result = job.run("fisher", ranks=2)
    assert result.returncode == 0, result.stdout
    assert diagonals(job) == undisturbed
