"""Right samplers are accepted, wrong ones rejected, as often as is stated."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backends.candidates import SAMPLERS, Sampler, sampler
from verify.sampling import estimate, goodness_of_fit
from verify.sampling.__main__ import main
from verify.sampling.alternatives import ALTERNATIVES, UNSEEN
from verify.sampling.power import at_least, false_alarms
from verify.sampling.statistics import binomial, chi_square, hotelling, merged

WRONG = {each.name: each for each in ALTERNATIVES}


def remembering(each):
    counts = {}
    return replace(
        each,
        expectation=lambda n, k: (
            counts[n, k]
            if (n, k) in counts
            else counts.setdefault((n, k), each.expected_count(n, k))
        ),
    )


@pytest.mark.parametrize("name", SAMPLERS)
def test_right_samplers_are_accepted_with_200_seeds(name):
    each = remembering(SAMPLERS[name])
    fits = [goodness_of_fit(each, 50, 8, draws=200, seed=seed) for seed in range(200)]
    assert [fit.message for fit in fits if not fit.accepted] == []


def test_p_values_of_right_samplers_are_as_small_as_they_say():
    table = false_alarms(classes=40, size=8, draws=700, seeds=100)
    # A share of 100 is beyond this with a probability below 1e-6, by Chernoff's bound.
    assert table["below_0.05"].max() < 0.2
    assert table["below_0.01"].max() < 0.1
    limits = table[table["question"].isin(["order", "frequency", "groups", "overlap"])]
    assert limits["below_0.05"].min() > 0.005, "a question that always answers 1 sees nothing"


@pytest.mark.parametrize("name", [name for name in WRONG if name not in UNSEEN])
def test_wrong_samplers_are_rejected_in_2000_draws_with_every_seed(name):
    wrong = WRONG[name]
    each = remembering(wrong.make())
    for seed in range(10):
        fit = goodness_of_fit(each, 100, 16, draws=2000, seed=seed)
        assert not fit.accepted, wrong.fault
        assert fit.message.startswith(f"{name}, 100 classes: ")


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_stated_not_to_be_seen_is_not(name):
    each = remembering(WRONG[name].make())
    assert all(goodness_of_fit(each, 96, 16, seed=seed).accepted for seed in range(5))


@pytest.mark.parametrize("name", ["uniform_distinct", "log_uniform_distinct"])
@pytest.mark.parametrize("size", [1, 12, 13, 99, 100])
def test_both_ways_to_draw_without_replacement_fit(name, size):
    assert goodness_of_fit(sampler(name), 100, size, draws=400).message == ""


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("classes", "size"), [(1, 1), (2, 1), (2, 2), (3, 2)])
def test_the_smallest_samples_fit(name, classes, size):
    assert goodness_of_fit(sampler(name), classes, size, draws=200).message == ""


@pytest.mark.parametrize("name", SAMPLERS)
def test_many_classes_fit(name):
    assert goodness_of_fit(sampler(name), 20_000, 256, draws=100).message == ""


def test_a_loose_significance_rejects_some_right_samplers():
    fits = [
        goodness_of_fit(sampler("uniform"), 20, 4, draws=100, seed=seed, significance=0.5)
        for seed in range(60)
    ]
    assert 5 < sum(not fit.accepted for fit in fits) < 35


def test_a_verdict_repeats():
    first, again = (goodness_of_fit(sampler("log_uniform"), 30, 5, draws=50) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drawing": lambda *numbers: [0] * numbers[-1]}, "no array of int64"),
        ({"drawing": lambda *numbers: np.zeros(numbers[-1])}, "no array of int64"),
        ({"drawing": lambda *numbers: np.zeros(numbers[-1] + 1, np.int64)}, r"of shape \(4,\)"),
        ({"drawing": lambda _, n, k: np.full(k, n)}, "holds class 9, of 0 to 8"),
        ({"drawing": lambda *numbers: np.full(numbers[-1], -1)}, "holds class -1"),
        ({"law": lambda n: np.full(n, 1.0)}, "probabilities add up to 9"),
        ({"law": lambda n: [1 / n] * n}, r"no array of shape \(9,\)"),
        ({"law": lambda n: np.full(n, np.nan)}, "not all 0 or more"),
        (
            {"expectation": lambda *numbers: np.full(numbers[0], 1 / numbers[0])},
            "expected counts add up to 1, not to 4",
        ),
    ],
)
def test_claims_and_draws_that_cannot_be_are_named(change, message):
    each = replace(sampler("uniform"), **change)
    fit = goodness_of_fit(each, 9, 4, draws=20)
    assert not fit.accepted
    assert re.search(message, fit.message)


def test_a_class_that_is_claimed_impossible_must_not_come():
    def law(n):
        return np.array([0.0, *[1 / (n - 1)] * (n - 1)])

    honest = Sampler(
        "honest",
        replacement=True,
        law=law,
        drawing=lambda generator, n, k: generator.integers(1, n, size=k),
    )
    assert goodness_of_fit(honest, 10, 5, draws=200).accepted
    once = replace(honest, drawing=sampler("uniform").drawing)
    assert not goodness_of_fit(once, 10, 5, draws=200).accepted


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sorted_sample_is_wrong_only_if_an_order_is_claimed(name):
    each = sampler(name)
    put_in_order = replace(each, drawing=lambda *asked: np.sort(each.draw(*asked)))
    fit = goodness_of_fit(put_in_order, 60, 6, draws=300)
    assert not fit.accepted
    if not each.replacement:  # with replacement, equal candidates stand side by side as well
        assert "order" in fit.message
        assert goodness_of_fit(replace(put_in_order, ordered=False), 60, 6, draws=300).accepted


def test_the_largest_of_log_p_and_gumbel_noise_are_a_successive_sample():
    each = sampler("log_uniform_distinct")

    def drawing(generator, n, k):
        return np.argsort(-np.log(each.probabilities(n)) - generator.gumbel(size=n))[:k]

    assert goodness_of_fit(replace(each, drawing=drawing), 80, 12, draws=1000).message == ""


def test_names_are_escaped_where_they_are_shown():
    each = replace(WRONG["sorted"].make(), name="red\x1b[31m")
    assert "\x1b" not in goodness_of_fit(each, 100, 16).message


@pytest.mark.parametrize(
    ("option", "message"),
    [({"draws": 19}, "at least 20"), ({"significance": 0.0}, "between 0 and 1")],
)
def test_unusable_options_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        goodness_of_fit(sampler("uniform"), 10, 2, **option)


def test_bins_hold_what_is_needed_and_lose_nothing():
    generator = np.random.default_rng(3)
    for _ in range(50):
        expected = generator.exponential(size=generator.integers(1, 60)) * 3
        counts, bins = merged(np.arange(expected.size), expected)
        assert counts.sum() == np.arange(expected.size).sum()
        assert bins.sum() == pytest.approx(expected.sum())
        assert bins.size == 1 or bins.min() >= 5


def test_tails_are_those_of_the_books():
    # Abramowitz and Stegun, table 26.8: chi-square of 18.307 with 10 degrees of freedom.
    counts = np.array([100.0] * 11)
    counts[0] += np.sqrt(18.307 * 100)
    assert chi_square(counts, np.full(11, 100.0)) == pytest.approx(0.05, rel=1e-4)
    # Ten times heads of a fair coin: 2 exp(-10 log 2) bounds the exact 2 / 1024.
    assert binomial(np.array([10]), 10, np.array([0.5])) == pytest.approx(2 / 1024)


def test_one_dimension_of_hotelling_is_students_t():
    values = np.random.default_rng(5).normal(size=10)
    values = (values - values.mean()) / values.std(ddof=1)
    # Student: |t| exceeds 2.262 with 9 degrees of freedom in 5 % of samples.
    assert hotelling(values[:, None], np.array([2.262157 / np.sqrt(10)])) == pytest.approx(
        0.05, rel=1e-5
    )


def test_the_lower_limit_of_a_share_is_clopper_and_pearsons():
    assert at_least(200, 200) == pytest.approx(0.05 ** (1 / 200))
    assert at_least(0, 10) == 0
    assert at_least(5, 10) == pytest.approx(0.2224, abs=1e-4)


def test_the_command_writes_a_page_and_tables(tmp_path, capsys):
    page, csv, parquet = (tmp_path / f"sampling{ending}" for ending in (".md", ".csv", ".parquet"))
    small = ["--seeds", "1", "--draws", "4"]
    assert main([*small, "--output", str(page)]) == 0
    assert capsys.readouterr().out == page.read_text()
    assert all(f"| {name} |" in page.read_text() for name in (*SAMPLERS, *WRONG))
    for path, read in ((csv, pd.read_csv), (parquet, pd.read_parquet)):
        assert main([*small, "--output", str(path)]) == 0
        pd.testing.assert_frame_equal(read(path), estimate.table(draws=4))


@pytest.mark.parametrize("words", [["--output", "x.txt"], ["--seeds", "0"], ["--draws", "1"]])
def test_an_unusable_command_line_is_refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "give at least" in capsys.readouterr().err or words[0] == "--output"
