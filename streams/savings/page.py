"""The report as pages that need nothing else: one A4 side, the week's and the month's. All figures are its own."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from importlib import resources

from streams.page import drawing, fill
from streams.profile.profile import Profile
from streams.savings.figures import NONE, amount, lift, of, one, paragraph, percent, pooled, table, two, whole
from streams.savings.money import Balance
from streams.savings.results import Measured, Report
from streams.savings.reviews import Period
from streams.savings.stages import Condition
from streams.savings.words import Words

UNBROKEN = "\N{NON-BREAKING HYPHEN}"  # keeps a date on one line
CONDITIONS = {"auc": "auc", "saved": "saved_share", "roi": "roi"}
STOPS = {"met": "kept_to", "not met": "below"}  # what a stop line says
BALANCE = ("saved", "benefit", "cost", "net", "roi")  # rows of the table of money
MOST_REMARKS = 3  # on one side of paper; all are in report.json and on the week's page
MOST_SIGNALS = 2


def render(report: Report, profile: Profile, words: Words) -> str:
    """Returns report.html."""
    pages = Boxes(report, profile, words)
    return pages.fill("title", [
        pages.verdict(), pages.figures(), pages.counted(), pages.money(), pages.customers(), pages.strategies(),
        pages.change(), pages.trust(), pages.decision(),
    ])  # fmt: skip


def render_week(report: Report, profile: Profile, words: Words) -> str:
    """Returns weekly.html: exceptions first, then the weeks and the same boxes."""
    pages = Boxes(report, profile, words)
    return pages.fill("weekly", [
        pages.exceptions(), pages.weeks(), pages.verdict(), pages.figures(), pages.counted(), pages.money(),
        pages.customers(), pages.strategies(), pages.change(), pages.trust(), pages.decision(),
    ])  # fmt: skip


def render_month(report: Report, profile: Profile, words: Words) -> str:
    """Returns monthly.html: the chart, the three families of measures, and groups."""
    pages = Boxes(report, profile, words)
    return pages.fill("monthly", [pages.verdict(), pages.chart(), pages.families(), pages.groups(), pages.decision()])


class Boxes:
    """The boxes of one report in one language; each returns HTML, without styles of its own."""

    def __init__(self, report: Report, profile: Profile, words: Words) -> None:
        self.report, self.profile, self.words = report, profile, words

    def fill(self, title: str, boxes: Sequence[str]) -> str:
        """Returns a page that needs nothing else."""
        template = (resources.files("streams.savings") / "page.html").read_text("utf-8")
        return fill(
            template,
            lang=self.words.lang,
            title=escape(self.words(title)),
            until=escape(self.until()),
            boxes="".join(boxes),
        )

    def until(self) -> str:
        """Returns what the report is about, as text."""
        said = self.report
        return self.words(
            "until",
            at=said.at[:10],
            policy=said.policy_version,
            closed=f"{said.closed_cases:,}",
            open=f"{said.open_cases:,}",
        )

    def verdict(self) -> str:
        counted, said = self.report.counted, self.words
        if counted.saved is None or counted.low is None or counted.high is None:
            return self.box("verdict", [f'<p class="verdict">{escape(said("nothing"))}</p>'], wide=True)
        sums, key = (counted.saved, counted.low, counted.high), "kept" if counted.low > 0 else "not_shown"
        if counted.high < 0:
            sums, key = (-counted.saved, -counted.high, -counted.low), "fewer"
        saved, low, high = map(whole, sums)
        sentence = said(key, saved=saved, low=low, high=high, cases=f"{counted.cases:,}")
        lines = [f'<p class="verdict">{escape(sentence)}</p>', paragraph(self._asked())]
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
        rows.append([said("payback"), *self._payback(measured), one(plan.payback_months) if plan else NONE])
        return self.box("figures", [table(rows)])

    def counted(self) -> str:
        counted, said = self.report.counted, self.words
        if counted.saved is None or counted.low is None or counted.high is None:
            return self.box("counted", [paragraph(said("nothing"))])
        key = "parts" if counted.low > 0 else "fewer_parts" if counted.high < 0 else "no_parts"
        saved, anyway, low, high = map(whole, (counted.saved, counted.anyway, counted.low, counted.high))
        sentence = said(key, counted=f"{counted.counted:,}", anyway=anyway, saved=saved, low=low, high=high)
        share = 100.0 * min(counted.saved / counted.counted, 1.0) if key == "parts" and counted.counted else 0.0
        shape = '<rect class="{}" x="{:.1f}" width="{:.1f}" height="1"/>'
        parts = shape.format("anyway", 0.0, 100.0 - share) + shape.format("saved", 100.0 - share, share)
        bar = f'<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">{parts}</svg>'
        return self.box("counted", [bar, paragraph(sentence)])

    def money(self) -> str:
        sheet, measured, said = self.report.sheet, self.report.measured, self.words
        columns = [_cells_of(sheet.printed if sheet else None), _cells_of(sheet.corrected if sheet else None)]
        columns.append(_measured_cells(measured))
        rows = [["", said("printed"), said("corrected"), f"{said('measured')} ({said('range')})"]]
        rows += [[said(name), *cells] for name, cells in zip(BALANCE, zip(*columns, strict=True), strict=True)]
        lines = [table(rows), *map(paragraph, self._sheet())]
        if measured:
            key = "holdout_price" if (self.report.counted.low or 0.0) > 0 else "no_price"
            lines.append(paragraph(said(key, price=amount(measured.holdout_price))))
        return self.box("money", lines, currency=self.report.currency)

    def customers(self) -> str:
        said, goals = self.words, self.profile.goals
        head = [said("group"), said("cases"), said("left"), said("again", goal=percent(goals.bought_again)),
                said("stayed", goal=percent(goals.stayed))]  # fmt: skip
        rows = [
            [said.name(group.name), f"{group.cases:,}", percent(group.left),
             of(group.bought_again, group.bought_again_of), of(group.stayed, group.stayed_of)]
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
        elif found.counted.saved is not None and found.counted.saved <= 0 <= (found.counted.high or 0.0):
            lines.append(said("no_more"))
        if found.measured is not None and found.break_even_lift is not None:
            points, cost = one(100 * found.break_even_lift), amount(found.measured.value.cost)
            key = "break_even" if found.break_even_lift <= 1.0 else "never_even"
            lines.append(said(key, points=points, cases=f"{found.counted.cases:,}", cost=cost))
        names = ", ".join(map(said.name, found.do_not_disturb))
        lines.append(said("disturb", names=names) if names else said("no_disturb"))
        return self.box("change", list(map(paragraph, [*lines, *self._pressed()])))

    def trust(self) -> str:
        said, found = self.words, self.report
        version = NONE if found.model_version is None else found.model_version
        lines = [self._split(), self._leaks(), self._precision(), said("model", version=version)]
        return self.box("trust", [*map(paragraph, [*lines, *self._remarks()[:MOST_REMARKS]]), self._stage()])

    def decision(self) -> str:
        said = self.words
        fields = [f"{said('decision')}: {self._asked()}", f"{said('owner')}:", f"{said('date')}: {self.report.at[:10]}"]
        lines = f'<div class="sign">{"".join(f"<span>{escape(field)}</span>" for field in fields)}</div>'
        return self.box("decision", [lines], wide=True)

    def exceptions(self) -> str:
        said, found = self.words, self.report
        tired = ", ".join(said.name(s.compared.name) for s in found.strategies if s.tired)
        lines = [
            *([self._split()] if found.split.wrong else []),
            *([said("stopped", names=self._stopped())] if found.stage.stopped else []),
            *([said("tired_now", names=tired)] if tired else []),
            *([self._leaks()] if found.leaks.ids else []),
            *([self._precision()] if found.precision.alert else []),
            *self._remarks(),
        ]
        body = [f'<p class="bad">{escape(line)}</p>' for line in lines] or [paragraph(said("no_exceptions"))]
        return self.box("exceptions", body, wide=True)

    def weeks(self) -> str:
        return self.box("weeks", [self._periods(self.report.weeks, "week"), self._signals()], wide=True)

    def chart(self) -> str:
        drawn = _lifts(self.report.weeks, self.report.months)
        return self.box("chart", [drawn, paragraph(self.words("legend"))], wide=True)

    def families(self) -> str:
        said, found, goals = self.words, self.report, self.profile.goals
        again, stayed = (
            [(getattr(g, name), getattr(g, f"{name}_of")) for g in found.groups] for name in ("bought_again", "stayed")
        )
        saved, regained, avoided = self._ranges()
        unknown = said("unknown")
        rows = {
            "family_customers": [
                (said("churn"), percent(found.weighted_churn)), (said("saved"), saved),
                (said("again", goal=percent(goals.bought_again)), pooled(again)),
                (said("stayed", goal=percent(goals.stayed)), pooled(stayed)), ("NPS", unknown), ("CSAT", unknown),
            ],
            "family_business": [
                (said("regained"), regained), (said("basket"), unknown),
                (said("ltv"), unknown), (said("avoided"), avoided),
            ],
            "family_operations": [
                (said("reach", goal=percent(goals.reached)), percent(found.reached)),
                (said("response", goal=percent(goals.responded)), percent(found.responded)),
                (said("days_change"), unknown),
            ],
        }  # fmt: skip
        body = [table([[said(name), ""], *measures]) for name, measures in rows.items()]
        return self.box("families", body)

    def groups(self) -> str:
        said, found = self.words, self.report
        rows = [
            [said.name(group.name), f"{group.cases:,}", f"{group.held:,}", lift(group)]
            for group in (*found.by_tier, *found.by_segment, *found.by_cause)
        ]
        head = ["", said("cases"), said("held"), said("lift")]
        return self.box("by_tier", [table([head, *rows]), self._signals()])

    def box(self, title: str, lines: Sequence[str], *, wide: bool = False, **parts: str) -> str:
        kind = "card all" if wide else "card"
        return f'<div class="{kind}"><h2>{escape(self.words(title, **parts))}</h2>{"".join(lines)}</div>'

    def _signals(self) -> str:
        """Returns the table of what was measured under each market signal, beside all others; nothing without one."""
        said, rows = self.words, list[list[str]]()
        for found in self.report.signals:
            names = said("pressed", n=found.weeks, name=found.name), said("others")
            for name, period in zip(names, (found.under, found.others), strict=True):
                rows.append([name, *_measures(period)])
        head = ["", said("opened"), said("cases"), said("held"), said("lift")]
        return table([head, *rows]) if rows else ""

    def _pressed(self) -> list[str]:
        """Returns a line of each market signal with the most cases, as many as a side of paper has room for."""
        most = sorted(self.report.signals, key=lambda found: (-found.under.compared.cases, found.name))[:MOST_SIGNALS]
        return [
            self.words(
                "pressed_lift", n=found.weeks, name=found.name, cases=f"{found.under.compared.cases:,}",
                under=lift(found.under.compared), others=lift(found.others.compared),
            )
            for found in most
        ]  # fmt: skip

    def _asked(self) -> str:
        counted, said = self.report.counted, self.words
        if self.report.stage.stopped:
            return said("decide_line", names=self._stopped())
        if counted.low is None or counted.high is None:
            return said("decide_wait")
        return said("decide_stop" if counted.high < 0 else "decide_go" if counted.low > 0 else "decide_wait")

    def _sheet(self) -> list[str]:
        """Returns what the published plan gets wrong, and what it leaves out."""
        sheet, said = self.report.sheet, self.words
        if sheet is None:
            return [said("no_sheet")]
        lines = [
            said("correction", tier=said.name(tier), printed=amount(printed), right=amount(right))
            for tier, printed, right in sheet.corrections
        ]
        roi, payback, points = percent(sheet.whole.roi), one(sheet.whole.payback_months), one(sheet.break_even_points)
        customers = f"{sheet.break_even:,.0f}"
        return [*lines, said("with_all", roi=roi, payback=payback, customers=customers, points=points)]

    def _split(self) -> str:
        split, said = self.report.split, self.words
        verdict, expected = said("wrong" if split.wrong else "fits"), f"{split.expected:,.1f}"
        return said("split", held=f"{split.held:,}", n=f"{split.customers:,}", expected=expected, verdict=verdict)

    def _leaks(self) -> str:
        leaks, said, fixed = self.report.leaks, self.words, ""
        if leaks.correction is not None and leaks.correction.value is not None:
            fixed = said("leak_corrected", points=one(100 * leaks.correction.value))
        return said("leaks", n=f"{len(leaks.ids):,}", corrected=fixed)

    def _precision(self) -> str:
        found, said = self.report.precision, self.words
        warned = said("precision", share=percent(found.share), n=f"{found.cases:,}", goal=percent(found.goal))
        return f"{warned}; {said('precision_alert', how=self._threshold())}" if found.alert else warned

    def _remarks(self) -> list[str]:
        return [self.words(remark.key, **remark.parts) for remark in self.report.remarks]

    def _stopped(self) -> str:
        return ", ".join(self.words(CONDITIONS[name]) for name in self.report.stage.stopped)

    def _payback(self, found: Measured) -> list[str]:
        if not found.pays_back:
            return [self.words("not_paid"), NONE]
        return [one(found.value.payback_months), f"{one(found.high.payback_months)} … {one(found.low.payback_months)}"]

    def _ranges(self) -> list[str]:
        """Returns saved customers, revenue regained and acquisition cost avoided, each with its range."""
        measured = self.report.measured
        if measured is None:
            return [NONE] * 3
        ends, each = (
            (measured.value, measured.low, measured.high),
            Decimal(repr(self.profile.economics.acquisition_cost)),
        )
        rows = [[end.saved for end in ends], [end.benefit for end in ends], [end.saved * each for end in ends]]
        return [f"{amount(value)} ({amount(low)} … {amount(high)})" for value, low, high in rows]

    def _threshold(self) -> str:
        found, said = self.report.precision, self.words
        if found.threshold is None:
            return said("no_threshold")
        return said("threshold", threshold=f"{found.threshold:.2f}", recall=percent(found.recall))

    def _stage(self) -> str:
        said, stage = self.words, self.report.stage
        rows = [
            [said("stage", name=said.name(stage.name)), said("least"), said("now"), ""],
            *map(self._condition, stage.conditions),
        ]
        how = said("goes_on", how=stage.goes_on) if stage.goes_on else said("stays")
        return table(rows) + paragraph(how)

    def _condition(self, found: Condition) -> list[str]:
        said, shown = self.words, two if found.name == "auc" else percent
        name, verdict = said(CONDITIONS[found.name]), said(found.verdict)
        if found.stop:
            name, verdict = said("stop_line", name=name), said(STOPS.get(found.verdict, found.verdict))
        now = NONE if found.value is None else f"{shown(found.value)} ({shown(found.low)} … {shown(found.high)})"
        return [name, shown(found.goal), now, verdict]

    def _periods(self, periods: Sequence[Period], name: str) -> str:
        said = self.words
        head = [said(name), said("opened"), said("cases"), said("held"), said("lift"), ""]
        rows = [
            [period.begins.replace("-", UNBROKEN), *_measures(period), said("restated") if period.restated else ""]
            for period in periods
        ]
        return table([head, *rows])


def _measures(period: Period) -> list[str]:
    compared = period.compared
    return [f"{period.opened:,}", f"{compared.cases:,}", f"{compared.held:,}", lift(compared)]


def _cells_of(found: Balance | None) -> list[str]:
    """Returns a column of sums, in the order of BALANCE."""
    if found is None:
        return [NONE] * len(BALANCE)
    sums = amount(found.benefit), amount(found.cost), amount(found.net)
    return [whole(float(found.saved)), *sums, percent(found.roi)]


def _measured_cells(found: Measured | None) -> list[str]:
    """Returns the column of what was measured, each sum with its range, in the order of BALANCE. The cost is known."""
    if found is None:
        return [NONE] * len(BALANCE)
    value, low, high = map(_cells_of, (found.value, found.low, found.high))
    columns = zip(value, low, high, strict=True)
    return [at if at_low == at_high else f"{at} ({at_low} … {at_high})" for at, at_low, at_high in columns]


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
    axes.set_xticks(range(len(known)), [name[2:] for name, _ in known], rotation=60, fontsize=8)
    return drawing.svg(axes)
