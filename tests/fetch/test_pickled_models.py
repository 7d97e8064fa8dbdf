"""Models that a hub has as pytorch_model.bin alone arrive as safetensors."""

import pytest
from conftest import COMMIT, GOLDEN, READ_OF_MODEL, model_files, sha256, tensors_of, zip_of

REPOSITORY = "microsoft/deberta-v3-base"
NAME = "deberta-v3-base"
MODELS = ("--only", "models", REPOSITORY)


@pytest.fixture
def pickled(server):
    """Serve a model with its weights as torch.save writes them."""
    files = model_files() | {"pytorch_model.bin": (GOLDEN / "zip.bin").read_bytes()}
    files.pop("model.safetensors")
    server.publish_model(REPOSITORY, files, COMMIT)
    return files


def test_pickled_weights_are_converted(program, server, pickled):
    output = program.fetch(*MODELS)

    model = program.model(NAME)
    assert sorted(model) == READ_OF_MODEL
    assert tensors_of(model["model.safetensors"]) == tensors_of((GOLDEN / "expected.safetensors").read_bytes())
    assert program.lock["models"][NAME]["downloads"] == {"pytorch_model.bin": sha256(pickled["pytorch_model.bin"])}
    assert program.lock["models"][NAME]["files"] == {name: sha256(content) for name, content in model.items()}
    assert "no sum was known of config.json, tokenizer.json" in output
    server.close()
    assert "complete" in program.fetch(*MODELS)


def test_converted_weights_that_are_gone_are_made_again(program, pickled):
    program.fetch(*MODELS)
    model = program.model(NAME)
    (program.folder / "models" / NAME / "model.safetensors").unlink()

    assert "fetched" in program.fetch(*MODELS)
    assert program.model(NAME) == model


def test_pickled_weights_with_another_sum_are_not_converted(program, server, pickled):
    program.fetch(*MODELS)
    (program.folder / "models" / NAME / "model.safetensors").unlink()
    server.files[f"/{REPOSITORY}/resolve/{COMMIT}/pytorch_model.bin"] = b"other"

    output = program.fetch(*MODELS, status=2)

    assert "pytorch_model.bin: checksum mismatch" in output
    assert "model.safetensors" not in program.model(NAME)


def test_a_pickle_that_would_run_code_is_refused_by_name(program, server):
    files = model_files() | {"pytorch_model.bin": zip_of({"a/data.pkl": b"\x80\x02cos\nsystem\n."})}
    files.pop("model.safetensors")
    server.publish_model(REPOSITORY, files, COMMIT)

    output = program.fetch(*MODELS, status=2)

    assert "pytorch_model.bin: refused: its pickle names 'os.system', which may be code" in output
    assert program.model(NAME).keys() <= {f".fetching/{COMMIT}/config.json"}
