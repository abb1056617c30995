"""The words of the work list in English and in Chinese: codes of messages, and labels.

A code is what messages carry: a state, a status, a rule, a reason. To add one, enter it in its table here; a test fails
for a code without words. Texts and names of a profile are the profile's (`texts_zh`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.instants import DAY_US, HOUR_US, parse_duration

LANGUAGES = ("en", "zh")
Both = tuple[str, str]  # English, Chinese
Table = Mapping[str, Both]

STATES: Table = {
    "open": ("open", "待接单"),
    "acknowledged": ("acknowledged", "已接单"),
    "contacted": ("contacted", "已联系"),
    "responded": ("responded", "客户已回应"),
    "declined": ("declined", "客户已婉拒"),
    "withheld": ("withheld", "未发送"),
    "saved": ("saved", "已挽回"),
    "lost": ("lost", "已流失"),
    "expired": ("expired", "已过期"),
    "withdrawn": ("withdrawn", "已撤回"),
}
STATUSES: Table = {  # of updates
    "acknowledged": ("acknowledged", "顾问已接单"),
    "contacted": ("contacted", "已联系客户"),
    "responded": ("responded", "客户已回应"),
    "declined": ("declined", "客户已婉拒"),
    "claimed": ("result reported", "已上报结果"),
    "overdue": ("overdue", "已逾期"),
    "escalated": ("escalated", "已升级"),
    "step_withheld": ("step withheld", "后续步骤未执行"),
    "upgraded": ("upgraded", "风险等级上调"),
    "upgrade_withheld": ("upgrade withheld", "等级上调未执行"),
    "rerouted": ("rerouted", "更换联系渠道"),
    "expired": ("expired", "已过期"),
    "withdrawn": ("withdrawn", "已撤回"),
    "closed": ("closed", "已结案"),
    "measured": ("measured", "效果已统计"),
    "followed_up": ("followed up", "已跟踪回访"),
    "ignored": ("ignored", "上报未采纳"),
}
RULES: Table = {  # why something was not sent
    "model_not_ready": ("model not ready", "模型尚未就绪"),
    "stop_loss": ("stop-loss: too few are saved", "挽回率过低，暂停发送"),
    "history": ("part of the history", "属于历史数据"),
    "catching_up": ("catching up with older events", "系统正在补算历史数据"),
    "backlog": ("waits its turn in the backlog", "排队等候处理"),
    "open_case": ("has a case already", "已有进行中的个案"),
    "cool_down": ("cool-down after the last case", "距上次个案不久，冷却期未满"),
    "tenure": ("too new a customer", "新客户，观察期未满"),
    "missed": ("last window over", "最后联系窗口已过"),
    "roll_out": ("outside the roll-out", "所在区域尚未启用"),
    "vehicle_sold": ("vehicle sold", "车辆已售出"),
    "consent": ("no consent", "客户未授权联系"),
    "negative_net_value": ("costs more than it is expected to save", "预计成本高于收益"),
    "holdout": ("in the holdout", "对照组客户，不联系"),
    "frequency_cap": ("frequency cap", "联系次数已达上限"),
    "quiet_hours": ("quiet hours", "免打扰时段"),
    "budget": ("no budget left", "预算已用完"),
    "capacity": ("no adviser free", "顾问当日名额已满"),
    "no_longer_at_risk": ("no longer at risk", "流失风险已降低"),
}
WHYS: Table = {  # why an update came
    **RULES,
    "not_acknowledged": ("not acknowledged", "未按时接单"),
    "not_contacted": ("not contacted", "未按时联系客户"),
    "window_passed": ("window passed", "联系窗口已过"),
    "unanswered": ("unanswered", "客户未回应"),
    "no_return": ("did not return", "客户未再光临"),
    "came_back": ("came back", "客户已再次光临"),
    "erased": ("customer erased", "客户数据已删除"),
    "higher_tier": ("risk rose to a higher tier", "流失风险升至更高等级"),
    "unknown_case": ("no such case", "没有该个案"),
    "before_the_case": ("happened before the case was sent", "发生在个案发送之前"),
    "case_ended": ("case had ended", "个案已结束"),
    "repeated": ("reported before", "重复上报"),
    "overtaken": ("case had moved on", "个案已进入后续状态"),
}
CHANNELS: Table = {
    "": ("no channel", "无渠道"),
    "app": ("app", "App 消息"),
    "sms": ("sms", "短信"),
    "wechat": ("wechat", "微信"),
    "mail": ("mail", "邮件"),
    "phone": ("phone", "电话"),
    "visit": ("visit", "上门拜访"),
}
CAUSES: Table = {
    "distance": ("distance", "距离远"),
    "price": ("price", "价格"),
    "service": ("service", "服务"),
    "product": ("product", "产品"),
    "vehicle_sold": ("vehicle sold", "车辆已售出"),
    "other": ("other", "其他"),
}
LIFECYCLES: Table = {
    "new": ("new", "新客期"),
    "growing": ("growing", "成长期"),
    "mature": ("mature", "成熟期"),
    "silent": ("silent", "沉默期"),
    "churned": ("churned", "流失期"),
}
SEGMENTS: Table = {
    "high-value": ("high-value", "高价值客户"),
    "high-value-at-risk": ("high-value-at-risk", "高价值流失风险客户"),
    "price-sensitive": ("price-sensitive", "价格敏感客户"),
    "new": ("new", "新客户"),
}
POINTS: Table = {
    "first-not-reviewed": ("first-not-reviewed", "首单未评价"),
    "no-second-purchase": ("no-second-purchase", "首单后未复购"),
    "no-activity-joined": ("no-activity-joined", "未参加活动"),
    "complaint-open": ("complaint-open", "投诉未解决"),
    "no-purchase": ("no-purchase", "长时间未购买"),
    "cart-not-paid": ("cart-not-paid", "加购未付款"),
    "three-coupons": ("three-coupons", "连续领券"),
    "refund": ("refund", "申请退款"),
    "late-delivery": ("late-delivery", "配送延误"),
}
ACTIVITIES: Table = {  # of app activity; other types are shown as they are
    "app_open": ("app open", "打开 App"),
    "browse": ("browse", "浏览"),
    "add_to_cart": ("add to cart", "加入购物车"),
    "purchase": ("purchase", "下单"),
    "consult": ("consult", "咨询"),
    "coupon_claimed": ("coupon claimed", "领取优惠券"),
    "campaign_joined": ("campaign joined", "参加活动"),
    "review_posted": ("review posted", "发表评价"),
    "complaint_opened": ("complaint opened", "提交投诉"),
    "complaint_resolved": ("complaint resolved", "投诉已解决"),
    "other": ("other", "其他"),
    "refund_requested": ("refund requested", "申请退款"),
    "delivery_late": ("delivery late", "配送延误"),
}
SURVEYS: Table = {"nps": ("nps", "推荐意愿"), "csat": ("csat", "满意度")}
TASKS: Table = {  # what is due
    "acknowledge": ("acknowledge", "接单"),
    "contact": ("contact", "联系客户"),
    "window ends": ("window ends", "窗口截止"),
}
UPDATES: Table = {  # fields of an update, in this order, after its status
    "why": ("{}", "{}"),
    "outcome": ("outcome from the CRM: {}", "CRM 上报“{}”"),
    "to": ("now with {}", "由{}处理"),
    "step": ("step {}", "步骤“{}”"),
    "channel": ("by {}", "渠道 {}"),
    "agent_id": ("agent {}", "顾问 {}"),
    "cost": ("cost {}", "费用 {}"),
    "causes": ("because of {}", "原因 {}"),
    "window_saved": ("share saved from here on {}", "此后联系的挽回率 {}"),
    "returned": ("returned: {}", "再次光临（{}）"),
    "bought_again": ("bought again: {}", "再次购买（{}）"),
    "stayed": ("stayed: {}", "留存（{}）"),
    "retry_at": ("again from {}", "{} 起重试"),
    "tier": ("to {}", "升至{}"),
}
LABELS: Table = {
    "all": ("{of:,} cases", "共 {of:,} 个个案"),
    "some": ("{shown:,} of {of:,} cases", "共 {of:,} 个个案，显示 {shown:,} 个"),
    "head": (
        "{cases} at {at}; {today:,} of these are due today (UTC)",
        "{cases}，截至 {at}；其中 {today:,} 个今天到期（UTC）",
    ),
    "more": ("{count} more of this customer: {names}", "该客户另有 {count} 个个案：{names}"),
    "worth": ("worth", "预期价值"),
    "customer": ("customer", "客户"),
    "tier": ("tier", "风险"),
    "p": ("p", "概率"),
    "state": ("state", "状态"),
    "due": ("due", "待办"),
    "window": ("window", "窗口"),
    "who_and_why": ("who, and why", "负责人和原因"),
    "reasons": ("reasons", "原因"),
    "probability": ("probability of leaving", "流失概率"),
    "history": ("history", "处理记录"),
    "events": ("events", "客户动态"),
    "later_events": ("events, {count:,} earlier ones left out", "客户动态（更早的 {count:,} 条未显示）"),
    "who": ("who", "负责人"),
    "offer": ("offer", "优惠"),
    "script": ("script", "话术"),
    "crossed": ("crossed", "预警时间"),
    "group": ("customer", "客户类型"),
    "cause": ("cause", "流失原因"),
    "scope": ("scope", "区域"),
    "agent": ("agent", "顾问"),
    "late": ("{what} {span} late", "{what}，逾期 {span}"),
    "left": ("{what} in {span}", "{what}，剩余 {span}"),
    "days": ("{n} d", "{n} 天"),
    "hours": ("{n} h", "{n} 小时"),
    "by": ("{who}, by {channel}", "{who}，{channel}"),
    "worth_what": ("{worth} {currency}, budget at most {most}", "{worth} {currency}，预算上限 {most}"),
    "first_window": ("{at}; the first window ends {until}", "{at}；首个窗口 {until} 截止"),
    "withheld": ("{state}: {why}", "{state}：{why}"),
    "not_sent": ("not sent: {why}", "未发送：{why}"),
    "sent": ("sent", "已发送"),
    "update": ("{status}: {what}", "{status}：{what}"),
    "and": ("; ", "；"),
    "comma": (", ", "，"),
    "list": (", ", "、"),
    "average": ("the average active customer", "活跃客户的平均水平"),
    "rest": ("everything else", "其他因素合计"),
    "whole": ("in all: p {p:.2f}", "总计：概率 {p:.2f}"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "visit": ("visit", "到店或购买"),
    "app": ("app", "App"),
    "survey": ("survey", "问卷"),
    "at": ("at {store}", "门店 {store}"),
    "waited": ("waited {minutes:g} minutes", "等候 {minutes:g} 分钟"),
    "times": ("{n} times", "{n} 次"),
    "seconds": ("{n:g} s", "{n:g} 秒"),
    "score": ("{survey} {score:g}", "{survey} {score:g} 分"),
    "because": ("because of {causes}", "提到{causes}"),
}


@dataclass(frozen=True, slots=True)
class Language:
    """One of LANGUAGES, with the Chinese of the profile's texts."""

    name: str
    texts_zh: Mapping[str, str]

    def of(self, table: Table, code: str) -> str:
        """Returns the words for a code; for one of a later release the code itself."""
        return table[code][LANGUAGES.index(self.name)] if code in table else code.replace("_", " ")

    def label(self, key: str, **values: object) -> str:
        """Returns a label with its values."""
        return LABELS[key][LANGUAGES.index(self.name)].format(**values)

    def own(self, text: str) -> str:
        """Returns a text or a name of the profile."""
        return self.texts_zh.get(text, text) if self.name == "zh" else text

    def field(self, body: Mapping[str, Any], name: str) -> str:
        """Returns a text of a message that has it in both languages; those of earlier releases may lack the Chinese."""
        return str((body.get(f"{name}_zh") if self.name == "zh" else None) or body[name])

    def span(self, us: int) -> str:
        """Returns a duration in days, or in hours below two days."""
        return self.label("days", n=us // DAY_US) if us >= 2 * DAY_US else self.label("hours", n=us // HOUR_US)

    def window(self, name: str) -> str:
        """Returns a window as messages name it: 7d."""
        return name if self.name == "en" else self.span(parse_duration(name))
