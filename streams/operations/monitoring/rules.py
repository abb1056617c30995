"""The alerts. Each has a name, an expression of clauses, how long it must hold, for whom it is, a sentence in terms of
decisions, and a run book of its own in docs/runbooks/.

One alert a deployment (`job`) and cause, whatever the number of partitions: it stands for the worst of them, so nobody
is told the same thing two hundred times. No threshold is on a number of records: what waits is measured by its age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.alerts import AlertKind

RISK = (
    '{{ with printf "sum(keepline_decisions_at_risk{job=%q})" $labels.job | query }}{{ . | first | value | humanize }}'
    "{{ else }}An unknown number of{{ end }} decisions wait."
)
PLACES = "on (job, topic, partition)"
MOVES = f'{PLACES} changes(keepline_offset{{stage="applied"}}[5m])'
BUDGET = 0.01  # of all messages, which may come later than 10 s after their signal


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One alert. clauses: lines of the expression, the second and later ones begin with an operator; over: what the
    lines stand in, as `max by (job)`; wait: how long the expression must hold; runbook: docs/runbooks/NAME.md.
    """

    name: str
    clauses: tuple[str, ...]
    wait: str
    severity: Literal["page", "ticket"]
    owner: Literal["on-call", "publishers", "crm", "model"]
    runbook: str
    summary: str
    over: str = ""

    @property
    def expression(self) -> str:
        """The expression in several lines."""
        lines = "\n".join(self.clauses)
        return f"{self.over} (\n{lines}\n)" if self.over else lines


def open_alert(*kinds: AlertKind) -> str:
    """How many alerts of these kinds are open, by job."""
    return f'sum by (job) (keepline_alert{{kind=~"{"|".join(kinds)}"}})'


def burn(factor: float, window: str) -> str:
    """Whether the budget of late messages is spent so many times as fast as it may be."""
    late = " - ".join(
        f"sum by (job) (rate(keepline_response_seconds_{series}[{window}]))"
        for series in ("count", 'bucket{le="10.0"}')
    )
    return f"({late}) / sum by (job) (rate(keepline_response_seconds_count[{window}])) > {factor} * {BUDGET}"


DRIFT = (AlertKind.CUSTOMERS_CHANGED, AlertKind.FIELD_MISSING, AlertKind.LOSS_RISEN, AlertKind.SCORES_MOVED)
WITH_OWN_RULE = {
    *DRIFT,
    AlertKind.OPEN_TRANSACTION,
    AlertKind.PRODUCER_SILENT,
    AlertKind.RECORDS_REFUSED,
    AlertKind.STRAY_RECORDS,
    AlertKind.NO_LEADER,
    AlertKind.MODEL_HELD,
    AlertKind.STOP_LOSS,
    AlertKind.RESPONSE_SLOW,
}
OTHER_KINDS = [kind for kind in AlertKind if kind not in WITH_OWN_RULE]

WORKERS = (
    AlertRule(
        "KeeplineNoWorker",
        ('sum by (job) (up{job="keepline"}) == 0', 'or absent(up{job="keepline"})'),
        "1m",
        "page",
        "on-call",
        "no-worker",
        "No worker answers: no intervention is sent until one runs. Nothing is lost, it waits in the topics.",
    ),
    AlertRule(
        "KeeplineUnitStopped",
        (
            "max by (job) (keepline_units)",
            "- (count by (job) (keepline_unit_ready == 1 or keepline_unit_given_up == 1)",
            "or 0 * max by (job) (keepline_units))",
            "> 0",
        ),
        "5m",
        "page",
        "on-call",
        "unit-stopped",
        "{{ $value }} units have no worker: nothing is decided about their customers. " + RISK,
    ),
    AlertRule(
        "KeeplineUnitGivenUp",
        ("sum by (job) (keepline_unit_given_up) > 0",),
        "2m",
        "page",
        "on-call",
        "unit-given-up",
        "{{ $value }} units cannot go on, and say why: nothing is decided about their customers. " + RISK,
    ),
    AlertRule(
        "KeeplineBrokersAway",
        ("max by (job) (keepline_away_seconds) > 30",),
        "1m",
        "page",
        "on-call",
        "brokers-away",
        "A worker has not been a member of its group for {{ $value | humanizeDuration }}: brokers do not answer. "
        + RISK,
    ),
    AlertRule(
        "KeeplineFenced",
        ('sum by (job) (increase(keepline_transactions_total{result="fenced"}[30m])) > 3',),
        "0m",
        "ticket",
        "on-call",
        "fenced",
        "Workers take units from each other: what they do is done again, and decisions come late.",
    ),
)

LAG = (
    AlertRule(
        "KeeplineLate",
        ("keepline_lag_seconds > 300", f"and {MOVES} > 0"),
        "1m",
        "ticket",
        "on-call",
        "late",
        "The worst partition is {{ $value | humanizeDuration }} behind and gets on. " + RISK,
        "max by (job)",
    ),
    AlertRule(
        "KeeplineVeryLate",
        ("keepline_lag_seconds > 900", f"and {MOVES} > 0"),
        "1m",
        "page",
        "on-call",
        "late",
        "The worst partition is {{ $value | humanizeDuration }} behind and gets on. " + RISK,
        "max by (job)",
    ),
    AlertRule(
        "KeeplineStuck",
        (
            "keepline_lag_seconds > 120",
            f"and {MOVES} == 0",
            "unless on (job, partition) label_replace("
            'keepline_alert{kind=~"open_transaction|no_leader"}, "partition", "$1", "unit", "engine-(.*)") > 0',
        ),
        "2m",
        "page",
        "on-call",
        "stuck",
        "Records have waited for {{ $value | humanizeDuration }} in a partition that does not get on at all. " + RISK,
        "max by (job)",
    ),
    AlertRule(
        "KeeplineOpenTransaction",
        (f"{open_alert(AlertKind.OPEN_TRANSACTION)} > 0",),
        "1m",
        "page",
        "on-call",
        "open-transaction",
        "A transaction that nobody ends hides the records behind it. " + RISK,
    ),
    AlertRule(
        "KeeplineNoLeader",
        (f"{open_alert(AlertKind.NO_LEADER)} > 0",),
        "1m",
        "page",
        "on-call",
        "no-leader",
        "A partition has no broker: it can be neither read nor written. " + RISK,
    ),
    AlertRule(
        "KeeplinePublisherSilent",
        (f"{open_alert(AlertKind.PRODUCER_SILENT)} > 0",),
        "5m",
        "ticket",
        "publishers",
        "publisher-silent",
        "A publisher is silent for longer than usual, so nothing is decided about its customers. " + RISK,
    ),
    AlertRule(
        "KeeplineRetentionSoon",
        ("keepline_retention_margin_seconds < 21600", f"and {PLACES} keepline_lag_seconds > 300"),
        "1m",
        "page",
        "on-call",
        "retention",
        "In {{ $value | humanizeDuration }} the brokers delete events that were not read yet: their customers would "
        "look silent. " + RISK,
        "min by (job)",
    ),
    AlertRule(
        "KeeplineDropping",
        ("min by (job) (keepline_retention_margin_seconds) < 0",),
        "0m",
        "page",
        "on-call",
        "retention",
        "Events are older than their topic keeps them and were not read yet: the brokers may delete them now. " + RISK,
    ),
)

CHECKPOINTS = (
    AlertRule(
        "KeeplineCheckpointFailing",
        ('sum by (job) (increase(keepline_transactions_total{result="failed"}[10m])) > 2',),
        "0m",
        "page",
        "on-call",
        "checkpoint",
        "Checkpoints fail again and again: units begin anew from the last one, and nothing is sent. " + RISK,
    ),
    AlertRule(
        "KeeplineCheckpointOld",
        (
            "time() - keepline_last_checkpoint_timestamp_seconds > 120",
            "and on (job, unit) keepline_unit_unsaved == 1",  # a learner has nothing to save until Monday
        ),
        "1m",
        "page",
        "on-call",
        "checkpoint",
        "A unit has saved nothing for {{ $value | humanizeDuration }}, so nothing of it is sent. " + RISK,
        over="max by (job)",
    ),
)

RECORDS = (
    AlertRule(
        "KeeplineRecordsRefused",
        (
            'sum by (job, producer) (rate(keepline_producer_records_total{outcome="refused"}[10m]))'
            " / sum by (job, producer) (rate(keepline_producer_records_total[10m])) > 0.05",
        ),
        "2m",
        "ticket",
        "publishers",
        "records-refused",
        "{{ $value | humanizePercentage }} of what {{ $labels.producer }} sends is refused: those events count for no "
        "customer.",
    ),
    AlertRule(
        "KeeplineStrayRecords",
        (f"{open_alert(AlertKind.STRAY_RECORDS)} > 0",),
        "0m",
        "ticket",
        "on-call",
        "stray-records",
        "Somebody else writes to Keepline's own topics. Nothing is decided by it, but a row of a state may get lost.",
    ),
    AlertRule(
        "KeeplineAlertOpen",
        (f'sum by (job, kind) (keepline_alert{{kind=~"{"|".join(OTHER_KINDS)}"}}) > 0',),
        "5m",
        "ticket",
        "on-call",
        "open-alert",
        "{{ $value }} alerts of the kind {{ $labels.kind }} are open.",
    ),
)

MODEL = (
    AlertRule(
        "KeeplineModelNotReady",
        (
            "min by (job) (keepline_model_ready) < 1",
            f"unless on (job) {open_alert(AlertKind.MODEL_HELD, AlertKind.STOP_LOSS)} > 0",
        ),
        "1h",
        "ticket",
        "model",
        "model-not-ready",
        "The model has not learned enough: no case opens. " + RISK,
    ),
    AlertRule(
        "KeeplineModelHeld",
        (f"{open_alert(AlertKind.MODEL_HELD)} > 0",),
        "5m",
        "page",
        "model",
        "model-held",
        "The served model has become too bad to act on: no case opens. " + RISK,
    ),
    AlertRule(
        "KeeplineModelDrifted",
        (f"{open_alert(*DRIFT)} > 0",),
        "5m",
        "ticket",
        "model",
        "model-drifted",
        "Customers, a publisher's data or the model's loss have changed: probabilities may be wrong.",
    ),
    AlertRule(
        "KeeplinePrecisionLow",
        (
            "max by (job) (keepline_model_precision_ratio)",
            "< on (job) max by (job) (keepline_model_precision_goal_ratio)",
        ),
        "1h",
        "ticket",
        "model",
        "precision",
        "Of the customers above the threshold {{ $value | humanizePercentage }} have left, fewer than the goal: the "
        "team works on customers who would have stayed.",
    ),
    AlertRule(
        "KeeplineStopLoss",
        (f"{open_alert(AlertKind.STOP_LOSS)} > 0",),
        "5m",
        "page",
        "model",
        "stop-loss",
        "Too few of the contacted customers were saved: no case opens under this policy. " + RISK,
    ),
)

CASES = (
    AlertRule(
        "KeeplineUnacknowledged",
        (
            "sum by (job) (increase(keepline_interventions_total[1d])) > 0",
            "unless on (job) sum by (job) (increase(keepline_outcomes_total[1d])) > 0",
        ),
        "1h",
        "page",
        "crm",
        "unacknowledged",
        "{{ $value | humanize }} interventions were sent within a day, and the CRM has reported nothing about any: "
        "nobody may be calling these customers.",
    ),
    AlertRule(
        "KeeplineResponseBurnsFast",
        (burn(14.4, "1h"), f"and {burn(14.4, '5m')}"),
        "0m",
        "page",
        "on-call",
        "response",
        "{{ $value | humanizePercentage }} of the last hour's messages came later than 10 s after their signal; at "
        "this rate the budget of a month is spent in two days.",
    ),
    AlertRule(
        "KeeplineResponseBurns",
        (burn(6, "6h"), f"and {burn(6, '30m')}"),
        "0m",
        "page",
        "on-call",
        "response",
        "{{ $value | humanizePercentage }} of the messages of six hours came later than 10 s after their signal; at "
        "this rate the budget of a month is spent in five days.",
    ),
    AlertRule(
        "KeeplineResponseBurnsSlowly",
        (burn(1, "3d"), f"and {burn(1, '6h')}"),
        "0m",
        "ticket",
        "on-call",
        "response",
        "{{ $value | humanizePercentage }} of the messages of three days came later than 10 s after their signal, more "
        "than the budget.",
    ),
)

GROUPS = {
    "keepline-workers": WORKERS,
    "keepline-lag": LAG,
    "keepline-checkpoints": CHECKPOINTS,
    "keepline-records": RECORDS,
    "keepline-model": MODEL,
    "keepline-cases": CASES,
}
RULES = tuple(rule for group in GROUPS.values() for rule in group)


def rules_file(runbooks: str) -> str:
    """The rules as Prometheus reads them (YAML). runbooks: where the run books are, without the last slash."""
    lines = ["# made by `keepline monitoring export`; change streams/operations/monitoring/rules.py instead", "groups:"]
    for name, group in GROUPS.items():
        lines += [f"- name: {name}", "  rules:", *(line for rule in group for line in _rule(rule, runbooks))]
    return "\n".join(lines) + "\n"


def _rule(rule: AlertRule, runbooks: str) -> list[str]:
    return [
        f"  - alert: {rule.name}",
        "    expr: |-",
        *(f"      {line}" for line in rule.expression.splitlines()),
        f"    for: {rule.wait}",
        f"    labels: {{severity: {rule.severity}, owner: {rule.owner}}}",
        "    annotations:",
        f"      summary: {_quoted(rule.summary)}",
        f"      runbook_url: {_quoted(f'{runbooks}/{rule.runbook}.md')}",
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
