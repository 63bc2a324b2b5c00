"""The polynomials of `numba_fast` are the script's, with the errors that are stated of them."""

import operator

import mpmath
import pytest

from backends.kernels import fast_arithmetic, remez

# As `fast_arithmetic` states them: the logarithm to base 2 of the largest relative error.
STATED = {
    "SINGLE": -27.9,
    "SINGLE.roots": -34.5,
    "SINGLE.table": -32.3,
    "DOUBLE": -56.3,
    "DOUBLE.roots": -60.3,
    "DOUBLE.table": -58.2,
    "SHORT": -23.1,
    "SHORT.powers": -23.4,
}


def terms_of(name):
    found = operator.attrgetter(name)(fast_arithmetic)
    return list(getattr(found, "terms", found))


@pytest.mark.parametrize("name", STATED)
def test_a_polynomial_is_as_near_to_exp_as_it_is_said_to_be(name):
    problem, count = remez.problems()[name]
    terms = terms_of(name)
    assert len(terms) == count
    with mpmath.workprec(200):
        assert problem.used(terms) == terms
        assert mpmath.log(problem.worst(terms), 2) <= STATED[name]


@pytest.mark.parametrize(
    "name", ["SINGLE", "SINGLE.roots", "SINGLE.table", "SHORT", "SHORT.powers"]
)
def test_the_script_makes_the_coefficients_that_are_used(name):
    problem, count = remez.problems()[name]
    with mpmath.workprec(200):
        assert problem.used(remez.minimax(problem, count)) == terms_of(name)


@pytest.mark.parametrize("name", ["SINGLE", "DOUBLE"])
def test_a_table_of_roots_is_as_near_as_stated_at_the_level_that_the_script_finds(name):
    of = getattr(fast_arithmetic, name)
    level, off = remez.levels()[name]
    assert level == of.roots.level
    assert off < 0.007
    unit, count = mpmath.mpf(2) ** -(of.fraction + 1), of.roots.count
    for i, mantissa in enumerate(of.roots.mantissas(of)):
        with mpmath.workprec(200):
            true = of.roots.level * mpmath.root(2, count) ** i
            assert abs((1 + mpmath.ldexp(mantissa, -of.fraction)) / true - 1) < 0.007 * unit


@pytest.fixture(scope="module")
def table_levels():
    return remez.table_levels()


@pytest.mark.parametrize("name", ["SINGLE", "DOUBLE"])
def test_a_table_of_eighths_is_as_near_as_stated(name, table_levels):
    of = getattr(fast_arithmetic, name)
    level, apart = table_levels[name]
    assert level == of.table.level
    assert apart < 0.18
    unit = mpmath.mpf(2) ** -(of.fraction + 1)
    for i, mantissa in enumerate(of.table.mantissas(of)):
        with mpmath.workprec(200):
            true = of.table.level * mpmath.root(2, of.table.count) ** i
            assert abs((1 + mpmath.ldexp(mantissa, -of.fraction)) / true - 1) < 0.12 * unit
