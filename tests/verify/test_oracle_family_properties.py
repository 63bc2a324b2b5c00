"""What the operations are to each other, bit for bit, and the front door for all of them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import verify
from backends import operations
from backends.formats import FORMATS, from_float64
from verify import oracle
from verify.oracle import OPERATIONS, cache
from verify.ulp import ulp_error

PARTS = ("high", "low", "exponent")


def ask(operation, *inputs, **parameters):
    return OPERATIONS[operation](*inputs, **parameters)


@st.composite
def rows(draw):
    """A row of some format, with equal logits, masks and wide gaps among them."""
    fmt = draw(st.sampled_from(list(FORMATS.values())))
    finite = st.one_of(
        st.integers(-4, 4).map(float),
        st.floats(-40, 40),
        st.floats(-fmt.max_finite, fmt.max_finite),
        st.sampled_from([0.0, fmt.min_subnormal, -fmt.min_normal]),
    )
    entry = st.one_of(finite, st.just(-np.inf)) if fmt.has_infinity else finite
    x = [draw(finite), *draw(st.lists(entry, max_size=5))]
    return from_float64(fmt, np.array(x))


temperatures = st.sampled_from([1.0, 0.5, 3.0, 1e-3, 1e4])


def same(one, other, sign=1):
    """Whether two answers are equal, or one the negative of the other."""
    return (
        np.array_equal(one.high, sign * other.high)
        and np.allclose(one.low, sign * other.low, rtol=0, atol=2.0**-80)
        and np.array_equal(one.exponent, other.exponent)
    )


@settings(max_examples=60, deadline=None)
@given(rows(), temperatures, st.data())
def test_operations_agree_where_their_definitions_do(x, temperature, data):
    n = len(x)
    hot = {"temperature": temperature}
    label = data.draw(st.integers(0, n - 1))
    index = np.array(label)
    logarithms = ask("log_softmax", x, **hot)
    loss = ask("cross_entropy", x, index, **hot)
    assert same(loss, logarithms.each(lambda part: part[label]), -1)

    probabilities = ask("softmax", x, **hot)
    gradient = ask("cross_entropy_grad", x, index, temperature=temperature)
    if temperature == 1.0:
        others = np.arange(n) != label
        assert same(gradient.each(lambda p: p[others]), probabilities.each(lambda p: p[others]))

    jacobian = ask("softmax_jacobian", x, **hot)
    for i in range(n):
        unit = np.zeros(n).astype(x.dtype)
        unit[i] = 1
        column = ask("softmax_vjp", x, unit, **hot)
        for k in (column, jacobian.each(lambda part, i=i: part[i])):
            assert same(k, jacobian.each(lambda part, i=i: part[:, i]))

    everything = np.arange(n)
    zero = np.zeros(n).astype(x.dtype)
    assert same(ask("sampled_cross_entropy", x, index, everything, zero, **hot), loss)

    order = data.draw(st.permutations(range(n)))
    assert same(ask("log_softmax", x[order], **hot), logarithms.each(lambda part: part[order]))


@settings(max_examples=40, deadline=None)
@given(rows(), temperatures)
def test_every_result_is_within_half_an_ulp_and_its_parts_are_in_order(x, temperature):
    c = x[::-1].copy()
    c[~np.isfinite(c.astype(np.float64))] = 1
    for operation, others in (
        ("log_softmax", ()), ("logsumexp", ()), ("softmax_vjp", (c,)), ("softmax_jacobian", ()),
        ("cross_entropy_grad", (np.array(0),)), ("cross_entropy", (np.array(0),)),
        ("sigmoid", ()),
    ):  # fmt: skip
        answer = ask(operation, x, *others, temperature=temperature)
        assert answer.rounded.dtype == x.dtype
        assert answer.rounded.shape == operations.operation(operation).result_shape(x.shape)
        assert answer.either_zero
        error = ulp_error(answer.rounded, answer)
        assert (error <= 0.5).all(), operation
        digits = np.abs(answer.high[np.isfinite(answer.high) & (answer.high != 0)])
        assert ((digits >= 1) & (digits <= 2)).all()
        assert np.array_equal(answer.high, answer.high + answer.low)
        wide = answer.rounded.astype(np.float64)
        negative = np.signbit(wide) & ~np.isnan(wide)
        assert not (negative & (answer.high >= 0)).any()


def test_the_oracle_knows_every_operation():
    assert list(OPERATIONS) == list(operations.OPERATIONS)
    for name, function in OPERATIONS.items():
        assert function.__name__ == name
        assert callable(getattr(verify.exact, name))
    assert set(verify.exact.__all__) == set(OPERATIONS)


LIBRARY = {
    "softmax": (), "log_softmax": (), "logsumexp": (), "softmax_jacobian": (), "sigmoid": (),
    "cross_entropy": ("labels",), "cross_entropy_grad": ("labels",), "softmax_vjp": ("cotangent",),
    "sampled_cross_entropy": ("labels", "sampled", "log_expected_count"),
}  # fmt: skip
RANDOM = np.random.default_rng(5)


def inputs_of(operation, dtype):
    fmt = FORMATS[dtype]
    arrays = {
        "x": from_float64(fmt, RANDOM.standard_normal((3, 4))),
        "labels": np.array([0, 3, 2]),
        "cotangent": from_float64(fmt, RANDOM.standard_normal((3, 4))),
        "sampled": np.array([1, 1, 3]),
        "log_expected_count": from_float64(fmt, RANDOM.standard_normal(4)),
    }
    return {name: arrays[name] for name in operations.operation(operation).inputs}


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_verify_exact_answers_in_the_callers_own_arrays(operation, dtype):
    inputs = inputs_of(operation, dtype)
    assert tuple(inputs) == ("x", *LIBRARY[operation])
    function = getattr(verify.exact, operation)
    expected = OPERATIONS[operation](*inputs.values()).rounded
    got = function(*inputs.values())
    assert (got.dtype, got.tobytes()) == (expected.dtype, expected.tobytes())
    assert function(**inputs, temperature=0.5).tobytes() == (
        OPERATIONS[operation](*inputs.values(), temperature=0.5).rounded.tobytes()
    )
    library = verify.exact.arrays.library("torch")
    tensors = {name: library.from_numpy(each.copy(), "cpu") for name, each in inputs.items()}
    answer = function(**tensors)
    assert isinstance(answer, torch.Tensor)
    assert answer.dtype == tensors["x"].dtype
    assert library.to_numpy(answer).tobytes() == expected.tobytes()


def test_verify_exact_takes_either_byte_order_in_every_input():
    x, c = RANDOM.standard_normal((2, 3, 4))
    labels = np.array([1, 2, 3])
    swapped = verify.exact.softmax_vjp(x.astype(">f8"), c.astype(">f8"))
    assert swapped.dtype == np.dtype(">f8")
    assert np.array_equal(swapped, verify.exact.softmax_vjp(x, c))
    got = verify.exact.cross_entropy(x, labels.astype(">i4"))
    assert np.array_equal(got, verify.exact.cross_entropy(x, labels))


def test_parameters_reach_the_oracle_through_verify_exact():
    x = np.array([[0.0, 1.0], [-np.inf, -np.inf]])
    labels = np.array([0, 1])
    assert verify.exact.cross_entropy(x, labels, 0, all_masked="zero").tolist() == [0, np.inf]
    assert verify.exact.cross_entropy(x, labels, ignore_index=1, all_masked="zero")[1] == 0
    assert verify.exact.cross_entropy_grad(x, labels, all_masked="zero")[1].tolist() == [0, -1]
    assert verify.exact.log_softmax(x, all_masked="zero")[1].tolist() == [-np.inf] * 2
    assert verify.exact.logsumexp(x, 1).tolist()[1] == -np.inf
    zeros = np.zeros(2)
    hits = verify.exact.sampled_cross_entropy(
        zeros, np.array(0), np.array([0]), zeros, remove_accidental_hits=False
    )
    assert hits == np.log(2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTMARK_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_with_signs_zeros_and_infinities_survive_the_cache(operation, folder, monkeypatch):
    monkeypatch.setattr(oracle, "CHEAP", 10)
    inputs = inputs_of(operation, "float16")
    x = inputs["x"]
    x[0, 1:] = -np.inf
    first = oracle.exact(operation, inputs, {"temperature": 0.5})
    (entry,) = folder.rglob("*.exact")
    again = cache.load(entry.stem)
    assert again is not None
    assert again.either_zero == first.either_zero == (operation != "softmax")
    for name in (*PARTS, "rounded"):
        assert getattr(again, name).tobytes() == getattr(first, name).tobytes()
    other = oracle.exact(operation, inputs, {"temperature": 0.25})
    assert other.rounded.tobytes() != first.rounded.tobytes()


def test_a_row_of_equal_logits_is_never_looked_up(folder):
    oracle.exact("cross_entropy", {"x": np.zeros((600, 2)), "labels": np.arange(600) % 2}, {})
    oracle.exact("softmax_jacobian", {"x": np.zeros((2, 40))}, {})
    assert not list(folder.rglob("*.exact"))


def test_a_jacobian_is_as_expensive_as_what_comes_out(folder):
    x = np.random.default_rng(6).standard_normal(24)
    oracle.exact("softmax_jacobian", {"x": x}, {})
    assert len(list(folder.rglob("*.exact"))) == 1


def test_much_beside_an_x_of_little_is_no_question_of_its_size():
    labels = np.full(2 * oracle.FAST, operations.IGNORE_INDEX)
    none = {"x": np.zeros((len(labels), 0)), "labels": labels}
    assert not oracle.exact("cross_entropy", none, {}).rounded.any()
    one = {
        "x": np.array(0.0),
        "labels": np.array(0),
        "sampled": np.zeros(2 * oracle.FAST, np.int64),
        "log_expected_count": np.zeros(1),
    }
    kept = oracle.exact("sampled_cross_entropy", one, {"remove_accidental_hits": False})
    assert kept.rounded == np.log(2 * oracle.FAST + 1)
