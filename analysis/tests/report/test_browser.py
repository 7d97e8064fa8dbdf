"""The page in a real browser, if one is installed."""

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


DESKTOP, PHONE = 1200, 390


# Looks at the page once it is drawn, and tells the frame around it what it found.
INSPECTION = """<script>
addEventListener("load", () => {
  const table = document.querySelector("#table-scores");
  const heading = [...table.tHead.rows[0].cells].find(cell => /RTE/.test(cell.textContent));
  const order = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
  heading.click(); const rising = order(); heading.click();
  const images = [...document.images], links = [...document.links];
  const wide = [...document.querySelectorAll("body *")].filter(element =>
    element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(".scroll, pre"));
  parent.postMessage({
    width: innerWidth,
    rising, falling: order(), sorted: heading.getAttribute("aria-sort"),
    sideways: document.documentElement.scrollWidth - innerWidth,
    captions: document.querySelectorAll("caption").length,
    cut: [...document.querySelectorAll("caption > *")]
      .filter(words => words.getBoundingClientRect().right > innerWidth).map(words => words.textContent),
    overflowing: wide.map(element => element.outerHTML.slice(0, 80)),
    images: images.length,
    undrawn: images.filter(image => !image.complete || !image.naturalWidth).length,
    nameless: images.filter(image => !image.alt.trim()).length,
    links: links.length,
    broken: links.filter(link => !document.getElementById(link.hash.slice(1))).map(link => link.href),
    fetched: performance.getEntriesByType("resource").map(entry => entry.name)
      .filter(name => !name.startsWith("data:")),
  }, "*");
});
</script>"""


FRAME = """<!DOCTYPE html><title>waiting</title><body style="margin:0">
<script>addEventListener("message", event => { document.title = JSON.stringify(event.data); });</script>
<iframe src="page.html" style="border:0;width:WIDTHpx;height:900px"></iframe>"""


@pytest.fixture(scope="module")
def page(written, tmp_path_factory):
    """A folder with the page of a file that has every section, and a script at its end that looks at it."""
    folder = tmp_path_factory.mktemp("page")
    page = written.html.replace("</body>", f"{INSPECTION}</body>")
    (folder / "page.html").write_text(page, encoding="utf-8")
    return folder


def browse(folder, width):
    """Open the page in a frame of that width: what the script found, and what the browser logged.

    A window of its own would be 500 pixels wide at least, more than a phone.
    """
    frame = folder / f"frame-{width}.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000",
               "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", "--timeout=20000",
               "--virtual-time-budget=10000", "--dump-dom", frame.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL).group(1)
    return json.loads(html.unescape(title)), done.stderr


@pytest.fixture(scope="module", params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def seen(request, page):
    found, log = browse(page, request.param)
    assert found["width"] == request.param
    return found, log


def test_nothing_is_logged_and_nothing_fetched(seen):
    found, log = seen
    assert "CONSOLE" not in log
    assert found["fetched"] == []


def test_tables_sort_by_value_both_ways(seen):
    found, _ = seen
    assert found["rising"] == ["bitfit", "full", "layernorm"]  # 65, 68, 69
    assert found["falling"] == ["layernorm", "full", "bitfit"]
    assert found["sorted"] == "descending"


def test_the_page_need_not_scroll_sideways(seen):
    found, _ = seen
    assert found["sideways"] <= 0
    assert found["overflowing"] == []


def test_captions_fit_the_window_where_tables_do_not(seen):
    found, _ = seen
    assert found["captions"] > 2
    assert found["cut"] == []


def test_every_link_leads_somewhere(seen):
    found, _ = seen
    assert found["links"] > 10
    assert found["broken"] == []


def test_every_image_is_drawn_and_told_in_words(seen):
    found, _ = seen
    assert found["images"] > 15
    assert (found["undrawn"], found["nameless"]) == (0, 0)
