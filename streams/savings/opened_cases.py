"""Cases as they were opened, sent or held out, and what became of each by an instant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.errors import Failure
from schemas.instants import format_instant, parse_instant
from streams.interventions.strategies import DEFAULT
from streams.operations.cases.fold import Message

CONTACTS = ("contacted", "responded", "declined", "saved", "lost")  # outcomes that are a contact


@dataclass(slots=True)
class OpenedCase:
    """A case and its fate. closed_us: when its window closed; None: it is open. p_held: with which probability it was
    to be held out. cost: None: nobody reported one. returned: what the customer did by the closing. first: of the
    customer.
    """

    intervention_id: str
    customer: str
    opened_us: int
    crossed_us: int
    held: bool
    p_held: float
    probability: float
    tier: str
    cause: str | None
    segments: tuple[str, ...]
    lifecycle: str
    scope: str | None
    value: float
    budget: float
    currency: str
    strategy: str
    strategy_propensity: float
    possible: Mapping[str, float]  # strategies and their propensities, the holdout's share included
    reasons: tuple[str, ...]
    policy_version: str
    model_version: int
    first: bool = True
    agent: str | None = None
    signals: tuple[str, ...] = ()  # names of the market signals in force when the customer crossed
    cost: float | None = None
    closed_us: int | None = None
    returned: bool = False
    returned_us: int | None = None
    contacted_us: int | None = None
    responded: bool = False
    leaked: bool = False  # held out, and somebody reported a contact
    state: str = "open"
    ended_us: int | None = None
    bought_again: bool | None = None
    stayed: bool | None = None

    @property
    def is_saved(self) -> bool:
        """Whether it counts as saved where nobody compares: the customer came back after a contact."""
        return not self.held and self.state == "saved"

    @property
    def spent(self) -> float:
        """What it cost: what was reported, else the budget of what was contacted; nothing of what was held out."""
        if self.held:
            return 0.0
        return self.cost if self.cost is not None else self.budget if self.contacted_us is not None else 0.0


@dataclass
class Cases:
    """All cases that were opened by `until_us`, in the order of their crossings, and what was seen beside them."""

    until_us: int
    opened: list[OpenedCase] = field(default_factory=list)
    unknown_updates: int = 0
    withheld: Counter[str] = field(default_factory=Counter)
    drawn: dict[str, tuple[int, bool, float]] = field(default_factory=dict)  # customer -> first draw of the holdout

    @property
    def closed(self) -> list[OpenedCase]:
        """Those whose windows have closed, in the order of the closings."""
        found = [case for case in self.opened if case.closed_us is not None]
        return sorted(found, key=lambda case: (case.closed_us, case.intervention_id))

    @property
    def compared(self) -> list[OpenedCase]:
        """The closed ones that are compared: the first of each customer. Whether there is another one, and for whom,
        depends on what became of the first: customers who were saved get cases that the holdout's never have.
        """
        return [case for case in self.closed if case.first]


AFTER_THE_DRAW = ("frequency_cap", "quiet_hours", "budget", "capacity")  # rules behind the holdout's


class Readable(Protocol):
    """Messages as they can be read once: whole lists, or one after the other. last_us: of the latest decision or
    update, None: there are none.
    """

    @property
    def interventions(self) -> Iterable[Message]: ...
    @property
    def withheld(self) -> Iterable[Message]: ...
    @property
    def updates(self) -> Iterable[Message]: ...
    @property
    def last_us(self) -> int | None: ...


def end_of(messages: Readable, until_us: int | None) -> int:
    """Returns up to when messages count: until_us, or up to the last one. Raises Failure where there are none."""
    until_us = until_us if until_us is not None else messages.last_us
    if until_us is None:
        raise Failure("there is no message about a case yet: run `keepline replay` or a worker over some weeks first")
    return until_us


def read(messages: Readable, currency: str, until_us: int | None) -> Cases:
    """Returns the cases. until_us: None: up to the last message. Raises Failure where a currency differs."""
    until_us = end_of(messages, until_us)
    cases, by_id = Cases(until_us), dict[str, OpenedCase]()
    for body in _until(messages.interventions, "decided_at", until_us):
        by_id[body["intervention_id"]] = _case(body, held=False)
        _draw(cases, body, held=False)
    for body in _until(messages.withheld, "decided_at", until_us):
        why = body["withheld_reason"]
        cases.withheld[why] += 1
        if why == "holdout":
            by_id[body["intervention_id"]] = _case(body, held=True)
        if why == "holdout" or why in AFTER_THE_DRAW:
            _draw(cases, body, held=why == "holdout")
    for body in _until(messages.updates, "updated_at", until_us):
        case = by_id.get(body["intervention_id"])
        if case is None:
            cases.unknown_updates += 1
        else:
            _apply(case, body)
    cases.opened = sorted(by_id.values(), key=lambda case: (case.crossed_us, case.intervention_id))
    seen = set[str]()
    for case in cases.opened:
        case.first = case.customer not in seen
        seen.add(case.customer)
    others = sorted({case.currency for case in cases.opened} - {currency})
    if others:
        raise Failure(
            f"cases have amounts in {', '.join(others)}, the profile in {currency}: nothing is converted; "
            "give --profile of the workers"
        )
    return cases


def _until(bodies: Iterable[Message], field_: str, until_us: int) -> Iterable[Message]:
    return (body for body in bodies if parse_instant(body[field_]) <= until_us)


def _draw(cases: Cases, body: Message, *, held: bool) -> None:
    at_us = parse_instant(body["decided_at"])
    first = cases.drawn.get(body["customer_id"])
    if first is None or at_us < first[0]:
        cases.drawn[body["customer_id"]] = (at_us, held, 1.0 - body["propensity"])


def _case(body: Message, *, held: bool) -> OpenedCase:
    strategy, possible = body.get("strategy") or DEFAULT, body.get("strategies")
    drawn = body.get("strategy_propensity")
    propensity: float = 1.0 if drawn is None else drawn
    if not possible:  # the release before: without the holdout's share
        propensity *= body["propensity"]
    return OpenedCase(
        intervention_id=body["intervention_id"],
        customer=body["customer_id"],
        opened_us=parse_instant(body["decided_at"]),
        crossed_us=parse_instant(body["crossed_at"]),
        held=held,
        p_held=1.0 - body["propensity"],
        probability=body["probability"],
        tier=body["tier"],
        cause=body["cause"],
        segments=tuple(body["segments"]),
        lifecycle=body["lifecycle"],
        scope=body["scope"],
        value=body["customer_value"],
        budget=body["budget"]["amount"],
        currency=body["budget"]["currency"],
        strategy=strategy,
        strategy_propensity=propensity,
        possible=possible or {strategy: propensity},
        reasons=tuple(reason["sentence"] for reason in body["reasons"]),
        policy_version=body["policy_version"],
        model_version=body["model_version"],
        agent=body["agent_id"],
        signals=tuple(dict.fromkeys(signal["name"] for signal in body.get("signals", ()))),
    )


def _apply(case: OpenedCase, body: Mapping[str, Any]) -> None:
    status, at_us = body["status"], parse_instant(body["updated_at"])
    if status == "ignored":
        case.leaked |= case.held and body.get("outcome") in CONTACTS
        return
    case.state = body.get("state") or case.state
    case.agent = body.get("agent_id") or case.agent
    case.contacted_us = _instant(body, "contacted_at", case.contacted_us)
    case.returned_us = _instant(body, "returned_at", case.returned_us)
    case.responded |= status == "responded"
    if "cost" in body:
        case.cost = (case.cost or 0.0) + body["cost"]
    if status in ("closed", "expired", "withdrawn"):
        case.ended_us = at_us
    if status == "measured":
        case.closed_us, case.returned = at_us, body["returned"]
    case.bought_again = body.get("bought_again", case.bought_again)
    case.stayed = body.get("stayed", case.stayed)


def _instant(body: Mapping[str, Any], name: str, before: int | None) -> int | None:
    return parse_instant(body[name]) if body.get(name) else before


def day(us: int) -> str:
    """`2024-06-10`"""
    return format_instant(us)[:10]
