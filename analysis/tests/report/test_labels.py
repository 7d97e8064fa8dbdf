import pytest

from tunescope_analysis.report.labels import component_label, method_label


@pytest.mark.parametrize(
    ("component", "layers", "label"),
    [
        ("output.LayerNorm.weight", ["0", "1"], "output LayerNorm weight"),
        ("attention.self.query.bias", ["0"], "attention query bias"),
        ("attention.output.LayerNorm.bias", ["0"], "attention output LayerNorm bias"),
        ("word_embeddings.weight", ["embeddings"], "word embeddings weight"),
        ("LayerNorm.weight", ["embeddings"], "embeddings LayerNorm weight"),
        ("dense.weight", ["pooler"], "pooler dense weight"),
        ("bias", ["head"], "head bias"),
        ("unheard_of.thing", [], "unheard of thing"),
    ],
)
def test_components_read_as_words(component, layers, label):
    assert component_label(component, layers) == label


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ("full", "full fine-tuning"),
        ("layernorm-output", "output LayerNorm"),
        ("random:pool=layernorm,fraction=0.2", "random 20 % of\nLayerNorm"),
        ("fisher:pool=bitfit,fraction=0.125,scope=task", "Fisher 12.5 % of\nBitFit"),
        ("fisher:pool=layernorm,fraction=0.2,scope=union", "Fisher 20 % of\nLayerNorm, all tasks"),
        ("lora:rank=8,alpha=16", "LoRA\nrank=8, alpha=16"),
        ("unheard-of", "unheard-of"),
        ("random:pool=full,scalars=500", "random 500 of\nall parameters"),
        ("fisher:fraction=0.2,order=lowest,pool=bitfit,scope=task", "lowest Fisher 20 % of\nBitFit"),
        ("magnitude:fraction=0.2,layers=last4,pool=layernorm", "magnitude 20 % of\nLayerNorm, last 4 layers"),
        ("layernorm-bias:layers=8-11", "LayerNorm biases, layers 8-11"),
        ("bitfit:layers=3", "BitFit, layer 3"),
        ("layernorm+random:fraction=0.01,pool=full", "LayerNorm +\nrandom 1 % of all parameters"),
        ("bitfit+lora:targets=query+value", "BitFit +\nLoRA targets=query+value"),
        ("adapter:placement=houlsby,size=64+ia3", "adapters placement=houlsby, size=64 +\nIA3"),
        (
            "ia3+lora:alpha=16,rank=4,scaling=rslora,targets=attention_output+intermediate",
            "IA3 +\nLoRA alpha=16, rank=4, scaling=rslora,\ntargets=attention_output+intermediate",
        ),
    ],
)
def test_methods_read_as_words(method, label):
    assert method_label(method) == label
