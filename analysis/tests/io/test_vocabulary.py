from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm, order_tasks


def test_tells_output_layernorm_from_the_one_after_attention():
    assert is_output_layernorm("output.LayerNorm.bias")
    assert not is_output_layernorm("attention.output.LayerNorm.bias")
    assert not is_output_layernorm("output.dense.bias")


def test_knows_layernorms_of_other_architectures():
    assert is_layernorm("LayerNorm.weight")
    assert is_layernorm("ln_1.weight")
    assert not is_layernorm("output.dense.weight")


def test_tasks_of_ones_own_follow_glue():
    assert order_tasks(["zebra", "RTE", "apple", "cola", "RTE"]) == ["cola", "RTE", "apple", "zebra"]
