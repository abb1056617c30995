"""What the documents name is there: paths, tests, links, commands, options, variables, targets."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest

from streams.cli import COMMANDS
from tests.docs.pages import HISTORY, PAGES, ROOT, actions, code, files, flags, parser, spans, text

LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
TOPS = {path.split("/")[0] for path in files()}
PLAIN = re.compile(r"[\w.*-]+(/[\w.*-]+)*/?")
CALL = re.compile(r"\bkeepline ([a-z]+(?:-[a-z]+)*)\b([^;|>`&]*)")
PRESENT = [page for page in PAGES if page not in HISTORY]


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def is_there(path: str) -> bool:
    """A path of the tree; `*` stands for anything; a name with an ending may lie anywhere."""
    wanted = path.rstrip("/")
    if "/" in wanted:
        return any(fnmatch(known, wanted) for known in files())
    return any(fnmatch(PurePosixPath(known).name, wanted) for known in files())


def is_path(span: str) -> bool:
    """Whether a span is meant as a path of the tree: it begins like one, or is the name of a module."""
    named = PLAIN.fullmatch(span) is not None
    return named and ((span.split("/")[0] in TOPS and "/" in span) or span.endswith((".py", ".toml", ".md")))


@pytest.mark.parametrize("page", PRESENT)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    words = [
        word for span in code(page) for word in re.sub(r"--\w+ \S+", "", span).split()
    ]  # options name files of users
    named = [word.split("::")[0] for word in words]
    assert [path for path in named if is_path(path) and not is_there(path)] == []


@pytest.mark.parametrize("page", PRESENT)
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    every = [path for path in files() if path.startswith("tests/") and path.endswith(".py")]
    missing = []
    for span in (span for span in spans(page) if re.fullmatch(r"(tests/.*::)?test_\w+", span)):
        path, _, test = span.rpartition("::")
        if not any(f"def {test}(" in (ROOT / one).read_text("utf-8") for one in ([path] if path else every)):
            missing.append(span)
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    lost = []
    for target in (first or second for first, second in LINK.findall(text(page))):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (ROOT / page).parent / path if path else ROOT / page
        headings = re.findall(r"^#+ (.*)$", found.read_text("utf-8"), re.MULTILINE) if anchor else []
        if not found.exists() or (anchor and anchor not in map(slug, headings)):
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_has_its_actions_and_options(page: str) -> None:
    wrong = []
    for name, rest in (call for line in code(page) for call in CALL.findall(line)):
        words = rest.split()
        if name not in COMMANDS:
            wrong.append(f"keepline {name}")
            continue
        there = actions(parser(name))
        if there and words and words[0].isalpha() and words[0].islower() and words[0] not in there:
            wrong.append(f"keepline {name} {words[0]}")
        asked = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help"}
        wrong += [f"keepline {name} {flag}" for flag in asked - flags(parser(name))]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_a_page_names_alone_is_one_of_some_command(page: str) -> None:
    known = set().union(*(flags(parser(name)) for name in COMMANDS), {"--check", "--help"})
    named = {re.split(r"[ =]", span)[0] for span in spans(page) if span.startswith("--")}
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_and_target_that_a_page_names_is_there(page: str) -> None:
    read = "".join(
        (ROOT / path).read_text("utf-8") for path in files() if path.endswith((".py", "Makefile", ".ci/run"))
    )
    variables = set(re.findall(r"\bKEEPLINE_[A-Z_]*[A-Z]", text(page)))
    targets = {name for line in code(page) for name in re.findall(r"\bmake ([a-z]+)\b", line)}
    assert {name for name in variables if name not in read} == set()
    assert targets - set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)) == set()
