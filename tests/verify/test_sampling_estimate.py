"""What sampling does to the loss."""

import numpy as np
import pandas as pd
import pytest

import backends
from backends.candidates import SAMPLERS, sampler
from verify.sampling import estimate
from verify.sampling.estimate import Task, table, zipf_task

SIZES = (2, 8, 32, 100)


@pytest.fixture(scope="module")
def losses():
    return table(sizes=SIZES, task=zipf_task(100, rows=8), draws=600)


def column(losses, name, count, what):
    chosen = losses[(losses["sampler"] == name) & (losses["label_count"] == count)]
    return chosen.sort_values("size")[what].to_numpy()


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_bias_falls_as_the_sample_grows_if_the_label_counts_once(losses, name):
    bias = column(losses, name, "once", "bias")
    error = column(losses, name, "once", "bias_error")
    assert (np.diff(np.abs(bias)) < 4 * error[:-1]).all()
    assert abs(bias[-1]) < 0.2 * abs(bias[0])
    # It is too small on the average: the logarithm is concave.
    assert (bias < 4 * error + 1e-14).all()


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("what", ["variance", "rmse", "gradient_noise", "gradient_bias"])
def test_so_does_what_chance_does(losses, name, what):
    values = column(losses, name, "once", what)
    assert values[-1] < 0.5 * values[0]
    if what != "gradient_bias":  # chance may leave more of a small one than of a smaller
        assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("name", ["uniform_distinct", "log_uniform_distinct"])
@pytest.mark.parametrize("count", estimate.LABEL_COUNTS)
def test_the_full_loss_and_gradient_remain_when_every_class_is_drawn_once(losses, name, count):
    for what in ("bias", "variance", "rmse", "gradient_bias", "gradient_noise"):
        assert abs(column(losses, name, count, what)[-1]) < 1e-13


def test_with_replacement_the_operations_loss_grows_beyond_the_full_one():
    task = zipf_task(20, rows=8)
    name = "log_uniform"
    found = table([sampler(name)], (10, 1000, 100_000), task=task, draws=20)
    bias = column(found, name, "expected", "bias")
    # log(1 + k p_y R) and not log(1 + R)
    full = -np.log(np.exp(task.logits)[np.arange(8), task.labels] / np.exp(task.logits).sum(1))
    own = 100_000 * sampler(name).probabilities(20)[task.labels]
    limit = np.log1p(own * np.expm1(full))
    assert bias[0] < bias[1] < bias[2]
    assert bias[2] == pytest.approx((limit - full).mean(), rel=1e-3)


def test_the_two_ways_to_count_the_label_differ_by_its_expected_count():
    task = zipf_task(30, rows=5)
    drawn = np.array([3, 3, 0, 29, 7])
    log_counts = np.log(sampler("log_uniform").expected_count(30, 5))
    own = log_counts[task.labels]
    expected, _ = estimate._sampled(task, drawn, log_counts[drawn], own)
    once, _ = estimate._sampled(task, drawn, log_counts[drawn], np.zeros(5))
    assert np.expm1(expected) == pytest.approx(np.exp(own) * np.expm1(once))


def test_the_losses_are_those_of_the_operation():
    task = zipf_task(50, rows=6)
    drawn = np.concatenate((np.array([4, 4, 9]), task.labels[:2]))
    log_counts = sampler("log_uniform").log_expected_count(50, 5)
    found, _ = estimate._sampled(task, drawn, log_counts[drawn], log_counts[task.labels])
    operation = backends.get("numpy_stable").sampled_cross_entropy
    assert found == pytest.approx(operation(task.logits, task.labels, drawn, log_counts), rel=1e-13)


def test_the_gradient_is_that_of_the_loss():
    task = zipf_task(12, rows=3)
    drawn = np.array([1, 1, 5, int(task.labels[0])])
    log_counts = sampler("log_uniform").log_expected_count(12, 4)
    own = log_counts[task.labels]
    step = 1e-6
    _, gradient = estimate._sampled(task, drawn, log_counts[drawn], own)
    for c in range(12):
        moved = np.array([task.logits.copy(), task.logits.copy()])
        moved[0, :, c] += step
        moved[1, :, c] -= step
        up, down = (
            estimate._sampled(Task(x, task.labels), drawn, log_counts[drawn], own)[0] for x in moved
        )
        assert gradient[:, c] == pytest.approx((up - down) / (2 * step), abs=1e-8)


def test_the_estimate_of_the_sum_is_unbiased():
    task = zipf_task(10, rows=4)
    full = estimate._cross_entropy(task.logits, task.labels)[0]
    for name in ("uniform_distinct", "log_uniform_distinct"):
        log_counts = sampler(name).log_expected_count(10, 4)
        generator = np.random.default_rng(1)
        estimates = np.array(
            [
                np.expm1(estimate._sampled(task, drawn, log_counts[drawn], np.zeros(4))[0])
                for drawn in (sampler(name).draw(generator, 10, 4) for _ in range(20_000))
            ]
        )
        error = estimates.std(axis=0) / np.sqrt(len(estimates))
        assert (abs(estimates.mean(axis=0) - np.expm1(full)) < 5 * error).all()


def test_bias_and_variance_make_up_the_squared_error_of_one_example():
    row = table([sampler("uniform")], [5], task=zipf_task(40, rows=1), draws=50).iloc[0]
    within = row["variance"] * 49 / 50
    assert row["rmse"] ** 2 == pytest.approx(row["bias"] ** 2 + within)
    assert row["bias_error"] ** 2 == pytest.approx(row["variance"] / 50)


def test_sizes_beyond_the_classes_are_asked_with_replacement_only():
    found = table(sizes=(5, 20), task=zipf_task(10, rows=2), draws=2)
    beyond = found[found["size"] == 20]
    assert set(beyond["sampler"]) == {"uniform", "log_uniform"}


def test_the_table_is_tidy_and_its_columns_are_documented(losses):
    assert not losses.isna().any().any()
    assert not losses.duplicated(["sampler", "label_count", "size"]).any()
    assert [name for name in losses.columns if f"``{name}``" not in table.__doc__] == []


def test_a_table_repeats():
    first, again = (table(sizes=(3,), task=zipf_task(20, rows=2), draws=5) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_one_draw_has_no_variance():
    with pytest.raises(ValueError, match="at least 2"):
        table(draws=1)
