"""Eight rows' lanes folded to one lane for each."""

import numpy as np
import pytest

pytest.importorskip("numba")

import numba

from backends.kernels.lanes_folds import coming, eight_of, eightfold, folding, staying
from backends.kernels.lanes_memory import load, store


def _added(run):
    @numba.njit
    def added(a, b):
        return staying(a, b, run) + coming(a, b, run)

    return added


@pytest.mark.parametrize("count", [8, 16])
def test_each_row_comes_to_its_own_place(count):
    fold = folding(_added, count)

    @numba.njit
    def read(lanes, row, state):  # noqa: ARG001 - as `eightfold` calls it
        return load(lanes, row * count, count)

    reads = eightfold(read)

    @numba.njit
    def folded(lanes, out):
        store(out, 0, fold(reads(lanes, 0, eight_of(0))))

    lanes, out = np.arange(8.0 * count) ** 2, np.zeros(count)
    folded(lanes, out)
    sums = out.reshape(8, -1).sum(axis=1)  # of 16 lanes a row has two neighbours
    assert (sums == lanes.reshape(8, count).sum(axis=1)).all()
