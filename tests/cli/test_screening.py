"""Screening: all learning rates with the first seeds, the best of each task and method with the others."""

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from interruption import kill_all, run_to_the_end, start, wait_until, wait_until_training  # noqa: E402
from result_files import DIFFERS_BETWEEN_RUNS, contents  # noqa: E402

WRONG_INPUT = 2
RATES = [1e-4, 1e-2, 1e-3, 3e-2, 3e-3]
KEYS = {
    "data.tasks": "CoLA MNLI",
    "data.train_examples": "64",
    "sweep.methods": "layernorm fisher:pool=layernorm,fraction=0.5",
    "sweep.peft_learning_rates": " ".join(map(str, RATES)),
    "sweep.seeds": "1 2 3 4 5",
    "sweep.screening": "seeds:1,keep:1",
    "train.epochs": "4",
    "fisher.examples": "8",
}
CELLS = 4
TRIALS = CELLS * (5 + 4)
OF_THE_RUN = DIFFERS_BETWEEN_RUNS | {"fisher/wall_seconds", "fisher/ranks"}


def assert_same_file(job, other):
    assert contents(job.merged, OF_THE_RUN) == contents(other.merged, OF_THE_RUN)


def columns(group, *names):
    return [group[name].asstr()[:] if group[name].dtype == object else group[name][:] for name in names]


def best_of_first_seed(trials):
    """By task and method: the learning rate whose trial with seed 1 has the best score, of equals the first."""
    best = {}
    for task, method, rate, seed, score in zip(
        *columns(trials, "task", "method", "learning_rate", "seed", "score"), strict=True
    ):
        if seed == 1 and score > best.get((task, method), (None, -np.inf))[1]:
            best[task, method] = (rate, score)
    return {cell: rate for cell, (rate, _) in best.items()}


@pytest.fixture(scope="module")
def screened(make_job, tmp_path_factory):
    """The same sweep on 1 and on 2 ranks."""
    jobs = {}
    for ranks in (1, 2):
        jobs[ranks] = make_job(tmp_path_factory.mktemp(f"screened_on_{ranks}"), KEYS)
        jobs[ranks].output = jobs[ranks].sweep(ranks=ranks).stdout
    return jobs


def test_other_seeds_are_trained_with_the_best_learning_rate_alone(screened):
    with h5py.File(screened[1].merged) as file:
        trials = file["trials"]
        best = best_of_first_seed(trials)
        repeated = {}
        for task, method, rate, seed in zip(*columns(trials, "task", "method", "learning_rate", "seed"), strict=True):
            if seed > 1:
                repeated.setdefault((task, method), []).append(rate)
        assert repeated == {cell: [rate] * 4 for cell, rate in best.items()}
        assert len(trials["id"]) == TRIALS
        assert file.attrs["complete"] == 1


def test_the_file_tells_what_was_chosen_and_by_which_means(screened):
    with h5py.File(screened[1].merged) as file:
        best, trials, screening = best_of_first_seed(file["trials"]), file["trials"], file["screening"]
        of_first_seed = trials["seed"][:] == 1
        np.testing.assert_array_equal(screening["mean_score"][:], trials["score"][:][of_first_seed])
        np.testing.assert_array_equal(screening["learning_rate"][:], trials["learning_rate"][:][of_first_seed])
        rows = zip(*columns(screening, "task", "method", "learning_rate", "chosen", "seeds"), strict=True)
        for task, method, rate, chosen, seeds in rows:
            assert (chosen, seeds) == (best[task, method] == rate, 1)
        assert screening["chosen"].dims[0][0].name == "/screening/rate"


def test_any_number_of_ranks_makes_the_same_file(screened):
    assert_same_file(screened[1], screened[2])


def test_terminal_names_what_was_chosen(screened):
    lines = [line.split() for line in screened[1].output.splitlines() if line.startswith("chosen ")]
    with h5py.File(screened[1].merged) as file:
        best = best_of_first_seed(file["trials"])
    assert {(line[1], line[2]): float(line[4]) for line in lines} == best
    assert f"{TRIALS} of {TRIALS} trials done" in screened[1].output


def test_it_repeats_nothing_and_keeps_its_choice(screened):
    job = screened[2]
    before = job.modification_times()
    assert f"{TRIALS} already there, 0 to run" in job.sweep().stdout
    assert job.modification_times() == before
    status = job.run("status").stdout
    assert f"{TRIALS} trials: {TRIALS} done, 0 diverged, 0 failed, 0 missing" in status
    assert job.run("merge").returncode == 0
    assert_same_file(job, screened[1])


def test_plan_and_status_count_what_will_be_trained(make_job, tmp_path):
    job = make_job(tmp_path, KEYS)
    plan = job.run("plan", "--simulate", "2").stdout
    assert f"small: {TRIALS} trials, {TRIALS} to run" in plan
    assert "all learning rates with 1 of 5 seeds, then 1 of each task and method with the others" in plan
    assert f": {TRIALS} trials in place of {CELLS * 25}" in plan
    assert ("in this order: 10 trials, 2 trainings that Fisher runs measure, 2 Fisher runs, "
            "10 trials that choose by them, 16 trials of the learning rates that these choose") in plan  # fmt: skip
    rows = [line.split() for line in plan.splitlines() if line.startswith(("CoLA", "MNLI"))]
    assert [row[2] for row in rows] == ["9"] * CELLS
    status = job.run("status").stdout
    assert f"{TRIALS} missing" in status
    assert f"{CELLS * 4} of those missing wait for screening to choose their learning rates" in status


def test_a_sweep_of_the_whole_grid_leaves_nothing_to_train(make_job, tmp_path):
    job = make_job(tmp_path, KEYS | {"sweep.methods": "layernorm", "data.tasks": "CoLA"})
    job.sweep("--sweep.screening", "off", ranks=2)
    with h5py.File(job.merged) as file:
        assert len(file["trials/id"]) == 25
        assert "screening" not in file
    assert "9 of 9 trials done" in job.sweep().stdout
    with h5py.File(job.merged) as file:
        assert len(file["trials/id"]) == 9
        assert file["screening/chosen"][:].sum() == 1


def test_more_seeds_are_trained_with_the_learning_rates_that_were_chosen(make_job, tmp_path):
    job = make_job(tmp_path, KEYS | {"sweep.methods": "layernorm", "data.tasks": "CoLA", "sweep.seeds": "1 2"})
    job.sweep()
    job.keys["sweep.seeds"] = "1 2 3"
    result = job.sweep()
    assert "7 trials, 6 already there, 1 to run" in result.stdout
    assert "chosen " not in result.stdout


def test_stops_and_kills_change_nothing(make_job, tmp_path, screened):
    job = make_job(tmp_path, KEYS)
    for trials in (3, 12, 24):
        process = start(job)
        wait_until(lambda wanted=trials: len(job.trial_files()) >= wanted)
        kill_all(process)
        process.communicate(timeout=150)
    job.keys["run.deadline_seconds"] = "2"
    run_to_the_end(job)
    assert_same_file(job, screened[1])


def test_sweeps_that_share_a_folder_make_one_choice(make_job, tmp_path, screened):
    job = make_job(tmp_path, KEYS)
    first = start(job, "--share", ranks=1)
    wait_until_training(job, ranks=1)
    second = start(job, "--share", ranks=1)
    outputs = [process.communicate(timeout=300)[0] for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], outputs
    assert all(f"{TRIALS} of {TRIALS} trials done" in output for output in outputs)
    assert_same_file(job, screened[1])


def test_lanes_train_the_same_trials(make_job, tmp_path):
    job = make_job(tmp_path, KEYS | {"run.lanes": "4", "sweep.methods": "layernorm"})
    assert "18 of 18 trials done" in job.sweep(ranks=2).stdout


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("yes", "expected off, or seeds:N,keep:K with whole numbers from 1 on, such as seeds:1,keep:1"),
        ("seeds:1", "seeds:N,keep:K"),
        ("seeds:0,keep:1", "seeds:N,keep:K"),
        ("seeds:1,keep:1.5", "seeds:N,keep:K"),
        ("seeds:5,keep:1", "expected seeds:N below the number of [sweep] seeds, 5, so that some are left"),
        ("seeds:1,keep:5", "expected keep:K below the most learning rates of a method, 5, so that some are left"),
    ],
)
def test_screening_that_is_wrong_or_leaves_nothing_out_is_refused(make_job, tmp_path, value, remedy):
    job = make_job(tmp_path, KEYS | {"sweep.screening": value})
    for result in (job.run("plan"), job.run("sweep", ranks=2)):
        assert result.returncode == WRONG_INPUT
        assert f"job.cfg:{job.line_of('sweep.screening')}: sweep.screening = {value}: " in result.stderr
        assert remedy in result.stderr
