"""The served version: the learner's newest, or an earlier one after a rollback.

A rollback command contains the whole version, so that applying it needs no history. While an earlier version is served
the learner continues in the shadow: its experts' log-odds are still stored with each observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import orjson
import xxhash

from features.matrix import scaled
from features.portable_math import Array
from online_model.examples import Examples, joined
from online_model.learner import Rules
from online_model.readiness import Hold, RecentMetrics
from online_model.scorer import Scorer
from online_model.snapshot import Lineage, Reason, Snapshot
from online_model.variant import PRIOR
from schemas.errors import Failure
from schemas.instants import format_instant, parse_instant

KIND = "model_command"
MOST_TEXT = 1_000  # characters of a reason: it travels with every model
MOST_OBEYED = 1_000  # commands that are recognized when they come again


@dataclass(frozen=True)
class Command:
    """A rollback or a promotion, in force from the first grid instant at or after `event_us` on."""

    event_us: int
    why: str
    model: Snapshot | None  # rollback: an earlier version; None: the learner's own again
    challenger: str | None = None  # promotion: the new champion; None: the champion stays

    @cached_property
    def command_id(self) -> str:
        """A hash of the content: a command that is sent twice counts once."""
        version = self.model.version if self.model else None
        return f"{xxhash.xxh3_64_intdigest(orjson.dumps([self.event_us, self.why, version, self.challenger])):016x}"

    @property
    def evidence(self) -> dict[str, Any]:
        """The command in the lineage of the served version."""
        body = {"command_id": self.command_id, "event_time": format_instant(self.event_us), "why": self.why}
        return body | ({} if self.challenger is None else {"challenger": self.challenger})

    def dumps(self) -> bytes:
        """Returns the command as JSON, on one line."""
        model = orjson.loads(self.model.dumps()) if self.model else None
        action = "rollback" if self.model else "promote"
        body = {"kind": KIND, "action": action, "challenger": None, **self.evidence, "model": model}
        return orjson.dumps(body)

    @staticmethod
    def loads(data: bytes) -> Command:
        """Returns the command that `dumps` wrote. Raises Failure for any other content, and for a version of another
        format or catalogue.
        """
        try:
            body = orjson.loads(data)
            kind, action, event_us, why, model, challenger = (
                body["kind"], body["action"], parse_instant(body["event_time"]), body["why"], body["model"],
                body["challenger"],
            )  # fmt: skip
            version = None if model is None else Snapshot.loads(orjson.dumps(model))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Failure(f"{data[:60]!r}: {error!r}; expected a line of `keepline models rollback --dir`") from None
        if kind != KIND or action != ("promote" if model is None else "rollback"):
            raise Failure(f"{kind!r} {action!r}: expected a {KIND}, a rollback with a model or a promote without one")
        if any(text is not None and not _is_short(text) for text in (why, challenger)):
            raise Failure(f"its reason or challenger is not a text of at most {MOST_TEXT} characters")
        return Command(event_us, why, version, challenger)


def _is_short(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MOST_TEXT


class Serving:
    """The served version with its lineage: its data and its command. `dumps` and `loads` keep every bit."""

    def __init__(self, rules: Rules, profile: str) -> None:
        """profile: the version of the policy profile."""
        self.rules, self.profile = rules, profile
        self.observed: tuple[int, int] | None = None  # us, of the first and last observation that was learned
        self.recent = RecentMetrics()  # of the restored version, since the rollback
        self.obeyed: list[str] = []
        self._take(None)

    def update(self, examples: Sequence[Examples], commands: Sequence[Command]) -> Command | None:
        """Applies an instant's commands; returns the newest one that is new. examples: those that the learner will
        learn, in any order.
        """
        observed = sorted({one.observed_us for one in examples})
        for observed_us in observed:
            self._assess([one for one in examples if one.observed_us == observed_us])
        if observed:
            self.observed = (self.observed or (observed[0], 0))[0], observed[-1]
        return self._obey(commands)

    def serve(self, own: Snapshot, command: Command | None) -> Snapshot:
        """Returns the version to serve from now on. own: the learner's; command: the result of `update`."""
        return self._restored(own, command) if self.restored else self._own(own, command)

    def dumps(self) -> dict[str, Any]:
        """Returns the state for JSON."""
        return {
            "observed": self.observed,
            "obeyed": self.obeyed,
            "restored": None if self.restored is None else self.restored.dumps().decode(),
            "recent": asdict(self.recent),
        }

    def loads(self, body: dict[str, Any]) -> None:
        """Restores what `dumps` returned."""
        observed, self.obeyed = body["observed"], body["obeyed"]
        self.observed = None if observed is None else (observed[0], observed[1])
        self._take(None if body["restored"] is None else Snapshot.loads(body["restored"].encode()))
        self.recent = RecentMetrics(**body["recent"])

    def _take(self, version: Snapshot | None) -> None:
        if version is not None:  # a restored version keeps its own lineage
            version = replace(version, shadow={}, lineage=replace(version.lineage, reason=Reason.LEARNED))
        self.restored = version
        self._scorer = None if version is None else Scorer(version)
        self.recent = RecentMetrics()

    def _obey(self, commands: Sequence[Command]) -> Command | None:
        """Applies new commands in order of event time, for any order of arrival; returns the last of them."""
        last = None
        for one in sorted(commands, key=lambda one: (one.event_us, one.command_id)):
            if one.command_id not in self.obeyed:
                self.obeyed = [*self.obeyed, one.command_id][-MOST_OBEYED:]
                self._take(one.model)
                last = one
        return last

    def _assess(self, examples: list[Examples]) -> None:
        """Updates the recent metrics of the restored version: readiness applies to it too."""
        if self._scorer is not None and self._scorer.snapshot.learned:
            whole = joined(examples)
            x: Array = scaled(whole.features)
            y = whole.label.astype(float)
            self.recent.update(
                self._scorer.log_odds(x), self._scorer.expert_log_odds(x)[self._scorer.snapshot.model][PRIOR], y
            )

    def _own(self, own: Snapshot, command: Command | None) -> Snapshot:
        reason, evidence = own.lineage.reason, own.lineage.evidence
        if command is not None:
            reason, evidence = Reason.PROMOTION, command.evidence
        return replace(own, lineage=Lineage(own.version - 1, reason, evidence, self.profile, self.observed))

    def _restored(self, own: Snapshot, command: Command | None) -> Snapshot:
        """Returns the earlier version's parameters with the present version number, population and metrics."""
        then = self.restored
        assert then is not None
        reason = Reason.RESTORED if command is None else Reason.ROLLBACK
        evidence = None if command is None else command.evidence
        lineage = replace(then.lineage, parent=then.version, reason=reason, evidence=evidence)
        return replace(
            own,
            lineage=lineage,
            hold=self._hold(then, own),
            learned=then.learned,
            parameters=then.parameters,
            shift=then.shift,
            mean=then.mean,
            least_auc=self.recent.least_auc(self.rules.new_share) if self.recent.weight else then.least_auc,
            model=then.model,
            shadow=own.learning,
        )

    def _hold(self, then: Snapshot, own: Snapshot) -> Hold:
        """Returns the earlier version's own hold, until labels mature that it has not learned."""
        if not self.recent.weight:
            return then.hold
        readiness = replace(self.rules.readiness, min_labels=0, min_labels_of_a_class=0)  # it had enough
        return self.recent.hold(readiness, own.labels, 0, self.rules.new_share)
