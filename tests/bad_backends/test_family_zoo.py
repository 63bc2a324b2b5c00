"""The relatives of softmax: each wrong one meets the check that is meant to kill it."""

import pytest

from reports.records import Status
from tests.bad_backends.meeting import BEYOND, NAN, Wrong, anything, is_spared, meets, regime


def labels(*wanted):
    return lambda case: case.labels in wanted and case.n <= 33


def labels_at_the_ends(case):
    return case.labels == "ends"


def brief(case):
    return case.regime == "values" or (case.regime == "normal" and case.n <= 33)


def form(*wanted):
    return lambda case: case.form in wanted


def plain(case):
    return case.temperature == 1.0


def no_hit(case):
    """No candidate is the label: there are none."""
    return case.sampled == "0"


WRONG = [
    Wrong("log_of_softmax", "family", "accuracy", "float32", "off by inf ulp",
          regime("wide_gap", "constant"), regime("constant")),
    Wrong("log_of_softmax", "family", "accuracy", "float64", BEYOND, regime("wide_gap")),
    Wrong("logsumexp_less_its_maximum", "family", "accuracy", "float32", BEYOND, brief),
    Wrong("logsumexp_of_nothing_is_nan", "family", "special_values", "float32", "expected .-inf",
          regime("patterns", "one_nan"), regime("one_nan")),
    Wrong("loss_rounded_at_the_logits_size", "family", "accuracy", "float32", BEYOND,
          regime("offset", "constant"), regime("constant")),
    Wrong("ignored_rows_count", "family", "accuracy", "float32", "ignored row.*exactly 0",
          labels("ignored", "argmax"), labels("argmax")),
    Wrong("labels_counted_from_one", "family", "accuracy", "float32", BEYOND,
          labels("argmax", "all_ignored"), labels("all_ignored")),
    Wrong("label_beyond_the_classes_wraps", "family", "arguments", "float32",
          "no class: n must raise", anything,
          form("labels:float", "labels:short")),
    Wrong("expected_counts_added", "family", "accuracy", "float32", BEYOND,
          lambda case: brief(case) or no_hit(case), no_hit),
    Wrong("accidental_hits_kept", "family", "accuracy", "float32", BEYOND,
          lambda case: brief(case) or no_hit(case), no_hit),
    Wrong("sigmoid_of_large_logits_is_nan", "family", "accuracy", "float32", NAN,
          regime("offset", "constant"), regime("constant")),
    Wrong("no_temperature_is_one", "family", "arguments", "float32", "temperature=0 must raise",
          anything, form("temperature:-1", "temperature:nan")),
    Wrong("vjp_without_the_inner_product", "gradients", "accuracy", "float32", BEYOND, brief),
    Wrong("vjp_is_nan_under_a_mask", "gradients", "accuracy", "float32", NAN,
          regime("masked", "constant"), regime("constant")),
    Wrong("vjp_broadcasts_its_cotangent", "gradients", "arguments", "float32",
          "broadcast from must raise", anything,
          form("cotangent:short")),
    Wrong("vjp_takes_nan_for_zero", "gradients", "special_values", "float32", "leave no number",
          regime("normal"), lambda case: case.cotangent == "one_inf"),
    Wrong("vjp_clips_its_cotangent", "gradients", "special_values", "float32", "leave no number",
          regime("normal"), lambda case: case.cotangent == "one_nan"),
    Wrong("vjp_with_a_nan_spoils_the_batch", "gradients", "special_values", "float32", NAN,
          lambda case: regime("normal")(case) or regime("one_nan")(case), regime("one_nan")),
    Wrong("vjp_is_nan_where_its_cotangent_is", "gradients", "special_values", "float32",
          "leave no number", regime("normal")),
    Wrong("gradient_without_the_temperature", "gradients", "accuracy", "float32", BEYOND, brief,
          plain),
    Wrong("gradient_of_ignored_rows", "gradients", "accuracy", "float32", "exactly 0",
          labels("ignored", "argmax"), labels("argmax")),
    Wrong("last_class_is_the_one_before", "labels", "accuracy", "float32", BEYOND,
          labels_at_the_ends, lambda case: case.n <= 33),
    Wrong("labels_of_16_bits", "labels", "accuracy", "float32", BEYOND,
          lambda case: case.n > 33 and labels_at_the_ends(case), lambda case: case.n < 65536),
    Wrong("last_class_has_no_gradient", "labels", "accuracy", "float64", BEYOND,
          labels_at_the_ends, lambda case: case.n <= 33),
    Wrong("an_index_beyond_the_classes_is_never_ignored", "labels", "accuracy", "float32",
          "raised", lambda case: case.shape == (6, 10), lambda case: case.ignore_index == 2),
    Wrong("ignored_only_along_the_last_axis", "labels", "axes", "float32", "ignored row",
          lambda case: case.labels == "ignored" or case.shape == (33, 6),
          lambda case: case.axis == 0),
    Wrong("last_matrix_of_a_solid_is_the_first", "labels", "accuracy", "float32", BEYOND,
          lambda case: case.n == 5, lambda case: len(case.shape) < 3),
    Wrong("wrong_from_130_to_256", "labels", "accuracy", "float32", BEYOND,
          lambda case: case.n in (129, 200), lambda case: case.n == 129),
    Wrong("minus_hundred_is_always_ignored", "labels", "arguments", "float32",
          "-100, where ignore_index is another must raise", anything,
          lambda case: case.form != "labels:usual"),
    Wrong("only_minus_hundred_is_ignored", "labels", "accuracy", "float32", "ignored row",
          lambda case: case.shape == (6, 10), lambda case: case.ignore_index in (-100, 2)),
    Wrong("no_ignore_index_is_zero", "labels", "accuracy", "float32", "ignored row",
          lambda case: case.shape == (6, 10), lambda case: case.ignore_index != 0),
    Wrong("an_ignored_class_is_ignored_only_at_the_first_place", "labels", "accuracy", "float32",
          "ignored row", lambda case: case.shape == (6, 10),
          lambda case: not 0 <= case.ignore_index < 10),
    *(
        Wrong(name, "family_state", "leaks", "float32", "leaks about 4... bytes a call", anything)
        for name in ("log_softmax_leaks", "logsumexp_leaks", "cross_entropy_leaks", "vjp_leaks")
    ),
    Wrong("log_softmax_in_a_ring_of_fifty", "family_state", "contract", "float32",
          "changed with a later call", form("outlives"), lambda case: case.count > 6),
    Wrong("loss_kept_by_its_logits", "labels", "replay", "float32", "an answer is replayed"),
    Wrong("gradient_kept_by_its_logits", "labels", "replay", "float64", "an answer is replayed"),
    Wrong("rows_shared_between_threads_in_float64", "one_format", "thread_safety", "float64",
          "thread_safe=False would declare it"),
    Wrong("kept_by_address_in_float16", "one_format", "replay", "float16", "an answer is replayed"),
    Wrong("temperature_below_0_in_bfloat16", "one_format", "arguments", "bfloat16",
          "temperature=0 must raise"),
    Wrong("jacobian_without_its_diagonal", "gradients", "accuracy", "float32", BEYOND, brief),
]  # fmt: skip
SOUND = {
    "log_softmax_online": ("float64", "bfloat16"),
    "sigmoid_by_tanh": ("float32", "float16"),
    "loss_from_logsumexp": ("float64", "float32"),
}


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_the_check_that_is_meant_to_kill_a_wrong_relative_does(zoo, wrong):
    meets(zoo, wrong)


@pytest.mark.parametrize("wrong", [w for w in WRONG if w.spared], ids=str)
def test_a_wrong_relative_is_not_blamed_where_it_is_right(zoo, wrong):
    is_spared(zoo, wrong)


@pytest.mark.parametrize("check", ["accuracy", "special_values", "identities", "contract"])
@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n, some in SOUND.items() for d in some])
def test_a_sound_relative_that_is_written_in_another_way_raises_no_false_alarm(
    zoo, name, dtype, check
):
    outcomes = zoo.outcomes("sound_family.py", name, check, dtype, lambda case: case.n <= 129)
    assert [(o.case, o.message, o.worst) for o in outcomes if o.status.bad] == []
    assert Status.PASS in {o.status for o in outcomes}
