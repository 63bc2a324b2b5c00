"""The limitations of libraries that round each step to 16 bits."""

import numpy as np
import pytest

import backends
from backends import discovery
from backends.rounding_steps import CALLS, VALUES, declared
from verify import checks

ROUNDING = ("scipy_special", "sklearn_extmath", "jax_jit", "tensorflow_cpu")


def test_each_check_and_each_format_has_a_name_and_a_reason():
    found = declared("rounded to {}", "softmax", "accuracy", "axes")
    assert found == {
        f"softmax/{check}/{dtype}": f"rounded to {dtype}"
        for check in ("accuracy", "axes")
        for dtype in ("float16", "bfloat16")
    }


def test_what_is_declared_is_asked():
    assert {*VALUES, *CALLS} <= set(checks.NAMES)


@pytest.mark.parametrize("name", ROUNDING)
def test_the_wide_formats_are_not_excused(name):
    (spec,) = (spec for spec in discovery.builtin_specs() if spec.name == name)
    steps = [limit for limit, reason in spec.claims.limitations.items() if "one by one" in reason]
    assert steps
    assert all(limit.endswith(("/float16", "/bfloat16")) for limit in steps)


@pytest.mark.parametrize("name", ROUNDING)
def test_a_sum_beyond_float16_makes_the_row_0_as_is_declared(name):
    (spec,) = (spec for spec in discovery.builtin_specs() if spec.name == name)
    if spec.unavailable is not None:
        pytest.skip(spec.unavailable)
    # If the library takes its sums in float32 one day, the reasons have to say so.
    y = backends.get(name).softmax(np.zeros((1, 65536), np.float16))
    assert not y.any()
