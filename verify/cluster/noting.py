"""The suite as a worker runs it: it also notes what kind of reply an outcome rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from verify.suite import Suite

if TYPE_CHECKING:
    from backends.spec import BackendSpec
    from reports.records import Outcome
    from verify.cluster.portion import Hunted
    from verify.judge import Verdict
    from verify.replies import Reply
    from verify.suite import Question


@dataclass
class NotingSuite(Suite):
    """A suite whose outcomes travel on, with the kinds of the replies that they were judged by.

    The submitter cannot see replies, and has to know when it is futile to ask further.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    _kinds: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def verdict(self, spec: BackendSpec, question: Question, reply: Reply) -> Verdict:
        """Judge a reply, and note its kind."""
        self._kinds[(spec.name, *question.key)] = reply.kind
        return super().verdict(spec, question, reply)

    def noted(self) -> list[dict[str, Any]]:
        """Return the outcomes as JSON values; an empty kind: it was not asked."""
        return [
            {"kind": self._kinds.get((o.backend, o.check, o.case), ""), "outcome": o.to_dict()}
            for o in self.outcomes
        ]

    def hunt(self, spec: BackendSpec, wanted: Hunted) -> None:
        """Search for a backend's worst inputs along one axis."""
        from verify.cases import parse
        from verify.search import corpus, report

        starts = corpus.Corpus(tuple(parse(text) for text in wanted.starts))
        plan = report.Plan(seconds=wanted.seconds, elements=wanted.elements, corpus=starts)
        done = {(spec.name, d, a) for d in self.selection.dtypes for a in report.AXES}
        wanted_now = {(spec.name, d, wanted.axis) for d in self.selection.dtypes}
        report.search(self, [spec], plan, frozenset(done - wanted_now))
