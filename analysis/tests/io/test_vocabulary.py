from tunescope_analysis.io.vocabulary import (
    averaged_tasks,
    glue_tasks,
    is_layernorm,
    is_output_layernorm,
    method_parts,
    order_tasks,
    parse_method,
)


def test_tells_output_layernorm_from_the_one_after_attention():
    assert is_output_layernorm("output.LayerNorm.bias")
    assert not is_output_layernorm("attention.output.LayerNorm.bias")
    assert not is_output_layernorm("output.dense.bias")


def test_knows_layernorms_of_other_architectures():
    assert is_layernorm("LayerNorm.weight")
    assert is_layernorm("ln_1.weight")
    assert not is_layernorm("output.dense.weight")


def test_parts_begin_with_the_name_of_a_method():
    assert method_parts("bitfit+lora:rank=4,targets=query+value") == [
        "bitfit",
        "lora:rank=4,targets=query+value",
    ]
    assert method_parts("fisher:fraction=0.2,scope=task+layernorm") == [
        "fisher:fraction=0.2,scope=task",
        "layernorm",
    ]


def test_a_combination_is_no_method_of_its_first_parts_name():
    assert parse_method("fisher:fraction=0.2,scope=task+layernorm")[0] != "fisher"
    assert parse_method("fisher:fraction=0.2,scope=task") == ("fisher", {"fraction": "0.2", "scope": "task"})


def test_tasks_of_ones_own_follow_glue():
    assert order_tasks(["zebra", "RTE", "apple", "cola", "RTE"]) == ["cola", "RTE", "apple", "zebra"]


def test_averages_are_over_the_tasks_of_the_papers_if_there_are_any():
    assert glue_tasks(["zebra", "WNLI", "RTE", "cola"]) == ["cola", "RTE"]
    assert averaged_tasks(["zebra", "WNLI", "RTE", "cola"]) == ["cola", "RTE"]
    assert averaged_tasks(["zebra", "WNLI"]) == ["WNLI", "zebra"]
