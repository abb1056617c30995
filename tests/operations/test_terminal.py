"""Names from outside on a terminal: neither markup nor control sequences."""

from __future__ import annotations

import orjson
import pytest
from rich.table import Table
from rich.text import Text

from streams.operations.terminal import print_json, show

HOSTILE = ["[/]", "[bold red]x[/bold red]", "\x1b[2J\x1b]52;c;cm0=\x07", "\x9b2J", ":warning:", "a\rb", "\u202eevil"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_it_is_or_escaped(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("customer")
    table.add_row(name)
    show(name, table, Text(name))
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.splitlines())
    assert out.count(name if name.isprintable() else repr(name)[1:-1]) >= 2


@pytest.mark.parametrize("name", HOSTILE)
def test_json_holds_the_name_but_does_not_print_it_raw(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"customer_id": name})
    out = capsys.readouterr().out
    assert orjson.loads(out) == {"customer_id": name}
    assert all(line.isprintable() for line in out.splitlines())
