"""A bar's end is where the run ends: what is planned is what is recorded."""

import dataclasses
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from backends.discovery import builtin_specs
from verify.replies import Reply
from verify.suite import Selection, Suite

SPECS = {spec.name: spec for spec in builtin_specs()}
NAMES = ("numpy_stable", "numpy_online", "sklearn_extmath", "absent")


class Silent:
    """An executor whose backends never answer: nothing has to be judged."""

    def submit_many(self, _spec, words, _patience):
        future = Future()
        future.set_result([Reply(kind="timeout", message="") for _ in words])
        return future

    def retire(self, _spec):
        pass


def suite(found, **selection):
    answers = SimpleNamespace(expect=list, prefetch=list)
    chosen = Selection(dtypes=("float32", "float16"), checks=("axes", "contract"), **selection)
    return Suite(chosen, Silent(), answers, found.extend)


def spec_of(name):
    absent = dataclasses.replace(SPECS["numpy_stable"], name=name, unavailable="not installed")
    return SPECS.get(name, absent)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "operations", [("softmax",), ("softmax", "log_softmax", "cross_entropy_grad")]
)
def test_so_many_outcomes_are_recorded_as_were_planned(name, operations):
    found = []
    asked = suite(found, operations=operations, named_operations=False)
    planned = asked.planned([spec_of(name)])
    asked.run([spec_of(name)], 1)
    assert len(found) == planned > 0


def test_what_is_recorded_already_is_not_planned_again():
    found = []
    asked = suite(found)
    (spec,) = specs = [spec_of("numpy_online")]
    recorded = frozenset((spec.name, *question.key) for question in asked.questions()[:30])
    planned = asked.planned(specs, recorded)
    asked.run(specs, 1, recorded)
    assert len(found) == planned < asked.planned(specs)
