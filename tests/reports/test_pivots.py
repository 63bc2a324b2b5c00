"""The pivots give the numbers that hand-made records add up to."""

import math

import pandas as pd
import pytest

import reports
from reports.records import Run

CLAIMS = {
    "max_ulp": {"float32": 2.0},
    "correctly_rounded": False,
    "deterministic": True,
    "thread_safe": True,
    "batch_invariant": False,
    "all_masked": "nan",
    "subnormals": "gradual",
    "algorithm": "shifted",
    "limitations": {"offset": "no shift", "axes/float16": "none"},
}


def verifying(*specs, environment=None):
    return Run.start(
        "verify", version="1", arguments={"backends": list(specs)}, environment=environment
    )


def found(*records):
    return reports.outcomes_frame(records)


def timed(*records):
    return reports.measurements_frame(records)


# --- checks, backends -------------------------------------------------------------------------


def test_of_a_check_s_outcomes_the_gravest_speaks_for_all(make_outcome):
    grave = {"mine": ("pass", "weak"), "theirs": ("known", "fail", "crash"), "none": ("skip",)}
    table = reports.checks_by_backend(
        found(
            *(
                make_outcome(i, backend=name, status=status)
                for name, statuses in grave.items()
                for i, status in enumerate(statuses)
            ),
            make_outcome(9, check="axes", status="timeout"),
        )
    )
    assert table.loc["accuracy"].to_dict() == {"mine": "weak", "theirs": "fail", "none": "skip"}
    assert table.loc["axes", "mine"] == "timeout"
    assert table.loc["axes"].isna().to_dict() == {"mine": False, "theirs": True, "none": True}


# --- accuracy and speed -----------------------------------------------------------------------


def test_error_stands_beside_speed_and_the_front_is_what_nobody_beats(
    make_outcome, make_measurement
):
    errors = {"exact": 0.5, "fast": 2.0, "lazy": 2.0, "worst": 9.0}
    seconds = {"exact": 3e-4, "fast": 1e-4, "lazy": 2e-4, "worst": 1e-4}
    outcomes = found(
        *(make_outcome(i, backend=b, max_ulp=e) for i, (b, e) in enumerate(errors.items())),
        make_outcome(7, backend="fast", n=8, max_ulp=50.0),
        make_outcome(8, backend="fast", check="axes", max_ulp=70.0),
    )
    timings = timed(
        *(make_measurement(backend=b, median=s, bandwidth=1 / s) for b, s in seconds.items()),
        make_measurement(backend="fast", median=5e-4, threads=1),
        make_measurement(backend="never verified"),
    )
    table = reports.accuracy_and_speed(outcomes, timings).set_index("backend")
    assert table["max_ulp"].to_dict() == errors
    assert table["seconds"].to_dict() == seconds
    assert table["bandwidth"]["fast"] == 1e4
    assert table["front"].to_dict() == {"exact": True, "fast": True, "lazy": False, "worst": False}


def test_where_no_row_was_as_long_as_the_timed_one_the_largest_error_of_all_stands(
    make_outcome, make_measurement
):
    outcomes = found(make_outcome(1, n=8, max_ulp=1.0), make_outcome(2, n=64, max_ulp=3.0))
    shapes = [(4, 8), (4, 70000), (8, 3)]
    timings = timed(*(make_measurement(shape=s) for s in shapes[:2]))
    timings = pd.concat([timings, timed(make_measurement(shape=shapes[2], axis=0))])
    table = reports.accuracy_and_speed(outcomes, timings).set_index("shape")
    assert table["max_ulp"].to_dict() == {"4x8": 1.0, "4x70000": 3.0, "8x3": 1.0}


# --- claims -----------------------------------------------------------------------------------


@pytest.fixture
def claims_table(make_outcome):
    outcomes = found(
        make_outcome(1, max_ulp=1.5, misrounded=3, count=10, bound_ratio=0.25),
        make_outcome(2, dtype="float16", max_ulp=0.75, misrounded=2, count=10, bound_ratio=1.5),
        make_outcome(3, regime="offset", status="known", max_ulp=99.0, bound_ratio=7.0),
        make_outcome(4, check="determinism", max_ulp=None, misrounded=None, bound_ratio=None),
        make_outcome(
            5, check="drift", status="fail", max_ulp=None, misrounded=None, bound_ratio=None
        ),
        make_outcome(
            *(6,),
            check="batch_invariance",
            message="observed: not batch invariant (alone and in a batch of 3)",
            **dict.fromkeys(("max_ulp", "misrounded", "bound_ratio")),
        ),
        make_outcome(
            *(7,),
            regime="masked_rows",
            check="special_values",
            status="fail",
            message='gives "zero"; the claim all_masked="zero" would declare it',
            **dict.fromkeys(("max_ulp", "misrounded", "bound_ratio")),
        ),
        make_outcome(8, backend="unknown to the run"),
    )
    spec = {"name": "mine", "claims": CLAIMS}
    table = reports.claims_against_observation(outcomes, [verifying(spec, "theirs")])
    assert set(table["backend"]) == {"mine"}
    return table.set_index(["claim", "of"])


def test_a_claim_on_ulps_is_held_against_the_largest_error_of_its_dtype(claims_table):
    row = claims_table.loc["max_ulp", "softmax/float32"]
    assert row[["claimed", "observed", "outcomes", "verdict"]].tolist() == [
        *("2 ulp", "1.5 ulp", 1, "holds"),
    ]
    assert claims_table.loc[("max_ulp", "softmax/float16"), "verdict"] == "not claimed"


def test_what_is_beyond_the_limit_of_the_claimed_algorithm_breaks_the_claim(claims_table):
    assert claims_table.loc[("algorithm", "softmax/float16"), "verdict"] == "broken"
    row = claims_table.loc["algorithm", "softmax/float32"]
    assert row["verdict"] == "holds"
    assert row["observed"] == "0.25 of its a-priori limit"  # the known one is excused


def test_behaviour_is_held_against_its_own_checks(claims_table):
    row = claims_table.loc["deterministic", ""]
    assert (row["observed"], row["verdict"]) == ("1 of 2 cases fail", "broken")
    assert claims_table.loc[("thread_safe", ""), "verdict"] == "not asked"
    row = claims_table.loc["batch_invariant", ""]
    assert row["verdict"] == "not claimed"
    assert row["observed"].startswith("not batch invariant")
    assert row["observed"].endswith("in 1 of 1 cases")


def test_policies_and_limitations_are_held_against_what_shows_them(claims_table):
    assert claims_table.loc[("all_masked", ""), "verdict"] == "broken"
    assert claims_table.loc[("subnormals", ""), "verdict"] == "not asked"
    row = claims_table.loc["limitations", "offset"]
    assert (row["observed"], row["verdict"]) == ("shows in 1 cases", "holds")
    assert claims_table.loc[("limitations", "axes/float16"), "verdict"] == "not asked"


def test_a_declared_limitation_that_does_not_show_is_broken(make_outcome):
    spec = {"name": "mine", "claims": {**CLAIMS, "limitations": {"softmax/accuracy": "old"}}}
    table = reports.claims_against_observation(found(make_outcome(1)), [verifying(spec)])
    assert table.set_index("claim").loc["limitations", "verdict"] == "broken"


def test_the_misrounded_are_counted_over_all_cases(make_outcome):
    spec = {"name": "mine", "claims": {"correctly_rounded": True}}
    outcomes = found(*(make_outcome(i, misrounded=i, count=1000) for i in range(4)))
    table = reports.claims_against_observation(outcomes, [verifying(spec)]).set_index("claim")
    row = table.loc["correctly_rounded"]
    assert (row["observed"], row["verdict"]) == ("6 of 4,000 misrounded", "broken")


def test_without_claims_or_outcomes_the_table_is_empty_and_typed(make_outcome):
    for outcomes, runs in ((found(), [verifying()]), (found(make_outcome(1)), [])):
        table = reports.claims_against_observation(outcomes, runs)
        assert len(table) == 0
        assert str(table["outcomes"].dtype) == "int64"


# --- two runs ---------------------------------------------------------------------------------


def test_a_case_got_worse_by_its_status_or_under_the_same_one_by_its_error(make_outcome):
    before = [make_outcome(i, max_ulp=1.0) for i in range(6)]
    after = [
        make_outcome(0, max_ulp=1.0),
        make_outcome(1, max_ulp=1.5),
        make_outcome(2, max_ulp=0.5),
        make_outcome(3, max_ulp=0.5, status="fail"),
        make_outcome(4, max_ulp=math.inf),
        make_outcome(7),
        make_outcome(8, status="skip"),
    ]
    table = reports.accuracy_changes(found(*before), found(*after))
    assert table["case"].str.removeprefix("softmax float32 4x").astype(int).tolist() == [
        *(3, 4, 1, 2, 5, 7),
    ]
    assert table["change"].tolist() == [*["worse"] * 3, "better", "only before", "only after"]
    assert table.loc[2, ["ulp_before", "ulp_after"]].tolist() == [1.0, 1.5]
    summary = reports.accuracy_summary(table)
    assert summary.loc[("mine", "softmax", "float32", "accuracy")].tolist() == [3, 1, 1, 1]


def test_of_runs_that_found_the_same_nothing_is_told(make_outcome):
    same = [make_outcome(i, max_ulp=float(i)) for i in range(3)]
    table = reports.accuracy_changes(found(*same), found(*same))
    assert len(table) == 0
    assert len(reports.accuracy_summary(table)) == 0


def test_a_timing_changed_if_the_medians_are_farther_apart_than_both_spreads(make_measurement):
    shapes = [(1, 1), (2, 1), (3, 1), (4, 1)]
    before = timed(*(make_measurement(shape=s, median=1e-3, iqr=1e-4) for s in reversed(shapes)))
    medians = (1.21e-3, 1.19e-3, 0.79e-3, 0.81e-3)
    after = timed(
        *(
            make_measurement(shape=s, median=m, iqr=1e-4)
            for s, m in zip(shapes, medians, strict=True)
        ),
        make_measurement(shape=(5, 1)),
    )
    table = reports.speed_changes(before, after)
    assert table["shape"].tolist() == ["1x1", "2x1", "3x1", "4x1"]
    assert table["change"].tolist() == ["worse", "within the spread", "better", "within the spread"]
    assert table["times_as_fast"].tolist() == pytest.approx([1e-3 / m for m in medians])
    assert table["spread"].tolist() == pytest.approx([2e-4] * 4)


def test_across_environments_no_timing_is_called_better_or_worse(make_measurement):
    def frames(environment, median):
        run = verifying(environment=environment)
        timings = timed(make_measurement(median=median))
        return reports.Frames(found(), timings, reports.duels_frame([]), (run,))

    here = {"machine": {"cores": 2}, "libraries": {"torch": "1", "pandas": "1"}}
    other = {"machine": {"cores": 4}, "libraries": {"torch": "1", "pandas": "2"}}
    changes = reports.compare(frames(here, 1e-3), frames(other, 1e-4))
    assert changes.environment == ("libraries.pandas: 1 -> 2", "machine.cores: 2 -> 4")
    assert not changes.comparable
    assert changes.speed["change"].tolist() == ["no evidence"]
    assert changes.speed["times_as_fast"].tolist() == pytest.approx([10.0])
    near = here | {"libraries": {"torch": "1", "pandas": "2"}}
    assert reports.compare(frames(here, 1e-3), frames(near, 1e-4)).speed["change"][0] == "better"


def test_comparisons_of_runs_without_results_are_empty(make_outcome):
    empty = found()
    assert len(reports.accuracy_changes(empty, empty)) == 0
    assert len(reports.accuracy_summary(reports.accuracy_changes(empty, empty))) == 0
    assert len(reports.speed_changes(timed(), timed())) == 0
    assert reports.accuracy_changes(empty, found(make_outcome(1)))["change"].tolist() == [
        "only after"
    ]
