"""Probabilities of being drawn, against all samples there are."""

from fractions import Fraction

import numpy as np
import pytest

from backends.inclusion import inclusion_probabilities, rosen_approximation


def enumerated(weights, k):
    """Follow every set of classes that successive draws can pass through, in exact arithmetic."""
    exact = [Fraction(float(weight)) for weight in weights]
    reached = {frozenset(): Fraction(1)}
    for _ in range(k):
        following = {}
        for drawn, probability in reached.items():
            left = [c for c in range(len(exact)) if c not in drawn]
            total = sum(exact[c] for c in left)
            for c in left:
                larger = drawn | {c}
                share = probability * exact[c] / total
                following[larger] = following.get(larger, 0) + share
        reached = following
    return [sum(p for drawn, p in reached.items() if c in drawn) for c in range(len(exact))]


def log_uniform(n):
    return np.log1p(1 / np.arange(1, n + 1))


def relative_error(values, exact):
    return max(
        abs(float((Fraction(float(value)) - truth) / truth))
        for value, truth in zip(values, exact, strict=True)
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5, 9])
def test_log_uniform_classes_have_the_probabilities_of_the_enumeration(n):
    for k in range(1, n + 1):
        weights = log_uniform(n)
        found = inclusion_probabilities(weights, k)
        assert relative_error(found, enumerated(weights, k)) < 2e-14


@pytest.mark.parametrize("seed", range(4))
def test_weights_of_any_size_and_order_have_the_probabilities_of_the_enumeration(seed):
    generator = np.random.default_rng(seed)
    weights = np.exp(generator.normal(size=8) * [0.0, 0.1, 1.0, 3.0][seed])
    for k in range(9):
        found = inclusion_probabilities(weights, k)
        exact = enumerated(weights, k)
        assert max(abs(found - np.array(exact, float))) < 1e-14


@pytest.mark.parametrize("k", [2, 10, 500, 1999, 4997])
def test_the_probabilities_of_many_classes_add_up_to_the_size_of_the_sample(k):
    assert inclusion_probabilities(log_uniform(5000), k).sum() == pytest.approx(k, rel=1e-12)


@pytest.mark.parametrize("k", [3, 40, 2900])
def test_interpolating_between_weights_changes_nothing(k, monkeypatch):
    interpolated = inclusion_probabilities(log_uniform(3000), k)
    monkeypatch.setattr("backends.inclusion._ENDS", 3000)
    each = inclusion_probabilities(log_uniform(3000), k)
    assert max(abs(interpolated / each - 1)) < 1e-12


@pytest.mark.parametrize(("n", "k"), [(100, 10), (1000, 64)])
def test_many_orders_by_exponential_times_agree(n, k):
    weights, samples = log_uniform(n), 20000
    times = np.random.default_rng(7).standard_exponential((samples, n)) / weights
    drawn = np.argpartition(times, k - 1, axis=1)[:, :k]
    counts = np.bincount(drawn.ravel(), minlength=n)
    expected = inclusion_probabilities(weights, k)
    # Chernoff: each count leaves this range with a probability below 2 exp(-16) = 2e-7.
    found = counts / samples
    divergence = samples * (
        found * np.log(np.maximum(found, 1e-300) / expected)
        + (1 - found) * np.log(np.maximum(1 - found, 1e-300) / (1 - expected))
    )
    assert divergence.max() < 16


def test_the_limit_for_large_samples_is_off_by_less_than_half_over_k():
    for n, k in ((100, 10), (1000, 64), (5000, 500)):
        exact = inclusion_probabilities(log_uniform(n), k)
        error = max(abs(rosen_approximation(log_uniform(n), k) / exact - 1))
        assert 0.02 / k < error < 0.5 / k
