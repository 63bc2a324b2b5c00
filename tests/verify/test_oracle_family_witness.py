"""The family's oracle and its witness agree bit for bit, on ordinary and on hard inputs."""

import numpy as np
import pytest

from backends.formats import FORMATS, from_float64
from verify.oracle import OPERATIONS, products, reference, settle
from verify.ulp import misrounded

pytest.importorskip("flint", reason="pip install softmark[witness]")

from verify.oracle.witness_family import WITNESSES

every_format = pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)


def rows_of(fmt, random, kind, shape):
    """Rows of one kind, with masks in a fifth of them but never in the first column."""
    x = random.standard_normal(shape) * float(random.choice([0.05, 1.0, 10.0]))
    if kind == "ties":
        x = np.round(x * 2) / 2
    if kind == "wide":
        x = x * 30
        x[::3, 0] += 60
    x = np.clip(x, -fmt.max_finite, fmt.max_finite)
    if fmt.has_infinity:
        x[::5, 1::2] = -np.inf
    return from_float64(fmt, x)


def others(operation, fmt, random, x):
    """The further inputs that an operation takes."""
    rows, n = x.shape
    labels = np.where(np.isneginf(x.astype(float)[:, n - 1]), 0, random.integers(0, n, rows))
    labels = np.where(np.arange(rows) % 5 == 0, 0, labels)  # never a masked one
    count = from_float64(fmt, np.log(random.uniform(0.01, 3.0, n)))
    cotangent = random.standard_normal(x.shape)
    cotangent[::4] = np.round(cotangent[::4])
    cotangent[1::4] = np.eye(n)[labels[1::4]]
    return {
        "cross_entropy": [labels],
        "cross_entropy_grad": [labels],
        "softmax_vjp": [from_float64(fmt, cotangent)],
        "sampled_cross_entropy": [labels, random.integers(0, n, 2 * n), count],
    }.get(operation, [])


@every_format
@pytest.mark.parametrize("operation", WITNESSES)
def test_some_hundred_outputs_agree_bit_for_bit(operation, fmt):
    random = np.random.default_rng([7, fmt.bits, fmt.precision, len(operation)])
    outputs = 0
    for kind in ("normal", "ties", "wide"):
        for n, temperatures in (
            (1, (0.7,)),
            (2, (1.0, 3.0)),
            (3, (0.7,)),
            (7, (1.0,)),
            (12, (0.7,)),
        ):
            for temperature in temperatures:
                x = rows_of(fmt, random, kind, (max(2, COUNTS[operation] // n), n))
                inputs = [x, *others(operation, fmt, random, x)]
                answer = OPERATIONS[operation](*inputs, temperature=temperature)
                other = WITNESSES[operation](*inputs, temperature=temperature)
                assert not misrounded(other, answer).any(), (kind, n, temperature)
                outputs += other.size
    assert outputs > 700


@every_format
def test_the_products_other_forms_agree_as_well(fmt, monkeypatch):
    """The forms that are asked where the first one cancels, for every result."""
    monkeypatch.setattr(products, "FIRST_BITS", 0)
    test_some_hundred_outputs_agree_bit_for_bit("softmax_vjp", fmt)


@pytest.mark.parametrize("operation", WITNESSES)
def test_the_exact_values_are_good_to_thirty_bits_beyond_every_format(operation, monkeypatch):
    """Against the same at eight times the precision, and for products by the other forms."""
    random = np.random.default_rng(9)
    fmt = FORMATS["float64"]
    for kind in ("normal", "ties", "wide"):
        x = rows_of(fmt, random, kind, (10, 7))
        inputs = [x, *others(operation, fmt, random, x)]
        usual = OPERATIONS[operation](*inputs, temperature=0.7)
        with monkeypatch.context() as patch:
            patch.setattr(settle, "FIRST_BITS", 1024)
            patch.setattr(reference, "FIRST_BITS", 1024)
            sharp = OPERATIONS[operation](*inputs, temperature=0.7)
        assert np.array_equal(usual.exponent, sharp.exponent)
        finite = np.isfinite(sharp.high)
        assert np.array_equal(usual.high[~finite], sharp.high[~finite], equal_nan=True)
        error = (usual.high[finite] - sharp.high[finite]) + (usual.low - sharp.low)[finite]
        assert np.abs(error).max() <= 2.0**-83


COUNTS = {
    "log_softmax": 60, "logsumexp": 250, "cross_entropy": 250, "sampled_cross_entropy": 250,
    "softmax_vjp": 60, "cross_entropy_grad": 60, "softmax_jacobian": 20, "sigmoid": 60,
}  # fmt: skip
