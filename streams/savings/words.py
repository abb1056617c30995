"""The words of the pages in English and in Chinese. `{}` are filled in, in the order of both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams.operations.cases.words import CAUSES, SEGMENTS

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
        "The cases drove customers away: {saved} fewer came back than without (95 % range {low} to {high} fewer), of "
        "{cases} who were sent a case.",
        "个案使客户流失：在发送个案的 {cases} 名客户中，回流比不发送时少 {saved} 名"
        "（95 % 区间：少 {low} 至 {high} 名）。",
    ),
    "not_shown": (
        "Not shown yet whether the cases keep customers: the 95 % range of those who stayed and would have left, "
        "{low} to {high} of {cases} who were sent a case, includes 0.",
        "尚未证实个案能留住客户：在发送个案的 {cases} 名客户中，原本会流失而被留住的人数的 95 % 区间"
        "为 {low} 至 {high}，包含 0。",
    ),
    "nothing": (
        "Not known: no case of both groups, sent and held out, has closed.",
        "未知：尚无同时来自发送组和对照组的已结案个案。",
    ),
    "decide_go": ("Go on, and decide on the next stage.", "继续执行，并决定是否进入下一阶段。"),
    "decide_wait": ("Keep the holdout and wait for more closed cases.", "保留对照组，等待更多个案结案。"),
    "decide_stop": ("Stop, and revise the strategies.", "停止，并重新设计策略。"),
    "decide_line": ("Stop the roll-out: below the stop line of {names}.", "停止推广：{names} 低于停止线。"),
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
    "parts": (
        "{counted} counted saved = {anyway} came back anyway + {saved} truly saved",
        "计为挽回 {counted} = 本来就会回来 {anyway} + 真正挽回 {saved}",
    ),
    "no_parts": (
        "{counted} counted saved; truly saved: not shown (range {low} to {high})",
        "计为挽回 {counted}；真正挽回：尚未证实（区间 {low} 至 {high}）",
    ),
    "fewer_parts": (
        "{counted} counted saved, none of them by the cases: without them {anyway} would have come back",
        "计为挽回 {counted}，无一因个案而回来：不发送个案本会有 {anyway} 名回来",
    ),
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
    "no_price": ("Price of the holdout: not shown, as the saved.", "对照组的代价：与挽回人数一样，尚未证实。"),
    "no_sheet": ("The profile has no published plan.", "该配置没有已发布的计划。"),
    "customers": ("Customers by value", "按价值划分的客户"),
    "group": ("group", "客户群"),
    "cases": ("cases", "个案"),
    "left": ("left", "流失"),
    "again": ("again in 30 days (goal {goal})", "30 天内复购（目标 {goal}）"),
    "stayed": ("stayed 6 months (goal {goal})", "6 个月留存（目标 {goal}）"),
    "weighted": (
        "Left of those with a sent case, weighted 40/30/30: {churn}.",
        "已发送个案的流失率（按 40/30/30 加权）：{churn}。",
    ),
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
    "no_more": (
        "How many more cases would tell the lift from 0 cannot be said: the estimate is not above 0.",
        "无法估计还需多少个案才能与 0 区分：提升的估计值不高于 0。",
    ),
    "never_even": (
        "With {cases} customers who were sent a case the period cannot break even: its costs are {cost}.",
        "以 {cases} 名已发送个案的客户，本期无法盈亏平衡：成本为 {cost}。",
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
    "stop_line": ("{name}, stop line", "{name}（停止线）"),
    "auc": ("AUC", "AUC"),
    "saved_share": ("saved of contacted", "已联系者的挽回率"),
    "least": ("above", "高于"),
    "now": ("now (range)", "当前（区间）"),
    "kept_to": ("not reached", "未触及"),
    "below": ("below: stop", "低于：停止"),
    "met": ("met", "已达到"),
    "not met": ("not met", "未达到"),
    "not known yet": ("not known yet", "尚不清楚"),
    "goes_on": ("All conditions are met; to go on: {how}", "条件全部达到；进入下一阶段：{how}"),
    "stays": ("It does not go on by itself.", "不会自动进入下一阶段。"),
    "exceptions": ("Exceptions first", "先看异常"),
    "no_exceptions": ("None.", "无。"),
    "stopped": ("Below a stop line: {names}", "低于停止线：{names}"),
    "held": ("held out", "对照组"),
    "tired_now": ("Strategies that lose their lift: {names}", "提升在下降的策略：{names}"),
    "weeks": ("The last weeks in which cases have closed", "最近有个案结案的各周"),
    "week": ("week of crossing", "越线周"),
    "month": ("month of crossing", "越线月"),
    "opened": ("opened", "新开"),
    "restated": ("restated", "已重述"),
    "pressed": ("{n} weeks under this signal: {name}", "该信号期间（{n} 周）：{name}"),
    "others": ("all others", "其余"),
    "pressed_lift": (
        "{n} weeks under the signal {name}: lift {under} points in {cases} sent cases, {others} in the others.",
        "信号“{name}”期间（{n} 周）：{cases} 件已发送个案提升 {under} 个百分点，其余为 {others}。",
    ),
    "chart": ("Six weeks and twelve months", "六周与十二个月"),
    "legend": (
        "Lift in points with its range, by when cases crossed: months blue, weeks yellow.",
        "提升（百分点）及其区间，按越线时间：月为蓝色，周为黄色。",
    ),
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
    "other_policies": (
        "cases are of other policies than {version}: {names}",
        "部分个案的策略版本不是 {version}：{names}",
    ),
    "costly": (
        "{n} cases cost more than {times} times their budget, such as {case} with {cost}: counted as reported",
        "{n} 件个案的成本超过预算的 {times} 倍，例如 {case} 为 {cost}：按上报计入",
    ),
    "strange": (
        "strategies that the profile does not have: {names}; shown as they are",
        "配置中没有的策略：{names}；按原样显示",
    ),
    "unknown_updates": (
        "{n} updates are of cases that are not in these messages: not counted",
        "{n} 条更新的个案不在这些消息中：未计入",
    ),
}


GROUPS: Mapping[str, tuple[str, str]] = {  # names that are not of a profile
    **CAUSES,
    **SEGMENTS,
    "high value": ("high value", "高价值"),
    "no_cause": ("cause not known", "原因未知"),
    "default": ("as the tier has it", "等级默认"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language. names: of the profile, to Chinese."""

    lang: str
    names: Mapping[str, str]

    def __call__(self, key: str, **parts: object) -> str:
        return WORDS[key][LANGUAGES.index(self.lang)].format(**parts)

    def name(self, text: str) -> str:
        """Returns a name of the profile, or of a group."""
        if self.lang == "zh" and text in self.names:
            return self.names[text]
        return GROUPS[text][LANGUAGES.index(self.lang)] if text in GROUPS else text
