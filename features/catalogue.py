"""Every feature, one entry each. To add a feature, add an entry: state, scoring, reports and schemas follow.

`log` scale: the model sees log(1 + value); `linear`: value / size. Both stay within -32 and 32, the estimator's limit.
A missing rule says what stands where nothing is known, so that no feature is ever undefined. The sentence is what an
adviser reads, in English and in Chinese; {value} is the value in its unit.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.aggregates import RETENTION, Aggregate, Decayed, First, Greatest, Last, Latest, Layout, Signal, Total
from features.feature import KNOWN, Feature, decayed, mean, since, total, trend
from features.portable_math import Array, in_cache, log
from features.view import View, ratio
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CAUSES, OTHER_ACTIVITY, SERVICE_VISIT, SURVEY, SURVEY_TYPES

Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]


def activity(*types: str) -> Signal:
    """App activity of these types."""
    return Signal(APP_ACTIVITY, "count", tuple(ACTIVITY_TYPES.index(t) for t in types))


RETAINED = Signal(RETENTION)
VISITS = Signal(SERVICE_VISIT)
SPEND = Signal(SERVICE_VISIT, "amount")
PRICED = Signal(SERVICE_VISIT, having="amount")
ITEMS = Signal(SERVICE_VISIT, "items")
WAITS = Signal(SERVICE_VISIT, "wait_minutes")
WAITED = Signal(SERVICE_VISIT, having="wait_minutes")
ACTIVITY = Signal(APP_ACTIVITY, "count")
OTHER = Signal(APP_ACTIVITY, "count", (OTHER_ACTIVITY,))
DURATION = Signal(APP_ACTIVITY, "duration_seconds")
COMPLAINTS = activity("complaint_opened")
RESOLVED = activity("complaint_resolved")
SURVEYS = Signal(SURVEY)
LEVEL = Signal(SURVEY, "level")
NPS = Signal(SURVEY, "score", (SURVEY_TYPES.index("nps"),))
SEASON, SEASON_ZH = "The time of the year plays a part", "每年这个时候，客户来店会受季节影响"
CAUSES_ZH = {
    "distance": "距离远",
    "price": "价格",
    "service": "服务",
    "product": "产品",
    "vehicle_sold": "车已卖掉",
    "other": "其他原因",
}
MIDDLE_RANK = 50.0
NEUTRAL_LEVEL = 60.0  # of 100: what stands where nobody was asked


def silence(pseudo_days: int) -> Feature:
    """Evidence of the customer's own rhythm against 'still here'; see View.silence_evidence."""
    count = Total(RETAINED)
    return Feature(
        f"silence_evidence_{pseudo_days}d",
        "log odds",
        "recency",
        "log",
        (count, First(RETAINED), Last(RETAINED)),
        lambda v: v.silence_evidence(v.get(count), RETAINED, pseudo_days),
        "0",
        "Silent for longer than this customer's own rhythm explains (evidence {value:.1f})",
        "没有互动的时间已超出该客户平时的规律（程度 {value:.1f}）",
        basis=Last(RETAINED),
        worse=1,
    )


def gap_days(v: View) -> Array:
    """Mean days between retention events; the tenure where there are fewer than two."""
    return ratio(v.days_between(RETAINED), v.get(Total(RETAINED)) - 1.0, v.tenure_days)


def overdue(v: View) -> Array:
    """Days since the last retention event over the customer's own mean gap (a week is added to both)."""
    return (v.days_since(RETAINED) + 7.0) / (gap_days(v) + 7.0)


def complaints_open(v: View) -> Array:
    """Complaints opened less those resolved."""
    return np.maximum(v.get(Total(COMPLAINTS)) - v.get(Total(RESOLVED)), 0.0)


def complaint_age_days(v: View) -> Array:
    """Days since the last complaint was opened, 0 unless one is open."""
    return np.where(complaints_open(v) > 0, v.days_since(COMPLAINTS), 0.0)


def survey_level(v: View) -> Array:
    """Mean survey level, recent ones first."""
    return ratio(v.get(Decayed(LEVEL, 112)), v.get(Decayed(SURVEYS, 112)), NEUTRAL_LEVEL)


def survey_last(v: View) -> Array:
    """Level of the last survey."""
    return np.where(v.get(Last(LEVEL)) > -np.inf, v.get(Latest(LEVEL)), NEUTRAL_LEVEL)


def survey_trend(v: View) -> Array:
    """Level of the last survey less the customer's mean of all."""
    return survey_last(v) - ratio(v.get(Total(LEVEL)), v.get(Total(SURVEYS)), NEUTRAL_LEVEL)


def named(cause: str) -> Feature:
    """How often surveys named a cause, recent ones first."""
    signal = Signal(SURVEY, cause=CAUSES.index(cause))
    what, what_zh = f"surveys that name '{cause.replace('_', ' ')}'", f"在问卷中提到“{CAUSES_ZH[cause]}” 次"
    return decayed(f"cause_{cause}", "surveys", "cause", signal, 112, what, what_zh, worse=1)


FEATURES: tuple[Feature, ...] = (
    # How long since, and how that compares with the customer's own rhythm
    since(
        "retained_recency",
        "recency",
        RETAINED,
        "No purchase or visit for {value:.0f} days",
        "已有 {value:.0f} 天没有到店或购买",
    ),
    since("visit_recency", "recency", VISITS, "Last came in {value:.0f} days ago", "上次到店是 {value:.0f} 天前"),
    since("silence", "recency", KNOWN, "Nothing heard for {value:.0f} days", "已有 {value:.0f} 天没有任何互动"),
    silence(7),
    silence(30),
    silence(90),
    Feature(
        "overdue",
        "ratio",
        "recency",
        "log",
        (First(RETAINED), Last(RETAINED), Total(RETAINED), First(KNOWN)),
        overdue,
        "1",
        "{value:.1f} times the customer's own usual gap has passed",
        "距上次到店或购买，已是该客户平时间隔的 {value:.1f} 倍",
        basis=Last(RETAINED),
        worse=1,
    ),
    # How often
    Feature(
        "tenure",
        "days",
        "frequency",
        "log",
        (First(KNOWN),),
        lambda v: v.tenure_days,
        "0",
        "A customer for {value:.0f} days",
        "成为我们的客户已有 {value:.0f} 天",
    ),
    Feature(
        "gap_mean",
        "days",
        "frequency",
        "log",
        (First(RETAINED), Last(RETAINED), Total(RETAINED), First(KNOWN)),
        gap_days,
        "days since the first event of any kind",
        "Usually comes every {value:.0f} days",
        "平时大约每 {value:.0f} 天来一次",
        basis=Last(RETAINED),
    ),
    Feature(
        "rfm_b",
        "points of 100",
        "frequency",
        "linear",
        (),
        lambda v: np.full(len(v.at_us), MIDDLE_RANK),
        "50: needs the whole population, so the scorer puts it in (features.population)",
        "Stands at {value:.0f} of 100 among all customers by recency, frequency, money and behaviour",
        "按最近一次到店、频率、消费和行为综合排名，在全部客户中得 {value:.0f} 分（满分 100）",
        25.0,
        worse=-1,
    ),
    total(
        "retained_count",
        "events",
        "frequency",
        RETAINED,
        "Visits or purchases in all: {value:.0f}",
        "累计到店或购买 {value:.0f} 次",
    ),
    decayed("retained_7d", "events", "frequency", RETAINED, 7, "visits or purchases", "到店或购买 次"),
    decayed("retained_28d", "events", "frequency", RETAINED, 28, "visits or purchases", "到店或购买 次"),
    decayed("retained_112d", "events", "frequency", RETAINED, 112, "visits or purchases", "到店或购买 次"),
    trend(
        "retained_trend",
        "frequency",
        RETAINED,
        "Comes at {value:.1f} times the pace of the last months",
        "最近的到店频率是前几个月的 {value:.1f} 倍",
    ),
    total("visit_count", "visits", "frequency", VISITS, "Visits in all: {value:.0f}", "累计到店 {value:.0f} 次"),
    # What was spent, and what it was like
    total("spend_total", "currency", "spend", SPEND, "Has spent {value:.0f} in all", "累计消费 {value:.0f}"),
    decayed("spend_28d", "currency", "spend", SPEND, 28, "spending", "消费"),
    decayed("spend_112d", "currency", "spend", SPEND, 112, "spending", "消费"),
    mean(
        "spend_mean",
        "currency",
        "spend",
        Total(SPEND),
        Total(PRICED),
        0.0,
        "Spends {value:.0f} a visit",
        "平均每次消费 {value:.0f}",
        -1,
    ),
    Feature(
        "spend_last",
        "currency",
        "spend",
        "log",
        (Latest(SPEND), Last(SPEND)),
        lambda v: v.get(Latest(SPEND)),
        "0",
        "Spent {value:.0f} the last time",
        "上次消费 {value:.0f}",
        basis=Last(SPEND),
        worse=-1,
    ),
    Feature(
        "spend_greatest",
        "currency",
        "spend",
        "log",
        (Greatest(SPEND), Last(SPEND)),
        lambda v: v.get(Greatest(SPEND)),
        "0",
        "Spent up to {value:.0f} at once",
        "单次最高消费 {value:.0f}",
        basis=Last(SPEND),
        worse=-1,
    ),
    decayed("items_112d", "items", "spend", ITEMS, 112, "items bought", "购买商品 件"),
    mean(
        "wait_mean",
        "minutes",
        "service",
        Decayed(WAITS, 112),
        Decayed(WAITED, 112),
        0.0,
        "Waited {value:.0f} minutes on recent visits",
        "最近到店平均等候 {value:.0f} 分钟",
        1,
    ),
    # The app
    since(
        "activity_recency",
        "activity",
        ACTIVITY,
        "Has not used the app for {value:.0f} days",
        "已有 {value:.0f} 天没有使用 App",
    ),
    decayed("activity_7d", "actions", "activity", ACTIVITY, 7, "app actions", "使用 App 功能 次"),
    decayed("activity_28d", "actions", "activity", ACTIVITY, 28, "app actions", "使用 App 功能 次"),
    decayed("activity_112d", "actions", "activity", ACTIVITY, 112, "app actions", "使用 App 功能 次"),
    trend(
        "activity_trend",
        "activity",
        ACTIVITY,
        "Uses the app at {value:.1f} times the pace of the last months",
        "最近使用 App 的频率是前几个月的 {value:.1f} 倍",
    ),
    decayed(
        "browse_28d",
        "actions",
        "activity",
        activity("app_open", "browse"),
        28,
        "visits to the app",
        "打开 App 浏览 次",
    ),
    decayed(
        "cart_28d",
        "actions",
        "activity",
        activity("add_to_cart"),
        28,
        "things put into the cart",
        "加购 次",
    ),
    decayed(
        "purchase_28d",
        "actions",
        "activity",
        activity("purchase"),
        28,
        "purchases in the app",
        "在 App 下单 次",
    ),
    since(
        "purchase_recency",
        "activity",
        activity("purchase"),
        "No purchase in the app for {value:.0f} days",
        "已有 {value:.0f} 天没有在 App 下单",
    ),
    decayed(
        "consult_28d",
        "actions",
        "activity",
        activity("consult"),
        28,
        "requests for advice",
        "咨询 次",
    ),
    decayed(
        "coupon_28d",
        "actions",
        "activity",
        activity("coupon_claimed"),
        28,
        "coupons claimed",
        "领取优惠券 张",
    ),
    since(
        "campaign_recency",
        "activity",
        activity("campaign_joined"),
        "Joined no campaign for {value:.0f} days",
        "已有 {value:.0f} 天没有参加活动",
    ),
    since(
        "review_recency",
        "activity",
        activity("review_posted"),
        "Posted no review for {value:.0f} days",
        "已有 {value:.0f} 天没有发表评价",
    ),
    decayed("other_activity_28d", "actions", "activity", OTHER, 28, "other app actions", "其他 App 操作 次"),
    decayed("duration_28d", "seconds", "activity", DURATION, 28, "seconds in the app", "在 App 停留 秒"),
    # Complaints
    Feature(
        "complaints_open",
        "complaints",
        "complaint",
        "log",
        (Total(COMPLAINTS), Total(RESOLVED)),
        complaints_open,
        "0",
        "Complaints that are open: {value:.0f}",
        "有 {value:.0f} 件投诉尚未解决",
        worse=1,
        few="No complaint is open",
        few_zh="目前没有未解决的投诉",
    ),
    Feature(
        "complaint_age",
        "days",
        "complaint",
        "log",
        (Total(COMPLAINTS), Total(RESOLVED), Last(COMPLAINTS), First(KNOWN)),
        complaint_age_days,
        "0",
        "A complaint has been open for {value:.0f} days",
        "有一件投诉已 {value:.0f} 天没有解决",
        worse=1,
        few="No complaint has been open for a day",
        few_zh="目前没有拖过一天的投诉",
    ),
    decayed(
        "complaints_112d",
        "complaints",
        "complaint",
        COMPLAINTS,
        112,
        "complaints",
        "投诉 次",
        worse=1,
    ),
    # Surveys
    total("survey_count", "surveys", "survey", SURVEYS, "Surveys answered: {value:.0f}", "累计填写问卷 {value:.0f} 次"),
    Feature(
        "survey_level",
        "points of 100",
        "survey",
        "linear",
        (Decayed(LEVEL, 112), Decayed(SURVEYS, 112), Last(LEVEL)),
        survey_level,
        "60",
        "Rates us {value:.0f} of 100",
        "近期给我们的评分是 {value:.0f} 分（满分 100）",
        25.0,
        basis=Last(LEVEL),
        worse=-1,
    ),
    Feature(
        "survey_last",
        "points of 100",
        "survey",
        "linear",
        (Latest(LEVEL), Last(LEVEL)),
        survey_last,
        "60",
        "Rated us {value:.0f} of 100 the last time",
        "上次给我们的评分是 {value:.0f} 分（满分 100）",
        25.0,
        basis=Last(LEVEL),
        worse=-1,
    ),
    Feature(
        "survey_trend",
        "points of 100",
        "survey",
        "linear",
        (Latest(LEVEL), Total(LEVEL), Total(SURVEYS)),
        survey_trend,
        "0",
        "The last rating differs by {value:+.0f} points from the customer's own mean",
        "上次评分与该客户自己的平均分相差 {value:+.0f} 分",
        25.0,
        basis=Last(LEVEL),
        worse=-1,
    ),
    since(
        "survey_age",
        "survey",
        SURVEYS,
        "Last answered a survey {value:.0f} days ago",
        "上次填写问卷是 {value:.0f} 天前",
    ),
    Feature(
        "nps_last",
        "points of 10",
        "survey",
        "linear",
        (Latest(NPS), Last(NPS)),
        lambda v: np.where(v.get(Last(NPS)) > -np.inf, v.get(Latest(NPS)), 7.0),
        "7",
        "Would recommend us with {value:.0f} of 10",
        "推荐意愿为 {value:.0f} 分（满分 10）",
        2.5,
        basis=Last(NPS),
        worse=-1,
    ),
    *map(named, CAUSES),
    # The calendar
    Feature(
        "season_winter",
        "phase",
        "calendar",
        "linear",
        (),
        lambda v: v.year_phase(0.0),
        "none",
        SEASON,
        SEASON_ZH,
    ),
    Feature(
        "season_spring",
        "phase",
        "calendar",
        "linear",
        (),
        lambda v: v.year_phase(0.25),
        "none",
        SEASON,
        SEASON_ZH,
    ),
)

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
AGGREGATES: tuple[Aggregate, ...] = tuple(dict.fromkeys(a for feature in FEATURES for a in feature.uses))
SIZES = np.array([[feature.size] for feature in FEATURES])
IS_LOG = np.array([feature.scale == "log" for feature in FEATURES])


def values(view: View) -> Array:
    """Every feature of the view's customers in its unit: (features, n), in the order of FEATURES, all finite."""
    out = np.empty((len(FEATURES), len(view.at_us)))
    for i, feature in enumerate(FEATURES):
        out[i] = feature.compute(view)
    return out


def known(view: View) -> Flags:
    """(features, n): which values are of the customers' own events, so that their sentences may be said."""
    features, columns, nothing = _bases(view.layout)
    out = np.ones((len(FEATURES), len(view.at_us)), np.bool_)
    out[features] = view.block[columns] != nothing
    return out


@cache
def _bases(layout: Layout) -> tuple[list[int], list[int], Array]:
    """Features with a basis, its columns, and what those hold before the first event."""
    bases = [(i, feature.basis) for i, feature in enumerate(FEATURES) if feature.basis is not None]
    columns = [layout.column[basis] for _, basis in bases]
    return [i for i, _ in bases], columns, layout.empty[columns][:, None]


def scaled(raw: Array) -> Array:
    """What a model sees of `values`: log(1 + value), or value / size; same shape, a new array."""
    out = np.empty(raw.shape)
    for rows in in_cache(np.arange(len(FEATURES)), raw.shape[1]):
        out[rows] = scaled_rows(raw, rows)
    return out


def scaled_rows(raw: Array, rows: Rows) -> Array:
    """The same for some features: (rows, n)."""
    out, is_log = raw[rows], IS_LOG[rows]
    if is_log.all():
        out += 1.0
        return log(out)
    out[is_log] = log(out[is_log] + 1.0)
    out[~is_log] /= SIZES[rows[~is_log]]
    return out
