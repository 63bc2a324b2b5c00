"""Parts of a kernel are made with the kernel, and can be called all the same."""

import itertools

import numba
import numpy as np
import pytest
from numba.core import bytecode

from backends.kernels.linking import linked_once
from backends.kernels.machine import kernel, piece, wide_vectors


@piece
def _part(x):
    return x + 1.0


@kernel
def _callable(x):
    return _part(x) * 2.0


def _made_in_one_go():
    @numba.njit(parallel=True)
    def whole(x):
        for i in numba.prange(x.size):
            x[i] = _callable(x[i]) + _part(x[i])
        if x.size == 0:
            raise ValueError("nothing")

    with linked_once():
        whole.compile("void(float64[::1])")
    return whole


def test_what_is_made_in_one_go_does_what_its_parts_do():
    x = np.arange(5.0)
    _made_in_one_go()(x)
    assert x.tolist() == [3.0 * (i + 1.0) for i in range(5)]


def test_parts_are_no_libraries_of_their_own_and_yet_others_can_be_made_of_them():
    _made_in_one_go()
    (part,) = (each.library for each in _part.overloads.values())
    assert not part._made

    @numba.njit("float64(float64)")
    def other(x):
        return _part(x) - 1.0

    assert other(5.0) == 5.0


def test_a_part_that_python_may_call_can_be_called():
    _made_in_one_go()
    assert _callable(1.0) == 4.0


def test_errors_of_what_is_made_in_one_go_are_raised():
    with pytest.raises(ValueError, match="nothing"):
        _made_in_one_go()(np.empty(0))


def test_outside_libraries_are_numbas_own_again():
    _made_in_one_go()

    @numba.njit("float64(float64)")
    def after(x):
        return x

    (library,) = (each.library for each in after.overloads.values())
    assert type(library) is numba.core.codegen.JITCodeLibrary


def _adding(number):
    @piece
    def part(x):
        wide_vectors()  # a function of its own in the kernel
        return x + number

    @numba.njit(parallel=True)
    def whole(x):
        for i in numba.prange(x.size):
            x[i] = part(x[i])

    with linked_once():
        whole.compile("void(float64[::1])")
    return whole


def test_parts_of_the_same_name_stay_with_their_kernels(monkeypatch):
    kernels = []
    for number in (1.0, 2.0):
        # As in two processes whose kernels a third one finds on disk: names are told apart by a
        # count of the functions in a process.
        monkeypatch.setattr(bytecode.FunctionIdentity, "_unique_ids", itertools.count(10**6))
        kernels.append(_adding(number))
    for made, number in zip(kernels, (1.0, 2.0), strict=True):
        x = np.zeros(3)
        made(x)
        assert x.tolist() == [number] * 3
