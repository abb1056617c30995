"""`keepline report`: what was saved and what it cost, with intervals, on pages that print."""

from __future__ import annotations

import argparse
import asyncio
import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from schemas.errors import UsageError
from streams.cli import complain
from streams.cli.options import add_profile_options, instant, profile_of
from streams.files.replay_folder import read_summary
from streams.kafka import settings
from streams.operations.cases import folder_reader, topic_reader
from streams.operations.cases.fold import Messages
from streams.operations.models import reader
from streams.profile.profile import Profile
from streams.savings import opened_cases, page, results, reviews
from streams.savings.consents import Consents
from streams.savings.words import LANGUAGES, Words

Learned = tuple[dict[str, Any], Mapping[str, Mapping[str, float]]]  # summary of a replay, weights of strategies
PAGES = {"report.html": page.render, "weekly.html": page.render_week, "monthly.html": page.render_month}
ADVISERS = ("agent_id", "cases", "saved", "low", "high", "ranked")
INTERVIEWS = (
    "rank", "customer_id", "intervention_id", "crossed_on", "tier", "cause", "arm", "strategy", "value", "agent_id",
    "why", "last_events", "substitute",
)  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline report --dir result --out report --lang zh --weekly week.html"
    parser.add_argument("--dir", type=Path, help="folder that `keepline replay --out` wrote (default: the topics)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for report.json and the pages")
    parser.add_argument(
        "--weekly", type=Path, metavar="FILE", help="the page of the last whole week alone, as for a mail each Monday"
    )
    parser.add_argument("--until", type=instant, metavar="INSTANT", help="as of then (default: the last message)")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the pages (default: en)")
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0 when all files are written."""
    if args.out is None and args.weekly is None:
        raise UsageError("nothing to write: name --out DIR, --weekly FILE or both")
    profile, messages = profile_of(args), _messages(args.dir)
    learned = _replay(args.dir) if args.dir else ({}, _served())
    if args.weekly is not None:
        _write_week(args, profile, messages, learned)
    if args.out is not None:
        _write_all(args, profile, messages, learned)
    return 0


def _write_week(args: argparse.Namespace, profile: Profile, messages: Messages, learned: Learned) -> None:
    """Writes the page as it was when the last whole week ended."""
    until_us = reviews.monday_us(opened_cases.end_of(messages, args.until))
    found = results.report(profile, opened_cases.read(messages, profile.currency, until_us), *learned)
    args.weekly.parent.mkdir(parents=True, exist_ok=True)
    unfinished = args.weekly.with_name(f"{args.weekly.name}.unfinished")  # whoever mails the file gets a whole one
    unfinished.write_text(page.render_week(found, profile, Words(args.lang, profile.texts_zh)), "utf-8")
    unfinished.replace(args.weekly)
    print(args.weekly)


def _write_all(args: argparse.Namespace, profile: Profile, messages: Messages, learned: Learned) -> None:
    cases = opened_cases.read(messages, profile.currency, args.until)
    may_be_called = _may_be_called(args.dir, profile, {case.customer for case in cases.opened})
    found, lists = results.report(profile, cases, *learned), results.lists(cases, may_be_called)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "report.json").write_bytes(found.dumps())
    words = Words(args.lang, profile.texts_zh)
    for name, render in PAGES.items():
        (args.out / name).write_text(render(found, profile, words), "utf-8")
    _write_csv(args.out / "advisers.csv", ADVISERS, map(_adviser, lists.advisers))
    _write_csv(args.out / "interviews.csv", INTERVIEWS, map(_interview, lists.interviews))
    for remark in found.remarks:
        complain(Words("en", {})(remark.key, **remark.parts))
    print(args.out / "report.html")


def _messages(folder: Path | None) -> Messages:
    if folder is not None:
        return folder_reader.read_folder(folder)
    messages, wrong = asyncio.run(topic_reader.read_topics(settings.from_environment()))
    for sentence in wrong:
        complain(sentence)
    return messages


def _may_be_called(folder: Path | None, profile: Profile, customers: set[str]) -> Callable[[str], bool]:
    """Returns who may be called now; a folder knows of no consent but that at the opening of a case."""
    if folder is not None:
        return lambda customer: True
    records = asyncio.run(topic_reader.read_profiles(settings.from_environment(), customers))
    return Consents(profile).read(records).may_be_called


def _served() -> Mapping[str, Mapping[str, float]]:
    """Returns the weights of the model in force on the topics."""
    return reader.newest_weights(asyncio.run(reader.from_topic(settings.from_environment())))


def _replay(folder: Path) -> Learned:
    """Returns the summary of a replay and the weights of its last model."""
    summary = read_summary(folder)
    return summary, reader.newest_weights(reader.from_folder(folder)) if (folder / reader.FILE).is_file() else {}


def _adviser(one: Any) -> dict[str, Any]:
    figures = {name: round(value, 2) for name, value in asdict(one.credit).items()}
    return {"agent_id": one.agent_id, **figures, "ranked": "yes" if one.ranked else "no"}


def _interview(one: Any) -> dict[str, Any]:
    case = one.case
    return {
        "rank": one.rank,
        "customer_id": case.customer,
        "intervention_id": case.intervention_id,
        "crossed_on": opened_cases.day(case.crossed_us),
        "tier": case.tier,
        "cause": case.cause,
        "arm": "held out" if case.held else "sent",
        "strategy": None if case.held else case.strategy,
        "value": case.value,
        "agent_id": case.agent,
        "why": one.why,
        "last_events": " ".join(case.reasons),
        "substitute": one.substitute,
    }


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:  # with its mark Excel reads Chinese
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
