"""The words of the page Model."""

from __future__ import annotations

from collections.abc import Mapping

MODEL: Mapping[str, tuple[str, str]] = {
    "model_page": ("Model", "模型"),
    "reading_model": ("The versions of the model are being read.", "正在读取模型版本。"),
    "no_versions": ("No version has been served yet.", "尚未启用任何版本。"),
    "no_versions_note": (
        "The first one comes on the first Monday (00:00 UTC) of the log.",
        "第一个版本在日志的首个周一（UTC 00:00）产生。",
    ),
    "served_since": ("in force since {at}", "自 {at} 起使用"),
    "fact_auc": ("AUC so far", "累计 AUC"),
    "fact_least": ("AUC on recent labels, at least", "近期标签的 AUC 下限"),
    "fact_loss": ("log loss so far", "累计对数损失"),
    "fact_labels": ("labels learned", "已学习的标签"),
    "opens": ("It opens cases.", "可以开案。"),
    "opens_none": ("It opens no case: {why}.", "不开案：{why}。"),
    "is_rolled_back": (
        "Rolled back to version {parent}: {why}.",
        "已回退至版本 {parent}：{why}。",
    ),
    "course_auc": ("AUC, week by week", "每周 AUC"),
    "course_loss": ("Log loss, week by week", "每周对数损失"),
    "so_far": ("everything so far", "累计"),
    "recent": ("recent labels, at least", "近期标签的下限"),
    "alone": ("customers of that week", "当周客户"),
    "new_labels": ("labels that came that week", "当周到达的标签"),
    "least_bar": ("opens cases above {bar:.2f}", "高于 {bar:.2f} 才开案"),
    "course_alt": ("{what} from {first} to {last}, at the end {value}", "{what}，{first} 至 {last}，最后为 {value}"),
    "too_few": ("Nothing to draw yet: two versions with labels are needed.", "暂无图表：至少需要两个带标签的版本。"),
    "reliability": ("Is a probability of 60 % really 60 %?", "概率 60 % 真的是 60 % 吗？"),
    "reliability_alt": (
        "Predicted probability against the share that left, in {n} groups; most apart by {most:.0%}",
        "预测概率与实际流失比例，共 {n} 组；最大相差 {most:.0%}",
    ),
    "reliability_all": (
        "All predictions whose label is known, in groups of equal size. On the line: as predicted.",
        "所有已知结果的预测，按等量分组。落在线上表示与预测一致。",
    ),
    "reliability_warned": (
        "Customers of the holdout with a case, whom nobody contacted; all are above the threshold. "
        "On the line: as predicted.",
        "对照组中未联系的个案客户；个案都高于阈值。落在线上表示与预测一致。",
    ),
    "reliability_none": (
        "Not known yet: no case of the holdout has closed. `keepline evaluate` has it for a replay.",
        "尚不清楚：没有已结案的对照组个案。回放可用 `keepline evaluate` 查看。",
    ),
    "drift": ("Have the customers changed?", "客户是否发生变化？"),
    "drift_alt": (
        "Population stability index of the four components of RFM-B, at the end at most {value}",
        "RFM-B 四个成分的群体稳定性指数，最后最大为 {value}",
    ),
    "drift_note": (
        "Each week against the {n} weeks before (PSI). Above {bar:g} is a shift.",
        "每周与之前 {n} 周比较（PSI）。高于 {bar:g} 视为偏移。",
    ),
    "drift_none": ("No alert on drift.", "没有漂移告警。"),
    "moved_retained_recency": ("recency", "最近一次"),
    "moved_retained_count": ("frequency", "频次"),
    "moved_spend_total": ("money", "金额"),
    "moved_activity_28d": ("behaviour", "行为"),
    "challengers": ("Challengers", "挑战者模型"),
    "no_challengers": (
        "None: the profile has none, or they have learned too little yet.",
        "无：配置中没有，或尚未学到足够的数据。",
    ),
    "challenger": ("Challenger", "挑战者"),
    "rounds": ("Rounds", "轮次"),
    "gain": ("Gain, nats (range)", "增益（纳特，区间）"),
    "evidence": ("Evidence", "证据"),
    "needed": ("Needed", "所需"),
    "judged_only": ("judged only", "仅评估"),
    "gain_note": (
        "Gain: nats of log loss by which the champion was worse. Promoted when the evidence reaches what is needed.",
        "增益：当前模型对数损失高出的纳特数。证据达到所需值时升级。",
    ),
    "strategy_weights": ("Weights of strategies", "策略权重"),
    "strategy_tier": ("Tier", "等级"),
    "versions": ("Versions", "版本"),
    "version": ("Version", "版本"),
    "version_since": ("Since", "启用"),
    "version_why": ("Why", "原因"),
    "version_parent": ("From", "来自"),
    "version_data": ("Data to", "数据截至"),
    "version_labels": ("Labels", "标签"),
    "version_opens": ("Opens cases", "开案"),
    "version_profile": ("Profile", "配置"),
    "reason_initial": ("first one", "初始"),
    "reason_learned": ("learned", "学习"),
    "reason_rollback": ("rolled back", "回退"),
    "reason_restored": ("still rolled back", "仍为回退"),
    "reason_promotion": ("promoted by command", "按指令升级"),
    "reason_earned": ("promoted by the rule", "按规则升级"),
    "reason_other": ("reason of a newer release", "新版本的原因"),
    "more_versions": (
        "The last {n} of {all}; `keepline models list` has all.",
        "最近 {n} 个，共 {all} 个；`keepline models list` 可查看全部。",
    ),
}
