"""The help of every command has an example, and each example can be parsed."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest

from streams.cli import COMMANDS
from tests.docs.pages import actions, parser

EXAMPLE = re.compile(r"example: keepline ([^;]*)")
CALLS = [(name, "") for name in COMMANDS] + [(name, action) for name in COMMANDS for action in actions(parser(name))]


def examples(of: argparse.ArgumentParser) -> list[list[str]]:
    return [shlex.split(found) for found in EXAMPLE.findall(of.epilog or "")]


@pytest.mark.parametrize(("command", "action"), CALLS)
def test_help_shows_an_example_of_the_command_and_of_each_action(command: str, action: str) -> None:
    whole = parser(command)
    found = examples(actions(whole)[action] if action else whole) + examples(whole)
    assert [words for words in found if words[:1] == [command] and (not action or action in words)]


@pytest.mark.parametrize(("command", "action"), CALLS)
def test_examples_of_the_help_are_accepted(command: str, action: str) -> None:
    whole = parser(command)
    for words in examples(actions(whole)[action] if action else whole):
        whole.parse_args(words[1:])
