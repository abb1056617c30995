"""No key of a shipped profile is there for nobody: each is read by code outside of the profile's own checks.

All keys get another name in a copy of the code; mypy then names every place that reads one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from streams.profile.case_sections import AlternativeAction
from streams.profile.layers import merged, read, shipped
from streams.profile.overrides import NAMED_BY
from streams.profile.profile import Profile
from streams.profile.section import Section
from tests.docs.pages import ROOT

SECTIONS = ("profile", "case_sections", "contact_sections", "learning_sections", "money_sections", "strategy_sections")
NO_READERS = re.compile(r"streams/profile/(consistency|loading|layers|overrides)\.py")
MISSING = re.compile(r'^(.+?):\d+: error: .*?"(\w+)" (?:of ".+" )?has no attribute "(\w+)"', re.MULTILINE)
OPTIONS = ("--no-site-packages", "--ignore-missing-imports", "--follow-imports=skip", "--config-file=")
Key = tuple[str, str]  # section, attribute
TABLES = {section.__name__ for section in Section.__subclasses__()} - {"Profile", "AlternativeAction"}
TABLES |= {section.__name__ for section in AlternativeAction.__subclasses__()}


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> set[Key]:
    """Every section and attribute that code reads."""
    root = tmp_path_factory.mktemp("renamed")
    shutil.copytree(ROOT / "streams", root / "streams", ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    folder = root / "streams/profile"
    for name in SECTIONS:
        (folder / f"{name}.py").write_text(renamed((folder / f"{name}.py").read_text()))
    (folder / "section.py").write_text("Count = int\nPositive = float\n\n\nclass Section:\n    pass\n")
    command = [sys.executable, "-m", "mypy", *OPTIONS, "--cache-dir", str(root / "cache"), "streams"]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stdout + found.stderr
    return {(section, name) for path, section, name in MISSING.findall(found.stdout) if not NO_READERS.match(path)}


def renamed(text: str) -> str:
    """The text of a module of sections: all keys but those of tables have another name."""
    tables = "|".join(sorted(TABLES))
    return re.sub(rf"^    (\w+): (?!.*\b({tables})\b)", r"    \1_renamed: ", text, flags=re.MULTILINE)


def keys(model: type[BaseModel], content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, set[Key]]]:
    """Every key of a profile, dotted, and the sections and attribute that hold it."""
    for attribute, field in model.model_fields.items():
        key, kind = field.alias or attribute, field.annotation
        entry = get_args(kind)[0] if get_origin(kind) is tuple else kind
        inner = content.get(key)
        if isinstance(entry, type) and issubclass(entry, BaseModel):
            for table in inner if isinstance(inner, list) else [inner or {}]:
                yield from keys(entry, table, f"{prefix}{key}.")
        elif inner is not None:
            yield prefix + key, {(base.__name__, attribute) for base in model.__mro__}


def unread(name: str, reads: set[Key]) -> list[str]:
    found = keys(Profile, merged(read(name)))
    without = {key for key, holders in found if not holders & reads}
    return sorted(key for key in without if key.rpartition(".")[2] not in NAMED_BY)  # those address entries


@pytest.mark.parametrize("name", shipped())
def test_every_key_of_a_shipped_profile_is_read_by_code(name: str, reads: set[Key]) -> None:
    assert unread(name, reads) == []


def test_a_key_that_nobody_reads_is_found(reads: set[Key]) -> None:
    assert unread("e-commerce", reads - {("Goals", "woken"), ("CaseRules", "margin")}) == ["case.margin", "goals.woken"]
