"""The explorer's arithmetic, run in Node, against the project's rounder, oracle and ulps."""

import itertools
import math
import random
from fractions import Fraction

import numpy as np
import pytest

from backends.formats import format_of, from_float64, to_float64
from tests.reports.page.formats_by_hand import Arithmetic, bits, number, softmax
from verify import oracle
from verify.ulp import ulp_error

DTYPES = ("float64", "float32", "float16", "bfloat16")
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTMARK_CACHE", str(tmp_path))


def drawing(seed):
    return random.Random(seed)  # noqa: S311 - inputs of a test, the same each time


def in_format(dtype, values):
    return [float(x) for x in to_float64(from_float64(format_of(dtype), np.array(values)))]


def rows(dtype):
    """Return rows of logits that ask for different things, each with a temperature."""
    fmt, draw = format_of(dtype), drawing(5)
    top, tiny = fmt.max_finite, fmt.min_subnormal
    made = [
        ([1.0], 1.0),
        ([2.0] * 3, 1.0),
        ([2.0] * 4, 0.5),
        ([0.0, tiny], 1.0),
        ([0.0, tiny, 0.0], 2.0),
        ([top, -top, top], 1.0),
        ([top, 0.0], in_format(dtype, [1e-3])[0]),
        ([-math.inf, 1.0, 2.0, -math.inf], 1.0),
        ([-math.inf, 3.0], 1.0),
        # The loss of the first is 254.5 and a little: half way between two bfloat16 numbers.
        ([1.5, 256.0], 1.0),
        ([0.0, -16.63, -17.33, -17.32], 1.0),
        ([0.0, -87.0, -103.0, -104.0, -708.0, -744.0, -746.0], 1.0),
    ]
    for width in (1.0, 8.0, 40.0, 300.0):
        for count in (2, 3, 5):
            temperature = draw.choice([1.0, 0.7, 3.0])
            made.append(([draw.gauss(0, width) for _ in range(count)], temperature))
    return [(in_format(dtype, row), in_format(dtype, [t])[0]) for row, t in made]


def doubles(dtype, count):
    """Return doubles of every size, and those half way between two numbers of the format."""
    draw, fmt = drawing(3), format_of(dtype)
    values = [number(f"{draw.getrandbits(64):016x}") for _ in range(count)]
    for _ in range(count):
        exponent = draw.randrange(fmt.emin - fmt.precision, fmt.emax + 1)
        below = math.ldexp(draw.randrange(1 << fmt.precision), exponent - fmt.precision + 1)
        quantum = math.ldexp(1.0, max(exponent, fmt.emin) - fmt.precision + 1)
        tie = below + quantum / 2
        values += [tie, -tie, math.nextafter(tie, 0), math.nextafter(tie, math.inf), below]
    return [*values, 0.0, -0.0, math.inf, -math.inf, fmt.max_finite, fmt.min_subnormal / 2]


@every_dtype
def test_doubles_round_as_the_project_rounds_them(ask_node, dtype):
    values = doubles(dtype, 400)
    (got,) = ask_node([{"ask": "round", "format": dtype, "values": list(map(bits, values))}])
    for value, digits, wanted in zip(values, got, in_format(dtype, values), strict=True):
        if math.isnan(wanted):
            assert math.isnan(number(digits))
        else:
            assert digits == bits(wanted), value.hex()


@every_dtype
def test_decimal_texts_are_rounded_once(ask_node, dtype):
    fmt = format_of(dtype)
    tie = 1 + Fraction(1, 2**fmt.precision)
    above = f"{decimal(tie)}{'0' * 30}1"  # a double would have lost the last digit
    texts = [
        "1",
        "-2.5",
        "1e-3",
        ".1",
        "3.",
        "+1e3",
        "−4",
        decimal(tie),
        above,
        "1e-9999",
        "1e4000",
    ]
    texts += ["inf", "-inf", "one", "", "1e", "--1", "0x10"]
    (got,) = ask_node([{"ask": "parse", "format": dtype, "texts": texts}])
    found = dict(zip(texts, map(number, got), strict=True))
    by_hand = Arithmetic(dtype)
    for text in texts[:9]:
        assert found[text] == by_hand.rounded(Fraction(text.replace("−", "-"))), text
    assert found[decimal(tie)] < found[above]
    assert (found["1e-9999"], found["1e4000"]) == (0.0, math.inf)
    assert (found["inf"], found["-inf"]) == (math.inf, -math.inf)
    assert all(math.isnan(found[text]) for text in ("one", "", "1e", "--1", "0x10"))


def decimal(value):
    """Return a dyadic fraction as a decimal, all of its digits."""
    places = value.denominator.bit_length() - 1
    digits = str(value.numerator * 5**places).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


@every_dtype
def test_exponentials_are_correctly_rounded(ask_node, dtype):
    draw, by_hand = drawing(7), Arithmetic(dtype)
    values = [draw.uniform(-120, 120) for _ in range(200)]
    values += [draw.uniform(-760, 720) for _ in range(200)] + [0.0, -0.0, 1e-300, -1e-300, 709.79]
    values += [e * math.log(2.0) for e in range(-1075, -1060)] + [math.inf, -math.inf, 88.8, 11.1]
    (got,) = ask_node([{"ask": "exp", "format": dtype, "values": list(map(bits, values))}])
    for value, digits in zip(values, got, strict=True):
        assert number(digits) == by_hand.exp(value), value


@every_dtype
def test_exact_values_are_the_oracles(ask_node, dtype):
    asked = rows(dtype)
    answers = ask_node([question("exact", dtype, *each) for each in asked])
    for (logits, temperature), answer in zip(asked, answers, strict=True):
        shown = f"{logits} at temperature {temperature}"
        assert answer["probabilities"] == wanted("softmax", dtype, logits, temperature), shown
        assert answer["losses"] == losses(dtype, logits, temperature), shown
        jacobian = list(itertools.chain(*answer["jacobian"]))
        exact = wanted("softmax_jacobian", dtype, logits, temperature)
        assert [without_sign_of_zero(x) for x in jacobian] == [
            without_sign_of_zero(x) for x in exact
        ], shown


@every_dtype
def test_errors_in_ulps_are_those_of_the_judge(ask_node, dtype):
    draw, by_hand = drawing(11), Arithmetic(dtype)
    questions, judged = [], []
    for logits, temperature in rows(dtype):
        exact = asked_oracle("softmax", dtype, logits, temperature)
        right = [float(x) for x in to_float64(exact.rounded)]
        off = [
            by_hand.rounded(Fraction(x) * (1 + draw.randrange(-9, 9) * Fraction(1, 64)))
            for x in right
        ]
        for computed in (right, off, [math.nan for _ in right], [math.inf for _ in right]):
            asked = question("exact", dtype, logits, temperature)
            questions.append({**asked, "computed": list(map(bits, computed))})
            judged.append(ulp_error(from_float64(format_of(dtype), np.array(computed)), exact))
    for asked, answer, errors in zip(questions, ask_node(questions), judged, strict=True):
        got = [number(x) for x in answer["ulps"]]
        assert got == pytest.approx(list(errors), rel=1e-6), asked


@every_dtype
def test_algorithms_round_each_operation_once(ask_node, dtype):
    asked = [(row, t) for row, t in rows(dtype) if -math.inf not in row]
    for algorithm in ("naive", "stable", "online"):
        questions = [{**question("computed", dtype, *each), "algorithm": algorithm}
                     for each in asked]  # fmt: skip
        for (logits, t), answer in zip(asked, ask_node(questions), strict=True):
            by_hand = softmax(Arithmetic(dtype), algorithm, logits, t)
            got = [number(x) for x in answer["probabilities"]]
            assert got == pytest.approx(by_hand, rel=0, abs=0, nan_ok=True), (algorithm, logits, t)


def test_masked_entries_have_no_probability_in_any_algorithm(ask_node):
    logits = [-math.inf, 1.0, -math.inf, 1.0]
    for algorithm in ("naive", "stable", "online"):
        asked = {**question("computed", "float32", logits, 1.0), "algorithm": algorithm}
        (answer,) = ask_node([asked])
        assert [number(x) for x in answer["probabilities"]] == [0.0, 0.5, 0.0, 0.5]


def test_rows_without_an_answer_have_none(ask_node):
    asked = [[math.nan, 1.0], [math.inf, 1.0], [-math.inf, -math.inf]]
    assert ask_node([question("exact", "float32", row, 1.0) for row in asked]) == [None] * 3


@every_dtype
def test_a_loss_is_the_logarithm_rounded_once(ask_node, dtype):
    logits = in_format(dtype, [0.0, -1.0, -9.0, 0.5, -2000.0])
    (answer,) = ask_node([{**question("computed", dtype, logits, 1.0), "algorithm": "stable"}])
    for p, loss in zip(answer["probabilities"], answer["losses"], strict=True):
        computed = number(p)
        right = math.inf if computed == 0 else in_format(dtype, [-math.log(computed)])[0]
        assert number(loss) == pytest.approx(right, rel=2.0 ** (1 - format_of(dtype).precision))
    assert number(answer["losses"][4]) == math.inf


def question(ask, dtype, logits, temperature):
    """Return a question for the harness."""
    row = list(map(bits, logits))
    return {"ask": ask, "format": dtype, "logits": row, "temperature": bits(temperature)}


def asked_oracle(operation, dtype, logits, temperature, **inputs):
    x = from_float64(format_of(dtype), np.array(logits))
    if inputs:
        x = np.tile(x, (len(logits), 1))
    return oracle.exact(operation, {"x": x, **inputs}, {"temperature": temperature})


def wanted(operation, dtype, logits, temperature, **inputs):
    exact = asked_oracle(operation, dtype, logits, temperature, **inputs)
    return [bits(float(x)) for x in to_float64(exact.rounded).ravel()]


def losses(dtype, logits, temperature):
    labels = np.arange(len(logits))
    return wanted("cross_entropy", dtype, logits, temperature, labels=labels)


def without_sign_of_zero(digits):
    return bits(number(digits) + 0.0)
