"""Formats that stand for others: whoever does not take them is asked in its own."""

import pytest

from backends.spec import BackendSpec, Source
from verify.offers import left_out
from verify.suite import Selection

CHECKS = ("arguments", "determinism", "batch_invariance", "thread_safety", "replay", "drift")


def asked(spec, check, **selection):
    chosen = Selection(operations=tuple(spec.operations), checks=(check,), **selection)
    kept = [q for q in chosen.questions() if not left_out(spec, chosen, q)]
    return {q.case.dtype for q in kept} & set(spec.dtypes)


def backend(*dtypes, operation="log_softmax"):
    return BackendSpec(
        name="it",
        source=Source("plugin", "it.py"),
        dtypes=dtypes,
        operations={operation: ("axis", "temperature")},
    )


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_a_backend_in_one_format_is_asked_everything_in_it(check, dtype):
    assert asked(backend(dtype), check) == {dtype}
    assert asked(backend(dtype, operation="softmax"), check) == {dtype}


@pytest.mark.parametrize("check", CHECKS)
def test_float32_stands_for_the_others_where_it_is_taken(check):
    assert asked(backend("float64", "float32", "float16"), check) == {"float32"}


@pytest.mark.parametrize("check", CHECKS)
def test_a_format_that_is_not_asked_for_stands_for_none(check):
    assert asked(backend("float64", "float32"), check, dtypes=("float64",)) == {"float64"}


@pytest.mark.parametrize("check", CHECKS)
def test_the_full_profile_asks_in_every_format(check):
    found = asked(backend("float64", "float32"), check, profile="full")
    assert found == {"float64", "float32"}


def test_a_case_that_is_named_is_always_asked():
    case = "log_softmax/float64/4x33/grid"
    assert asked(backend("float64", "float32"), "drift", cases=(case,)) == {"float64"}
