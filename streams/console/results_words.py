"""The words of the page Results; those of the figures are the report's."""

from __future__ import annotations

from collections.abc import Mapping

RESULTS: Mapping[str, tuple[str, str]] = {
    "results": ("Results", "成效"),
    "computing": ("The figures are being computed.", "正在计算。"),
    "computing_note": (
        "They are those of `keepline report`, from all cases; the page shows them as soon as they are there.",
        "数据与 `keepline report` 相同，包含全部个案；算好后自动显示。",
    ),
    "not_computed": ("There are no figures yet.", "尚无数据。"),
    "computed_at": ("computed {at}, in {seconds:,.1f} s", "{at} 计算，用时 {seconds:,.1f} 秒"),
    "weekly_link": ("Page of the last whole week, written {at}", "上一整周的周报（{at} 生成）"),
    "weekly_how": (
        "For a page each week: `keepline report --weekly FILE`, and start the console with `--weekly FILE`.",
        "如需周报：`keepline report --weekly FILE`，并以 `--weekly FILE` 启动控制台。",
    ),
    "by_adviser": ("By adviser", "按顾问"),
    "adviser_name": ("Adviser", "顾问"),
    "adviser_cases": ("Closed cases", "已结案"),
    "adviser_saved": ("Truly saved (range)", "真正挽回（区间）"),
    "adviser_a_hundred": ("Saved of 100", "每百案挽回"),
    "adviser_ranked": ("Differs from all others", "与其他人有差异"),
    "adviser_nobody": ("nobody", "无顾问"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "by_adviser_note": (
        "Outcomes of the adviser's cases less those of the holdout of the same tier and cause, drawn towards the team. "
        "Whoever does not differ must not be ranked.",
        "顾问个案的结果减去同等级同原因对照组的结果，并向团队均值收缩。没有差异者不应排名。",
    ),
    "no_advisers": (
        "Nothing can be said by adviser: no case of the holdout has closed.",
        "无法按顾问评估：尚无对照组个案结案。",
    ),
    "own_figure": ("Your cases", "您的个案"),
    "own_saved": (
        "Of {cases:,} closed cases of yours, {saved:,.0f} customers stayed who would have left.",
        "您的 {cases:,} 件已结案个案中，有 {saved:,.0f} 名原本会流失的客户被留住。",
    ),
    "own_not_shown": (
        "Not shown yet whether your {cases:,} closed cases kept customers: the range includes 0.",
        "尚未证实您的 {cases:,} 件已结案个案能留住客户：区间包含 0。",
    ),
    "own_fewer": (
        "Of {cases:,} closed cases of yours, {fewer:,.0f} fewer customers came back than without.",
        "您的 {cases:,} 件已结案个案中，回流比不联系时少 {fewer:,.0f} 名。",
    ),
    "own_range": ("95 % range: {low:,.1f} to {high:,.1f} customers", "95 % 区间：{low:,.1f} 至 {high:,.1f} 名客户"),
    "own_none": (
        "None of your cases has closed yet; a case closes when its window and the time after it are over.",
        "您还没有结案的个案；窗口期及之后的观察期结束后才结案。",
    ),
    "lifts": ("Lift by month and week", "按月和周的提升"),
    "lifts_alt": (
        "Lift in points by month and by week of crossing, with its range; the last: {last}",
        "按越线月和周的提升（百分点）及区间；最近：{last}",
    ),
    "lifts_month": ("months", "月"),
    "lifts_week": ("weeks", "周"),
    "lifts_note": (
        "Points more of the customers with a case came back than of the holdout. Above 0: the cases keep customers.",
        "有个案的客户比对照组多回流的百分点。高于 0：个案能留住客户。",
    ),
}
