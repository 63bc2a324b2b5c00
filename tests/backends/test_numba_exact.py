"""numba_exact: every bit is the correctly rounded one, whatever it takes."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import backends
from backends.formats import FORMATS, from_float64, round_to_bits, to_float64
from verify.oracle import reference
from verify.ulp import misrounded

numba = pytest.importorskip("numba")
flint = pytest.importorskip("flint", reason="pip install softmark[witness]")

from backends.kernels import double_double, exact_integers, exact_narrow  # noqa: E402 - as above
from verify.oracle import fast, hard, witness  # noqa: E402 - only where flint is there

NAMES = ["float64", "float32", "float16", "bfloat16"]


@pytest.fixture(scope="module")
def softmax():
    return backends.get("numba_exact").softmax


def bits(array):
    return array.view(f"uint{8 * array.itemsize}")


@pytest.mark.parametrize("name", NAMES)
def test_thirty_thousand_results_near_ties_included_are_the_references(softmax, name):
    fmt, count = FORMATS[name], 0
    for x, temperature, _ in hard.batches(fmt, seed=21):
        if count >= 30_000:
            break
        count += x.size
        want = reference.softmax(x, temperature=temperature)
        assert not misrounded(softmax(x, temperature=temperature), want).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [63, 64, 1000, 1025, 4095, 4097, 9000])
def test_every_length_of_loop_and_block_is_right(softmax, name, n):
    random = np.random.default_rng(n)
    values = random.standard_normal((3, n)) * [[0.1], [3.0], [30.0]]
    values[1, ::7] = -np.inf
    values[2, -1] = 60.0
    x = from_float64(FORMATS[name], values)
    assert not misrounded(softmax(x), reference.softmax(x)).any()


@pytest.mark.parametrize("name", NAMES)
def test_long_shared_rows_equal_the_reference_on_repeated_values(softmax, name):
    """The reference is quick where a row has few distinct values."""
    values = np.random.default_rng(22).choice(np.linspace(-20.0, 3.0, 500), (2, 140_001))
    values[1, ::3] = -np.inf
    x = from_float64(FORMATS[name], values)
    assert not misrounded(softmax(x), reference.softmax(x)).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("special", [np.nan, -np.nan, np.inf])
@pytest.mark.parametrize("n", [5, 140_001])
def test_a_nan_or_an_infinity_anywhere_spoils_its_row_and_no_other(softmax, name, special, n):
    values = np.zeros((3, n))
    values[1, n // 2] = special
    got = to_float64(softmax(from_float64(FORMATS[name], values)))
    assert np.isnan(got[1]).all()
    assert not np.isnan(got[[0, 2]]).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(400, 30), (3, 5000), (1, 140_001)])
def test_bits_depend_neither_on_threads_nor_on_the_batch(softmax, name, shape):
    x = from_float64(FORMATS[name], np.random.default_rng(23).normal(scale=3.0, size=shape))
    before = numba.get_num_threads()
    results = []
    try:
        for threads in range(1, before + 1):
            numba.set_num_threads(threads)
            results.append(bits(softmax(x)))
    finally:
        numba.set_num_threads(before)
    assert all(np.array_equal(result, results[0]) for result in results)
    for row in range(0, shape[0], 37):
        assert np.array_equal(bits(softmax(x[row : row + 1])), results[0][row : row + 1])


@pytest.mark.parametrize("name", NAMES)
def test_other_axes_and_out_are_served(softmax, name):
    x = from_float64(FORMATS[name], np.random.default_rng(24).normal(size=(5, 6, 7)))
    for axis in range(-3, 3):
        assert not misrounded(softmax(x, axis=axis), reference.softmax(x, axis=axis)).any()
    out = np.empty((7, 6, 5), x.dtype).T
    assert backends.get("numba_exact").operations["softmax"](x, out=out) is out
    assert np.array_equal(bits(np.ascontiguousarray(out)), bits(softmax(x)))


def test_a_tie_of_equal_entries_goes_to_even(softmax):
    """2^25 equal float16 logits: 2^-25 is halfway between 0 and the smallest number."""
    assert not softmax(np.zeros((1, 2**25), np.float16)).any()


def test_near_ties_reach_the_integers_and_are_settled(softmax, monkeypatch):
    fmt = FORMATS["float64"]
    x, distances = hard.near_ties(fmt, np.random.default_rng(25), 60, 4)
    assert (distances < -60).all()  # double-double decides down to 2^-37 ulp
    from backends.kernels import exact_call

    asked = []

    def counted(*arguments):
        asked.append(arguments)
        return exact_integers.round_softmax(*arguments)

    monkeypatch.setattr(exact_call, "round_softmax", counted)
    got = softmax(x)
    assert len(asked) == len(x)
    assert np.array_equal(bits(got), bits(witness.softmax(x)))


@pytest.mark.parametrize("name", NAMES)
def test_the_integers_alone_are_right(name):
    fmt = FORMATS[name]
    x, _ = hard.near_ties(fmt, np.random.default_rng(26), 20, 3)
    x[0, 1] = from_float64(fmt, np.array(-np.inf))
    for temperature in (1.0, 0.07):
        want = reference.softmax(x, temperature=temperature).rounded.view(fmt.storage)
        for row, expected in zip(x.view(fmt.storage), want, strict=True):
            values, where, counts = np.unique(row, return_inverse=True, return_counts=True)
            got = exact_integers.round_softmax(
                fmt, values.tolist(), counts.tolist(), Fraction(temperature)
            )
            assert [got[index] for index in where] == expected.tolist()


def test_ln2_is_the_floor_of_arbs():
    with flint.ctx.workprec(2000):
        exact = (flint.arb(2).log() * flint.arb((1, 1000))).floor().unique_fmpz()
    assert exact_integers.ln2(1000) == int(exact)


def test_the_quick_exponential_keeps_its_bound():
    """The sum of steps 2 and 3: (4.9 + 0.31 s) u; the subtraction is not part of `exp`."""
    exp = numba.njit(lambda gap: exact_narrow.exp(gap))
    gaps = -np.random.default_rng(27).uniform(0.0, 110.0, 20_000)
    gaps[:5000] /= 100.0
    with flint.ctx.workprec(200):
        for gap in gaps.tolist():
            error = flint.arb(exp(gap)) / flint.arb(gap).exp() - 1
            assert abs(error) <= (4.9 - 0.31 * gap) * 2.0**-53


def test_the_quick_polynomial_is_as_close_as_the_proof_says():
    """On a grid so fine that the error, which has ten extremes, moves by 2^-57 between points."""
    names = [f"_P{i}" for i in range(9)]
    with flint.ctx.workprec(300):
        factors = [flint.arb(getattr(exact_narrow, name)) for name in names]
        ln2 = flint.arb(2).log()
        steps, half = 1 << 12, 0.346574  # ln(2)/2 and the rounding of k
        worst = 0.0
        for i in range(-steps, steps + 1):
            r = flint.arb(half) * i / steps
            value = flint.arb(0)
            for factor in reversed(factors):
                value = value * r + factor
            error = (1 + r + r * r * value) * (-r).exp() - 1
            worst = max(worst, float(abs(error).upper()))
        assert ln2 / 2 < half
        assert worst < 2.65 * 2.0**-53


def test_the_double_double_exponential_keeps_its_bound():
    exp = numba.njit(lambda gap, rest: double_double.exp(gap, rest))
    random = np.random.default_rng(28)
    gaps = -np.concatenate([random.uniform(0, 760, 5000), 10.0 ** random.uniform(-20, 2, 5000)])
    with flint.ctx.workprec(300):
        for gap in gaps.tolist():
            rest = gap * 2.0**-54 * random.random()
            high, low, k = exp(gap, rest)
            value = (flint.arb(high) + flint.arb(low)) * flint.arb((1, int(k)))
            error = value / (flint.arb(gap) + flint.arb(rest)).exp() - 1
            assert abs(error) < flint.arb(2) ** -95


def test_parts_of_constants_add_up():
    exact = Fraction(exact_integers.ln2(300), 32 << 300)
    parts = sum(map(Fraction, (double_double._L1, double_double._L2, double_double._L3)))
    assert abs(parts - exact) < Fraction(1, 1 << 113)
    for i, (high, low) in enumerate(zip(double_double._HIGH, double_double._LOW, strict=True)):
        assert abs((Fraction(high) + Fraction(low)) ** 32 / 2**i - 1) < Fraction(1, 1 << 100)
        assert abs(low) <= np.spacing(high) / 2
    for factorial, high, low in (
        (120, double_double._C5, double_double._C5_LOW),
        (24, double_double._C4, double_double._C4_LOW),
        (6, double_double._C3, double_double._C3_LOW),
    ):
        assert abs((Fraction(high) + Fraction(low)) * factorial - 1) < Fraction(1, 1 << 105)


@pytest.mark.parametrize("name", NAMES)
def test_uniform_rows_are_reciprocals(softmax, name):
    fmt = FORMATS[name]
    for n in (1, 3, 7, 1000, 4097):
        quotient = round_to_bits(fmt, n < 0, (1 << 200) // n, -200, inexact=n & (n - 1) > 0)
        assert set(bits(softmax(np.full((2, n), 3.5).astype(fmt.numpy_dtype))).ravel()) == {
            quotient
        }


@pytest.mark.slow
def test_a_second_process_loads_what_the_first_one_compiled(tmp_path):
    """Closing over compiled functions would make every process compile anew, for 15 seconds."""
    line = (
        "import numpy, backends; from numba.core import event; "
        "events = event.RecordingListener(); event.register('numba:compile', events); "
        "backends.get('numba_exact').softmax(numpy.ones((2, 5), numpy.float32)); "
        "print(int(not events.buffer))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    hits = [
        subprocess.run(
            [sys.executable, "-c", line],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_are_looked_at_again_may_be_overwritten_by_their_results(name):
    """An open row is read once more, when a part of `out` is written: in place it would be gone."""
    fmt = FORMATS[name]
    function = backends.get("numba_exact").operations["softmax"]
    x, _ = hard.near_ties(fmt, np.random.default_rng(26), 200, 5)
    want = bits(function(x))
    place = x.copy()
    assert np.array_equal(bits(function(place, out=place)), want)
    memory = np.concatenate([x.reshape(-1), x[:1, 0]])
    shifted = memory[1:].reshape(x.shape)
    assert np.array_equal(bits(function(memory[:-1].reshape(x.shape), out=shifted)), want)


@pytest.mark.parametrize("backend", ["numba_exact", "numba_fast", "numba_online"])
def test_an_out_of_another_shape_or_dtype_is_refused(backend):
    function = backends.get(backend).operations["softmax"]
    x = np.zeros((5, 6), np.float32)
    for out in (np.empty((6, 5), np.float32), np.empty((5, 6)), np.empty((5, 6), np.int32)):
        with pytest.raises(ValueError, match=r"out has dtype .* expected float32 and \(5, 6\)"):
            function(x, out=out)


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("n", [1, 7, 8, 15, 17, 40, 63, 64, 65, 129, 1000])
def test_an_output_anywhere_in_a_line_of_memory_is_filled_and_nothing_beside_it(name, n):
    """Rows of odd lengths end inside a vector, a test of 64 results and a line of 64 bytes."""
    function = backends.get("numba_exact").operations["softmax"]
    x = from_float64(FORMATS[name], np.random.default_rng(n).normal(scale=3.0, size=(5, n)))
    want = reference.softmax(x).rounded
    for offset in range(64 // x.itemsize):
        memory = np.full(64 + x.size + 64, 0x5A, f"uint{8 * x.itemsize}")
        out = memory[64 + offset : 64 + offset + x.size].view(x.dtype).reshape(x.shape)
        assert function(x, out=out) is out
        assert np.array_equal(bits(out), bits(want))
        assert (memory[: 64 + offset] == 0x5A).all()
        assert (memory[64 + offset + x.size :] == 0x5A).all()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("n", [17, 64, 65])
def test_short_rows_that_the_quick_test_leaves_open_are_decided_like_the_others(softmax, name, n):
    """About one row of 64 float16 in fifty waits for the proven margin."""
    x = from_float64(FORMATS[name], np.random.default_rng(31).normal(size=(6000, n)))
    assert not misrounded(softmax(x), fast.softmax(x)).any()
    assert np.array_equal(bits(softmax(x[:1])), bits(softmax(x))[:1])
