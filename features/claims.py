"""What an adviser is told of a topic: sentences about exact facts, each in English and in Chinese.

A claim says why a customer seems likelier to leave (`raises`), or less likely, and returns None where the facts do not
say that. It explains some features of its topic: those that move the same way whenever it can be said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from features.aggregates import Signal
from features.facts import Fact, Facts, signal_of
from features.regularity import WINDOWS
from features.signals import (
    ACTIVITY,
    CAMPAIGNS,
    COMPLAINTS,
    CSAT,
    NPS,
    PRICED,
    PURCHASES,
    RESOLVED,
    RETAINED,
    REVIEWS,
    SPEND,
    VISITS,
    WAITED,
    WAITS,
    naming,
)
from schemas.columns import APP_ACTIVITY, CAUSES, KINDS

HALF_A_MINUTE = 0.5
# not of the locale: a message has the same bytes on every host
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WINDOWS_DAYS = {28: ("four weeks", "四周"), 91: ("thirteen weeks", "十三周"), 364: ("fifty-two weeks", "五十二周")}
FEW_GAPS = 3  # of the newest gaps, compared with all that are kept
RECENT_DAYS = 180  # a rating or a named cause that is older says little of today
UNHAPPY_NPS, HAPPY_NPS = 6, 9  # detractors and promoters (Reichheld 2003)
UNHAPPY_CSAT, HAPPY_CSAT = 60, 80

Nouns = tuple[str, str, str]
VISIT: Nouns = ("visit", "visits", "到店")  # of customers who buy in the app too
NOUNS: dict[str, Nouns] = {  # of an event: after 'last', and in plural. No 'use' of the app: the company acts there too
    "service_visit": ("visit or purchase", "visits or purchases", "到店或购买"),
    "app_activity": ("app activity", "app activity", "App 动态"),
    "survey": ("survey", "surveys", "填写问卷"),
}
CURRENCIES_ZH = {"CNY": "元", "USD": "美元", "EUR": "欧元", "GBP": "英镑", "JPY": "日元", "HKD": "港元"}
CAUSES_SAID = {
    "distance": ("distance", "距离远"),
    "price": ("price", "价格"),
    "service": ("service", "服务"),
    "product": ("the product", "产品"),
    "vehicle_sold": ("the sale of the vehicle", "车已卖掉"),
    "other": ("another cause", "其他原因"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and the facts that it states."""

    sentence: str
    sentence_zh: str
    facts: tuple[Fact, ...]


Claim = Callable[[Facts, bool], Said | None]


def rhythm(signal: Signal, facts: Facts, raises: bool) -> Said | None:
    """The silence since the newest event against the customer's usual gap."""
    one, days, ago = signal_of(facts.view.layout, signal), facts.days(signal), facts.days_ago(signal)
    if one is None or ago is None or len(days) < FEW_GAPS:
        return None
    gap = facts.usual_gap(signal, days)
    if (ago > gap["value"]) != raises:
        return None
    last = facts.last_at(signal)
    noun, _, noun_zh = _nouns(one, facts)
    said, usual = _day(last["day"]), _number(gap["value"])
    if raises:
        sentence = f"No {noun} for {_days(ago)}, since {said[0]}; the usual gap is {_days(gap['value'])}"
        sentence_zh = f"自{said[1]}以来已有 {ago} 天没有{_spaced(noun_zh)}，平时间隔 {usual} 天"
    else:
        since, since_zh = _ago(ago)
        sentence = f"Last {noun} on {said[0]}, {since}; the usual gap is {_days(gap['value'])}"
        sentence_zh = f"{_last_zh(noun_zh)}是在{said[1]}（{since_zh}），平时间隔 {usual} 天"
    return Said(sentence, sentence_zh, (last, facts.days_since(signal), gap))


def longest(signal: Signal, facts: Facts, raises: bool) -> Said | None:
    """The silence since the newest event against the longest of the newest gaps."""
    one, days, ago = signal_of(facts.view.layout, signal), facts.days(signal), facts.days_ago(signal)
    if one is None or ago is None or len(days) <= FEW_GAPS:
        return None
    gap = facts.longest_gap(signal, days)
    if (ago > gap["value"]) != raises:
        return None
    last, (many, many_zh) = facts.last_at(signal), _TIMES[gap["last"]]
    noun, nouns, noun_zh = _nouns(one, facts)
    (day, day_zh), most, (since, since_zh) = _day(last["day"]), _number(gap["value"]), _ago(ago)
    if raises:
        sentence = f"No {noun} for {_days(ago)}, since {day}; at most {_days(gap['value'])} between the last {many}"
        sentence_zh = f"自{day_zh}以来已有 {ago} 天没有{_spaced(noun_zh)}，此前{many_zh}次间隔最长 {most} 天"
    else:
        sentence = f"Last {noun} on {day}, {since}; up to {_days(gap['value'])} passed between {nouns} before"
        sentence_zh = f"{_last_zh(noun_zh)}是在{day_zh}（{since_zh}），此前间隔最长 {most} 天"
    return Said(sentence, sentence_zh, (last, facts.days_since(signal), gap))


def last_time(signal: Signal, said: tuple[str, str] | None, least_days: int, facts: Facts, raises: bool) -> Said | None:
    """When the newest event was. said: its name, None: that of its kind; least_days: as many or more raise the risk,
    fewer lower it; 0: either does.
    """
    ago = facts.days_ago(signal) if signal_of(facts.view.layout, signal) else None
    if ago is None or (least_days and (ago >= least_days) != raises):
        return None
    last = facts.last_at(signal)
    (day, day_zh), (since, since_zh) = _day(last["day"]), _ago(ago)
    noun, noun_zh = said or _nouns(signal, facts)[::2]
    sentence_zh = f"{_last_zh(noun_zh)}是在{day_zh}（{since_zh}）"
    return Said(f"Last {noun} on {day}, {since}", sentence_zh, (last, facts.days_since(signal)))


def pace(signal: Signal, facts: Facts, raises: bool) -> Said | None:
    """The days with an event in a window that ends today, against the window before."""
    one, days = signal_of(facts.view.layout, signal), facts.days(signal)
    if one is None or not days:
        return None
    for window, (span, span_zh) in WINDOWS_DAYS.items():
        first = facts.today + 1 - window
        now, before = (sum(start <= day < start + window for day in days) for start in (first, first - window))
        if days[-1] > first - window or now + before < FEW_GAPS or now == before or (now < before) != raises:
            continue
        counts = [facts.active_days(signal, days, start, start + window) for start in (first, first - window)]
        _, nouns, noun_zh = _nouns(one, facts)
        day, day_zh = _day(counts[0]["from_day"])
        some, some_zh = (_count(now, "day"), f"有 {now} 天") if now else ("No day", "没有")
        many, many_zh = (str(before), f"有 {before} 天") if before else ("none", "一天也没有")
        sentence = f"{some} with {nouns} since {day}, {many} in the {span} before"
        has_zh = "有" if now and one.kind == APP_ACTIVITY else ""  # the other nouns are verbs in Chinese
        sentence_zh = f"自{day_zh}起{some_zh}{has_zh}{_spaced(noun_zh)}，此前{span_zh}{many_zh}"
        return Said(sentence, sentence_zh, tuple(counts))
    return None


def gaps(signal: Signal, facts: Facts, raises: bool) -> Said | None:
    """The newest gaps between days with an event, against more of them."""
    one, days = signal_of(facts.view.layout, signal), facts.days(signal)
    if one is None or len(days) < 2 * FEW_GAPS:
        return None
    lately, usual = facts.usual_gap(signal, days[: FEW_GAPS + 1]), facts.usual_gap(signal, days)
    if lately["value"] == usual["value"] or (lately["value"] > usual["value"]) != raises:
        return None
    _, nouns, noun_zh = _nouns(one, facts)
    short, long = _number(lately["value"]), _number(usual["value"])
    (few, few_zh), (many, many_zh) = _TIMES[lately["last"]], _TIMES[usual["last"]]
    sentence = f"{_days(lately['value'])} between {nouns} the last {few} times, {long} the last {many}"
    sentence_zh = f"最近{few_zh}次{_spaced(noun_zh)}的间隔为 {short} 天，最近{many_zh}次为 {long} 天"
    return Said(sentence, sentence_zh, (lately, usual))


def in_all(signal: Signal, facts: Facts, raises: bool) -> Said | None:
    """How many events there were in all."""
    one = signal_of(facts.view.layout, signal)
    if one is None or one.weight is not None or not facts.total(signal):
        return None
    counted = facts.count(signal)
    noun, nouns, noun_zh = _nouns(one, facts)
    day, day_zh = _day(counted["from_day"])
    sentence = f"{_count(counted['value'], noun, nouns)} since {day}"
    return Said(sentence, f"自{day_zh}以来共{noun_zh} {counted['value']} 次", (counted,))


def last_amount(facts: Facts, raises: bool) -> Said | None:
    """The newest amount against the mean of all."""
    if not _is_priced(facts) or facts.total(PRICED) < FEW_GAPS:
        return None
    latest, mean = facts.latest(SPEND, "amount", facts.currency), facts.mean(SPEND, PRICED, "amount", facts.currency)
    amount, usual = _amount(latest["value"]), _amount(mean["value"])
    if amount == usual or (latest["value"] < mean["value"]) != raises:
        return None
    (day, day_zh), (since, since_zh) = _day(latest["day"]), _day(mean["from_day"])
    (_, at, at_zh), currency_zh = _spending(facts), _currency_zh(facts)
    sentence = f"Spent {amount} {facts.currency}{at} on {day}, the last time; {usual} a visit on average since {since}"
    sentence_zh = f"上次（{day_zh}）{at_zh}消费 {amount} {currency_zh}，自{since_zh}以来平均每次 {usual} {currency_zh}"
    return Said(sentence, sentence_zh, (latest, mean))


def one_amount(facts: Facts, raises: bool) -> Said | None:
    """The newest amount alone; nothing was spent at an amount of 0."""
    if not _is_priced(facts) or not facts.value(SPEND):
        return None
    latest = facts.latest(SPEND, "amount", facts.currency)
    amount, (day, day_zh) = _amount(latest["value"]), _day(latest["day"])
    _, at, at_zh = _spending(facts)
    sentence = f"Spent {amount} {facts.currency}{at} on {day}, the last time"
    return Said(sentence, f"上次（{day_zh}）{at_zh}消费 {amount} {_currency_zh(facts)}", (latest,))


def amounts(measure: Callable[[Facts], Fact], words: tuple[str, str], facts: Facts, raises: bool) -> Said | None:
    """One figure of all amounts. words: with the amount, the day of the first event, and where it was spent."""
    if not facts.total(SPEND):
        return None
    found = measure(facts)
    amount, (day, day_zh) = _amount(found["value"]), _day(found["from_day"])
    at_visits, _, at_zh = _spending(facts)
    said = words[0].format(f"{amount} {facts.currency}", day, at_visits)
    return Said(said, words[1].format(f"{amount} {_currency_zh(facts)}", day_zh, at_zh), (found,))


def last_spent(least_days: int, facts: Facts, raises: bool) -> Said | None:
    """When the customer last spent something, and how much: not after an amount of 0."""
    ago = facts.days_ago(SPEND)
    if ago is None or (ago >= least_days) != raises or not _is_priced(facts) or not facts.value(SPEND):
        return None
    latest = facts.latest(SPEND, "amount", facts.currency)
    amount, (day, day_zh) = _amount(latest["value"]), _day(latest["day"])
    _, at, at_zh = _spending(facts)
    sentence = f"Last spent{at} on {day}: {amount} {facts.currency}"
    return Said(sentence, f"最近一次{at_zh}消费在{day_zh}，金额 {amount} {_currency_zh(facts)}", (latest,))


def waited(facts: Facts, raises: bool) -> Said | None:
    """How long the customer waited the last time."""
    if facts.newest_us(WAITS) is None:
        return None
    latest = facts.latest(WAITS, "wait_minutes", "minutes")
    longer = latest["value"] - facts.recent_mean(WAITS, WAITED)
    if (longer < -HALF_A_MINUTE) if raises else (longer > HALF_A_MINUTE):
        return None
    day, day_zh = _day(latest["day"])
    minutes = _number(latest["value"])
    return Said(
        f"Waited {_count(latest['value'], 'minute')} on {day}, the last time known",
        f"最近一次有记录的等候在{day_zh}，等了 {minutes} 分钟",
        (latest,),
    )


def open_complaint(facts: Facts, raises: bool) -> Said | None:
    """Complaints that were not resolved."""
    ago, opened, resolved = facts.days_ago(COMPLAINTS), facts.total(COMPLAINTS), facts.total(RESOLVED)
    if not raises or ago is None or opened <= resolved:
        return None
    last = facts.last_at(COMPLAINTS)
    counted = facts.sum(COMPLAINTS, "count", "complaints"), facts.sum(RESOLVED, "count", "complaints")
    (day, day_zh), (since, since_zh) = _day(last["day"]), _day(counted[0]["from_day"])
    made, solved, (before, before_zh) = _number(opened), _number(resolved), _ago(ago)
    sentence = f"Complaints since {since}: {made} opened, {solved} resolved; the last on {day}, {before}"
    sentence_zh = f"自{since_zh}以来投诉 {made} 次，已解决 {solved} 次，最近一次是{day_zh}（{before_zh}）"
    return Said(sentence, sentence_zh, (last, facts.days_since(COMPLAINTS), *counted))


def rated(signal: Signal, unhappy: int, happy: int, words: tuple[str, str], facts: Facts, raises: bool) -> Said | None:
    """The newest rating of a kind of survey."""
    ago = facts.days_ago(signal)
    if ago is None or ago > RECENT_DAYS:
        return None
    score = facts.value(signal)
    if not (score <= unhappy if raises else score >= happy):
        return None
    latest = facts.latest(signal, "score", "points")
    day, day_zh = _day(latest["day"])
    said, said_zh = (text.format(_number(score)) for text in words)
    return Said(f"{said}, on {day}", f"{day_zh}{said_zh}", (latest,))


def named_cause(cause: str, facts: Facts, raises: bool) -> Said | None:
    """A cause that the customer named in a survey."""
    signal = naming(cause)
    ago = facts.days_ago(signal)
    if not raises or ago is None or ago > RECENT_DAYS:
        return None
    last, (said, said_zh) = facts.last_at(signal), CAUSES_SAID[cause]
    day, day_zh = _day(last["day"])
    return Said(f"Named {said} in a survey on {day}", f"{day_zh}在问卷中提到“{said_zh}”", (last,))


def pressed(facts: Facts, raises: bool) -> Said | None:
    """The market signal with the highest level, whether the model finds that it raises the risk or not."""
    if not facts.pressures:
        return None
    said = [facts.pressure(one) for one in facts.pressures]
    first, (day, day_zh) = said[0], _day(said[0]["day"])
    name, level = first["where"]["name"], _amount(first["value"])
    others, others_zh = (", and others", "，另有其他信号") if len(said) > 1 else ("", "")
    sentence = f"Pressure from outside since {day}: {name}, level {level}{others}"
    return Said(sentence, f"自{day_zh}起的外部压力：{name}，强度 {level}{others_zh}", (first,))


def _day(iso: str) -> tuple[str, str]:
    at = date.fromisoformat(iso)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}", f"{at.year}年{at.month}月{at.day}日"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def _amount(value: float) -> str:
    return f"{value:.2f}".removesuffix(".00")  # a sum of cents is seldom a whole float


def _nouns(one: Signal, facts: Facts) -> Nouns:
    """What events of a kind are called: of a customer who buys in the app too, a visit is not every purchase."""
    kind = KINDS[one.kind]
    return VISIT if kind == "service_visit" and _buys_in_app(facts) else NOUNS[kind]


def _spending(facts: Facts) -> Nouns:
    """Where known amounts were spent, several and one: said of a customer who buys in the app too."""
    return (" at visits", " at a visit", "到店") if _buys_in_app(facts) else ("", "", "")


def _buys_in_app(facts: Facts) -> bool:
    return facts.newest_us(PURCHASES) is not None


def _is_priced(facts: Facts) -> bool:
    """Whether the amount of the newest visit is known: else an older one is not the last."""
    return facts.newest_us(SPEND) is not None and facts.newest_us(SPEND) == facts.newest_us(VISITS)


def _currency_zh(facts: Facts) -> str:
    return CURRENCIES_ZH.get(facts.currency, facts.currency)


def _ago(days: int) -> tuple[str, str]:
    return (f"{_days(days)} ago", f"{days} 天前") if days else ("less than a day ago", "不到一天前")


def _spaced(text_zh: str) -> str:
    """A text that follows Chinese: Latin letters stand apart."""
    return f" {text_zh}" if text_zh[0].isascii() else text_zh


def _last_zh(noun_zh: str) -> str:
    return f"最近一次{_spaced(noun_zh)}"


def _count(value: float, noun: str, nouns: str = "") -> str:
    return f"{_number(value)} {noun if value == 1 else nouns or noun + 's'}"


_days = partial(_count, noun="day")
NPS_SAID = ("Likelihood of recommending us: {} of ten", "给出的推荐意愿为 {} 分（满分十分）")
CSAT_SAID = ("Satisfaction with us: {} of a hundred", "给出的满意度评分为 {} 分（满分一百分）")
_TIMES = {
    3: ("three", "三"),
    4: ("four", "四"),
    5: ("five", "五"),
    6: ("six", "六"),
    7: ("seven", "七"),
    8: ("eight", "八"),
}
VISIT_RHYTHM, VISIT_PACE, VISIT_GAPS, VISITS_IN_ALL = (partial(f, RETAINED) for f in (rhythm, pace, gaps, in_all))
VISIT_LONGEST = partial(longest, RETAINED)
LAST_VISIT = partial(last_time, VISITS, None)
APP_RHYTHM, APP_PACE = partial(rhythm, ACTIVITY), partial(pace, ACTIVITY)
LAST_APP = partial(last_time, ACTIVITY, None)
LAST_PURCHASE = partial(last_time, PURCHASES, ("purchase in the app", "在 App 下单"))
NPS_RATING = partial(rated, NPS, UNHAPPY_NPS, HAPPY_NPS, NPS_SAID)
CSAT_RATING = partial(rated, CSAT, UNHAPPY_CSAT, HAPPY_CSAT, CSAT_SAID)
ALL_AMOUNTS = partial(
    amounts, lambda f: f.sum(SPEND, "amount", f.currency), ("Has spent {0}{2} since {1}", "自{1}以来共{2}消费 {0}")
)
MEAN_AMOUNT = partial(
    amounts,
    lambda f: f.mean(SPEND, PRICED, "amount", f.currency),
    ("Spends {} a visit on average since {}", "自{1}以来平均每次{2}消费 {0}"),
)
GREATEST_AMOUNT = partial(
    amounts,
    lambda f: f.greatest(SPEND, "amount", f.currency),
    ("Spent at most {0} at once{2} since {1}", "自{1}以来单次最多{2}消费 {0}"),
)
SILENCE = (VISIT_RHYTHM, partial(LAST_VISIT, 0))

CLAIMS: dict[str, tuple[Claim, ...]] = {  # feature -> what can be said for it, the best first
    "retained_recency": SILENCE,
    "visit_recency": SILENCE,
    "silence_evidence_7d": SILENCE,
    "silence_evidence_30d": SILENCE,
    "silence_evidence_90d": SILENCE,
    "overdue": (VISIT_RHYTHM,),
    "overdue_deviations": (VISIT_RHYTHM,),
    "beyond_longest_gap": (VISIT_LONGEST, VISIT_RHYTHM),
    "retained_count": (VISITS_IN_ALL,),
    "visit_count": (VISITS_IN_ALL,),
    "retained_7d": (VISIT_PACE, VISIT_GAPS),
    "retained_28d": (VISIT_PACE, VISIT_GAPS),
    "retained_112d": (VISIT_PACE, VISIT_GAPS),
    "retained_trend": (VISIT_PACE, VISIT_GAPS),
    "rfm_b": (VISIT_PACE, VISIT_GAPS),
    "gap_mean": (VISIT_GAPS,),
    "gap_last": (VISIT_GAPS,),
    "gap_longest": (VISIT_GAPS,),
    **{f"retained_days_{n}d": (VISIT_PACE, VISIT_GAPS) for n in WINDOWS},
    "spend_total": (ALL_AMOUNTS,),
    "spend_28d": (partial(last_spent, 28), last_amount),
    "spend_112d": (partial(last_spent, 112), last_amount),
    "spend_mean": (MEAN_AMOUNT,),
    "spend_last": (last_amount, one_amount),
    "spend_greatest": (GREATEST_AMOUNT,),
    "wait_mean": (waited,),
    "activity_recency": (APP_RHYTHM, partial(LAST_APP, 0)),
    "activity_7d": (APP_PACE, APP_RHYTHM, partial(LAST_APP, 7)),
    "activity_28d": (APP_PACE, APP_RHYTHM, partial(LAST_APP, 28)),
    "activity_112d": (APP_PACE, APP_RHYTHM, partial(LAST_APP, 112)),
    "activity_trend": (APP_PACE, APP_RHYTHM),
    "browse_28d": (APP_PACE, APP_RHYTHM, partial(LAST_APP, 28)),
    "duration_28d": (APP_PACE, APP_RHYTHM, partial(LAST_APP, 28)),
    "purchase_28d": (partial(LAST_PURCHASE, 28),),
    "purchase_recency": (partial(LAST_PURCHASE, 0),),
    "campaign_recency": (partial(last_time, CAMPAIGNS, ("campaign joined", "参加活动"), 0),),
    "review_recency": (partial(last_time, REVIEWS, ("review posted", "发表评价"), 0),),
    "complaints_open": (open_complaint,),
    "complaint_age": (open_complaint,),
    "complaints_112d": (open_complaint,),
    "survey_level": (NPS_RATING, CSAT_RATING),
    "survey_last": (NPS_RATING, CSAT_RATING),
    "nps_last": (NPS_RATING,),
    **{f"cause_{cause}": (partial(named_cause, cause),) for cause in CAUSES},
    "market_pressure": (pressed,),
}


def say(facts: Facts, feature: str, raises: bool) -> Said | None:
    """Returns what an adviser is told of a feature that raises or lowers a customer's risk; None: nothing true fits."""
    said = (_said(claim, facts, raises) for claim in CLAIMS.get(feature, ()))
    return next((one for one in said if one is not None), None)


def _said(claim: Claim, facts: Facts, raises: bool) -> Said | None:
    """What a claim says of these facts, made once: features of a topic share claims."""
    if (claim, raises) not in facts.claimed:
        facts.claimed[claim, raises] = claim(facts, raises)
    said: Said | None = facts.claimed[claim, raises]
    return said
