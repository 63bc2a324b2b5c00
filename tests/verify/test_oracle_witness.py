"""Reference and witness agree bit for bit, on ordinary and on hard inputs."""

import builtins

import numpy as np
import pytest

from backends.formats import FORMATS, from_float64, to_float64
from verify.oracle.reference import softmax, softmax_with_rounds
from verify.ulp import misrounded

flint = pytest.importorskip("flint", reason="pip install softmark[witness]")

from verify.oracle import crosscheck, hard, witness  # noqa: E402 - only where flint is there

SIXTEEN_AND_UP = ["float64", "float32", "float16", "bfloat16"]


@pytest.mark.parametrize("name", SIXTEEN_AND_UP)
def test_twenty_thousand_outputs_agree_bit_for_bit(name):
    tally = crosscheck.run(name, 20_000, seed=1)
    assert tally.outputs >= 20_000
    assert tally.disagreements == 0
    assert tally.subnormal > 500
    assert tally.near_20 > (30 if name == "bfloat16" else 500)
    assert tally.closest < -24


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_the_8_bit_formats_agree_too(name):
    tally = crosscheck.run(name, 5_000, seed=2)
    assert tally.disagreements == 0
    assert tally.subnormal > 100


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("temperature", [1e-320, 1e-3, 0.7, 3.0, 1e300])
def test_they_agree_at_every_temperature_and_on_special_values(fmt, temperature):
    random = np.random.default_rng(3)
    values = random.standard_normal((12, 6)) * random.choice([1e-3, 1.0, 1e4], (12, 1))
    values[0, 0], values[1, 1], values[2] = np.nan, np.inf, -np.inf
    values[3, :5] = -np.inf
    x = from_float64(
        fmt, np.clip(values, -fmt.max_finite, fmt.max_finite, where=np.isfinite(values), out=values)
    )
    answer = softmax(x, axis=0, temperature=temperature)
    assert not misrounded(witness.softmax(x, axis=0, temperature=temperature), answer).any()
    answer = softmax(x, temperature=temperature)
    assert not misrounded(witness.softmax(x, temperature=temperature), answer).any()


@pytest.mark.parametrize("temperature", [0.07, 1.0, 1e3])
def test_the_exact_value_is_within_2_to_the_minus_83_of_arbs(temperature):
    x = np.random.default_rng(6).standard_normal((40, 9)) * 20
    answer = softmax(x, temperature=temperature)
    with flint.ctx.workprec(400):
        for row, high, low, exponent in zip(
            x.tolist(), answer.high, answer.low, answer.exponent.tolist(), strict=True
        ):
            terms = [(flint.arb(value) / flint.arb(temperature)).exp() for value in row]
            total = sum(terms, flint.arb(0))
            for j, term in enumerate(terms):
                value = (flint.arb(high[j]) + flint.arb(low[j])) * flint.arb((1, exponent[j]))
                assert abs(value / (term / total) - 1) < flint.arb((1, -83))


def test_near_ties_make_ziv_raise_the_precision_and_it_settles():
    fmt = FORMATS["float64"]
    x, distances = hard.near_ties(fmt, np.random.default_rng(4), 200, 4)
    assert distances.min() < -100
    answer, rounds = softmax_with_rounds(x)
    assert rounds > 100
    assert not misrounded(witness.softmax(x), answer).any()


def test_near_ties_are_what_they_claim():
    """A float32 result within 2^-30 ulp of a tie is at one in float64 arithmetic."""
    fmt = FORMATS["float32"]
    x, distances = hard.near_ties(fmt, np.random.default_rng(5), 300, 4)
    close = distances < -30
    assert close.sum() > 100
    wide = softmax(to_float64(x)).rounded[close, 0]
    quantum = np.maximum(np.frexp(wide)[1] - fmt.precision, fmt.min_quantum)
    assert np.all(np.abs(np.ldexp(wide, -quantum) % 1 - 0.5) < 2.0**-27)


def test_the_crosscheck_writes_its_table_with_its_command(tmp_path, capsys):
    page = tmp_path / "docs" / "page.md"
    assert (
        crosscheck.main(
            ["--count", "2000", "--dtype", "float16", "--jobs", "1", "--output", str(page)]
        )
        == 0
    )
    text = page.read_text()
    assert capsys.readouterr().out in text
    assert "python -m verify.oracle.crosscheck --count 2000 --seed 0 --dtype float16" in text
    row = next(line for line in text.splitlines() if line.startswith("| float16"))
    assert row.split("|")[3].strip() == "0"


def test_a_quiet_crosscheck_says_nothing(capsys):
    words = ["--count", "200", "--dtype", "float8_e5m2", "--jobs", "1", "--quiet", "--no-color"]
    assert crosscheck.main(words) == 0
    assert capsys.readouterr() == ("", "")


def test_without_flint_the_error_names_the_pip_line(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "flint":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install softmark\[witness\]"):
        witness.softmax(np.zeros(2))
