"""Fisher information: the stage of its own, the methods that use it, and what is wrong with a job of either."""

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from test_sweep import DIFFERS_BETWEEN_RUNS, contents, flip_a_byte  # noqa: E402

FISHER_DIFFERS = DIFFERS_BETWEEN_RUNS | {"fisher/wall_seconds", "fisher/hostname"}
WRONG_INPUT = 2
STOPPED_EARLY = 75
GRID = {
    "fisher.examples": "8 16",
    "fisher.mode": "empirical true sampled",
    "fisher.batch_sizes": "1 4",
    "fisher.points": "0 1",
    "fisher.keep": "layernorm",
}
BRANCHES = ("hidden", "attention_branch", "feed_forward_branch")
SCALES = [f"{branch}{kind}_rms" for kind in ("", "_gradient") for branch in BRANCHES]
METHODS = "layernorm fisher:fraction=0.25 fisher:fraction=0.25,scope=union fisher:fraction=0.25,scope=leave-one-out"


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
        assert len(combinations) == len(runs["id"]) == 2 * (2 * 2 * 2 * 2 + 2 * 2)
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


@pytest.fixture(scope="module")
def chosen(make_job, tmp_path_factory):
    job = make_job(
        tmp_path_factory.mktemp("methods"),
        {
            "sweep.methods": METHODS,
            "fisher.examples": "16",
            "fisher.parameters": "layernorm",
            "fisher.keep": "layernorm",
        },
    )
    job.sweep(ranks=2)
    return job


def test_sweep_computes_once_a_task_what_its_methods_need(chosen):
    with h5py.File(chosen.merged) as file:
        assert sorted(file["fisher/task"].asstr()[:]) == ["CoLA", "MNLI"]
        assert np.isnan(file["fisher/mean"][:]).any()
        assert file.attrs["complete"] == 1


def ranked(file, run):
    """Flat Fisher information of the LayerNorm pool, in model order, as (tensor, index) from the largest on."""
    group = file[f"fisher_parameters/{run}"]
    entries = [
        (-value, position, name, index)
        for position, name in enumerate(layer_norm_order(group))
        for index, value in enumerate(group[name][:])
    ]
    return [(name, index) for _, _, name, index in sorted(entries)]


def layer_norm_order(group):
    names = [name for name in group if not name.startswith("axis")]

    def key(name):
        layer = -1 if "embeddings" in name else int(name.split(".")[3])
        return (layer, ".output.LayerNorm" in name.replace("attention.output", ""), name.endswith("bias"))

    return sorted(names, key=key)


def mask_of(file, task, scope):
    """The chosen scalars of a task's trial, and the runs they were chosen by."""
    trials = file["trials"]
    for row_task, method, mask in zip(
        trials["task"].asstr()[:], trials["method"].asstr()[:], trials["mask"].asstr()[:], strict=True
    ):
        if row_task == task and method.endswith(f"scope={scope}"):
            group = file[f"fisher_masks/{mask}"]
            names = np.repeat(group["tensor"].asstr()[:], group["count"][:])
            return set(zip(names, group["index"][:], strict=True)), group.attrs["runs"].split()
    raise AssertionError(f"no trial of {task} with scope {scope}")


def test_masks_are_the_largest_fraction_of_the_right_tasks(chosen):
    with h5py.File(chosen.merged) as file:
        run_of = dict(zip(file["fisher/task"].asstr()[:], file["fisher/id"].asstr()[:], strict=True))
        pool = ranked(file, run_of["CoLA"])
        for task, other in (("CoLA", "MNLI"), ("MNLI", "CoLA")):
            own, runs = mask_of(file, task, "task")
            assert runs == [run_of[task]]
            assert own == set(ranked(file, run_of[task])[: len(pool) // 4])
            left_out, runs = mask_of(file, task, "leave-one-out")
            assert runs == [run_of[other]]
            assert left_out == mask_of(file, other, "task")[0]
        union, runs = mask_of(file, "CoLA", "union")
        assert sorted(runs) == sorted(run_of.values())
        assert len(union) == len(pool) // 4
        tops = [set(ranked(file, run)[: len(pool) // 8]) for run in run_of.values()]
        assert union >= tops[0] | tops[1] or len(tops[0] | tops[1]) > len(union)


def test_only_chosen_scalars_change(chosen):
    with h5py.File(chosen.merged) as file:
        methods = file["trials/method"].asstr()[:]
        components = file["change/component"].asstr()[:]
        change = file["change/max_abs"][:]
        for row, method in enumerate(methods):
            if method.startswith("fisher"):
                frozen = np.array(["LayerNorm" not in name and "classifier" not in name for name in components])
                assert np.nanmax(change[row][:, frozen]) == 0
                count = file["trials/trainable_parameters"][row]
                assert count < file["trials/trainable_parameters"][list(methods).index("layernorm")]


@pytest.mark.parametrize(
    ("keys", "needles"),
    [
        ({"sweep.methods": "fisher:fraction=0"}, ["fraction", "at most 1"]),
        ({"sweep.methods": "fisher:fraction=0.5,scope=everything"}, ["scope", "known are task, union, leave-one-out"]),
        ({"sweep.methods": "fisher:fraction=0.5,pool=head"}, ["pool", "head", "no", "members"]),
        ({"sweep.methods": "fisher:fraction=0.5", "fisher.examples": "100000"}, ["[fisher] examples = 100000", "CoLA"]),
        ({"sweep.methods": "fisher:fraction=0.5", "fisher.points": "1.5"}, ["fisher.points", "1.5"]),
        ({"sweep.methods": "full", "fisher.points": "1 1.0"}, ["fisher.points", "'1.0' only once"]),
        ({"sweep.methods": "fisher:fraction=0.5", "fisher.mode": "exact"}, ["exact", "empirical, true, sampled"]),
        (
            {"sweep.methods": "fisher:fraction=0.5", "fisher.mode": "true", "fisher.batch_sizes": "4"},
            ["mode = true", "batch_sizes = 1"],
        ),
        (
            {"sweep.methods": "fisher:fraction=0.5,pool=bitfit", "fisher.keep": "layernorm", "fisher.examples": "8"},
            ["pool bitfit", "[fisher] keep = layernorm"],
        ),
        (
            {"sweep.methods": "full", "fisher.parameters": "layernorm", "fisher.keep": "bitfit"},
            ["keep = bitfit", "parameters = layernorm"],
        ),
        (
            {"sweep.methods": "fisher:fraction=0.5,scope=leave-one-out", "data.tasks": "CoLA"},
            ["leave-one-out", "two tasks"],
        ),
        ({"fisher.at": "fisher:fraction=0.5"}, ["fisher.at", "needs no Fisher information"]),
        ({"run.reducer": "gloo"}, ["run.reducer", "auto, mpi, nccl"]),
    ],
)
def test_wrong_fisher_jobs_are_refused_before_any_training(make_job, tmp_path, keys, needles):
    job = make_job(tmp_path, keys)
    result = job.run("sweep", ranks=1)
    assert result.returncode == WRONG_INPUT, result.stdout + result.stderr
    assert all(needle in result.stderr for needle in needles), result.stderr
    assert job.trial_files() == []


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
