"""`[data] selection`: the best step is chosen on other examples than those that are reported."""

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

from result_files import contents  # noqa: E402

WRONG_INPUT = 2
KEYS = {"data.tasks": "RTE STS-B MNLI", "sweep.methods": "layernorm", "train.epochs": "2"}
PRIMARY = {"RTE": "accuracy", "STS-B": "spearman", "MNLI": "accuracy"}
HALVES = {"train_examples": 32, "dev_examples": 8, "selection_examples": 8}
OF_TRAIN = {"train_examples": 24, "dev_examples": 16, "selection_examples": 8}


@pytest.fixture(scope="module", params=["half-dev", "train:0.25"])
def swept(request, make_job, tmp_path_factory):
    """The same job on 1 and 2 ranks."""
    jobs = []
    for ranks in (1, 2):
        keys = KEYS | {"data.selection": request.param}
        jobs.append(make_job(tmp_path_factory.mktemp(f"on_{ranks}"), keys))
        jobs[-1].sweep(ranks=ranks)
    return request.param, *jobs


def test_any_number_of_ranks_chooses_alike(swept):
    _, alone, together = swept
    assert contents(alone.merged) == contents(together.merged)


def test_file_tells_what_chose(swept):
    rule, job, _ = swept
    with h5py.File(job.merged) as file:
        trials = file["trials"]
        assert set(trials["selection"].asstr()[:]) == {rule}
        for name, value in (HALVES if rule == "half-dev" else OF_TRAIN).items():
            assert trials[name][:].tolist() == [value] * 3
        hashes = trials["selection_hash"].asstr()[:].tolist()
        assert all(len(text) == 16 and int(text, 16) >= 0 for text in hashes)
        for row, trial in enumerate(trials["id"].asstr()[:]):
            predictions = file["predictions"][trial]
            assert len(predictions["label"]) == trials["dev_examples"][row]
            is_mnli = trials["task"].asstr()[row] == "MNLI"
            assert "label_mismatched" in predictions if is_mnli else "label_mismatched" not in predictions
            assert not is_mnli or len(predictions["label_mismatched"]) == 16


def test_best_step_is_the_one_with_the_best_selection_score(swept):
    _, job, _ = swept
    with h5py.File(job.merged) as file:
        trials, evaluations = file["trials"], file["evaluations"]
        for row, task in enumerate(trials["task"].asstr()[:]):
            own = evaluations["trial"][:] == row
            by_step = np.nan_to_num(evaluations["selection_score"][:][own], nan=-2.0)
            best = by_step.argmax()
            assert trials["best_step"][row] == evaluations["step"][:][own][best]
            assert trials["selection_score"][row] == evaluations["selection_score"][:][own][best]
            assert trials["score"][row] == evaluations[PRIMARY[task]][:][own][best]


def test_every_seed_and_method_has_the_same_split(make_job, tmp_path):
    keys = {"data.tasks": "RTE", "sweep.methods": "layernorm head", "sweep.seeds": "1 2"}
    job = make_job(tmp_path, keys | {"data.selection": "half-dev"})
    job.sweep()
    with h5py.File(job.merged) as file:
        assert len(set(file["trials/selection_hash"].asstr()[:])) == 1
        labels = [group["label"][:].tolist() for group in file["predictions"].values()]
    assert labels.count(labels[0]) == 4


def test_default_is_the_development_set_itself(job):
    job.keys |= KEYS
    job.sweep()
    with h5py.File(job.merged) as file:
        trials = file["trials"]
        assert set(trials["selection"].asstr()[:]) == {"dev"}
        assert set(trials["selection_hash"].asstr()[:]) == {""}
        assert trials["selection_examples"][:].tolist() == [0] * 3
        np.testing.assert_array_equal(trials["selection_score"][:], trials["score"][:])


@pytest.mark.parametrize("value", ["half", "train", "train:0", "train:1.5", "dev half-dev"])
def test_unknown_selection_is_refused_with_its_line(job, value):
    job.keys["data.selection"] = value
    result = job.run("plan")
    assert result.returncode == WRONG_INPUT
    assert "job.cfg:" in result.stderr and f"data.selection: '{value}': expected dev, half-dev or" in result.stderr


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"data.selection": "half-dev", "data.dev_examples": "1"}, "the 1 examples of the development set of task"),
        ({"data.selection": "train:0.01"}, "the 32 examples of the training set of task CoLA cannot be split so"),
    ],
)
def test_split_of_too_few_examples_is_refused_before_training(job, keys, message):
    job.keys |= keys
    result = job.run("sweep", ranks=2)
    assert result.returncode == WRONG_INPUT, result.stderr
    assert message in result.stderr and not job.trial_files()
