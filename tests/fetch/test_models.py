"""Models of a hub: which files arrive, at which commit, and what is verified."""

import pytest
from conftest import COMMIT, READ_OF_MODEL, ROOT, model_files, sha256

REPOSITORY = "google-bert/bert-large-cased"
NAME = "bert-large-cased"
MODELS = ("--only", "models")
WEIGHTS = f"/{REPOSITORY}/resolve/{COMMIT}/model.safetensors"
OTHER_COMMIT = "f" * 40


@pytest.fixture
def files(server):
    """Serve the default model; return those of its files that are read."""
    server.publish_model(REPOSITORY, model_files(), COMMIT)
    return {name: model_files()[name] for name in READ_OF_MODEL}


def test_without_a_name_the_model_of_the_papers_job_arrives(program, files):
    program.fetch(*MODELS)

    assert program.model(NAME) == files
    assert f"path = models/{NAME}\n" in (ROOT / "jobs" / "paper.cfg").read_text()


def test_only_the_files_that_are_read_are_asked_for(program, server, files):
    program.fetch(*MODELS)

    asked = [request.path for request in server.requests]
    assert asked[0] == f"/api/models/{REPOSITORY}?blobs=true"
    assert sorted(asked[1:]) == [f"/{REPOSITORY}/resolve/{COMMIT}/{name}" for name in READ_OF_MODEL]


def test_the_lock_file_has_the_commit_and_every_sum(program, files):
    program.fetch(*MODELS)

    assert program.lock["models"][NAME] == {
        "repository": REPOSITORY,
        "commit": COMMIT,
        "files": {name: sha256(content) for name, content in files.items()},
    }


def test_several_models_arrive(program, server, files):
    server.publish_model("someone/tiny", model_files(b"tiny"), OTHER_COMMIT)

    program.fetch(*MODELS, REPOSITORY, "someone/tiny")

    assert program.model(NAME) == files
    assert program.model("tiny")["model.safetensors"] == b"tiny"


def test_weights_in_parts_arrive_with_their_index(program, server):
    whole = model_files()
    whole.pop("model.safetensors")
    parts = {f"model-0000{i}-of-00002.safetensors": b"part %d" % i for i in (1, 2)}
    weights = parts | {"model.safetensors.index.json": b'{"weight_map": {}}'}
    server.publish_model(REPOSITORY, whole | weights, COMMIT)

    program.fetch(*MODELS)

    small = {name: whole[name] for name in READ_OF_MODEL if name in whole}
    assert program.model(NAME) == small | weights


@pytest.mark.parametrize(
    ("repository", "tokenizer"),
    [
        ("FacebookAI/roberta-base", ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"]),
        ("google/electra-base-discriminator", ["tokenizer.json", "vocab.txt", "tokenizer_config.json"]),
        ("distilbert/distilbert-base-uncased", ["tokenizer.json", "vocab.txt", "tokenizer_config.json"]),
        ("openai-community/gpt2", ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"]),
        ("microsoft/deberta-v3-base", ["spm.model", "tokenizer_config.json"]),
        ("someone/older", ["vocab.txt", "special_tokens_map.json", "added_tokens.json"]),
    ],
)
def test_the_tokenizer_of_each_architecture_arrives(program, server, repository, tokenizer):
    read = {name: name.encode() for name in ["config.json", "model.safetensors", *tokenizer]}
    server.publish_model(repository, read | {"rust_model.ot": b"not read", "dict.txt": b"not read"}, COMMIT)

    program.fetch(*MODELS, repository)

    assert program.model(repository.split("/")[1]) == read


@pytest.mark.parametrize("absent", ["vocab.json", "merges.txt"])
def test_half_a_vocabulary_is_none(program, server, absent):
    files = {name: b"" for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt") if name != absent}
    server.publish_model(REPOSITORY, files, COMMIT)

    assert "has no tokenizer.json or vocab.txt" in program.fetch(*MODELS, status=2)


def test_files_of_which_nobody_knew_the_sum_are_named_at_the_first_fetch(program, files):
    output = program.fetch(*MODELS)
    unverified = "config.json, tokenizer.json, vocab.txt, tokenizer_config.json"
    assert f"{NAME}: no sum was known of {unverified}; scripts/assets.lock now has them" in output

    for name in ("vocab.txt", "model.safetensors"):
        (program.folder / "models" / NAME / name).unlink()
    assert "no sum was known" not in program.fetch(*MODELS)


def test_a_name_without_owner_is_redirected_by_the_hub(program, server, files):
    server.redirects[f"/api/models/{NAME}"] = f"/api/models/{REPOSITORY}"

    program.fetch(*MODELS, NAME)

    assert program.model(NAME) == files
    server.close()
    assert f"{NAME}: complete" in program.fetch(*MODELS, NAME)
    assert f"{REPOSITORY}: complete" in program.fetch(*MODELS, REPOSITORY)


def test_a_second_run_downloads_nothing(program, server, files):
    program.fetch(*MODELS)
    server.requests.clear()

    assert f"{REPOSITORY}: complete" in program.fetch(*MODELS)
    assert server.requests == []


def test_cut_weights_go_on_in_the_same_run(program, server, files):
    server.cuts[WEIGHTS] = 3000

    program.fetch(*MODELS)

    assert [request.headers.get("Range") for request in server.requests_of(WEIGHTS)] == [None, "bytes=3000-"]
    assert program.model(NAME) == files


def test_cut_weights_go_on_in_the_next_run_and_whole_files_are_not_asked_for_again(program, server, files):
    server.cuts[WEIGHTS] = 3000

    assert "3,000 bytes are kept" in program.fetch(*MODELS, "--attempts", 1, status=3)
    assert "models" not in (program.lock if program.lock_file.exists() else {})
    program.fetch(*MODELS)

    assert [request.headers.get("Range") for request in server.requests_of(WEIGHTS)] == [None, "bytes=3000-"]
    assert len(server.requests_of(f"/{REPOSITORY}/resolve/{COMMIT}/config.json")) == 1
    assert program.model(NAME) == files


def test_a_later_run_stays_at_the_commit_on_record(program, server, files):
    program.fetch(*MODELS)
    server.publish_model(REPOSITORY, model_files(b"newer"), OTHER_COMMIT)
    (program.folder / "models" / NAME / "vocab.txt").unlink()

    program.fetch(*MODELS)

    assert program.model(NAME) == files
    assert program.lock["models"][NAME]["commit"] == COMMIT


def test_updating_the_lock_takes_the_newest_commit_and_drops_files_that_are_gone(program, server, files):
    program.fetch(*MODELS)
    newer = model_files(b"newer")
    newer.pop("vocab.txt")
    server.publish_model(REPOSITORY, newer, OTHER_COMMIT)

    program.fetch(*MODELS, "--update-lock")

    assert program.model(NAME) == {name: newer[name] for name in READ_OF_MODEL if name in newer}
    assert program.lock["models"][NAME]["commit"] == OTHER_COMMIT


def test_the_first_fetch_is_verified_by_the_sums_that_the_hub_knows(program, server, files):
    wrong = files["model.safetensors"].replace(b"w", b"W")
    server.files[WEIGHTS] = wrong

    output = program.fetch(*MODELS, status=2)

    assert "model.safetensors: checksum mismatch" in output
    assert sha256(wrong) in output
    assert f"{sha256(files['model.safetensors'])} ({server.url})" in output
    assert "models" not in (program.lock if program.lock_file.exists() else {})
    server.files[WEIGHTS] = files["model.safetensors"]
    program.fetch(*MODELS)
    assert program.model(NAME) == files


def test_a_changed_file_is_named_with_both_sums_and_the_remedy(program, files):
    program.fetch(*MODELS)
    (program.folder / "models" / NAME / "config.json").write_bytes(b"{}")

    output = program.fetch(*MODELS, status=2)

    assert f"models/{NAME}/config.json: checksum mismatch" in output
    assert sha256(b"{}") in output
    assert sha256(files["config.json"]) in output
    assert "Delete the file and run this again" in output


def test_an_unknown_model_is_wrong_use(program, server):
    server.statuses["/api/models/someone/unknown"] = [401]
    server.error_headers["X-Error-Code"] = "RepoNotFound"

    output = program.fetch(*MODELS, "someone/unknown", status=2)

    assert f"someone/unknown: {server.url} has no such model, or it needs a login" in output


@pytest.mark.parametrize("name", ["a/b/c", "-bad-/..", "owner/"])
def test_a_name_that_no_hub_can_have_is_wrong_use(program, server, name):
    assert f"{name}: " in program.fetch(*MODELS, "--", name, status=2)
    assert server.requests == []


def test_a_file_that_the_hub_lists_but_lacks_is_named(program, server, files):
    del server.files[WEIGHTS]

    assert f"{server.url}{WEIGHTS}: the server has no such file (404 Not Found)" in program.fetch(*MODELS, status=3)


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        (["model.safetensors", "pytorch_model.bin"], "has no model.safetensors, no model.safetensors.index.json with"),
        (["config.json"], "has no config.json"),
        (
            ["tokenizer.json", "vocab.txt"],
            "has no tokenizer.json or vocab.txt or vocab.json with merges.txt or spm.model",
        ),
    ],
)
def test_a_repository_without_what_is_needed_is_refused(program, server, absent, message):
    server.publish_model(REPOSITORY, {k: v for k, v in model_files().items() if k not in absent}, COMMIT)

    assert message in program.fetch(*MODELS, status=2)
    assert program.model(NAME) == {}


def test_a_commit_that_is_none_is_refused(program, server):
    server.publish_model(REPOSITORY, model_files(), "../../../escaped")

    assert "names no commit" in program.fetch(*MODELS, status=3)
    assert not list(program.folder.rglob("escaped"))


@pytest.mark.parametrize("answer", [b"<html>Log in to the network</html>", b"{}", b"[]"])
def test_a_server_that_is_no_hub_is_an_error_of_the_environment(program, server, answer):
    server.files[f"/api/models/{REPOSITORY}"] = answer

    assert f"{server.url} does not answer as a Hugging Face hub" in program.fetch(*MODELS, status=3)


def test_a_hub_that_limits_how_often_it_is_asked_is_asked_again(program, server, files):
    listing = f"/api/models/{REPOSITORY}"
    server.statuses[listing] = [429, 503]
    server.error_headers = {"Retry-After": "0"}

    program.fetch(*MODELS)

    assert len([request for request in server.requests if request.path.startswith(listing)]) == 3
    assert program.model(NAME) == files


def test_a_hub_that_stays_busy_is_an_error_of_the_environment(program, server, files):
    server.statuses[f"/api/models/{REPOSITORY}"] = [429] * 2
    server.error_headers = {"Retry-After": "0"}

    assert f"cannot ask {server.url}: the server answered 429" in program.fetch(*MODELS, "--attempts", "2", status=3)


def test_an_unreachable_hub_is_an_error_of_the_environment(program, server, files):
    server.close()

    assert f"{REPOSITORY}: cannot ask {server.url}" in program.fetch(*MODELS, status=3)


def test_a_folder_on_record_for_another_owner_is_left_alone(program, server, files):
    program.fetch(*MODELS)
    server.publish_model(f"someone/{NAME}", model_files(b"other"), OTHER_COMMIT)

    assert f"models/{NAME} is on record for {REPOSITORY}" in program.fetch(*MODELS, f"someone/{NAME}", status=2)
    assert program.model(NAME) == files


def test_the_token_goes_to_the_hub_and_not_to_where_it_redirects(program, server, files):
    program.environment["HF_TOKEN"] = "hf_secret"
    server.files["/elsewhere"] = files["model.safetensors"]
    server.redirects[WEIGHTS] = f"http://localhost:{server.port}/elsewhere"

    program.fetch(*MODELS)

    lowered = {
        request.path: {name.lower(): value for name, value in request.headers.items()} for request in server.requests
    }
    assert lowered[WEIGHTS]["authorization"] == "Bearer hf_secret"
    assert "authorization" not in lowered["/elsewhere"]
    assert program.model(NAME) == files
