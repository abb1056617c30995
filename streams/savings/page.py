"""The report as pages that need nothing else: one A4 side, the week's and the month's. All figures are its own."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from importlib import resources

from streams.page import drawing, fill
from streams.profile.profile import Profile
from streams.savings.comparison import Compared
from streams.savings.money import Balance
from streams.savings.results import Report
from streams.savings.reviews import Period
from streams.savings.stages import Condition
from streams.savings.words import Words

NONE = "-"
BALANCE = ("saved", "benefit", "cost", "net", "roi")  # rows of the table of money
MOST_REMARKS = 3  # on one side of paper; all are in report.json and on the week's page
Rows = Sequence[Sequence[str]]


def render(report: Report, profile: Profile, words: Words) -> str:
    """Returns report.html."""
    pages = _Page(report, profile, words)
    return pages.fill("title", [
        pages.verdict(), pages.figures(), pages.counted(), pages.money(), pages.customers(), pages.strategies(),
        pages.change(), pages.trust(), pages.decision(),
    ])  # fmt: skip


def render_week(report: Report, profile: Profile, words: Words) -> str:
    """Returns weekly.html: exceptions first, then the weeks and the same boxes."""
    pages = _Page(report, profile, words)
    return pages.fill("weekly", [
        pages.exceptions(), pages.weeks(), pages.verdict(), pages.figures(), pages.counted(), pages.money(),
        pages.customers(), pages.strategies(), pages.change(), pages.trust(), pages.decision(),
    ])  # fmt: skip


def render_month(report: Report, profile: Profile, words: Words) -> str:
    """Returns monthly.html: the chart, the three families of measures, and groups."""
    pages = _Page(report, profile, words)
    return pages.fill("monthly", [pages.verdict(), pages.chart(), pages.families(), pages.groups(), pages.decision()])


class _Page:
    """The boxes of one report in one language; each returns HTML."""

    def __init__(self, report: Report, profile: Profile, words: Words) -> None:
        self.report, self.profile, self.words = report, profile, words

    def fill(self, title: str, boxes: Sequence[str]) -> str:
        template, said = (resources.files("streams.savings") / "page.html").read_text("utf-8"), self.report
        until = self.words(
            "until",
            at=said.at[:10],
            policy=said.policy_version,
            closed=f"{said.closed_cases:,}",
            open=f"{said.open_cases:,}",
        )
        return fill(
            template, lang=self.words.lang, title=escape(self.words(title)), until=escape(until), boxes="".join(boxes)
        )

    def verdict(self) -> str:
        counted, said = self.report.counted, self.words
        if counted.saved is None or counted.low is None or counted.high is None:
            return self.box("verdict", [f'<p class="verdict">{escape(said("nothing"))}</p>'], wide=True)
        saved, low, high = map(whole, (abs(counted.saved), counted.low, counted.high))
        key = "kept" if counted.saved >= 0 else "fewer"
        sentence = said(key, saved=saved, low=low, high=high, cases=f"{counted.cases:,}")
        more = "" if counted.low > 0 else said("harm") if counted.high < 0 else said("not_shown")
        lines = [f'<p class="verdict">{escape(" ".join([sentence, more]).strip())}</p>', paragraph(self._asked())]
        if self.report.overall.exact:
            lines.append(f'<p class="note">{escape(said("few"))}</p>')
        return self.box("verdict", lines, wide=True)

    def figures(self) -> str:
        measured, sheet, said = self.report.measured, self.report.sheet, self.words
        rows = [["", said("measured"), said("range"), said("plan")]]
        plan = sheet.corrected if sheet else None
        if measured is None:
            return self.box("figures", [paragraph(said("nothing"))])
        low, value, high = measured.low, measured.value, measured.high
        for name, of_, shown in (("net", _net, amount), ("roi", _roi, percent)):
            sums = [None if one_ is None else of_(one_) for one_ in (value, low, high, plan)]
            rows.append([said(name), shown(sums[0]), f"{shown(sums[1])} … {shown(sums[2])}", shown(sums[3])])
        rows.append([said("payback"), *self._payback(low, value, high), one(plan.payback_months) if plan else NONE])
        return self.box("figures", [table(rows)])

    def counted(self) -> str:
        counted, said = self.report.counted, self.words
        if counted.saved is None or counted.anyway is None:
            return self.box("counted", [paragraph(said("nothing"))])
        share = 100.0 * min(max(counted.saved / counted.counted, 0.0), 1.0) if counted.counted else 0.0
        sentence = (
            f"{counted.counted:,} {said('counted_saved')} = {whole(counted.anyway)} {said('anyway')} + "
            f"{whole(counted.saved)} {said('truly')}"
        )
        bar = f'<div class="bar"><i style="width:{100.0 - share:.1f}%"></i><b style="width:{share:.1f}%"></b></div>'
        return self.box("counted", [bar, paragraph(sentence)])

    def money(self) -> str:
        sheet, measured, said = self.report.sheet, self.report.measured, self.words
        columns: list[Balance | None] = [
            sheet.printed if sheet else None,
            sheet.corrected if sheet else None,
            measured.value if measured else None,
        ]
        rows = [["", said("printed"), said("corrected"), said("measured")]]
        for name, cells in zip(BALANCE, zip(*map(_cells_of, columns), strict=True), strict=True):
            rows.append([said(name), *cells])
        lines = [table(rows)]
        if sheet is None:
            lines.append(paragraph(said("no_sheet")))
        else:
            for tier, printed, right in sheet.corrections:
                fixed = said("correction", tier=said.name(tier), printed=amount(printed), right=amount(right))
                lines.append(paragraph(fixed))
            lines.append(paragraph(said(
                "with_all", roi=percent(sheet.whole.roi), payback=one(sheet.whole.payback_months),
                customers=f"{sheet.break_even:,.0f}", points=one(sheet.break_even_points),
            )))  # fmt: skip
        if measured:
            lines.append(paragraph(said("holdout_price", price=amount(measured.holdout_price))))
        return self.box("money", lines, currency=self.report.currency)

    def customers(self) -> str:
        said, goals = self.words, self.profile.goals
        head = [said("group"), said("cases"), said("left"), said("again", goal=percent(goals.bought_again)),
                said("stayed", goal=percent(goals.stayed))]  # fmt: skip
        rows = [
            [said(group.name), f"{group.cases:,}", percent(group.left), of(group.bought_again, group.bought_again_of),
             of(group.stayed, group.stayed_of)]
            for group in self.report.groups
        ]  # fmt: skip
        churn = said("weighted", churn=percent(self.report.weighted_churn))
        return self.box("customers", [table([head, *rows]), paragraph(churn), paragraph(said("no_surveys"))])

    def strategies(self) -> str:
        said = self.words
        head = [said(name) for name in ("strategy", "cases", "lift", "a_save", "tired", "next")]
        rows = [
            [said.name(found.compared.name), f"{found.compared.cases:,}", lift(found.compared),
             amount(found.cost_a_save), said("yes" if found.tired else "no"),
             ", ".join(f"{said.name(tier)} {percent(share)}" for tier, share in found.next_weight.items()) or NONE]
            for found in self.report.strategies
        ]  # fmt: skip
        return self.box("strategies", [table([head, *rows])], wide=True)

    def change(self) -> str:
        said, found = self.words, self.report
        lines = []
        if found.more_holdout_cases is not None:
            lines.append(said("more", n=f"{max(found.more_holdout_cases, 1):,}"))
        if found.break_even_lift is not None:
            lines.append(said("break_even", points=one(100 * found.break_even_lift)))
        names = ", ".join(map(said.name, found.do_not_disturb))
        lines.append(said("disturb", names=names) if names else said("no_disturb"))
        return self.box("change", list(map(paragraph, lines)))

    def trust(self) -> str:
        said, found = self.words, self.report
        split, precision, correction = found.split, found.precision, found.leaks.correction
        verdict, expected = said("wrong" if split.wrong else "fits"), f"{split.expected:,.1f}"
        fixed = ""
        if correction is not None and correction.value is not None:
            fixed = said("leak_corrected", points=one(100 * correction.value))
        warned = said(
            "precision", share=percent(precision.share), n=f"{precision.cases:,}", goal=percent(precision.goal)
        )
        if precision.alert:
            warned += f"; {said('precision_alert', how=self._threshold())}"
        lines = [
            said(
                "split",
                held=f"{split.held:,}",
                n=f"{split.customers:,}",
                expected=expected,
                verdict=verdict,
            ),
            said("leaks", n=f"{len(found.leaks.ids):,}", corrected=fixed),
            warned,
            said("model", version=NONE if found.model_version is None else found.model_version),
            *found.remarks[:MOST_REMARKS],
        ]
        return self.box("trust", [*map(paragraph, lines), self._stage()])

    def decision(self) -> str:
        said = self.words
        fields = [f"{said('decision')}: {self._asked()}", f"{said('owner')}:", f"{said('date')}: {self.report.at[:10]}"]
        lines = f'<div class="sign">{"".join(f"<span>{escape(field)}</span>" for field in fields)}</div>'
        return self.box("decision", [lines], wide=True)

    def exceptions(self) -> str:
        said, found = self.words, self.report
        tired = ", ".join(said.name(s.compared.name) for s in found.strategies if s.tired)
        lines = [
            *([said("wrong")] if found.split.wrong else []),
            *([said("stopped", names=", ".join(found.stage.stopped))] if found.stage.stopped else []),
            *([said("tired_now", names=tired)] if tired else []),
            *([said("leaks", n=len(found.leaks.ids), corrected="")] if found.leaks.ids else []),
            *([said("precision_alert", how=self._threshold())] if found.precision.alert else []),
            *found.remarks,
        ]
        body = [f'<p class="bad">{escape(line)}</p>' for line in lines] or [paragraph(said("no_exceptions"))]
        return self.box("exceptions", body, wide=True)

    def weeks(self) -> str:
        return self.box("weeks", [self._periods(self.report.weeks, "week")], wide=True)

    def chart(self) -> str:
        return self.box("chart", [_lifts(self.report.weeks, self.report.months)], wide=True)

    def families(self) -> str:
        said, found, goals = self.words, self.report, self.profile.goals
        value = found.measured.value if found.measured else None
        again, stayed = (
            [(getattr(g, name), getattr(g, f"{name}_of")) for g in found.groups] for name in ("bought_again", "stayed")
        )
        avoided = None if value is None else value.saved * Decimal(repr(self.profile.economics.acquisition_cost))
        unknown = said("unknown")
        rows = {
            "family_customers": [
                (said("churn"), percent(found.weighted_churn)), (said("saved"), whole(found.counted.saved)),
                (said("again", goal=percent(goals.bought_again)), pooled(again)),
                (said("stayed", goal=percent(goals.stayed)), pooled(stayed)), ("NPS", unknown), ("CSAT", unknown),
            ],
            "family_business": [
                (said("regained"), amount(value.benefit) if value else NONE), (said("basket"), unknown),
                (said("ltv"), unknown), (said("avoided"), amount(avoided)),
            ],
            "family_operations": [
                (said("reach", goal=percent(goals.reached)), percent(found.reached)),
                (said("response", goal=percent(goals.responded)), percent(found.responded)),
                (said("days_change"), unknown),
            ],
        }  # fmt: skip
        body = [f"<h3>{escape(said(name))}</h3>{table([['', ''], *measures])}" for name, measures in rows.items()]
        return self.box("families", body)

    def groups(self) -> str:
        said, found = self.words, self.report
        rows = [
            [said.name(group.name), f"{group.cases:,}", f"{group.held:,}", lift(group)]
            for group in (*found.by_tier, *found.by_segment, *found.by_cause)
        ]
        return self.box("by_tier", [table([["", said("cases"), "holdout", said("lift")], *rows])])

    def box(self, title: str, lines: Sequence[str], *, wide: bool = False, **parts: str) -> str:
        kind = "card all" if wide else "card"
        return f'<div class="{kind}"><h2>{escape(self.words(title, **parts))}</h2>{"".join(lines)}</div>'

    def _asked(self) -> str:
        counted, said = self.report.counted, self.words
        if counted.low is None or counted.high is None:
            return said("decide_wait")
        if counted.high < 0 or self.report.stage.stopped:
            return said("decide_stop")
        return said("decide_go" if counted.low > 0 else "decide_wait")

    def _payback(self, low: Balance, value: Balance, high: Balance) -> list[str]:
        if low.payback_months is None:
            return [self.words("not_paid"), NONE]
        return [one(value.payback_months), f"{one(high.payback_months)} … {one(low.payback_months)}"]

    def _threshold(self) -> str:
        found, said = self.report.precision, self.words
        if found.threshold is None:
            return said("no_threshold")
        return said("threshold", threshold=f"{found.threshold:.2f}", recall=percent(found.recall))

    def _stage(self) -> str:
        said, stage = self.words, self.report.stage
        rows = [
            [
                f"{condition.name.upper()} {said('stop_line') if condition.stop else ''}".strip(),
                f"{condition.goal:g}",
                _interval(condition),
                said(condition.verdict),
            ]
            for condition in stage.conditions
        ]
        how = said("goes_on", how=stage.goes_on) if stage.goes_on else said("stays")
        return table([[said("stage", name=stage.name), "", "", ""], *rows]) + paragraph(how)

    def _periods(self, periods: Sequence[Period], name: str) -> str:
        said = self.words
        head = [said(name), said("opened"), said("cases"), "holdout", said("lift"), ""]
        rows = [
            [period.begins, f"{period.opened:,}", f"{period.compared.cases:,}", f"{period.compared.held:,}",
             lift(period.compared), said("restated") if period.restated else ""]
            for period in periods
        ]  # fmt: skip
        return table([head, *rows])


def _cells_of(found: Balance | None) -> list[str]:
    """Returns a column of sums, in the order of BALANCE."""
    if found is None:
        return [NONE] * len(BALANCE)
    sums = amount(found.benefit), amount(found.cost), amount(found.net)
    return [whole(float(found.saved)), *sums, percent(found.roi)]


def _interval(found: Condition) -> str:
    return NONE if found.value is None else f"{found.value:.2f} ({found.low:.2f} … {found.high:.2f})"


def _net(balance: Balance) -> Decimal:
    return balance.net


def _roi(balance: Balance) -> Decimal | None:
    return balance.roi


def _lifts(weeks: Sequence[Period], months: Sequence[Period]) -> str:
    """Draws the lift of each month and week, with its range, on one chart."""
    axes = drawing.blank()
    known = [(period.begins, period.compared) for period in (*months, *weeks) if period.compared.known]
    for place, (_, compared) in enumerate(known):
        is_week = place >= sum(period.compared.known for period in months)
        colour = drawing.AMBER if is_week else drawing.BLUE
        low, high = 100 * (compared.low or 0.0), 100 * (compared.high or 0.0)
        axes.vlines([place], low, high, color=colour, linewidth=2, alpha=0.5)
        axes.scatter([place], [100 * (compared.lift or 0.0)], 24.0, color=colour, linewidths=0)
    axes.axhline(0.0, color=drawing.SOFT, linewidth=1)
    axes.set_xticks(range(len(known)), [name[2:] for name, _ in known], rotation=60, fontsize=7)
    return drawing.svg(axes)


def table(rows: Rows) -> str:
    """Returns a table; the first row is its head."""
    head, *body = ["".join(f"<{cell}>{escape(text)}</{cell}>" for text in row) for cell, row in _cells(rows)]
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(f"<tr>{row}</tr>" for row in body)}</table></div>'


def _cells(rows: Rows) -> list[tuple[str, Sequence[str]]]:
    return [("td" if number else "th", row) for number, row in enumerate(rows)]


def paragraph(text: str) -> str:
    """Returns a paragraph of text."""
    return f"<p>{escape(text)}</p>"


def whole(number: float | None) -> str:
    """`1,234`"""
    return NONE if number is None else f"{number:,.0f}"


def one(number: float | Decimal | None) -> str:
    """`3.4`"""
    return NONE if number is None else f"{number:,.1f}"


def amount(money: Decimal | None) -> str:
    """`1,234,567`: to the unit; the cents are in report.json."""
    return NONE if money is None else f"{money:,.0f}"


def percent(share: float | Decimal | None) -> str:
    """`45 %`"""
    return NONE if share is None else f"{100 * share:,.0f}\N{NO-BREAK SPACE}%"


def of(share: float | None, n: int) -> str:
    """`45 % of 120`"""
    return NONE if share is None else f"{percent(share)} ({n:,})"


def pooled(parts: Sequence[tuple[float | None, int]]) -> str:
    """Returns the share of all groups together."""
    n = sum(count for _, count in parts)
    return of(sum((share or 0.0) * count for share, count in parts) / n if n else None, n)


def lift(compared: Compared) -> str:
    """`+8.1 (2.0 … 14.0)`"""
    if compared.lift is None or compared.low is None or compared.high is None:
        return NONE
    return f"{100 * compared.lift:+.1f} ({100 * compared.low:.1f} … {100 * compared.high:.1f})"
