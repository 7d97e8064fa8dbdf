"""Sweeps of combined methods and of the controls for Fisher subsets, on 1 and 2 ranks."""

import pytest
from result_files import contents

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

WRONG_INPUT = 2
HIGHEST = "fisher:fraction=0.2,pool=layernorm,scope=task"
LOWEST = "fisher:fraction=0.2,order=lowest,pool=layernorm,scope=task"
LARGEST = "magnitude:pool=layernorm,scalars=40"
LAST_LAYER = "layernorm-weight:layers=last1"
METHODS = (
    HIGHEST,
    LOWEST,
    LARGEST,
    LAST_LAYER,
    "bitfit+layernorm-weight",
    "fisher:fraction=0.2,pool=bitfit,scope=task+layernorm-weight",
)


@pytest.fixture(scope="module")
def swept(make_job, tmp_path_factory):
    jobs = {}
    for ranks in (1, 2):
        keys = {
            "sweep.methods": " ".join(METHODS),
            "fisher.examples": "16",
            "fisher.at": "bitfit+layernorm-weight",
        }
        jobs[ranks] = make_job(tmp_path_factory.mktemp(f"parts_on_{ranks}"), keys)
        jobs[ranks].sweep(ranks=ranks)
    return jobs


def rows(file):
    """The row of each task and method."""
    names = zip(file["trials/task"].asstr()[:], file["trials/method"].asstr()[:], strict=True)
    return {pair: row for row, pair in enumerate(names)}


def mask_of(file, row):
    mask = file[f"fisher_masks/{file['trials/mask'].asstr()[row]}"]
    names = np.repeat(mask["tensor"].asstr()[:], mask["count"][:])
    return set(zip(names, mask["index"][:], strict=True))


def test_every_method_has_trained_on_every_task(swept):
    for job in swept.values():
        with h5py.File(job.merged) as file:
            assert file.attrs["complete"] == 1
            assert set(rows(file)) == {(task, method) for task in ("CoLA", "MNLI") for method in METHODS}
            assert set(file["trials/state"].asstr()[:]) == {"done"}


def test_two_ranks_give_the_same_bits(swept):
    for one, two in zip(swept[1].trial_files(), swept[2].trial_files(), strict=True):
        assert contents(one) == contents(two)


def test_lowest_and_highest_choose_other_scalars_of_the_same_number(swept):
    with h5py.File(swept[1].merged) as file:
        for task in ("CoLA", "MNLI"):
            highest, lowest = (mask_of(file, rows(file)[task, method]) for method in (HIGHEST, LOWEST))
            assert len(highest) == len(lowest) > 0
            assert not highest & lowest
            assert file["trials/mask"][rows(file)[task, LARGEST]] == b""


def test_a_layer_range_moves_tensors_of_its_layers_alone(swept):
    with h5py.File(swept[1].merged) as file:
        layers = file["change/layer"].asstr()[:]
        last = max(int(layer) for layer in layers if layer.isdigit())
        moved = np.nanmax(file["change/max_abs"][rows(file)["CoLA", LAST_LAYER]], axis=1) > 0
        assert set(layers[moved]) == {str(last), "head"}


def test_a_method_has_learning_rates_of_its_own(make_job, tmp_path):
    job = make_job(tmp_path, {"sweep.methods": "full layernorm+bitfit head", "sweep.learning_rates.head": "1e-1 1e-2"})
    output = job.run("plan", "--sweep.learning_rates.layernorm+bitfit", "1e-3 2e-3 3e-3").stdout
    counts = {line.split()[1]: line.split()[2] for line in output.splitlines() if line.startswith("CoLA")}
    assert counts == {"full": "1", "bitfit+layernorm": "3", "head": "2"}
    result = job.run("plan", "--sweep.learning_rates.bitfit=1")
    assert result.returncode == WRONG_INPUT
    assert "option --sweep.learning_rates.bitfit" in result.stderr
    assert "does not train 'bitfit', only bitfit+layernorm, full, head;" in result.stderr


def test_plan_knows_the_scalars_of_each(swept):
    output = swept[1].run("plan").stdout
    with h5py.File(swept[1].merged) as file:
        for (task, method), row in rows(file).items():
            line = next(line for line in output.splitlines() if line.split()[:2] == [task, method])
            assert line.split()[7] == str(file["trials/trainable_parameters"][row])


@pytest.mark.parametrize(
    ("methods", "needles"),
    [
        ("layernorm:layers=7-9", ["layers = 7-9", "layers, 0 to"]),
        ("layernorm:layers=nine", ["layers must be", "'nine'"]),
        ("random:fraction=0.1,scalars=5", ["needs either fraction", "scalars"]),
        ("magnitude:scalars=100000000", ["its pool has", "choose fewer"]),
        ("head layernorm+bitfti", ["sweep.methods", "unknown method 'bitfti'", "did you mean 'bitfit'?"]),
    ],
)
def test_wrong_parts_are_refused_before_any_training(make_job, tmp_path, methods, needles):
    job = make_job(tmp_path, {"sweep.methods": methods})
    result = job.run("sweep", ranks=1)
    assert result.returncode == WRONG_INPUT, result.stdout + result.stderr
    assert all(needle in result.stderr for needle in needles), result.stderr
    assert job.trial_files() == []
