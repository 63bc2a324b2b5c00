"""The quick profile asks what the foundation promises: these shapes, regimes and examples."""

from collections import defaultdict

import numpy as np
import pytest

from backends.formats import to_float64
from verify import checks, examples
from verify.answers import answer
from verify.checks.check import Scope

DTYPES = ["float64", "float32", "float16", "bfloat16"]


def asked(check, dtype="float32", profile="quick", seed=0):
    return list(checks.load(check).cases(Scope("softmax", dtype, profile, seed)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_power_of_two_and_its_neighbours_up_to_2_to_the_17_is_a_width(dtype):
    widths = {case.n for case in asked("accuracy", dtype)}
    promised = {2**k + d for k in range(18) for d in (-1, 0, 1)} - {0}
    assert promised <= widths
    assert {1, 2, 3} <= widths


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_odd_width_between_513_and_1023_is_asked_with_several_rows(dtype):
    rows = defaultdict(int)
    for case in asked("accuracy", dtype):
        rows[case.n] = max(rows[case.n], case.rows)
    assert all(rows[n] > 1 for n in range(513, 1024, 2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_regime_meets_many_short_widths_and_some_long_one(dtype):
    by_regime = defaultdict(set)
    for case in asked("accuracy", dtype):
        by_regime[case.regime].add(case.n)
    # What these are for shows at a few widths: see the zoo.
    patterned = {"islands", "spikes", "scales", "binades", "apart"}
    assert patterned <= set(by_regime)
    for regime in by_regime.keys() - {"values", "digits", "encoded"} - patterned:
        assert len([n for n in by_regime[regime] if n <= 129]) >= 8, regime
        assert max(by_regime[regime]) > 500, regime
    promised = {"wide_gap", "offset", "ties", "ascending", "descending", "masked"}
    assert promised | {"subnormal_input", "subnormal_output", "digits"} <= set(by_regime)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_every_special_pattern_up_to_five_elements_is_asked(n):
    case = next(c for c in asked("special_values") if c.regime == "patterns" and c.n == n)
    rows = to_float64(case.build()).reshape(-1, n)
    kinds = np.select([np.isneginf(rows), np.isposinf(rows), np.isnan(rows)], [0, 2, 3], 1)
    assert len({tuple(row) for row in kinds.tolist()}) == 4**n


def test_the_axes_check_asks_every_axis_of_0_to_5_dimensions_and_square_matrices():
    shapes = {(case.shape, case.axis % max(len(case.shape), 1)) for case in asked("axes")}
    assert {len(shape) for shape, _ in shapes} >= {0, 1, 2, 3, 4, 5}
    for n in (8, 65):
        assert {((n, n), 0), ((n, n), 1)} <= shapes
    for axis in range(3):
        assert any(len(shape) == 3 and at == axis for shape, at in shapes), axis


@pytest.mark.parametrize(
    ("row", "digits"),
    [
        ((1.6, 3.1, 0.5), (0.17198205, 0.77077009, 0.05724785)),
        ((1.2, 0.3), (0.71, 0.29)),
        ((1.9, 0.1), (0.86, 0.14)),
        ((-7.98, 2.39), (0.0, 1.0)),
    ],
)
def test_the_worked_examples_are_asked_and_have_their_printed_digits(row, digits):
    assert row in examples.ROWS
    case = next(c for c in asked("accuracy", "float64") if c.values == row)
    places = 8 if len(row) == 3 else 2
    found = to_float64(answer(str(case), "nan").rounded)[0]
    assert tuple(round(float(value), places) for value in found) == digits


@pytest.mark.parametrize("check", checks.NAMES)
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_a_check_names_the_same_cases_each_time_and_none_twice(check, profile):
    texts = [str(case) for case in asked(check, profile=profile)]
    assert texts == [str(case) for case in asked(check, profile=profile)]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("check", checks.NAMES)
def test_the_full_profile_asks_all_that_the_quick_one_asks(check):
    quick, full = ({str(c) for c in asked(check, profile=p)} for p in ("quick", "full"))
    # Odd widths carry tied rows in the quick profile and plain ones in the full: same shapes.
    shapes = [{str(text).split("/")[2] for text in texts} for texts in (quick, full)]
    assert shapes[0] <= shapes[1]
    assert len(full) >= len(quick)


@pytest.mark.parametrize("check", checks.NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_short_case_of_every_check_can_be_built_and_read_back(check, dtype):
    from verify.cases import parse

    for case in asked(check, dtype):
        if case.count <= 2100:
            assert parse(str(case)) == case or case.values
            assert case.build().shape == case.shape
