"""The wrong backends that had to be looked for: blocks, exponentials, logarithms, cheats."""

import pytest

from tests.bad_backends.meeting import (
    BEYOND,
    NAN,
    POISONED,
    Wrong,
    anything,
    is_spared,
    meets,
    regime,
    short,
    width,
)


def plain(case):
    return case.temperature == 1.0


def rows(*wanted):
    return lambda case: case.rows in wanted


def shape(*wanted):
    return lambda case: case.shape in wanted


BLOCKS = [
    Wrong("masked_block_merged_as_nan", "blocks", "accuracy", "float32", NAN,
          regime("masked", "window"), width(2, 3)),
    Wrong("stops_at_a_masked_block", "blocks", "accuracy", "float32", "online algorithm",
          regime("islands", "window", most=5000), regime("window")),
    Wrong("masked_tail_block_gives_nan", "blocks", "accuracy", "float32", NAN,
          regime("masked", "window"), lambda case: case.n <= 32),
    Wrong("not_rescaled_by_the_tail", "blocks", "accuracy", "float64", BEYOND,
          regime("ascending", "descending"), regime("descending")),
    Wrong("first_element_of_each_block_lost", "blocks", "accuracy", "float32", "NaN|off by",
          lambda case: case.regime in ("tower", "spikes") and 1000 < case.n < 20000,
          lambda case: case.n <= 4096),
    Wrong("maximum_without_one_lane", "blocks", "accuracy", "float32", NAN,
          regime("tower"), lambda case: case.n < 8),
]  # fmt: skip
SHIFTS = [
    *(
        Wrong(name, "shift", "axes", "float32", NAN, lambda case: len(case.shape) > 2,
              regime("normal"))
        for name in ("one_shift_for_each_image", "one_shift_for_each_channel")
    ),
    Wrong("one_shift_for_each_image", "shift", "axes", "float64", NAN, regime("apart")),
    Wrong("one_shift_for_each_channel", "shift", "axes", "bfloat16", NAN, regime("apart")),
    Wrong("one_shift_for_a_block_of_rows", "shift", "accuracy", "float16", NAN,
          lambda case: case.rows > 10 and case.n < 50, lambda case: case.rows < 40),
]  # fmt: skip
EXPONENTIALS = [
    Wrong("exp_clamped_at_87", "exponentials", "accuracy", "float32", BEYOND,
          regime("wide_gap", "uniform"), regime("uniform")),
    Wrong("gaps_beyond_80_vanish", "exponentials", "accuracy", "float32", BEYOND,
          regime("wide_gap", "uniform"), regime("uniform")),
    Wrong("gaps_beyond_80_vanish_in_the_tail", "exponentials", "accuracy", "float32", "flushed|off",
          regime("wide_gap", "subnormal_output"), lambda case: case.n % 8 == 0),
    Wrong("one_binade_of_exp_wrong", "exponentials", "accuracy", "float32", BEYOND,
          regime("binades", "uniform", most=10**4), regime("uniform")),
    Wrong("one_binade_of_exp_wrong", "exponentials", "accuracy", "float64", BEYOND,
          regime("binades", "uniform", most=10**4), regime("uniform")),
    Wrong("small_gaps_by_a_straight_line", "exponentials", "accuracy", "float32", BEYOND,
          regime("scales", "constant"), regime("constant")),
    Wrong("exp_of_20_bits", "exponentials", "accuracy", "float32", BEYOND, short),
    Wrong("factored_exponential", "exponentials", "accuracy", "float64", NAN,
          regime("offset", "normal"), regime("normal")),
    Wrong("log2e_in_half", "exponentials", "accuracy", "float32", BEYOND,
          regime("uniform", "constant"), regime("constant")),
    Wrong("log2e_of_float32_in_float64", "exponentials", "accuracy", "float64", BEYOND,
          regime("uniform", "constant"), regime("constant")),
    Wrong("reciprocal_of_12_bits", "exponentials", "accuracy", "float32", BEYOND,
          regime("uniform"), width(1)),
    Wrong("float16_cast_up", "exponentials", "accuracy", "float32", BEYOND, regime("uniform"),
          width(1)),
    Wrong("float64_through_float32", "exponentials", "accuracy", "float64", BEYOND,
          regime("uniform"), width(1)),
    Wrong("bfloat16_truncated", "exponentials", "accuracy", "bfloat16", BEYOND,
          regime("uniform"), width(1)),
    Wrong("last_class_by_subtraction", "exponentials", "accuracy", "float64", BEYOND,
          regime("wide_gap", "constant", most=9), lambda case: case.regime == "constant"),
]  # fmt: skip
LOGS = [
    Wrong("logsumexp_not_shifted_back", "logs", "accuracy", "float64", BEYOND, regime("uniform")),
    Wrong("logsumexp_unshifted", "logs", "accuracy", "float32", "off by|NaN",
          regime("offset", "uniform"), regime("uniform")),
    Wrong("logarithm_with_an_epsilon", "logs", "accuracy", "float32", "off by|exactly 0",
          regime("wide_gap", "constant"), regime("constant")),
    Wrong("division_free_from_a_rounded_logarithm", "logs", "accuracy", "float64", BEYOND,
          regime("uniform"), None),
]  # fmt: skip
BATCHES = [
    Wrong("shifted_by_the_row_before", "batches", "accuracy", "float32", NAN,
          regime("offset", most=600), rows(1)),
    Wrong("one_maximum_for_four_rows", "batches", "accuracy", "float32", NAN,
          regime("offset", most=600), rows(1)),
    Wrong("padded_rows_leak_into_the_last", "batches", "accuracy", "float32", BEYOND,
          width(10), lambda case: case.rows <= 8),
    Wrong("fifth_row_of_long_rows_unwritten", "batches", "accuracy", "float32", BEYOND,
          lambda case: 8000 < case.n < 8400, lambda case: case.rows <= 4),
    Wrong("columns_beyond_4096_unwritten", "batches", "axes", "float32", BEYOND,
          lambda case: case.count > 9000, lambda case: case.shape[-1] <= 4096),
    Wrong("flat_index_of_16_bits", "batches", "accuracy", "float32", BEYOND,
          lambda case: case.n > 30000 and case.regime == "ties",
          lambda case: case.count <= 1 << 16),
    Wrong("wrong_on_its_third_call", "batches", "accuracy", "float32", BEYOND, regime("values")),
    Wrong("lost_update_now_and_then", "batches", "accuracy", "float32", BEYOND),
    Wrong("reads_the_sums_of_the_call_before", "batches", "accuracy", "float32", BEYOND),
]  # fmt: skip
CHEATS = [
    Wrong("right_for_the_inputs_of_seed_0", "cheats", "accuracy", "float32", BEYOND,
          lambda case: 300 <= case.n < 2000, lambda case: case.seed < 10**6, fresh=1),
    Wrong("replays_by_shape_and_ends", "cheats", "accuracy", "float32", "off by|exactly 0"),
    Wrong("right_only_while_the_shape_is_new", "cheats", "accuracy", "float32", BEYOND),
    Wrong("hopes_for_zeroed_memory", "cheats", "accuracy", "float32", BEYOND),
    Wrong("sorted_probabilities", "cheats", "accuracy", "float32", BEYOND, short,
          regime("descending")),
]  # fmt: skip
ESCAPES = [
    Wrong("tail_of_two_in_long_rows", "escapes", "accuracy", "float32", BEYOND,
          lambda case: 1100 < case.n < 1700, lambda case: case.n % 8 != 2),
    Wrong("tail_of_six_in_very_long_rows", "escapes", "accuracy", "float16", BEYOND,
          lambda case: 4500 <= case.n < 8000, lambda case: case.n % 8 != 6),
    Wrong("unshifted_off_the_last_axis", "escapes", "axes", "float32", NAN,
          regime("offset", "normal"), regime("normal", most=10**4)),
    Wrong("nan_lost_in_the_tail", "escapes", "special_values", "float32", POISONED,
          regime("one_nan"), lambda case: case.n <= 32),
    Wrong("infinity_clamped_in_the_tail", "escapes", "special_values", "float32", POISONED,
          regime("one_inf"), lambda case: case.n <= 32),
    Wrong("scalar_is_one", "escapes", "special_values", "float32", POISONED, regime("values"),
          lambda case: case.shape),
    Wrong("squeezed", "escapes", "axes", "float32", BEYOND, anything,
          lambda case: 1 not in case.shape),
    Wrong("six_dimensions_take_the_last_axis", "escapes", "axes", "float32", BEYOND, anything,
          lambda case: len(case.shape) < 6),
    Wrong("long_vectors_unfinished", "escapes", "axes", "float32", BEYOND, anything,
          lambda case: len(case.shape) != 1 or case.n <= 512),
    Wrong("temperature_at_least_a_thousandth", "escapes", "temperature", "float32", BEYOND,
          anything, lambda case: case.temperature > 1e-3),
    Wrong("temperature_at_most_a_million_million", "escapes", "temperature", "float32", BEYOND,
          anything, lambda case: case.temperature < 1e12),
    Wrong("temperature_ignored_in_large_batches", "escapes", "accuracy", "float32", BEYOND,
          width(33), lambda case: case.rows < 512),
    Wrong("temperature_ignored_at_odd_widths", "escapes", "accuracy", "float32", BEYOND,
          width(300, 515, 777), plain),
    Wrong("subnormal_logits_flushed", "escapes", "temperature", "float16", BEYOND,
          regime("values", "grid"), regime("grid")),
    Wrong("sum_without_block_ends", "escapes", "accuracy", "float32", BEYOND,
          lambda case: case.regime == "spikes" and case.n < 40000, lambda case: case.n < 16384),
    Wrong("bfloat16_total_of_very_long_rows", "escapes", "accuracy", "float32", BEYOND,
          lambda case: case.regime == "spikes" and case.n < 70000, lambda case: case.n < 32768),
    Wrong("negative_zero_for_masked_entries", "escapes", "identities", "float32", "-0",
          lambda case: case.variant == "order", regime("uniform", "ties")),
    Wrong("exp_wrong_far_down", "escapes", "accuracy", "float64", BEYOND,
          regime("binades", "uniform", most=10**4), regime("uniform")),
    Wrong("exp_rough_for_small_gaps", "escapes", "accuracy", "float32", BEYOND,
          regime("subnormal_input", "constant"), regime("constant")),
    Wrong("lone_finite_end_gives_nan", "escapes", "accuracy", "float32", NAN,
          regime("islands", "window", "masked"), regime("window", "masked")),
    Wrong("last_term_lost_at_one_width", "escapes", "accuracy", "float32", BEYOND,
          width(609, 611, 613), width(609, 613)),
    Wrong("third_row_of_very_long_rows", "escapes", "accuracy", "float32", BEYOND,
          lambda case: 8000 < case.n < 10000, lambda case: case.rows < 3 or case.n <= 8192),
    Wrong("unshifted_under_a_mask", "escapes", "accuracy", "bfloat16", NAN,
          regime("islands", "masked"), regime("masked")),
    Wrong("negative_nan_is_below_everything", "escapes", "special_values", "float32", POISONED,
          regime("one_nan", "one_inf"), regime("one_inf")),
    Wrong("sixty_four_pixels_of_four_dimensions", "escapes", "axes", "float32", BEYOND,
          anything, lambda case: case.count < 500),
]  # fmt: skip
ALL = [*BLOCKS, *SHIFTS, *EXPONENTIALS, *LOGS, *BATCHES, *CHEATS, *ESCAPES]


@pytest.mark.parametrize("wrong", ALL, ids=str)
def test_the_check_that_is_meant_to_kill_a_wrong_backend_does(zoo, wrong):
    meets(zoo, wrong)


@pytest.mark.parametrize("wrong", [w for w in ALL if w.spared], ids=str)
def test_a_wrong_backend_is_not_blamed_where_it_is_right(zoo, wrong):
    is_spared(zoo, wrong)
