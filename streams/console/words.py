"""The words of the console in English and in Chinese; codes of messages have theirs in the work list's module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from schemas.instants import DAY_US, EPOCH, HOUR_US, SECOND_US
from streams.operations.cases import words as codes
from streams.operations.cases.words import LANGUAGES, Language

MINUTE_US = 60 * SECOND_US
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TABLES = {
    "state": codes.STATES, "status": codes.STATUSES, "rule": codes.RULES, "why": codes.WHYS, "channel": codes.CHANNELS,
    "cause": codes.CAUSES, "lifecycle": codes.LIFECYCLES, "segment": codes.SEGMENTS, "point": codes.POINTS,
    "task": codes.TASKS,
}  # fmt: skip

WORDS: Mapping[str, tuple[str, str]] = {
    "other_language": ("中文", "English"),
    "skip": ("To the content", "跳到正文"),
    "menu": ("Pages", "页面"),
    "signed_in": ("{name}, {role}", "{name}，{role}"),
    "sign_in": ("Sign in", "登录"),
    "sign_out": ("Sign out", "退出"),
    "role_adviser": ("adviser", "顾问"),
    "role_on-call": ("on call", "值班"),
    "role_manager": ("manager", "经理"),
    "as_of": ("as of {at}", "截至 {at}"),
    "live": ("live", "实时"),
    "cut": ("connection lost, trying again", "连接中断，正在重试"),
    # the work list
    "work_list": ("Work list", "工作清单"),
    "todo": ("To do", "待办"),
    "today": ("Due today", "今天到期"),
    "late": ("Overdue", "已逾期"),
    "all_open": ("All open", "全部进行中"),
    "exactly": ("{n:,}", "{n:,}"),
    "more_than": ("{n:,}+", "{n:,}+"),
    "any": ("any", "不限"),
    "filter_scope": ("Scope", "区域"),
    "filter_tier": ("Risk", "风险"),
    "filter_agent": ("Adviser", "顾问"),
    "filter_cause": ("Cause", "原因"),
    "filter_strategy": ("Strategy", "策略"),
    "mine": ("mine", "我的"),
    "nobodys": ("nobody's", "未分配"),
    "filter": ("Show", "筛选"),
    "clear": ("Show all", "清除筛选"),
    "find_customer": ("Customer", "客户"),
    "find": ("Find", "查找"),
    "worth": ("Expected value", "预期价值"),
    "worth_note": (
        "Expected net value of a contact now: what it is likely to save, less what it costs.",
        "现在联系的预期净收益：预计挽回的价值减去成本。",
    ),
    "next_page": ("Next {n}", "后 {n} 个"),
    "first_page": ("From the top", "回到开头"),
    "none_left": ("Nothing to do here.", "这里没有待办。"),
    "none_note": (
        "No open case fits. New cases come by themselves.",
        "没有符合条件的个案。新个案会自动出现。",
    ),
    "keys": ("Keys", "快捷键"),
    "key_next": ("next", "下一个"),
    "key_back": ("previous", "上一个"),
    "key_open": ("open", "打开"),
    "probability": ("{p:.0%} likely to leave", "流失概率 {p:.0%}"),
    "unassigned": ("not assigned", "未分配"),
    "not_theirs": ("{what} late", "{what}"),
    # what can be done
    "do_acknowledged": ("Acknowledge", "接单"),
    "do_contacted": ("Contacted", "已联系"),
    "do_responded": ("Responded", "客户已回应"),
    "do_declined": ("Declined", "客户已婉拒"),
    "do_note": (
        "Report what you did. The case changes when the worker confirms it.",
        "请上报处理结果。系统确认后个案状态随之更新。",
    ),
    "confirming": ("{state}, being confirmed", "{state}，待系统确认"),
    "read_only": ("Read only: the folder of a replay takes no reports.", "只读：回放文件夹不接受上报。"),
    "somebody": ("somebody", "其他人"),
    "told_sent": ("Reported: {state}. The worker confirms it.", "已上报：{state}。等待系统确认。"),
    "told_already": ("Not sent: {by} has reported this already ({state}).", "未发送：{by} 已上报（{state}）。"),
    "told_moved_on": (
        "Not sent: the case has moved on, it is now {state} ({by}).",
        "未发送：个案已变更，现为“{state}”（{by}）。",
    ),
    "told_not_taken": (
        "Not sent: Kafka does not take it. Report it again; it counts once.",
        "未发送：Kafka 未接受。请重新上报，重复上报只计一次。",
    ),
    # a customer
    "decisions": ("Was this customer contacted, and why not?", "是否联系过该客户？为什么？"),
    "found": ("Customers found", "查找结果"),
    "none_found": ("No customer with a decision has an id that begins so.", "没有以此开头且有决策记录的客户。"),
    "never_note": (
        "A customer without any decision never crossed the threshold, is no longer active, or no event was accepted.",
        "没有决策记录的客户从未超过阈值，或已不活跃，或没有被接受的事件。",
    ),
    "find_note": ("The beginning of a customer's id", "客户编号开头"),
    "when": ("When", "时间"),
    "risk": ("Probability", "概率"),
    "decision": ("Decision", "决策"),
    "again": ("Tried again", "再次尝试"),
    "again_at": ("from {at}", "{at} 起"),
    "again_never": ("not by itself", "不会自动重试"),
    "case_now": ("case: {state}", "个案：{state}"),
    "touched": ("Automated message by {channel}: {offer}", "自动消息（{channel}）：{offer}"),
    "task_of": ("Task for {who}: complaint, {status}", "{who} 的任务：投诉，{status}"),
    "task_ended": ("Complaint: {status}", "投诉：{status}"),
    "task_done": ("settled", "已解决"),
    "task_open": ("open", "待处理"),
    "task_overdue": ("overdue", "已逾期"),
    "task_expired": ("expired", "已过期"),
    "task_withdrawn": ("withdrawn", "已撤回"),
    "times": ("{n} times, since {at}", "自 {at} 起共 {n} 次"),
    # the clock
    "window_left": ("{span} left of {window}", "剩余 {span}（共 {window}）"),
    "window_over": ("window over for {span}", "窗口已过 {span}"),
    "window_note": ("A contact in this window saves most.", "在此窗口内联系，挽回率最高。"),
    "due_in": ("{what} in {span}", "{what}：剩余 {span}"),
    "due_late": ("{what} {span} late", "{what}：逾期 {span}"),
    "minutes": ("{n} min", "{n} 分钟"),
    "hours": ("{n} h", "{n} 小时"),
    "days": ("{n} d", "{n} 天"),
    "days_hours": ("{n} d {h} h", "{n} 天 {h} 小时"),
    # a case
    "case": ("Case", "个案"),
    "back_to_list": ("Work list", "工作清单"),
    "script": ("What to say", "话术"),
    "offer": ("What to offer", "优惠"),
    "who": ("Who", "负责人"),
    "channel": ("How", "渠道"),
    "budget": ("Budget", "预算"),
    "at_most": ("at most {amount} {currency}", "不超过 {amount} {currency}"),
    "why_leaving": ("Why this customer may leave", "客户为什么可能流失"),
    "why_staying": ("What speaks for staying", "有利于留住的因素"),
    "no_reasons": ("No single reason stands out.", "没有突出的单一原因。"),
    "strength_note": (
        "The bar shows how much each one weighs.",
        "横条表示各因素的分量。",
    ),
    "curve": ("Probability of leaving", "流失概率"),
    "curve_alt": (
        "Probability of leaving from {first} to {last}, at the end {p:.0%}",
        "{first} 至 {last} 的流失概率，最后为 {p:.0%}",
    ),
    "threshold": ("case opens above {p:.0%}", "高于 {p:.0%} 时开案"),
    "crossed": ("Crossed on", "预警时间"),
    "timeline": ("What has happened", "处理记录"),
    "sent": ("Case sent", "个案已发送"),
    "from_backlog": ("Case sent from the backlog", "个案从排队中发送"),
    "not_sent": ("Not sent: {why}", "未发送：{why}"),
    "about": ("About the case", "个案信息"),
    "customer": ("Customer", "客户"),
    "all_decisions": ("All decisions about this customer", "该客户的全部决策"),
    "customer_is": ("Customer is", "客户类型"),
    "customer_value": ("Customer's value", "客户价值"),
    "cause": ("Cause", "流失原因"),
    "scope": ("Scope", "区域"),
    "agent": ("Adviser", "顾问"),
    "strategy": ("Strategy", "策略"),
    "strategy_drawn": ("{name}, drawn with {share:.0%}", "{name}，抽取概率 {share:.0%}"),
    "strategy_only": ("{name}, the only possible one", "{name}，唯一可行"),
    "strategy_others": ("others possible: {names}", "其他可行策略：{names}"),
    "expected_saved": ("Saved by a contact", "联系后的挽回率"),
    "of_cases": ("{p:.0%} of such cases", "此类个案的 {p:.0%}"),
    "model": ("Model and policy", "模型与策略版本"),
    "case_id": ("Case id", "个案编号"),
    "other_cases": ("Other cases of this customer", "该客户的其他个案"),
    "currency_amount": ("{amount} {currency}", "{amount} {currency}"),
    # errors
    "error_403": ("Sign in first", "请先登录"),
    "error_403_note": (
        "Open the link that `keepline console` has printed. Each link works once; the next one is printed then.",
        "请打开 `keepline console` 打印的链接。每个链接只能使用一次，使用后会打印新的链接。",
    ),
    "error_404": ("Not here", "没有找到"),
    "error_404_note": (
        "There is no such page, or it is not yours to see.",
        "没有该页面，或者您无权查看。",
    ),
    "error_400": ("Not understood", "无法识别"),
    "error_400_note": (
        "The request was incomplete. Go back, load the page again and repeat it.",
        "请求不完整。请返回并刷新页面后重试。",
    ),
    "error_413": ("Too much at once", "内容过大"),
    "error_413_note": ("The request was larger than anything that this page sends.", "请求超出本页面允许的大小。"),
    "error_429": ("Too many tries", "尝试次数过多"),
    "error_429_note": ("Wait a minute, then try again.", "请一分钟后再试。"),
    "error_500": ("That went wrong", "出错了"),
    "error_500_note": (
        "The error is in the console's log. Load the page again in a moment.",
        "错误已写入控制台日志。请稍后刷新页面。",
    ),
}


@dataclass(frozen=True)
class Words:
    """The words of one language, with the Chinese of a profile's texts. zone: of the days and hours on pages."""

    lang: str
    texts_zh: Mapping[str, str]
    zone: ZoneInfo

    def __call__(self, key: str, **values: object) -> str:
        """Returns a text with its values filled in."""
        return WORDS[key][LANGUAGES.index(self.lang)].format(**values)

    @cached_property
    def said(self) -> Language:
        """The words of the work list on a terminal, in the same language."""
        return Language(self.lang, self.texts_zh)

    def code(self, table: str, code: str) -> str:
        """Returns the words for a code of a message."""
        return self.said.of(TABLES[table], code)

    def own(self, text: str | None) -> str:
        """Returns a text or a name of the profile."""
        return self.said.own(text) if text else ""

    def field(self, body: Mapping[str, object], name: str) -> str:
        """Returns a text that a message has in both languages."""
        return self.said.field(body, name)

    def local(self, us: int) -> datetime:
        """Returns an instant in the zone of the pages."""
        return datetime.fromtimestamp((us - us % SECOND_US) / SECOND_US, self.zone)

    def day(self, us: int) -> str:
        """Returns the day of an instant."""
        at = self.local(us)
        return (
            f"{at.year}年{at.month}月{at.day}日" if self.lang == "zh" else f"{at.day} {MONTHS[at.month - 1]} {at.year}"
        )

    def moment(self, us: int) -> str:
        """Returns day and time of an instant."""
        return f"{self.day(us)} {self.local(us):%H:%M}"

    def span(self, us: int) -> str:
        """Returns a duration: the largest unit, and hours beside a few days."""
        if us >= 4 * DAY_US:
            return self("days", n=us // DAY_US)
        if us >= DAY_US:
            days, hours = us // DAY_US, us % DAY_US // HOUR_US
            return self("days_hours", n=days, h=hours) if hours else self("days", n=days)
        return self("hours", n=us // HOUR_US) if us >= HOUR_US else self("minutes", n=us // MINUTE_US)

    def tomorrow_us(self, now_us: int) -> int:
        """Returns the instant at which the day after `now_us` begins in the zone of the pages."""
        return _tomorrow_us(now_us, self.zone)


@lru_cache(16)
def _tomorrow_us(now_us: int, zone: ZoneInfo) -> int:
    today = datetime.fromtimestamp(now_us / SECOND_US, zone).date()
    midnight = datetime.fromordinal(today.toordinal() + 1).replace(tzinfo=zone)
    return int((midnight - EPOCH).total_seconds()) * SECOND_US
