"""What the samplers draw and what they say of it; their law itself is for `verify.sampling`."""

import numpy as np
import pytest

from backends import candidates
from backends.candidates import SAMPLERS, CandidateError, UnknownSampler, sampler
from backends.formats import format_of, from_float64

DISTINCT = [name for name in SAMPLERS if not SAMPLERS[name].replacement]


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 2), (50, 3), (50, 49), (50, 50), (10**6, 1024)])
def test_candidates_are_classes(name, n, k):
    drawn = sampler(name).draw(generator(), n, k)
    assert drawn.dtype == np.int64
    assert drawn.shape == (k,)
    assert drawn.min() >= 0
    assert drawn.max() < n


@pytest.mark.parametrize("name", DISTINCT)
@pytest.mark.parametrize("k", [1, 12, 13, 99, 100])
def test_no_class_comes_twice_without_replacement(name, k):
    for seed in range(20):
        assert len(set(sampler(name).draw(generator(seed), 100, k))) == k


@pytest.mark.parametrize("name", ["uniform", "log_uniform"])
def test_there_may_be_more_candidates_than_classes_with_replacement(name):
    assert sampler(name).draw(generator(), 3, 10).shape == (10,)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_draws_the_same_and_another_does_not(name):
    first, again, other = (sampler(name).draw(generator(seed), 1000, 20) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n", [1, 2, 10, 100_000])
def test_probabilities_add_up_to_one(name, n):
    assert sampler(name).probabilities(n).sum() == pytest.approx(1.0, rel=1e-13)


def test_log_uniform_is_the_law_that_tensorflow_documents():
    n = 1000
    c = np.arange(n)
    documented = (np.log(c + 2) - np.log(c + 1)) / np.log(n + 1)
    assert sampler("log_uniform").probabilities(n) == pytest.approx(documented, rel=1e-11)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("n", "k"), [(1, 1), (10, 3), (10, 10), (3000, 100)])
def test_expected_counts_add_up_to_the_number_of_candidates(name, n, k):
    assert sampler(name).expected_count(n, k).sum() == pytest.approx(k, rel=1e-12)


def test_a_uniform_sample_without_replacement_expects_k_of_n():
    assert (sampler("uniform_distinct").expected_count(7, 3) == 3 / 7).all()


@pytest.mark.parametrize("name", DISTINCT)
def test_every_class_is_expected_once_if_all_are_drawn(name):
    assert (sampler(name).log_expected_count(20, 20) == 0).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_the_logarithm_is_rounded_to_the_format_once(dtype):
    each = sampler("log_uniform_distinct")
    logs = each.log_expected_count(100, 10, dtype)
    expected = from_float64(format_of(dtype), np.log(each.expected_count(100, 10)))
    assert logs.dtype == format_of(dtype).numpy_dtype
    assert (logs == expected).all()


def test_the_last_float_below_one_draws_the_last_class():
    class Last:
        def random(self, k):
            return np.full(k, np.nextafter(1.0, 0.0))

    for n in (1, 2, 3, 10, 12345, 10**6, 2**31):
        assert candidates._log_uniform(Last(), n, 1) == n - 1


@pytest.mark.parametrize("name", DISTINCT)
def test_more_candidates_than_classes_are_refused_without_replacement(name):
    for call in (
        lambda: sampler(name).draw(generator(), 5, 6),
        lambda: sampler(name).expected_count(5, 6),
        lambda: sampler(name).log_expected_count(5, 6),
    ):
        with pytest.raises(CandidateError, match="6 candidates of 5 classes without replacement"):
            call()


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("number", [0, -1])
def test_numbers_that_are_not_positive_are_refused(name, number):
    with pytest.raises(CandidateError, match=f"candidates={number}: give a positive integer"):
        sampler(name).draw(generator(), 5, number)
    with pytest.raises(CandidateError, match=f"classes={number}: give a positive integer"):
        sampler(name).draw(generator(), number, 1)
    with pytest.raises(CandidateError, match=f"classes={number}: give a positive integer"):
        sampler(name).probabilities(number)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("number", [2.0, "3", None, True, np.float64(1), np.array([1, 2])])
def test_numbers_that_are_not_integers_are_refused(name, number):
    with pytest.raises(TypeError, match=r"candidates=.*: give a positive integer"):
        sampler(name).draw(generator(), 5, number)
    with pytest.raises(TypeError, match=r"classes=.*: give a positive integer"):
        sampler(name).expected_count(number, 1)


def test_integers_of_numpy_are_integers():
    assert sampler("uniform").draw(generator(), np.int32(5), np.uint8(2)).shape == (2,)


def test_an_unknown_sampler_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownSampler, match="did you mean 'log_uniform'"):
        sampler("log_uniforn")
