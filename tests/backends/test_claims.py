"""Claims: defaults that users expect, and values that cannot be meant refused."""

import json

import pytest

from backends import ClaimError, Claims


def test_defaults_are_what_users_expect():
    assert Claims().to_dict() == {
        "deterministic": True,
        "thread_safe": True,
        "batch_invariant": False,
        "all_masked": "nan",
        "subnormals": "gradual",
        "zero_length": None,
        "max_ulp": None,
        "correctly_rounded": False,
        "algorithm": "shifted",
        "accumulate": None,
        "limitations": {},
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"all_masked": "nul"}, r"all_masked='nul' is not valid"),
        ({"algorithm": "shiftd"}, r"did you mean 'shifted'"),
        ({"algorithm": ["shifted"]}, r"is not valid"),
        ({"subnormals": None}, r"valid: gradual, flush"),
        ({"accumulate": "flot32"}, r"did you mean 'float32'"),
        ({"zero_length": "nan"}, r"valid: empty, raises"),
        ({"deterministic": 1}, r"deterministic=1: give True or False"),
        ({"max_ulp": 0}, r"positive, finite"),
        ({"max_ulp": float("nan")}, r"positive, finite"),
        ({"max_ulp": float("inf")}, r"positive, finite"),
        ({"max_ulp": True}, r"give a number of ulps"),
        ({"max_ulp": "2"}, r"give a number of ulps"),
        ({"max_ulp": {"float23": 1}}, r"'float23' is not valid; did you mean 'float32'"),
        ({"max_ulp": {"float32": -1}}, r"max_ulp\['float32'\]=-1"),
        ({"limitations": {"offset": ""}}, r"the reason, both as text"),
        ({"limitations": ["offset"]}, r"give a dict"),
        ({"limitations": {"offset": "x" * 2000}}, r"a reason of 2000 characters"),
        ({"correctly_rounded": True, "max_ulp": 0.4}, r"contradicts max_ulp=0.4"),
        ({"correctly_rounded": True, "max_ulp": {"float16": 0.3}}, r"contradicts max_ulp"),
        ({"correctly_rounded": True, "subnormals": "flush"}, r"contradicts subnormals"),
        ({"correctly_rounded": True, "deterministic": False}, r"contradicts deterministic"),
        ({"batch_invariant": True, "deterministic": False}, r"contradicts deterministic"),
    ],
)
def test_a_claim_that_cannot_be_meant_is_refused(given, said):
    with pytest.raises(ClaimError, match=said):
        Claims(**given)


def test_a_claim_error_is_a_value_error():
    assert issubclass(ClaimError, ValueError)


def test_the_accumulator_is_float32_for_narrow_formats_and_the_dtype_itself_otherwise():
    claims = Claims()
    assert claims.accumulate_for("float64") == "float64"
    assert claims.accumulate_for("float32") == "float32"
    for narrow in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"):
        assert claims.accumulate_for(narrow) == "float32"
    assert Claims(accumulate="float64").accumulate_for("float16") == "float64"


def test_max_ulp_may_differ_by_dtype():
    assert Claims(max_ulp=2).max_ulp_for("float16") == 2.0
    assert Claims(max_ulp={"float32": 4}).max_ulp_for("float32") == 4.0
    assert Claims(max_ulp={"float32": 4}).max_ulp_for("float64") is None
    assert Claims().max_ulp_for("float32") is None


def test_claims_survive_json_and_do_not_follow_the_callers_dict():
    limitations = {"offset": "no shift"}
    claims = Claims(max_ulp={"float32": 2.5}, algorithm="unshifted", limitations=limitations)
    limitations["extreme"] = "added later"
    assert claims.limitations == {"offset": "no shift"}
    assert Claims.from_dict(json.loads(json.dumps(claims.to_dict()))) == claims


def test_an_unknown_claim_is_named_with_the_nearest_one():
    with pytest.raises(ClaimError, match=r"'determinstic' is not a claim; did you mean"):
        Claims.from_dict({"determinstic": True})
