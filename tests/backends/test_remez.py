"""The polynomials of `numba_fast` are the script's, with the errors that are stated of them."""

import mpmath
import pytest

from backends.kernels import fast_exp, remez

# As `fast_exp` states them: the logarithm to base 2 of the largest relative error.
STATED = {"SINGLE": -27.9, "DOUBLE": -56.3, "SHORT": -23.1}


@pytest.mark.parametrize("name", STATED)
def test_a_polynomial_is_as_near_to_exp_as_it_is_said_to_be(name):
    problem, count = remez.problems()[name]
    terms = list(getattr(fast_exp, name).terms)
    assert len(terms) == count
    with mpmath.workprec(200):
        assert problem.used(terms) == terms
        assert mpmath.log(problem.worst(terms), 2) <= STATED[name]


@pytest.mark.parametrize("name", ["SINGLE", "SHORT"])
def test_the_script_makes_the_coefficients_that_are_used(name):
    problem, count = remez.problems()[name]
    with mpmath.workprec(200):
        assert problem.used(remez.minimax(problem, count)) == list(getattr(fast_exp, name).terms)
