"""Outcomes of one reply of a worker go to the store together, and none of them is lost."""

import pytest

from backends import registry
from reports.records import Outcome, Run
from reports.store import StoreError, open_store
from verify import checks
from verify.answers import Answers
from verify.cases import parse
from verify.recorder import Recorder
from verify.replies import Reply
from verify.suite import Question, Selection, Suite

TEXTS = [f"softmax/float32/{n}/uniform" for n in (2, 3, 4)]


def questions():
    check = checks.load("accuracy")
    return [Question(check, parse(text)) for text in TEXTS]


def zeros(question):
    case = question.case
    return Reply(kind="answer", outputs=(case.build() * 0,), seconds=0.0)


def judged(record, asked, replies, **selection):
    suite = Suite(Selection(**selection), None, Answers(0), record)
    spec = registry.get("numpy_stable").describe()
    return suite._judge(spec, asked, replies, list(asked))


@pytest.mark.parametrize(("held", "calls"), [(3600.0, [TEXTS]), (0.0, [[each] for each in TEXTS])])
def test_outcomes_of_one_reply_are_recorded_together_unless_one_takes_long(
    held, calls, monkeypatch
):
    monkeypatch.setattr("verify.suite._HELD", held)
    found = []
    asked = questions()
    judged(found.append, asked, [zeros(each) for each in asked])
    assert [[outcome.case for outcome in call] for call in found] == calls


def test_what_was_judged_before_an_error_of_our_own_is_recorded(monkeypatch):
    monkeypatch.setattr("verify.suite._HELD", 60.0)
    calls = []
    asked = questions()
    broken = [zeros(asked[0]), Reply(kind="answer", outputs=(), seconds=0.0), zeros(asked[2])]
    with pytest.raises(IndexError):
        judged(calls.append, asked, broken)
    assert [[outcome.case for outcome in call] for call in calls] == [TEXTS[:1]]


def test_with_fail_fast_a_failure_is_recorded_before_what_is_left_out_for_it():
    found = []
    asked = questions()
    rest = judged(found.extend, asked[:1], [zeros(asked[0])], fail_fast=True)
    assert [outcome.status for outcome in found] == ["fail", "skip"]
    assert rest == []


def test_a_recorder_keeps_all_outcomes_of_a_reply_that_the_store_refuses(tmp_path):
    outcomes = [
        Outcome(
            backend="mine",
            operation="softmax",
            dtype="float32",
            check="accuracy",
            case=case,
            regime="uniform",
            shape=(3,),
            axis=-1,
            n=3,
            status="pass",
        )
        for case in TEXTS
    ]
    with open_store(str(tmp_path / "results.db")) as store:
        never_begun = Run.start(
            kind="verify", version="0", command=(), arguments={}, environment={}
        )
        record = Recorder(store, never_begun.id, lambda _: None)
        with pytest.raises(StoreError):
            record(outcomes)
        assert f"{len(TEXTS)} outcomes that it did not take" in record.save()
