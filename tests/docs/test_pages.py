"""The pages keep their word: what they name exists, their links lead somewhere, and the README stays short."""

import os
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What builds, runs and downloads make; nothing in it belongs to the project.
GENERATED = ("build", "data", "models", "results")
SOURCES = ("src", "include", "tests", "scripts", "analysis", "benchmarks", "cmake", "jobs", "slurm", "packaging",
           "docs/schedulers")  # fmt: skip
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
# Its names are those that other programs give to things in a model's folder; of ours it has paths.
PAGE_OF_FOREIGN_NAMES = "docs/model-folders.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
# What stands for something of the reader's: NAME, JOB.cfg, T, numbers, "...".
PLACEHOLDER = re.compile(
    r"[\W_]*|\d[\d.e+-]*|[A-Z]{1,2}|.*\.\.\..*|.*\b(NAME|JOB|ID|COMMAND)\b.*|.*/path/to/.*", re.DOTALL
)
README_LINES = 130
# Oxford's spelling has colour, catalogue and normalize. Libraries say color=, center and gray, so these are left out.
OTHER_SPELLINGS = re.compile(
    r"(token|normal|initial|optim|recogn|serial|summar|organ|minim|maxim)is(e|ed|es|ing|er|ation)\b"
    r"|behavior|neighbor|favor|catalog\b|labeled|canceled",
    re.IGNORECASE,
)


@cache
def files():
    """Every file of the project, as a path from its root."""
    found = ["results/README.md"]
    for folder, subfolders, names in os.walk(ROOT):
        if Path(folder) == ROOT:
            subfolders[:] = [name for name in subfolders if name in (*SOURCES, "docs", ".ci", ".github")]
        else:
            subfolders[:] = [name for name in subfolders if not name.startswith((".", "__pycache__"))]
        found += [str((Path(folder) / name).relative_to(ROOT)) for name in names]
    return set(found)


@cache
def folders():
    return {str(parent) for name in files() for parent in Path(name).parents}


@cache
def sources():
    """The text of everything but the pages."""
    names = sorted(
        name
        for name in files()
        if (name.startswith(tuple(f"{folder}/" for folder in SOURCES)) or "/" not in name)
        and not name.endswith((".md", "LICENSE", "test_pages.py"))
        and "/golden/" not in name
        and "/corpus/" not in name
    )
    return "\n".join((ROOT / name).read_text(encoding="utf-8", errors="replace") for name in names)


@cache
def result_layout():
    """What results/README.md says of the folders that a sweep fills."""
    return (ROOT / "results" / "README.md").read_text(encoding="utf-8")


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def is_file(path, page):
    """Whether a page may name this path: from the root, from where the page lies, or as the end of a longer one."""
    path = path.rstrip("/")
    beside = os.path.normpath(Path(page).parent / path)
    known = files() | folders()
    return path in known or beside in known or any(name.endswith(f"/{path}") for name in known)


def is_path(word):
    return "/" in word or word.endswith((".cpp", ".hpp", ".cu", ".py", ".md", ".cfg", ".h5", ".csv"))


def is_generated(path):
    first = path.partition("/")[0]
    return first in GENERATED or ".venv" in path or path in result_layout()


@cache
def is_in_sources(word):
    """Whether it is a word of the sources, or a test, which the pages call Suite.Name as GoogleTest does."""
    text, at = sources(), -1
    while (at := text.find(word, at + 1)) >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not re.match(r"\w", before) and not re.match(r"\w", after):
            return True
    test = re.fullmatch(r"(\w+)\.(\w+)", word)
    return test is not None and re.search(rf"\(\s*{test[1]},\s*{test[2]}\)", sources()) is not None


def is_known(word, page):
    if PLACEHOLDER.fullmatch(word):
        return True
    if is_path(word):
        return is_generated(word) or is_file(word, page) or "/" not in word and is_in_sources(word)
    parts = [part.strip("-") for part in re.split(r"[:=,;<>(){}\[\]]+", word)]
    return all(PLACEHOLDER.fullmatch(part) or is_in_sources(part) or is_file(part, page) for part in parts)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page):
    named = [word for span in SPAN.findall(FENCE.sub("", text_of(page))) for word in span.split()]
    if page == PAGE_OF_FOREIGN_NAMES:
        named = [word for word in named if word.startswith(tuple(f"{folder}/" for folder in SOURCES))]
    unknown = [word for word in named if not is_known(word, page)]
    assert not unknown, f"{page} names what is not in the tree: {unknown}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_name_files_that_exist(page):
    blocks = [block for language, block in FENCE.findall(text_of(page)) if language == "sh"]
    paths = re.findall(rf"(?<![\w./-])((?:{'|'.join(SOURCES)})/[\w./-]+\w)", "\n".join(blocks))
    missing = [path for path in paths if not is_file(path, page)]
    assert not missing, f"{page} has commands with files that are not there: {missing}"


def slug(heading):
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


@cache
def anchors(page):
    """Of a page's headings; the second of one name ends with -1."""
    found = []
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE):
        anchor = slug(heading)
        repeats = found.count(anchor)
        found.append(anchor)
        if repeats:
            found.append(f"{anchor}-{repeats}")
    return found


@pytest.mark.parametrize("page", sorted(name for name in files() if name.endswith(".md")))
def test_links_lead_somewhere(page):
    text = SPAN.sub("", FENCE.sub("", text_of(page)))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    broken = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        name = os.path.normpath(Path(page).parent / path) if path else page
        if name not in files() and name not in folders() or anchor and anchor not in anchors(name):
            broken.append(target)
    assert not broken, f"{page} links to what is not there: {broken}"


def test_words_have_one_spelling():
    found = {name: OTHER_SPELLINGS.search(text) for name in PAGES for text in [text_of(name)]}
    found["the sources"] = OTHER_SPELLINGS.search(sources())
    assert not {name: match.group() for name, match in found.items() if match}


def test_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= README_LINES


def test_first_job_of_the_readme_is_the_file_of_that_name():
    (job,) = (block for language, block in FENCE.findall(text_of("README.md")) if language == "ini")
    assert job == text_of("jobs/first.cfg")


def test_every_fault_has_a_test_or_says_that_it_has_none():
    events, tests = text_of("docs/fault-tolerance.md").split("## Which test shows it")
    numbers = re.findall(r"^\| ([A-Z]\d+) \|", events, re.MULTILINE)
    assert numbers and len(numbers) == len(set(numbers))
    assert set(numbers) == set(re.findall(r"\b[A-Z]\d+\b", tests))
