"""The interval of a duel holds what it promises, whatever goes on inside a launch."""

import math

import numpy as np
import pytest
from mpmath import betainc

from bench import statistics


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("probability", [0.6, 0.975, 0.995])
def test_students_quantile_has_its_probability(degrees, probability):
    t = statistics.student(degrees, probability)
    tail = betainc(degrees / 2, 0.5, 0, degrees / (degrees + t * t), regularized=True) / 2
    assert 1 - float(tail) == pytest.approx(probability, abs=1e-12)


def launches(generator, truth, spread=0.01, count=8):
    return [math.log(truth) + generator.normal(0, spread) for _ in range(count)]


def shown(generator, truth, trials=2000, **more):
    verdicts = [
        statistics.interval(launches(generator, truth, **more)).verdict for _ in range(trials)
    ]
    return {word: verdicts.count(word) / trials for word in set(verdicts)}


def test_between_equals_one_duel_in_a_hundred_shows_a_difference():
    said = shown(np.random.default_rng(1), 1.0)
    # 2000 duels at 1 %: 20 are expected, and four standard deviations are 18.
    assert 0.001 < 1 - said["no difference shown"] < 0.019


def test_a_slowdown_of_five_percent_is_found_where_launches_spread_by_one_and_a_half():
    assert shown(np.random.default_rng(2), 1 / 1.05, spread=0.015)["slower"] > 0.95


def test_a_speedup_is_faster():
    assert shown(np.random.default_rng(3), 1.1, trials=50) == {"faster": 1.0}


def test_heavy_tails_do_not_make_false_alarms():
    generator = np.random.default_rng(4)
    alarms = sum(
        statistics.interval(list(0.01 * generator.standard_t(2, 8))).verdict
        != "no difference shown"
        for _ in range(2000)
    )
    assert alarms / 2000 < 0.019


def test_a_drift_within_a_block_cancels_exactly():
    a1, b1, b2, a2 = (math.exp(0.1 * step) for step in range(4))
    assert statistics.of_block([a1, a2], [b1, b2]) == pytest.approx(0, abs=1e-15)


def test_turns_that_do_not_alternate_would_take_the_drift_for_a_difference():
    a1, a2, b1, b2 = (math.exp(0.1 * step) for step in range(4))
    assert statistics.of_block([a1, a2], [b1, b2]) == pytest.approx(0.2)


def test_a_few_disturbed_blocks_and_samples_count_for_nothing():
    assert statistics.of_launch([0.05, 0.05, 0.05, 3.0, -2.0]) == 0.05
    assert statistics.of_turn([1.0] * 8 + [50.0, 90.0]) == 1.0
