"""The formats' data, the integer rounder, and the one conversion that everything relies on."""

import subprocess
import sys
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from backends.formats import (
    BFLOAT16,
    FLOAT8_E4M3FN,
    FLOAT8_E5M2,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    FORMATS,
    UnknownFormat,
    decode,
    format_of,
    from_float64,
    is_finite_bits,
    is_infinite_bits,
    is_nan_bits,
    round_to_bits,
    to_float64,
)

ALL = list(FORMATS.values())
NARROW = [FLOAT32, FLOAT16, BFLOAT16, FLOAT8_E4M3FN, FLOAT8_E5M2]


def parts(value):
    """Exact (negative, mantissa, exponent) of a float or a Fraction with a power of two below."""
    fraction = Fraction(value)
    return fraction < 0, abs(fraction.numerator), 1 - fraction.denominator.bit_length()


def positive(fmt, mantissa, exponent, **dust):
    return round_to_bits(fmt, False, mantissa, exponent, **dust)  # noqa: FBT003 - the sign


def negative(fmt, mantissa, exponent, **dust):
    return round_to_bits(fmt, True, mantissa, exponent, **dust)  # noqa: FBT003 - the sign


def round_float(fmt, value):
    return round_to_bits(fmt, *parts(value))


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_limits_agree_with_the_librarys_own_figures(fmt):
    info = ml_dtypes.finfo(fmt.numpy_dtype)
    assert fmt.max_finite == float(info.max)
    assert fmt.min_normal == float(info.smallest_normal)
    assert fmt.min_subnormal == float(info.smallest_subnormal)
    assert (fmt.emin, fmt.emax) == (info.minexp, info.maxexp - 1)
    assert fmt.unit_roundoff == float(info.eps) / 2
    assert fmt.bits == info.bits
    assert fmt.storage.itemsize == fmt.numpy_dtype.itemsize


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_nan_and_minus_zero_are_encoded_as_the_library_does(fmt):
    own = np.array([np.nan, -0.0]).astype(fmt.numpy_dtype)
    assert own.view(fmt.storage).tolist() == [fmt.nan_bits, fmt.sign_bit]
    ours = from_float64(fmt, np.array([np.nan, -np.nan, -0.0])).view(fmt.storage)
    assert ours.tolist() == [fmt.nan_bits, fmt.nan_bits | fmt.sign_bit, fmt.sign_bit]


def test_the_ocp_limits_are_those_of_the_specification():
    assert FLOAT8_E4M3FN.max_finite == 448
    assert FLOAT8_E4M3FN.nan_bits == 0x7F
    assert FLOAT8_E5M2.max_finite == 57344
    assert FLOAT8_E5M2.nan_bits == 0x7E


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_every_way_to_say_a_format_finds_it(fmt):
    torch = pytest.importorskip("torch")
    for word in (fmt, fmt.name, fmt.numpy_dtype, fmt.numpy_dtype.type, getattr(torch, fmt.name)):
        assert format_of(word) is fmt


@pytest.mark.parametrize("code", [">f8", "<f8", ">f4", "<f4", ">f2", "<f2"])
def test_a_format_is_the_same_in_either_byte_order(code):
    fmt = format_of(np.dtype(code))
    assert (fmt.bits, fmt.has_infinity) == (8 * int(code[2]), True)
    assert to_float64(np.array([1.5, -np.inf], code)).tolist() == [1.5, -np.inf]


KNOWN = "known: float64, float32, float16, bfloat16, float8_e4m3fn, float8_e5m2"


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("bfloat61", f"'bfloat61'; nearest: bfloat16, float64; {KNOWN}"),
        (np.dtype(np.int64), f"'int64'; nearest: float64, float16; {KNOWN}"),
        (np.complex64, f"'complex64'; nearest: float64; {KNOWN}"),
        ("q", f"'q'; {KNOWN}"),
    ],
)
def test_an_unknown_format_is_told_the_nearest(word, says):
    with pytest.raises(UnknownFormat) as caught:
        format_of(word)
    assert str(caught.value) == f"no floating-point format {says}"


def test_importing_the_formats_imports_no_numpy():
    code = "import backends.formats, sys; sys.exit('numpy' in sys.modules)"
    if subprocess.run(
        [sys.executable, "-c", "import backends, sys; sys.exit('numpy' in sys.modules)"],
        check=False,
    ).returncode:
        pytest.skip("the package itself already imports NumPy")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("fmt", [f for f in ALL if f.bits <= 16], ids=lambda fmt: fmt.name)
def test_decoding_and_rounding_are_inverse_for_every_encoding(fmt):
    for bits in range(1 << fmt.bits):
        if is_finite_bits(fmt, bits):
            assert round_to_bits(fmt, *decode(fmt, bits)) == bits
        else:
            assert is_infinite_bits(fmt, bits) != is_nan_bits(fmt, bits)
            with pytest.raises(ValueError, match="not a finite"):
                decode(fmt, bits)


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_ties_go_to_even_and_dust_breaks_them(fmt):
    random = np.random.default_rng(3)
    for bits in [0, 1, fmt.max_bits - 1, *random.integers(0, fmt.max_bits, 200).tolist()]:
        _, mantissa, exponent = decode(fmt, bits)
        half = 2 * mantissa + 1, exponent - 1
        even = bits + (bits & 1)
        assert positive(fmt, *half) == even
        assert negative(fmt, *half) == even | fmt.sign_bit
        assert positive(fmt, *half, inexact=True) == bits + 1
        below = (half[0] << 300) - 1, half[1] - 300
        assert positive(fmt, *below) == bits
        assert positive(fmt, *below, inexact=True) == bits


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_overflow_starts_half_an_ulp_above_the_largest_number(fmt):
    _, mantissa, exponent = decode(fmt, fmt.max_bits)
    half = 2 * mantissa + 1, exponent - 1
    overflow = fmt.max_bits + 1
    # 448 has an even significand, 111...1 an odd one: only e4m3 stays finite at the tie itself.
    assert positive(fmt, *half) == (overflow if fmt.has_infinity else fmt.max_bits)
    assert positive(fmt, *half, inexact=True) == overflow
    assert positive(fmt, 1, 10**9) == overflow
    assert (is_infinite_bits if fmt.has_infinity else is_nan_bits)(fmt, overflow)


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_absurd_exponents_cost_nothing(fmt):
    assert positive(fmt, 1, -(10**18)) == 0
    assert negative(fmt, 1, -(10**18), inexact=True) == fmt.sign_bit
    assert positive(fmt, 0, 10**18) == 0
    assert positive(fmt, 12345, 10**18) == fmt.max_bits + 1


def test_the_rounder_agrees_with_python_on_float64():
    random = np.random.default_rng(4)
    for _ in range(2000):
        numerator = int(random.integers(1, 2**62)) << int(random.integers(0, 70))
        shift = int(random.integers(0, 1200))
        expected = np.float64(Fraction(numerator, 1 << shift) if shift else numerator)
        assert positive(FLOAT64, numerator, -shift) == int(expected.view(np.uint64))


@pytest.mark.parametrize("fmt", NARROW, ids=lambda fmt: fmt.name)
def test_every_midpoint_and_its_neighbours_round_once(fmt):
    below = (
        np.arange(fmt.max_bits + 1)
        if fmt.bits <= 16
        else np.concatenate(
            [
                np.arange(2000),
                2**23 + np.arange(-1000, 1000),
                fmt.max_bits - np.arange(2000),
                np.random.default_rng(5).integers(0, fmt.max_bits, 20000),
            ]
        )
    )
    low = np.array([m * 2.0**e for _, m, e in (decode(fmt, b) for b in below.tolist())])
    exponents = np.array([decode(fmt, b)[2] for b in below.tolist()])
    midpoint = low + np.ldexp(0.5, exponents)  # exact: at most 25 bits
    for sign, bit in ((1.0, 0), (-1.0, fmt.sign_bit)):
        for values, expected in (
            (low, below),
            (
                midpoint,
                np.where(
                    (below == fmt.max_bits) & (not fmt.has_infinity), below, below + (below & 1)
                ),
            ),
            (np.nextafter(midpoint, np.inf), below + 1),
            (np.nextafter(midpoint, 0.0), below),
        ):
            got = from_float64(fmt, sign * values).view(fmt.storage)
            assert np.array_equal(got, (expected | bit).astype(fmt.storage))


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_the_vectorised_conversion_is_the_integer_rounder(fmt):
    random = np.random.default_rng(6)
    bits = random.integers(0, 2**64, 5000, dtype=np.uint64)
    exponents = random.integers(fmt.min_quantum - 3, min(fmt.emax + 2, 1024), 5000)
    near = np.ldexp(1 + random.random(5000), exponents)
    values = np.concatenate([bits.view(np.float64), near, [0.0, -0.0, 5e-324]])
    values = values[np.isfinite(values)]
    expected = np.array([round_float(fmt, value) for value in values.tolist()], dtype=fmt.storage)
    expected[values == 0] = np.where(np.signbit(values[values == 0]), fmt.sign_bit, 0)
    assert np.array_equal(from_float64(fmt, values).view(fmt.storage), expected)


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_numbers_of_another_kind_are_taken_at_their_value(fmt):
    for given in ([1, -2], [1.0, -2.0], np.array([1, -2], np.int32), np.array([1, -2], np.float32)):
        got = from_float64(fmt, given)
        assert got.dtype == fmt.numpy_dtype
        assert to_float64(got).tolist() == [1.0, -2.0]


@pytest.mark.parametrize("fmt", NARROW, ids=lambda fmt: fmt.name)
def test_the_smallest_numbers_of_float64_are_nothing_to_a_narrower_format(fmt):
    tiny = np.array([0.0, 5e-324, 2.0**-1023, 2.0**-1022, 3 * 2.0**-1022, 2.0**-1000])
    assert to_float64(from_float64(fmt, tiny)).tolist() == [0.0] * 6
    negative_zeros = from_float64(fmt, -tiny).view(fmt.storage)
    assert negative_zeros.tolist() == [fmt.sign_bit] * 6


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_special_values_convert_to_their_kind(fmt):
    got = from_float64(fmt, np.array([np.nan, np.inf, -np.inf]))
    wide = to_float64(got)
    assert np.isnan(wide[0])
    expected = [np.inf, -np.inf] if fmt.has_infinity else [np.nan, np.nan]
    assert np.array_equal(wide[1:], expected, equal_nan=True)


@pytest.mark.parametrize("fmt", [f for f in ALL if f.bits <= 16], ids=lambda fmt: fmt.name)
def test_widening_every_encoding_is_exact(fmt):
    bits = np.arange(1 << fmt.bits).astype(fmt.storage)
    wide = to_float64(bits.view(fmt.numpy_dtype))
    for encoding, value in zip(bits.tolist(), wide.tolist(), strict=True):
        if is_finite_bits(fmt, encoding):
            minus, mantissa, exponent = decode(fmt, encoding)
            assert Fraction(value) == Fraction(mantissa) * Fraction(2) ** exponent * (-1) ** minus
        elif is_infinite_bits(fmt, encoding):
            assert np.isinf(value)
        else:
            assert np.isnan(value)


def test_widening_keeps_shapes_and_strides_apart():
    x = from_float64(BFLOAT16, np.arange(24.0).reshape(2, 3, 4))
    assert np.array_equal(to_float64(x[:, ::2].T), np.arange(24.0).reshape(2, 3, 4)[:, ::2].T)
    assert to_float64(x[0, 0, 0:1].reshape(())).shape == ()
    for fmt in ALL:
        alone = from_float64(fmt, np.array(1.5))
        assert isinstance(alone, np.ndarray)
        assert alone.shape == to_float64(alone).shape == ()
        table = from_float64(fmt, np.arange(6.0).reshape(2, 3))
        assert to_float64(table.T).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_ml_dtypes_rounds_float64_to_bfloat16_twice_and_we_do_not():
    value = np.array([1 + 2.0**-8 + 2.0**-40])
    assert float(value.astype(ml_dtypes.bfloat16)[0]) == 1.0, "the pitfall is gone: tell NUMERICS"
    assert float(from_float64(BFLOAT16, value)[0]) == 1.0078125


@pytest.mark.parametrize("fmt", [FLOAT8_E4M3FN, FLOAT8_E5M2], ids=lambda fmt: fmt.name)
def test_8_bit_arrays_and_scalars_convert_alike_here(fmt):
    """ml_dtypes' array casts and scalar casts differ for some (jax-ml/ml_dtypes issue 401)."""
    values = np.linspace(-500, 500, 4001) * (1 + 2.0**-40)
    array = from_float64(fmt, values).view(np.uint8)
    alone = [int(from_float64(fmt, np.array(value)).view(np.uint8)) for value in values]
    exact = [round_float(fmt, value) for value in values.tolist()]
    assert array.tolist() == alone == exact
