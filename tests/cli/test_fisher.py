"""Fisher information: the stage of its own, its grid, and runs that are there or damaged."""

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from result_files import DIFFERS_BETWEEN_RUNS, contents, flip_a_byte  # noqa: E402

FISHER_DIFFERS = DIFFERS_BETWEEN_RUNS | {"fisher/wall_seconds", "fisher/hostname"}
WRONG_INPUT = 2
STOPPED_EARLY = 75
GRID = {
    "fisher.examples": "8 16",
    "fisher.mode": "empirical true sampled hutchinson",
    "fisher.batch_sizes": "1 4",
    "fisher.points": "0 1",
    "fisher.keep": "layernorm",
}
BRANCHES = ("hidden", "attention_branch", "feed_forward_branch")
SCALES = [f"{branch}{kind}_rms" for kind in ("", "_gradient") for branch in BRANCHES]


def fisher(job, ranks=1, expect=0):
    result = job.run("fisher", ranks=ranks)
    assert result.returncode == expect, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def studied(make_job, tmp_path_factory):
    """The same grid on 1 and on 3 ranks."""
    jobs = {}
    for ranks in (1, 3):
        jobs[ranks] = make_job(tmp_path_factory.mktemp(f"fisher_on_{ranks}"), GRID)
        fisher(jobs[ranks], ranks=ranks)
    return jobs


def test_grid_has_every_combination_but_exact_batches(studied):
    with h5py.File(studied[1].merged) as file:
        runs = file["fisher"]
        found = zip(
            runs["task"].asstr()[:],
            runs["mode"].asstr()[:],
            runs["examples"][:],
            runs["batch_size"][:],
            runs["point"][:],
            strict=True,
        )
        combinations = set(found)
        assert len(combinations) == len(runs["id"]) == 2 * (3 * 2 * 2 * 2 + 2 * 2)
        assert not any(mode == "true" and batch > 1 for _, mode, _, batch, _ in combinations)
        assert file.attrs["complete"] == 1


def test_any_number_of_ranks_gives_the_same_information(studied):
    with h5py.File(studied[1].merged) as one, h5py.File(studied[3].merged) as many:
        assert list(one["fisher/id"]) == list(many["fisher/id"])
        for name in ("mean", "sum", "max", "share"):
            np.testing.assert_allclose(one[f"fisher/{name}"][:], many[f"fisher/{name}"][:], rtol=1e-12)
        for name in SCALES:
            np.testing.assert_allclose(one[f"fisher/{name}"][:], many[f"fisher/{name}"][:], rtol=1e-12)
        assert set(many["fisher/ranks"][:]) == {3}


def test_maps_are_those_of_the_kept_diagonals(studied):
    with h5py.File(studied[1].merged) as file:
        run = file["fisher/id"].asstr()[3]
        layer = list(file["fisher/layer"].asstr()[:]).index("1")
        component = list(file["fisher/component"].asstr()[:]).index("output.LayerNorm.bias")
        diagonal = file[f"fisher_parameters/{run}/bert.encoder.layer.1.output.LayerNorm.bias"][:]
        np.testing.assert_allclose(file["fisher/mean"][3, layer, component], diagonal.mean(), rtol=1e-6)
        np.testing.assert_allclose(file["fisher/max"][3, layer, component], diagonal.max(), rtol=1e-6)
        np.testing.assert_allclose(np.nansum(file["fisher/share"][3]), 1.0)
        kept = [name for name in file[f"fisher_parameters/{run}"] if not name.startswith("axis")]
        assert kept and all("LayerNorm" in name for name in kept)


def test_scales_over_depth_have_units_and_words(studied):
    with h5py.File(studied[1].merged) as file:
        fisher = file["fisher"]
        depth = [label in ("embeddings", "0", "1") for label in fisher["layer"].asstr()]
        for name in SCALES:
            has_embeddings = name.startswith("hidden")
            expected = [depth[0] and has_embeddings, *depth[1:]]
            assert np.isfinite(fisher[name][:]).all(axis=0).tolist() == expected, name
            assert fisher[name].attrs["units"] == "1"
            assert fisher[name].attrs["long_name"].startswith("root mean square of ")


def test_runs_are_not_repeated_and_weights_are_removed(studied):
    job = studied[1]
    before = {path.name: path.stat().st_mtime_ns for path in (job.results / "fisher").glob("*.h5")}
    fisher(job)
    assert {path.name: path.stat().st_mtime_ns for path in (job.results / "fisher").glob("*.h5")} == before
    assert list((job.results / "fisher" / "weights").iterdir()) == []


def test_precision_makes_another_run_and_leaves_the_measured_training_alone(make_job, tmp_path):
    job = make_job(tmp_path, {"fisher.examples": "8", "data.tasks": "CoLA"})
    fisher(job)
    before = {path.name: contents(path, without=()) for path in job.results.glob("*/*.h5")}
    job.keys["fisher.precision"] = "float32"
    assert "1 of 1 Fisher runs done" in fisher(job).stdout
    assert {path.name: contents(path, without=()) for path in job.results.glob("*/*.h5")} == before

    job.keys["fisher.precision"] = "bfloat16"
    result = fisher(job)
    assert len(list((job.results / "fisher").glob("*.h5"))) == 2
    assert len(job.trial_files()) == 1, "the measured training has train.precision"
    is_slower = "products in bfloat16 are not faster here; float32 is used" in result.stdout
    with h5py.File(job.merged) as file:
        assert file["fisher/precision"].asstr()[:].tolist() == ["float32" if is_slower else "bfloat16"]


def test_draws_make_another_run_only_where_they_change_numbers(make_job, tmp_path):
    job = make_job(tmp_path, {"fisher.examples": "8", "fisher.mode": "true hutchinson", "fisher.at": "head"})
    fisher(job)
    job.keys["fisher.draws"] = "4"
    assert "3 already there, 1 to compute" in fisher(job).stdout
    with h5py.File(job.merged) as file:
        runs = list(zip(file["fisher/task"].asstr(), file["fisher/mode"].asstr(), file["fisher/draws"], strict=True))
        maps = dict(zip(runs, file["fisher/sum"][:], strict=True))
    assert sorted(runs) == [
        ("CoLA", "hutchinson", 1),
        ("CoLA", "true", 1),
        ("MNLI", "hutchinson", 4),
        ("MNLI", "true", 1),
    ]
    exact = [maps[task, "true", 1] for task in ("CoLA", "MNLI")]
    estimates = [maps["CoLA", "hutchinson", 1], maps["MNLI", "hutchinson", 4]]
    errors = [np.nansum(np.abs(a - b)) / np.nansum(b) for a, b in zip(estimates, exact, strict=True)]
    assert errors[0] < 1e-5 < errors[1] < 1


def test_damaged_run_is_named_and_computed_again(make_job, tmp_path):
    job = make_job(tmp_path, {"fisher.examples": "8"})
    fisher(job)
    damaged = next((job.results / "fisher").glob("*.h5"))
    damaged.write_bytes(damaged.read_bytes()[:1000])
    result = fisher(job)
    assert damaged.name in result.stderr
    assert "computed again" in result.stderr


def test_sources_are_ordinary_trials(make_job, tmp_path):
    job = make_job(tmp_path, {"fisher.examples": "8", "sweep.methods": "full", "data.tasks": "CoLA"})
    fisher(job)
    result = job.run("sweep", ranks=1)
    assert result.returncode == 0
    assert "1 already there, 0 to run" in result.stdout


def test_point_before_the_checkpoint_of_its_source_is_still_measured(make_job, tmp_path):
    # A sweep is stopped late in the training that the job then wants measured half-way.
    keys = {"sweep.methods": "full", "data.tasks": "CoLA", "fisher.examples": "8", "train.epochs": "1500"}
    job = make_job(tmp_path, {**keys, "run.deadline_seconds": "2"})
    assert job.run("sweep", ranks=1).returncode == STOPPED_EARLY
    assert list((job.results / "checkpoints").glob("*/latest.safetensors"))
    job.keys |= {"run.deadline_seconds": "0", "fisher.points": "0.001 1"}
    fisher(job)


def test_weights_stay_for_the_runs_of_the_other_command(make_job, tmp_path):
    keys = {"sweep.methods": "full fisher:fraction=0.25", "data.tasks": "CoLA", "fisher.examples": "8"}
    job = make_job(tmp_path, {**keys, "fisher.mode": "empirical true"})
    job.sweep()
    weights = list((job.results / "fisher" / "weights").iterdir())
    assert len(weights) == 1, "of the exact expectation, which no method chooses by"
    log = (job.results / "log" / "rank-0.log").read_text()
    fisher(job)
    assert " starts: " not in (job.results / "log" / "rank-0.log").read_text()[len(log) :]
    assert list((job.results / "fisher" / "weights").iterdir()) == []


def test_trainings_that_are_measured_are_not_waited_for(make_job, tmp_path):
    job = make_job(tmp_path, {"sweep.methods": "full layernorm fisher:fraction=0.25", "fisher.examples": "8"})
    output = job.sweep(ranks=2).stdout
    assert output.count("/4]  CoLA") + output.count("/4]  MNLI") == 4, "trials that need no Fisher information"
    assert output.index("/4]") < output.index("2 to compute") < output.index("[1/2]  ", output.index("2 to compute"))
    assert output.count("  full  ") == 2, "a training that is measured is the trial itself"


def test_diverged_source_is_named_and_not_trained_again(make_job, tmp_path):
    keys = {"sweep.methods": "full", "data.tasks": "CoLA", "fisher.examples": "8", "sweep.learning_rates": "1e30"}
    job = make_job(tmp_path, keys)
    result = fisher(job, expect=1)
    assert "it diverged at step" in result.stdout
    before = job.modification_times()
    result = fisher(job, expect=1)
    assert "it diverged at step" in result.stdout
    assert job.modification_times() == before


def test_wrong_grid_is_refused_once_before_any_training(make_job, tmp_path):
    job = make_job(tmp_path, {"fisher.examples": "8 100000", "sweep.methods": "full"})
    result = fisher(job, ranks=3, expect=WRONG_INPUT)
    assert result.stderr.count("[fisher] examples = 100000") == 1
    assert not job.trial_files()


def test_fisher_run_with_a_flipped_bit_is_named_and_computed_again(make_job, tmp_path):
    job = make_job(tmp_path, {"sweep.methods": "fisher:fraction=0.25", "data.tasks": "CoLA", "fisher.examples": "8"})
    job.sweep()
    expected = contents(job.merged, without=FISHER_DIFFERS)
    (damaged,) = (job.results / "fisher").glob("*.h5")
    flip_a_byte(damaged)
    kept = job.run("merge")
    assert kept.returncode == WRONG_INPUT
    assert "small.h5: is kept, for a new one would lack 1 " in kept.stderr
    left_out = job.run("merge", "--replace")
    assert left_out.returncode == 0, left_out.stderr
    assert f"warning: results/small/fisher/{damaged.name}: is damaged" in left_out.stderr
    with h5py.File(job.merged) as file:
        assert "fisher" not in file
        assert list(file["fisher_masks"]) == list(file["trials/mask"].asstr()), "the trial's file has its mask"
    result = job.sweep()
    assert f"warning: results/small/fisher/{damaged.name}: is damaged" in result.stderr
    assert "1 Fisher runs, 0 already there, 1 to compute" in result.stdout
    assert contents(job.merged, without=FISHER_DIFFERS) == expected


def added_sums(job):
    """Of each Fisher run the point in training, and the sum of F of each added tensor."""
    with h5py.File(job.merged) as file:
        points = dict(zip(file["fisher/id"].asstr()[:], file["fisher/point"][:], strict=True))
        assert set(file["added_fisher"]) == set(points)
        for run, point in points.items():
            table = file[f"added_fisher/{run}"]
            np.testing.assert_allclose(table["mean"][:] * table["size"][:], table["sum"][:])
            assert (table["max"][:] >= table["mean"][:]).all()
            yield point, dict(zip(table["tensor"].asstr()[:], table["sum"][:], strict=True))


def test_added_tensors_have_a_table_of_their_own(make_job, tmp_path):
    keys = {"data.tasks": "CoLA", "fisher.at": "ia3+lora:rank=2", "fisher.examples": "8", "fisher.points": "0 1"}
    job = make_job(tmp_path, keys)
    fisher(job)
    measured = dict(added_sums(job))
    assert measured.keys() == {0, 1}
    for point, sums in measured.items():
        kinds = {kind: [sums[name] for name in sums if kind in name] for kind in ("lora_A", "lora_B", "ia3_l")}
        assert sum(map(len, kinds.values())) == len(sums)
        assert all(value > 0 for value in kinds["lora_B"] + kinds["ia3_l"])
        assert all((value > 0) == (point > 0) for value in kinds["lora_A"])  # B is zero before training


def test_adapters_are_in_the_table_beside_what_is_merged(make_job, tmp_path):
    at = "adapter:placement=pfeiffer,size=3+layernorm+lora:rank=2"
    keys = {"data.tasks": "CoLA", "fisher.at": at, "fisher.examples": "8", "fisher.points": "0 1"}
    job = make_job(tmp_path, keys | {"sweep.methods": "fisher:fraction=0.25"})
    fisher(job)
    for _, sums in added_sums(job):
        endings = {name.rpartition(".dense.")[2] for name in sums if ".adapter_" in name}
        assert endings == {f"adapter_{part}.{kind}" for part in ("down", "up") for kind in ("weight", "bias")}
        assert all(value > 0 for name, value in sums.items() if ".adapter_" in name)
        assert any("lora_B" in name for name in sums)
    job.sweep()


def test_a_training_that_adds_nothing_has_no_such_table(studied):
    with h5py.File(studied[1].merged) as file:
        assert "added_fisher" not in file
