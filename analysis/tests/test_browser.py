"""The page in a real browser, where one is installed."""

import re
import shutil
import subprocess

import pytest

from tunescope_analysis.command import main

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
CLICKS = """<script>
const table = document.querySelector("#table-scores");
const heading = [...table.tHead.rows[0].cells].find(cell => /RTE/.test(cell.textContent));
const order = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
heading.click(); const rising = order(); heading.click();
document.title = [rising.join(" "), order().join(" "), heading.getAttribute("aria-sort"),
  document.documentElement.scrollWidth <= window.innerWidth].join("|");
</script>"""


@pytest.fixture
def browse(fisher_file, tmp_path):
    """Open the report with a script appended; gives the DOM and what the browser logged."""
    assert main([str(fisher_file), "-o", str(tmp_path), "--format", "html"]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    def run(width, script):
        path = tmp_path / "clicked.html"
        path.write_text(page.replace("</body>", f"{script}</body>"), encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
                   "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
                   path.as_uri()]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout, done.stderr

    return run


def test_tables_sort_by_value_and_nothing_is_logged(browse):
    dom, log = browse(1200, CLICKS)
    rising, falling, state, fits = re.search(r"<title>(.*?)</title>", dom).group(1).split("|")
    assert rising == "bitfit full layernorm"  # 65, 68, 69
    assert falling == "layernorm full bitfit"
    assert (state, fits) == ("descending", "true")
    assert "CONSOLE" not in log


def test_a_phone_need_not_scroll_sideways(browse):
    dom, _ = browse(500, CLICKS)  # the narrowest window that headless Chromium gives
    assert re.search(r"<title>.*\|true</title>", dom)
