"""`numba_fast`'s logarithms and gradients: rows that threads share, and small losses."""

import numpy as np
import pytest

import backends

LONG = 140_001  # longer than the rows that one thread takes


def _long_row():
    rng = np.random.default_rng(3)
    return rng.normal(scale=3, size=(1, LONG)).astype(np.float32)


def _exact(x):
    wide = x.astype(np.float64)
    power = np.exp(wide - wide.max())
    return wide - wide.max() - np.log(power.sum()), power / power.sum()


def test_the_logarithms_of_a_row_that_threads_share_are_right():
    backend, x = backends.get("numba_fast"), _long_row()
    logs, _ = _exact(x)
    label = np.array([LONG - 1])
    assert np.allclose(backend.log_softmax(x), logs, rtol=2.0**-22, atol=0)
    assert np.allclose(backend.cross_entropy(x, label), -logs[:, -1], rtol=2.0**-22, atol=0)
    assert np.allclose(backend.logsumexp(x), x[:, 0] - logs[:, 0], rtol=2.0**-22, atol=0)


def test_the_gradients_of_a_row_that_threads_share_are_right():
    backend, x = backends.get("numba_fast"), _long_row()
    _, p = _exact(x)
    c = np.random.default_rng(4).normal(size=x.shape).astype(np.float32)
    mean = (p * c).sum()
    got = backend.softmax_vjp(x, c)
    assert np.abs(got - p * (c - mean)).max() < 2.0**-20 * p.max()
    at = LONG // 2
    expected = p.copy()
    expected[0, at] -= 1
    got = backend.cross_entropy_grad(x, np.array([at]))
    assert np.allclose(got, expected, rtol=2.0**-21, atol=0)


@pytest.mark.parametrize("gap", [5.0, 15.0, 40.0, 80.0])
def test_a_loss_near_nothing_keeps_its_digits(gap):
    x = np.full((2, 70), -gap, np.float32)
    x[:, 3] = 0.0
    loss = backends.get("numba_fast").cross_entropy(x, np.array([3, 3]))
    assert np.allclose(loss, np.log1p(69 * np.exp(-gap)), rtol=2.0**-22, atol=0)


def test_cotangents_near_the_largest_number_do_not_overflow():
    x = np.zeros((1, 64), np.float32)
    c = np.full((1, 64), np.finfo(np.float32).max)
    c[0, ::2] *= -1
    got = backends.get("numba_fast").softmax_vjp(x, c)
    assert np.allclose(got, c / 64, rtol=1e-6)
