"""Methods that choose by Fisher information: their masks, and jobs of Fisher information that are wrong."""

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

WRONG_INPUT = 2
COMBINATION = "fisher:fraction=0.25,pool=layernorm-output,scope=task+layernorm-attention"
SUBSETS = "fisher:fraction=0.25 fisher:fraction=0.25,scope=union fisher:fraction=0.25,scope=leave-one-out"
METHODS = f"layernorm {COMBINATION} {SUBSETS}"


@pytest.fixture(scope="module", params=["empirical", "hutchinson"])
def chosen(request, make_job, tmp_path_factory):
    job = make_job(
        tmp_path_factory.mktemp("methods"),
        {
            "sweep.methods": METHODS,
            "fisher.mode": request.param,
            "fisher.draws": "2",
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


def test_the_fisher_part_of_a_combination_chooses_beside_what_trains_whole(chosen):
    with h5py.File(chosen.merged) as file:
        trials = file["trials"]
        rows = [row for row, method in enumerate(trials["method"].asstr()[:]) if method == COMBINATION]
        assert {trials["task"].asstr()[row] for row in rows} == {"CoLA", "MNLI"}
        components = file["change/component"].asstr()[:]
        for row in rows:
            mask = file[f"fisher_masks/{trials['mask'].asstr()[row]}"]
            names = mask["tensor"].asstr()[:]
            assert all(".output.LayerNorm" in name and "attention" not in name for name in names)
            is_moved = np.nanmax(file["change/max_abs"][row], axis=0) > 0
            moved = {name for name in components[is_moved] if "classifier" not in name}
            attention = {"attention.output.LayerNorm.weight", "attention.output.LayerNorm.bias"}
            assert attention < moved <= attention | {"output.LayerNorm.weight", "output.LayerNorm.bias"}


def test_only_chosen_scalars_change(chosen):
    with h5py.File(chosen.merged) as file:
        methods = file["trials/method"].asstr()[:]
        components = file["change/component"].asstr()[:]
        change = file["change/max_abs"][:]
        for row, method in enumerate(methods):
            if method.startswith("fisher") and method != COMBINATION:
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
        ({"sweep.methods": "head full+layernorm"}, ["full+layernorm", "'layernorm' adds nothing to the other parts"]),
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
