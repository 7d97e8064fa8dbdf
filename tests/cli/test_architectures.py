"""Sweeps of each architecture: the same numbers on any number of ranks, and maps with its layers and components."""

import shutil
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")

from conftest import write_vocabulary  # noqa: E402
from result_files import contents  # noqa: E402

GOLDEN = Path(__file__).parent.parent / "golden" / "model"
LAYERS = {
    "electra": ["embeddings", "0", "1", "head"],
    "distilbert": ["embeddings", "0", "1", "head"],
    "roberta_folder": ["embeddings", "0", "1", "head"],
    "gpt2_folder": ["embeddings", "0", "1", "final", "head"],
    "deberta": ["embeddings", "relative", "0", "1", "head"],
    "deberta-convolution": ["embeddings", "relative", "0", "conv", "1", "head"],
}
COMPONENTS = {
    "electra": ["embeddings_project.weight", "attention.output.LayerNorm.weight", "classifier.out_proj.weight"],
    "distilbert": ["attention.q_lin.weight", "sa_layer_norm.bias", "pre_classifier.weight"],
    "roberta_folder": ["attention.self.query.weight", "classifier.out_proj.weight"],
    "gpt2_folder": ["attn.c_attn.weight", "ln_1.bias", "ln_f.weight", "score.weight"],
    "deberta": ["rel_embeddings.weight", "attention.self.key_proj.bias", "pooler.dense.weight"],
    "deberta-convolution": ["attention.self.pos_query_proj.weight", "conv.weight"],
}
METHODS = "full layernorm fisher:fraction=0.5 adapter:placement=pfeiffer,size=3+ia3+lora:rank=2"


@pytest.mark.parametrize("architecture", COMPONENTS)
def test_any_number_of_ranks_gives_the_same_bits(architecture, make_job, vocabulary, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(GOLDEN / architecture, model)
    if not (model / "tokenizer.json").exists():
        write_vocabulary(model, vocabulary)
    keys = {"model.path": str(model), "data.tasks": "CoLA MNLI", "fisher.examples": "8", "sweep.seeds": "1 2"}
    results = {}
    for ranks in (1, 2, 4):
        (tmp_path / f"on_{ranks}").mkdir()
        job = make_job(tmp_path / f"on_{ranks}", {**keys, "sweep.methods": METHODS})
        job.sweep(ranks=ranks)
        results[ranks] = [(path.name, contents(path)) for path in job.trial_files()]
    assert len(results[1]) == 16
    assert results[1] == results[2] == results[4]

    with h5py.File(job.merged) as file:
        for group in ("change", "fisher"):
            assert list(file[f"{group}/layer"].asstr()) == LAYERS[architecture]
            assert set(COMPONENTS[architecture]) <= set(file[f"{group}/component"].asstr())
