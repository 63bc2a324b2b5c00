"""What shows only over many calls: each wrong backend is killed, each sound one is not."""

import json
import re
from pathlib import Path

import pytest

from reports.records import Status

BEHAVIOUR = (
    "determinism",
    "batch_invariance",
    "thread_safety",
    "replay",
    "drift",
    "leaks",
    "cliffs",
)

WRONG = [
    ("sums_in_order_of_arrival", "determinism", "float32", "deterministic=False would declare"),
    ("an_ulp_off_once_in_twenty_calls", "determinism", "float32", "2 different results"),
    ("as_many_parts_as_threads", "determinism", "float32", "depend on the number of threads"),
    ("vector_loop_from_the_next_line", "determinism", "float32", "different results of one row"),
    ("split_by_the_number_of_rows", "batch_invariance", "float32", "depend on its batch"),
    ("another_kernel_for_the_last_rows", "batch_invariance", "float32", "depend on its batch"),
    ("first_place_is_summed_backwards", "batch_invariance", "float32", "batch_invariant=False"),
    ("shifted_by_the_batch", "batch_invariance", "float32", "row .*(off by|NaN where|must give)"),
    ("next_row_shines_through", "batch_invariance", "float32", "place 2 of 3: off by"),
    ("one_buffer_a_shape", "thread_safety", "float32", "thread_safe=False would declare it"),
    ("keeps_its_arguments", "thread_safety", "float32", "thread_safe=False would declare it"),
    ("another_path_under_contention", "thread_safety", "float32", "^concurrent call .*off by"),
    ("refuses_a_second_caller", "thread_safety", "float32", "RuntimeError: the handle is in use"),
    ("kept_by_the_object", "replay", "float32", "an answer is replayed: call 3 gives .* call 1"),
    ("kept_by_the_address", "replay", "float32", "an answer is replayed: call . gives"),
    ("kept_by_a_checksum", "replay", "float32", "an answer is replayed"),
    ("kept_by_the_ends", "replay", "float32", "an answer is replayed"),
    ("kept_by_the_extremes", "replay", "float32", "an answer is replayed"),
    ("kept_from_the_second_time_on", "replay", "float32", "an answer is replayed"),
    ("wrong_in_the_third_call", "drift", "float32", "^call 3, row .*off by"),
    ("wrong_in_every_thousandth_call", "drift", "float32", "call 9.. gives other bits"),
    ("coarser_when_warm", "drift", "float32", "^call [56]..,.*off by"),
    ("a_scale_that_is_never_reset", "drift", "float32", "off by|gives other bits than call 1"),
    ("scratch_is_not_cleared", "drift", "float32", "off by"),
    ("keeps_every_result", "leaks", "float32", "leaks about 1... bytes a call"),
    ("leaks_four_kilobytes", "leaks", "float32", "leaks about 4... bytes a call"),
    ("leaks_in_c", "leaks", "float32", "leaks about 1... bytes a call"),
    (
        "remembers_every_call",
        "leaks",
        "float32",
        "leaks about [12].. bytes a call|Python objects a call",
    ),
    ("leaks_its_conversion_buffer", "leaks", "float16", "leaks about 2..... bytes a call"),
    ("rescales_at_each_new_maximum", "cliffs", "float32", "ascending rows take"),
    ("subnormals_one_by_one", "cliffs", "float32", "subnormal_input rows take"),
    ("subnormals_one_by_one", "cliffs", "float64", "'cliffs/float64' would declare it"),
    ("nan_rows_one_by_one", "cliffs", "float32", "one_nan rows take"),
    ("masks_entry_by_entry", "cliffs", "float32", "masked rows take"),
]
SOUND = (
    "noise_as_declared",
    "shared_buffer_as_declared",
    "cache_that_is_bounded",
    "keeps_the_last_thousand",
    "slow_but_steady",
    "split_as_rows_allow",
    "flaky_memory",
)


@pytest.mark.parametrize(("name", "check", "dtype", "says"), WRONG)
def test_what_is_wrong_only_over_many_calls_is_killed_by_its_check(zoo, name, check, dtype, says):
    outcomes = zoo.outcomes("wrong_behaviour.py", name, check, dtype)
    killed = [o for o in outcomes if o.status is Status.FAIL]
    assert killed, [(o.case, o.message, o.evidence) for o in outcomes]
    assert any(re.search(says, o.message) for o in killed), [(o.message, o.worst) for o in killed]


@pytest.mark.parametrize("check", BEHAVIOUR)
@pytest.mark.parametrize("name", SOUND)
def test_what_behaves_as_it_says_raises_no_false_alarm(zoo, name, check):
    outcomes = zoo.outcomes("sound_behaviour.py", name, check, "float32")
    assert [(o.case, o.message, o.worst) for o in outcomes if o.status.bad] == []


def test_a_worker_finds_what_a_test_finds_and_the_line_that_replays_it(verify, tmp_path):
    output = tmp_path / "out.json"
    plugin = Path(__file__).parent / "wrong_behaviour.py"
    meant = {
        "leaks_four_kilobytes": "leaks",
        "one_buffer_a_shape": "thread_safety",
        "coarser_when_warm": "drift",
    }
    done = verify(
        *(*meant, "--plugin", plugin),
        *(word for check in meant.values() for word in ("--check", check)),
        *("--dtype", "float32", "--output", output),
    )
    assert done.returncode == 1, done.stderr
    outcomes = json.loads(output.read_text())["outcomes"]
    failed = {(o["backend"], o["check"]): o for o in outcomes if o["status"] == "fail"}
    assert set(failed) >= set(meant.items())
    told = failed["leaks_four_kilobytes", "leaks"]
    assert f"--check leaks --case {told['case']}" in told["replay"]
    assert "after so many calls" in told["worst"]
