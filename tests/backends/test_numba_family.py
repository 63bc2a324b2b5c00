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


def test_a_bound_call_asks_labels_each_time_what_they_are_now():
    fast, x = backends.get("numba_fast"), np.random.default_rng(3).standard_normal((9, 12))
    labels = np.arange(9)
    bound = fast.bind("cross_entropy", x, labels)
    first = bound().copy()
    labels[:] = labels[::-1].copy()
    assert (bound() == fast.cross_entropy(x, labels)).all()
    assert (bound() != first).any()
    labels[4] = -100
    assert bound()[4] == 0.0
    labels[5] = 12
    with pytest.raises(IndexError, match="label 12 is no class"):
        bound()


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 1, -100], [0, 1, 7]])
def test_an_ignored_label_is_an_integer_whatever_the_labels_are(labels):
    x = np.zeros((3, 3))
    with pytest.raises(TypeError):
        backends.get("numba_fast").cross_entropy(x, np.array(labels), ignore_index=1.0)


def test_a_class_may_be_ignored():
    x = np.random.default_rng(4).standard_normal((300, 280))
    labels = np.arange(300) % 280
    loss = backends.get("numba_fast").cross_entropy(x, labels, ignore_index=7)
    usual = backends.get("numba_fast").cross_entropy(x, labels)
    assert (loss == np.where(labels == 7, 0.0, usual)).all()
