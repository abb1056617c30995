"""The words of the pages in English and in Chinese. `{}` are filled in, in the order of both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "zh")

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("What was saved", "挽回成效"),
    "weekly": ("What was saved: the week", "挽回成效：周报"),
    "monthly": ("What was saved: the month", "挽回成效：月度复盘"),
    "until": (
        "data to {at}, policy {policy}, {closed} closed and {open} open cases",
        "数据截至 {at}，策略版本 {policy}，已结案 {closed} 件，进行中 {open} 件",
    ),
    "verdict": ("Verdict", "结论"),
    "kept": (
        "{saved} customers stayed who would have left (95 % range {low} to {high}), of {cases} who were sent a case.",
        "在发送个案的 {cases} 名客户中，有 {saved} 名原本会流失的客户被留住（95 % 区间 {low} 至 {high}）。",
    ),
    "fewer": (
        "{saved} customers fewer came back than without cases (range of the kept {low} to {high}), of {cases} who were "
        "sent a case.",
        "在发送个案的 {cases} 名客户中，回流比不发送时少 {saved} 名（留住人数的 95 % 区间 {low} 至 {high}）。",
    ),
    "not_shown": ("Not shown yet: the range includes 0.", "尚未证实：区间包含 0。"),
    "harm": ("The cases drove customers away: the whole range is below 0.", "个案使客户流失：整个区间低于 0。"),
    "nothing": (
        "Not known: no case of both groups, sent and held out, has closed.",
        "未知：尚无同时来自发送组和对照组的已结案个案。",
    ),
    "decide_go": ("Go on, and decide on the next stage.", "继续执行，并决定是否进入下一阶段。"),
    "decide_wait": ("Keep the holdout and wait for more closed cases.", "保留对照组，等待更多个案结案。"),
    "decide_stop": ("Stop, and revise the strategies.", "停止，并重新设计策略。"),
    "few": ("exact interval: an arm has fewer than 200 closed cases", "精确区间：有一组的已结案个案少于 200 件"),
    "figures": ("Net benefit, ROI, payback", "净收益、投资回报率、回本期"),
    "measured": ("measured", "实测"),
    "plan": ("plan", "计划"),
    "net": ("net benefit", "净收益"),
    "roi": ("ROI", "投资回报率"),
    "payback": ("payback, months", "回本期（月）"),
    "not_paid": ("not shown to pay back", "尚未证实能回本"),
    "range": ("range", "区间"),
    "counted": ("Counted saved = came back anyway + truly saved", "计为挽回 = 本来就会回来 + 真正挽回"),
    "anyway": ("came back anyway", "本来就会回来"),
    "truly": ("truly saved", "真正挽回"),
    "counted_saved": ("counted saved", "计为挽回"),
    "money": ("Money, {currency}", "金额（{currency}）"),
    "printed": ("as printed", "原表"),
    "corrected": ("corrected", "更正后"),
    "saved": ("saved customers", "挽回客户"),
    "benefit": ("benefit", "收益"),
    "cost": ("cost", "成本"),
    "correction": (
        "The sheet prints {printed} for the tier {tier}; by its own figures it is {right}.",
        "原表将“{tier}”级写为 {printed}；按其自身数据应为 {right}。",
    ),
    "with_all": (
        "With the tiers that it leaves out: ROI {roi}, payback {payback} months. Break-even: {customers} customers "
        "or {points} points.",
        "计入原表遗漏的等级：投资回报率 {roi}，回本期 {payback} 个月。"
        "盈亏平衡：{customers} 名客户或 {points} 个百分点。",
    ),
    "holdout_price": ("Price of the holdout: {price}.", "对照组的代价：{price}。"),
    "no_sheet": ("The profile has no published plan.", "该配置没有已发布的计划。"),
    "customers": ("Customers by value", "按价值划分的客户"),
    "group": ("group", "客户群"),
    "high value": ("high value", "高价值"),
    "new": ("new", "新客户"),
    "other": ("other", "其他"),
    "cases": ("cases", "个案"),
    "left": ("left", "流失"),
    "again": ("again in 30 days (goal {goal})", "30 天内复购（目标 {goal}）"),
    "stayed": ("stayed 6 months (goal {goal})", "6 个月留存（目标 {goal}）"),
    "weighted": ("Churn of contacted groups, weighted 40/30/30: {churn}.", "流失率（按 40/30/30 加权）：{churn}。"),
    "no_surveys": ("NPS and CSAT: not in these messages.", "NPS 与 CSAT：这些消息中没有。"),
    "strategies": ("Strategies", "策略"),
    "strategy": ("strategy", "策略"),
    "lift": ("lift, points", "提升（百分点）"),
    "a_save": ("cost a save", "每次挽回成本"),
    "tired": ("fatigue", "疲劳"),
    "next": ("next weights", "下期权重"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "change": ("What would change the verdict", "什么会改变结论"),
    "more": (
        "About {n} more closed holdout cases would tell the lift from 0, if it stays as it is.",
        "若提升保持不变，再有约 {n} 件对照组个案结案即可与 0 区分。",
    ),
    "break_even": (
        "The period breaks even at a lift of {points} points.",
        "本期盈亏平衡所需提升为 {points} 个百分点。",
    ),
    "disturb": ("Do not disturb, they return less when contacted: {names}.", "请勿打扰（联系后回流更少）：{names}。"),
    "no_disturb": ("No group is shown to return less when contacted.", "未发现联系后回流更少的客户群。"),
    "trust": ("Can it be trusted?", "可信度"),
    "split": (
        "Split: {held} of {n} held out, {expected} expected: {verdict}",
        "分组：{n} 人中 {held} 人为对照组，应为 {expected}：{verdict}",
    ),
    "fits": ("as asked", "符合设定"),
    "wrong": ("WRONG: do not use the figures", "异常：请勿使用这些数据"),
    "leaks": ("Leaks: {n} held-out customers were contacted{corrected}", "泄漏：{n} 名对照组客户被联系{corrected}"),
    "leak_corrected": ("; without them the lift would be {points} points", "；剔除后提升为 {points} 个百分点"),
    "precision": (
        "Precision of warnings: {share} of {n} uncontacted cases left (goal {goal})",
        "预警准确率：{n} 件未联系个案中 {share} 流失（目标 {goal}）",
    ),
    "precision_alert": ("below the goal: {how}", "低于目标：{how}"),
    "threshold": (
        "a threshold of {threshold} reaches it and leaves {recall} of the leavers",
        "阈值 {threshold} 可达到，但只覆盖 {recall} 的流失客户",
    ),
    "no_threshold": ("no threshold reaches it", "没有阈值可以达到"),
    "model": ("Model version {version}", "模型版本 {version}"),
    "decision": ("Decision", "决定"),
    "owner": ("Owner", "负责人"),
    "date": ("Date", "日期"),
    "stage": ("Stage {name}", "阶段 {name}"),
    "stop_line": ("stop line", "停止线"),
    "met": ("met", "已达到"),
    "not met": ("not met", "未达到"),
    "not known yet": ("not known yet", "尚不清楚"),
    "goes_on": ("All conditions are met; to go on: {how}", "条件全部达到；进入下一阶段：{how}"),
    "stays": ("It does not go on by itself.", "不会自动进入下一阶段。"),
    "exceptions": ("Exceptions first", "先看异常"),
    "no_exceptions": ("None.", "无。"),
    "stopped": ("Below a stop line: {names}", "低于停止线：{names}"),
    "tired_now": ("Strategies that lose their lift: {names}", "提升在下降的策略：{names}"),
    "weeks": ("The last weeks in which cases have closed", "最近有个案结案的各周"),
    "week": ("week of crossing", "越线周"),
    "month": ("month of crossing", "越线月"),
    "opened": ("opened", "新开"),
    "restated": ("restated", "已重述"),
    "chart": ("Six weeks and twelve months", "六周与十二个月"),
    "families": ("Measures", "指标"),
    "family_customers": ("Customers", "客户"),
    "family_business": ("Business", "业务"),
    "family_operations": ("Operations", "运营"),
    "regained": ("revenue regained", "挽回收入"),
    "avoided": ("acquisition cost avoided", "节省的获客成本"),
    "reach": ("reach (goal {goal})", "触达率（目标 {goal}）"),
    "response": ("response (goal {goal})", "响应率（目标 {goal}）"),
    "churn": ("churn, weighted 40/30/30", "流失率（40/30/30 加权）"),
    "unknown": ("not known", "未知"),
    "basket": ("basket", "客单价"),
    "ltv": ("LTV regained (goal 70 %)", "挽回的终身价值（目标 70 %）"),
    "days_change": ("days per strategy change", "策略调整天数"),
    "by_tier": ("By tier, segment and cause", "按等级、客群和原因"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language. names: of the profile, to Chinese."""

    lang: str
    names: Mapping[str, str]

    def __call__(self, key: str, **parts: object) -> str:
        return WORDS[key][LANGUAGES.index(self.lang)].format(**parts)

    def name(self, text: str) -> str:
        """Returns a name of the profile."""
        return self.names.get(text, text) if self.lang == "zh" else text
