"""The message models of each output topic."""

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
    DeadLetter,
    Intervention,
    InterventionUpdate,
    Output,
    Touch,
    WithheldIntervention,
)

OUTPUTS: dict[str, tuple[type[Output], ...]] = {
    "interventions": (Intervention,),
    "interventions-withheld": (WithheldIntervention,),
    "intervention-updates": (InterventionUpdate,),
    "touches": (Touch,),
    "churn-scores": (ChurnScore,),
    "observations": (Observations, Mark),
    "labelled-examples": (LabelledExamples, ReportMark, ReportEnd, ModelCommand),
    "models": (ModelSnapshot,),
    "candidates": (Candidates, ReportEnd),
    "dispatches": (Dispatch,),
    "dead-letters": (DeadLetter,),
    "publications": (Publication,),
}
