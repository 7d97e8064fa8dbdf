"""Transfers that are cut or stopped go on, and those that a busy server refuses are repeated."""

import os
import signal
import subprocess
import time
from email.utils import formatdate

import pytest
from conftest import RTE, RTE_ARCHIVE, publish_task


def ranges(server):
    return [request.headers.get("Range") for request in server.requests_of(RTE_ARCHIVE)]


def test_a_cut_transfer_goes_on_in_the_same_run(program, server, rte):
    server.cuts[RTE_ARCHIVE] = 40_000

    program.fetch(*RTE)

    assert ranges(server) == [None, "bytes=40000-"]
    assert program.task("RTE") == rte


def test_a_cut_transfer_goes_on_in_the_next_run(program, server, rte):
    server.cuts[RTE_ARCHIVE] = 40_000

    assert "40,000 bytes are kept" in program.fetch(*RTE, "--attempts", 1, status=3)
    assert program.task("RTE")[".fetching/RTE.zip.partial"] == server.files[RTE_ARCHIVE][:40_000]
    program.fetch(*RTE)

    assert ranges(server) == [None, "bytes=40000-"]
    assert program.task("RTE") == rte


def wait_for_bytes(path):
    deadline = time.monotonic() + 30
    while not (path.exists() and path.stat().st_size > 0):
        assert time.monotonic() < deadline, f"nothing arrived in {path}"
        time.sleep(0.01)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 75), (signal.SIGINT, 75), (signal.SIGKILL, -9)])
def test_a_process_stopped_within_a_transfer_goes_on_in_the_next_run(program, server, rte, sent, status):
    server.cuts[RTE_ARCHIVE] = 40_000
    server.go_on.clear()

    process = subprocess.Popen(program.command(*RTE), **program.options())
    wait_for_bytes(program.folder / "data/glue/RTE/.fetching/RTE.zip.partial")
    process.send_signal(sent)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert ("run this again to resume" in errors) == (status == 75)
    program.fetch(*RTE)

    (start,) = filter(None, ranges(server))
    assert 0 < int(start.removeprefix("bytes=").removesuffix("-")) <= 40_000
    assert program.task("RTE") == rte


def test_an_archive_that_changed_after_the_cut_is_fetched_from_its_start(program, server, rte):
    server.cuts[RTE_ARCHIVE] = 40_000
    program.fetch(*RTE, "--attempts", 1, status=3)
    other = {name: os.urandom(len(content)) for name, content in rte.items()}
    publish_task(server, "RTE", other)

    program.fetch(*RTE)

    assert ranges(server)[1] == "bytes=40000-"
    assert program.task("RTE") == other


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_a_cut_transfer_starts_again_where_the_server_cannot_say_whether_the_file_is_the_same(
    program, server, rte, etag
):
    server.etags[RTE_ARCHIVE] = etag
    server.cuts[RTE_ARCHIVE] = 40_000

    program.fetch(*RTE)

    assert ranges(server) == [None, None]
    assert program.task("RTE") == rte


def test_a_partial_file_that_is_whole_is_taken(program, server, rte):
    server.cuts[RTE_ARCHIVE] = 40_000
    program.fetch(*RTE, "--attempts", 1, status=3)
    partial = program.folder / "data/glue/RTE/.fetching/RTE.zip.partial"
    partial.write_bytes(server.files[RTE_ARCHIVE])

    program.fetch(*RTE)

    assert ranges(server) == [None, f"bytes={len(server.files[RTE_ARCHIVE])}-"]
    assert program.task("RTE") == rte


def test_a_busy_server_is_asked_again(program, server, rte):
    server.statuses[RTE_ARCHIVE] = [503]

    program.fetch(*RTE)

    assert len(server.requests) == 2
    assert program.task("RTE") == rte


@pytest.mark.parametrize("as_date", [False, True])
def test_a_busy_server_is_asked_again_when_it_says(program, server, rte, as_date):
    server.statuses[RTE_ARCHIVE] = [429]
    begin = time.time()
    server.error_headers = {"Retry-After": formatdate(begin + 3, usegmt=True) if as_date else "3"}

    program.fetch(*RTE)

    assert time.time() - begin > 2
    assert len(server.requests) == 2
    assert program.task("RTE") == rte


def test_a_server_that_asks_for_hours_is_not_waited_for(program, server, rte):
    server.statuses[RTE_ARCHIVE] = [429]
    server.error_headers = {"Retry-After": "7200"}

    assert "it asks to wait 7200 s, run this again then" in program.fetch(*RTE, status=3)
