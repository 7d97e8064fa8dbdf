"""10,000 trials of a 24-layer model: opened lazily, reported within 2 GiB."""

import os
import subprocess
import sys
import tracemalloc

import pytest
from make_large import STEPS, write_large

from tunescope_analysis import open_results

GIBIBYTE = 2**30


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    return write_large(tmp_path_factory.mktemp("large") / "large.h5")


def test_opening_reads_only_what_is_asked_for(large_file):
    tracemalloc.start()
    with open_results(large_file) as results:
        assert results.trials.sizes["trial"] == 10_000
        assert results.history.sizes["row"] == 10_000 * STEPS
        assert results.change["mean_abs"].sel(trial=9_999).values.shape == (27, 25)
        assert results.history["loss"][-1] == pytest.approx(1 / STEPS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150e6  # the maps alone are 216 MB


def test_the_report_fits_into_two_gibibytes(large_file, tmp_path):
    command = [sys.executable, "-m", "tunescope_analysis", large_file, "-o", tmp_path / "report"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss * 1024 < 2 * GIBIBYTE
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "10000 (9982 done, 10 diverged, 8 failed)" in page
