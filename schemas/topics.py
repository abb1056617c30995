"""The message models of each output topic, and what AsyncAPI says of the topics."""

from __future__ import annotations

from schemas.internal_messages import (
    Candidates,
    Dispatch,
    LabelledExamples,
    Mark,
    ModelCommand,
    ModelSnapshot,
    Observations,
    Publication,
    ReportEnd,
    ReportMark,
)
from schemas.outputs import (
    ChurnScore,
    ConsoleAudit,
    DeadLetter,
    Intervention,
    InterventionUpdate,
    Output,
    PublisherScore,
    Task,
    Touch,
    WithheldIntervention,
)

# streams/kafka/topics.py creates them so
COMPACTED = ("customer-profiles", "market-signals", "churn-scores", "publisher-scores", "publications")
SINGLE = ("labelled-examples", "candidates", "publications")  # one partition: they have one reader
INTERNAL = ("observations", "labelled-examples", "models", "candidates", "dispatches", "publications")

OUTPUTS: dict[str, tuple[type[Output], ...]] = {
    "interventions": (Intervention,),
    "interventions-withheld": (WithheldIntervention,),
    "intervention-updates": (InterventionUpdate,),
    "touches": (Touch,),
    "tasks": (Task,),
    "churn-scores": (ChurnScore,),
    "observations": (Observations, Mark),
    "labelled-examples": (LabelledExamples, ReportMark, ReportEnd, ModelCommand),
    "models": (ModelSnapshot,),
    "candidates": (Candidates, ReportEnd),
    "dispatches": (Dispatch,),
    "dead-letters": (DeadLetter,),
    "publisher-scores": (PublisherScore,),
    "console-audit": (ConsoleAudit,),
    "publications": (Publication,),
}
