"""GLUE tasks: what arrives, what is verified, what is refused."""

import fcntl
import json
import os

import pytest
from conftest import (
    ARCHIVES,
    GLUE,
    MRPC_DEV_IDS,
    MRPC_HEADER,
    ROOT,
    RTE,
    RTE_ARCHIVE,
    archive_path,
    publish_mrpc,
    publish_task,
    sha256,
    task_files,
    zip_of,
)


def test_every_task_arrives_as_the_files_that_are_read(program, server):
    for task in ARCHIVES:
        publish_task(server, task)
    publish_mrpc(server)

    program.fetch(*GLUE)

    for task in ARCHIVES:
        assert program.task(task) == task_files(task)
    assert sorted(program.task("MRPC")) == ["dev.tsv", "train.tsv"]


def test_mrpc_is_divided_by_the_list_of_dev_ids(program, server):
    rows = publish_mrpc(server)

    program.fetch(*GLUE, "--tasks", "MRPC")

    assert program.task("MRPC") == {
        "train.tsv": (MRPC_HEADER + rows[0] + rows[2] + rows[3] + rows[5]).encode(),
        "dev.tsv": (MRPC_HEADER + rows[1] + rows[4]).encode(),
    }


def test_mrpc_without_a_dev_set_is_refused(program, server):
    publish_mrpc(server)
    server.files[MRPC_DEV_IDS] = b"1\t2\n"

    assert "puts 0 of 6 pairs into the dev set" in program.fetch(*GLUE, "--tasks", "MRPC", status=2)
    assert program.task("MRPC") == {}


def test_the_first_fetch_records_the_sums_of_downloads_and_files(program, server, rte):
    program.fetch(*RTE)

    assert program.lock == {
        "glue": {
            "RTE": {
                "downloads": {"glue/data/RTE.zip": sha256(server.files[RTE_ARCHIVE])},
                "files": {name: sha256(content) for name, content in rte.items()},
            }
        }
    }


def test_the_lock_file_of_the_project_knows_every_download():
    recorded = json.loads((ROOT / "scripts" / "assets.lock").read_text())["glue"]

    sources = {task: [archive_path(task)[1:]] for task in ARCHIVES}
    sources["MRPC"] = ["glue/data/mrpc_dev_ids.tsv", "senteval/senteval_data/msr_paraphrase_train.txt"]
    assert {task: sorted(record["downloads"]) for task, record in recorded.items()} == sources


def test_a_second_run_downloads_nothing(program, server, rte):
    program.fetch(*RTE)
    server.requests.clear()

    assert "RTE: complete" in program.fetch(*RTE)
    assert server.requests == []
    server.close()
    assert "RTE: complete" in program.fetch(*RTE)


def test_a_missing_file_is_brought_again(program, rte):
    program.fetch(*RTE)
    (program.folder / "data/glue/RTE/dev.tsv").unlink()

    assert "RTE: fetched" in program.fetch(*RTE)
    assert program.task("RTE") == rte


def test_a_changed_file_is_named_with_both_sums_and_the_remedy(program, rte):
    program.fetch(*RTE)
    damaged = program.folder / "data/glue/RTE/dev.tsv"
    damaged.write_bytes(b"damaged")

    output = program.fetch(*RTE, status=2)

    assert "data/glue/RTE/dev.tsv: checksum mismatch" in output
    assert sha256(b"damaged") in output
    assert sha256(rte["dev.tsv"]) in output
    assert "Delete the file and run this again" in output
    damaged.unlink()
    program.fetch(*RTE)
    assert program.task("RTE") == rte


def test_an_archive_with_another_sum_is_refused_until_the_lock_is_updated(program, server, rte):
    program.fetch(*RTE)
    sum_on_record = sha256(server.files[RTE_ARCHIVE])
    other = {name: content + b"more" for name, content in rte.items()}
    publish_task(server, "RTE", other)
    (program.folder / "data/glue/RTE/dev.tsv").unlink()

    output = program.fetch(*RTE, status=2)
    assert "RTE.zip: checksum mismatch" in output
    assert sum_on_record in output
    assert sha256(server.files[RTE_ARCHIVE]) in output
    assert "--update-lock" in output
    assert sorted(program.task("RTE")) == ["train.tsv"]

    program.fetch(*RTE, "--update-lock")
    assert program.task("RTE") == other
    assert program.lock["glue"]["RTE"]["files"] == {name: sha256(content) for name, content in other.items()}
    program.fetch(*RTE)


def test_files_that_were_not_fetched_are_left_alone(program, server, rte):
    own = program.folder / "data/glue/RTE/train.tsv"
    own.parent.mkdir(parents=True)
    own.write_text("mine")

    output = program.fetch(*RTE, status=2)

    assert "data/glue/RTE/train.tsv is there, but scripts/assets.lock has no sum for it: move it away" in output
    assert own.read_text() == "mine"
    assert server.requests == []


def test_a_file_that_the_server_lacks_is_named_and_the_other_tasks_arrive(program, server, rte):
    output = program.fetch(*GLUE, "--tasks", "CoLA,RTE", status=1)

    assert f"CoLA: {server.url}/glue/data/CoLA.zip: the server has no such file (404 Not Found)" in output
    assert program.task("RTE") == rte
    assert len(server.requests_of(archive_path("CoLA"))) == 1


def test_a_server_that_has_nothing_is_an_error_of_the_environment(program, server):
    assert "404" in program.fetch(*RTE, status=3)


def test_no_server_at_all_is_an_error_of_the_environment(program, server, rte):
    server.close()

    assert f"{server.url}/glue/data/RTE.zip" in program.fetch(*RTE, "--attempts", 1, status=3)


def test_a_folder_that_cannot_be_written_is_an_error_of_the_environment(program, rte):
    (program.folder / "data").write_text("a file where the folder should be")

    assert "Not a directory" in program.fetch(*RTE, status=3)


@pytest.mark.parametrize("member", ["../escaped", "RTE/../../escaped", "/escaped", "..\\escaped"])
def test_an_archive_that_points_outside_its_folder_is_refused(program, server, member):
    members = {f"RTE/{name}": content for name, content in task_files("RTE").items()}
    server.files[RTE_ARCHIVE] = zip_of(members | {member: b"evil"})

    output = program.fetch(*RTE, status=2)

    assert f"member '{member}' points outside" in output
    assert not list(program.folder.rglob("*escaped"))
    assert program.task("RTE") == {}


def test_an_archive_without_an_expected_file_is_refused(program, server):
    server.files[RTE_ARCHIVE] = zip_of({"RTE/train.tsv": b"x"})

    assert "has no member 'RTE/dev.tsv'; found: RTE/train.tsv" in program.fetch(*RTE, status=2)
    assert program.task("RTE") == {}


def test_what_is_no_archive_is_refused_and_fetched_anew_by_the_next_run(program, server, rte):
    archive = server.files[RTE_ARCHIVE]
    server.files[RTE_ARCHIVE] = b"<html>Log in to the network</html>"
    assert "damaged or no zip archive" in program.fetch(*RTE, status=2)
    server.files[RTE_ARCHIVE] = archive

    program.fetch(*RTE)

    assert program.task("RTE") == rte


def test_a_second_process_on_the_same_lock_file_is_refused(program, rte):
    program.lock_file.parent.mkdir()
    folder = os.open(program.lock_file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert "another fetch-assets works with scripts/assets.lock" in program.fetch(*RTE, status=3)
    finally:
        os.close(folder)
    program.fetch(*RTE)


@pytest.mark.parametrize("text", ["{", '{"glue": {"RTE": {"sum": "?"}}}', "[]"])
def test_a_damaged_lock_file_is_named(program, rte, text):
    program.lock_file.parent.mkdir()
    program.lock_file.write_text(text)

    assert "scripts/assets.lock: " in program.fetch(*RTE, status=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "RTE,MRCP"], "unknown task 'MRCP'"),
        (["--attempts", "0"], "'0' is not a whole number from 1"),
        (["--attempts", "many"], "--attempts"),
        (["--glue-url", "dl.fbaipublicfiles.com"], "is not an address"),
        (["--only", "both"], "invalid choice"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_wrong_use_fetches_nothing(program, server, arguments, message):
    assert message in program.fetch(*arguments, status=2)
    assert server.requests == []
