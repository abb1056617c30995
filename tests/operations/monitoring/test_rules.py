"""The alerts fire when they should and only then; and each clause and number of them matters to some case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.alerts import AlertKind
from streams.operations.monitoring import rules
from streams.operations.monitoring.metric_list import BY_NAME
from streams.operations.monitoring.rules import GROUPS, RULES, AlertRule, rules_file
from tests.operations.monitoring.promtool import DEPLOY, ROOT, promtool

CASES = DEPLOY / "prometheus" / "tests"
FILES = {  # of the rules that have cases outside of the file of their group
    "KeeplineResponseBurnsFast": "burn-fast.yml",
    "KeeplineResponseBurns": "burn-medium.yml",
    "KeeplineResponseBurnsSlowly": "burn-slow.yml",
}
MINUTE_BY_MINUTE = ("KeeplineModelHeld", "KeeplineModelDrifted", "KeeplineStopLoss")
NUMBER = re.compile(r"(?<![\w.$-])(\d+(?:\.\d+)?)(?=[smhd]\b|\b(?![\w.-]))")
OPERATOR = re.compile(r"^(and|or|unless)( on \([^)]*\))? |^[-<>] ")


def doubled(text: str) -> Iterator[str]:
    """The text with one of its numbers doubled, one after the other."""
    for found in NUMBER.finditer(text):
        if float(found[1]):
            twice = f"{2 * float(found[1]):g}"
            yield text[: found.start()] + (f"{twice}.0" if found[1].endswith(".0") else twice) + text[found.end() :]


def mutants(rule: AlertRule) -> Iterator[tuple[str, AlertRule]]:
    """The rule without one clause, or with one number doubled."""
    if all(re.match(r"(and|or|unless) ", clause) for clause in rule.clauses[1:]) and len(rule.clauses) > 1:
        for i in range(len(rule.clauses)):
            left = [clause for j, clause in enumerate(rule.clauses) if j != i]
            left[0] = OPERATOR.sub("", left[0])
            yield f"without clause {i}", replace(rule, clauses=tuple(left))
    for i, clause in enumerate(rule.clauses):
        for text in doubled(clause):
            yield text, replace(rule, clauses=(*rule.clauses[:i], text, *rule.clauses[i + 1 :]))
    for wait in doubled(rule.wait):
        yield f"for {wait}", replace(rule, wait=wait)


def cases_of(rule: AlertRule) -> list[str]:
    """The files with cases of a rule."""
    if rule.name in FILES:
        return [FILES[rule.name]]
    (group,) = (name for name, of in GROUPS.items() if rule in of)
    return ["waits.yml"] * (rule.name in MINUTE_BY_MINUTE) + [f"{group.removeprefix('keepline-')}.yml"]


def tried(folder: Path, changed: AlertRule, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Runs the cases of a rule with a changed one in its place; with its group where the cases name others."""
    original = next(one for one in RULES if one.name == changed.name)
    (group,) = (group for group in GROUPS.values() if original in group)
    of = (changed,) if changed.name in FILES else tuple(changed if one is original else one for one in group)
    (folder / "tests").mkdir(exist_ok=True)
    with monkeypatch.context() as patched:
        patched.setattr(rules, "GROUPS", {"group": of})
        (folder / "rules.yml").write_text(rules_file("docs/runbooks"))
    names = cases_of(original)
    for name in names:
        (folder / "tests" / name).write_text((CASES / name).read_text("utf-8"))
    return promtool("test", "rules", *(str(folder / "tests" / name) for name in names))


def test_the_rules_are_valid() -> None:
    code, said = promtool("check", "rules", str(DEPLOY / "prometheus" / "rules.yml"))
    assert (code, f"{len(RULES)} rules found" in said) == (0, True), said


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("*.yml")))
def test_the_cases_hold(name: str) -> None:
    code, said = promtool("test", "rules", str(CASES / name))
    assert code == 0, said


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_some_case_fails_without_a_clause_and_with_any_number_doubled(
    rule: AlertRule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [what for what, changed in mutants(rule) if tried(tmp_path, changed, monkeypatch)[0] == 0] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_a_firing_case(rule: AlertRule) -> None:
    assert any(f'"{rule.name}"' in (CASES / name).read_text("utf-8") for name in cases_of(rule))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_asks_for_metrics_that_there_are(rule: AlertRule) -> None:
    asked = set(re.findall(r"keepline_(\w+?)(?:_total|_bucket|_count|_sum)?(?=[{)\[ \n]|$)", rule.expression))
    assert asked - BY_NAME.keys() == set()


@pytest.mark.parametrize("name", sorted({rule.runbook for rule in RULES}))
def test_a_run_book_names_its_alerts_and_says_what_to_do(name: str) -> None:
    text = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text("utf-8")
    assert {rule.name for rule in RULES if rule.runbook == name} == set(
        re.findall(r"`(Keepline\w+)`", text.split("\n")[0])
    )
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["First action", "How to see that it is over", "What not to do"]


def test_every_run_book_belongs_to_an_alert() -> None:
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} == {rule.runbook for rule in RULES}


def test_every_kind_of_alert_of_a_unit_has_a_rule() -> None:
    asked = " ".join(rule.expression for rule in RULES)
    told_by_burn_rates = {AlertKind.RESPONSE_SLOW, AlertKind.RECORDS_REFUSED}
    assert {kind for kind in AlertKind if kind not in asked} == told_by_burn_rates
