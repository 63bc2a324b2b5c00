"""Each wrong backend meets the check that is meant to kill it, and nothing but its fault shows."""

import pytest

from tests.bad_backends.meeting import (
    BEYOND,
    NAN,
    Wrong,
    anything,
    is_spared,
    meets,
    regime,
    short,
    width,
)

GROSS = [
    Wrong("zeros", "gross", "accuracy", "float32", BEYOND),
    Wrong("zeros", "gross", "accuracy", "float32", BEYOND, width(131071, 131072, 131073)),
    Wrong("uniform", "gross", "accuracy", "bfloat16", BEYOND, spared=regime("constant")),
    Wrong("one_hot", "gross", "accuracy", "float16", BEYOND, spared=width(1)),
    Wrong("unshifted_exp", "gross", "accuracy", "float32", NAN, regime("offset"), None),
    Wrong("unshifted_exp", "gross", "accuracy", "float64", NAN, regime("offset"), None),
    Wrong("replays_its_first_answer", "gross", "accuracy", "float32", BEYOND),
    Wrong("unwritten_memory", "gross", "accuracy", "float64", BEYOND),
    Wrong("sigmoid", "gross", "accuracy", "float32", BEYOND),
]
SHIFT = [
    Wrong("unshifted_in_long_rows", "shift", "accuracy", "float32", NAN, regime("offset"),
          lambda case: case.n <= 64),
    Wrong("unshifted_in_bfloat16", "shift", "accuracy", "bfloat16", NAN, regime("offset")),
    Wrong("unshifted_vector_part", "shift", "accuracy", "float32", NAN, regime("offset"),
          lambda case: case.n % 8),
    Wrong("maximum_of_a_slice", "shift", "accuracy", "float32", NAN,
          lambda case: case.n > 1024 and case.regime in ("window", "ascending")),
    Wrong("maximum_of_the_whole_array", "shift", "accuracy", "float32", NAN,
          regime("offset", most=600), lambda case: case.rows == 1),
    Wrong("shifted_by_the_first_element", "shift", "accuracy", "float16", NAN,
          regime("wide_gap", "masked", "descending"), regime("descending")),
    Wrong("largest_magnitude_for_maximum", "shift", "accuracy", "float32", NAN, regime("offset")),
    Wrong("small_terms_lost", "shift", "accuracy", "float64", BEYOND,
          regime("wide_gap", "uniform"), regime("uniform")),
    Wrong("clamped_logits", "shift", "accuracy", "float32", BEYOND,
          regime("offset", "uniform"), regime("uniform")),
]  # fmt: skip
SUMS = [
    Wrong("tail_without_its_last_term", "sums", "accuracy", "float32", BEYOND,
          regime("uniform", "constant"), lambda case: case.n % 8 == 0),
    Wrong("tail_without_its_last_term", "sums", "accuracy", "bfloat16", BEYOND,
          regime("uniform", "constant"), lambda case: case.n % 8 == 0),
    Wrong("first_block_only", "sums", "accuracy", "float32", BEYOND,
          lambda case: 500 < case.n < 4097 and case.regime == "uniform",
          lambda case: case.n <= 1024),
    Wrong("float16_accumulator", "sums", "accuracy", "float16", BEYOND,
          lambda case: case.regime == "constant" and case.n > 200, lambda case: case.n <= 2048),
    Wrong("bfloat16_accumulator", "sums", "accuracy", "bfloat16", BEYOND,
          regime("constant", most=600), lambda case: case.n <= 256),
    Wrong("float32_sum_of_float64", "sums", "accuracy", "float64", BEYOND, regime("uniform")),
    Wrong("float16_sum_of_float32", "sums", "accuracy", "float32", BEYOND, regime("uniform")),
    Wrong("float32_inside_float64", "sums", "accuracy", "float64", BEYOND, regime("uniform")),
    Wrong("float16_exponentials", "sums", "accuracy", "float32", BEYOND, regime("uniform")),
    Wrong("epsilon_in_the_denominator", "sums", "accuracy", "float32", BEYOND, short),
    Wrong("schraudolph_exp", "sums", "accuracy", "float32", BEYOND, regime("uniform")),
]  # fmt: skip
AXES = [
    Wrong("always_the_last_axis", "axes", "axes", "float32", BEYOND, anything,
          lambda case: case.axis in (-1, len(case.shape) - 1)),
    Wrong("wrong_axis_of_square_matrices", "axes", "axes", "float64", BEYOND, anything,
          lambda case: len(set(case.shape)) == len(case.shape)),
    Wrong("negative_axes_counted_wrong", "axes", "axes", "float32", BEYOND, anything,
          lambda case: case.axis >= -1),
    Wrong("rows_and_columns_swapped", "axes", "axes", "float32", BEYOND, anything,
          lambda case: len(case.shape) != 2 or case.axis != 0),
]  # fmt: skip
SPECIAL = [
    Wrong("nan_swallowed", "special", "special_values", "float32", "NaN or .inf must give NaN",
          anything, regime("masked_rows", "one_inf", most=2000)),
    Wrong("nan_swallowed_past_the_first_block", "special", "special_values", "float16",
          "NaN or .inf must give NaN", anything, lambda case: case.n <= 64),
    Wrong("infinity_gives_one", "special", "special_values", "float32",
          "NaN or .inf must give NaN", anything, regime("masked_rows", "one_nan", most=2000)),
    Wrong("all_masked_gives_uniform", "special", "special_values", "bfloat16",
          'the claim all_masked="uniform" would declare it', anything, regime("one_nan")),
    Wrong("all_masked_gives_zero", "special", "special_values", "float32",
          'the claim all_masked="zero" would declare it', anything, regime("one_nan")),
    Wrong("leading_masked_block_gives_nan", "special", "accuracy", "float32", NAN,
          regime("masked", "window"), lambda case: case.regime == "masked" and case.n > 32),
    Wrong("any_masked_block_gives_nan", "special", "accuracy", "float32", NAN,
          regime("masked", "window"), lambda case: case.n < 16),
    Wrong("masked_entries_not_quite_zero", "special", "special_values", "float32",
          "must give exactly 0"),
    Wrong("mask_as_a_large_negative_number", "special", "accuracy", "float64",
          "must give exactly 0", regime("masked", "uniform"), regime("uniform")),
    Wrong("subnormal_results_flushed", "special", "accuracy", "float32",
          'subnormals="flush" would declare it', regime("subnormal_output", "uniform"),
          regime("uniform")),
    Wrong("subnormal_results_flushed", "special", "accuracy", "float64",
          'subnormals="flush" would declare it', regime("subnormal_output", "uniform"),
          regime("uniform")),
    Wrong("subnormal_logits_read_as_huge", "special", "accuracy", "float32", BEYOND,
          regime("subnormal_input", "uniform"), regime("uniform")),
]  # fmt: skip
TEMPERATURE = [
    Wrong(name, "temperature", "accuracy", "float32", BEYOND, regime("normal", "uniform", "digits"),
          lambda case: case.temperature == 1.0)
    for name in (
        "temperature_ignored",
        "temperature_multiplied",
        "temperature_after_softmax",
        "temperature_only_above_one",
        "temperature_before_the_shift_in_half",
    )
] + [
    Wrong("temperature_cut_to_a_whole_number", "temperature", "accuracy", "float32", BEYOND,
          lambda case: case.temperature != 1.0,
          lambda case: case.temperature in (0.3, 2.0)),
    Wrong("inverse_of_low_temperatures_in_half", "temperature", "accuracy", "float32", BEYOND,
          lambda case: case.temperature != 1.0, lambda case: case.temperature > 0.4),
] + [
    Wrong(name, "temperature", "temperature", "float64", BEYOND, anything)
    for name in (
        "temperature_ignored",
        "temperature_multiplied",
        "temperature_after_softmax",
        "temperature_only_above_one",
    )
]  # fmt: skip
WIDTHS = [
    Wrong("wrong_at_odd_widths", "widths", "accuracy", "float64", BEYOND,
          lambda case: 500 < case.n < 1100, lambda case: case.n % 2 == 0),
    Wrong("wrong_at_129", "widths", "accuracy", "float32", BEYOND,
          lambda case: 100 < case.n < 140, lambda case: case.n != 129),
    Wrong("wrong_at_741", "widths", "accuracy", "float16", BEYOND,
          lambda case: 700 < case.n < 800, lambda case: case.n != 741),
    Wrong("wrong_at_65537", "widths", "accuracy", "float32", BEYOND,
          lambda case: 60000 < case.n < 70000, lambda case: case.n < 65537),
    Wrong("column_index_of_16_bits", "widths", "accuracy", "float32", BEYOND,
          lambda case: 60000 < case.n < 70000, lambda case: case.n <= 65536),
    Wrong("wrong_at_n_1", "widths", "accuracy", "bfloat16", BEYOND, short,
          lambda case: case.n > 1),
    Wrong("last_row_unfinished", "widths", "accuracy", "float32", BEYOND,
          regime("uniform", most=600), lambda case: case.rows == 1 or case.rows % 2 == 0),
]  # fmt: skip
FORM = [
    Wrong("float64_result", "form", "accuracy", "float32", "dtype float64, expected float32"),
    Wrong("flattened_result", "form", "accuracy", "float32", "has shape"),
    Wrong("keeps_an_extra_dimension", "form", "accuracy", "float32", "has shape"),
    Wrong("writes_into_its_input", "form", "accuracy", "float32", "changed its input"),
    Wrong("negates_one_of_its_inputs", "form", "accuracy", "float32", "changed its input"),
    Wrong("returns_nothing", "form", "accuracy", "float32", "returned NoneType"),
    Wrong("returns_a_list", "form", "accuracy", "float32", "returned list"),
    Wrong("returns_complex", "form", "accuracy", "float32", "dtype complex128"),
    Wrong("big_endian_result", "form", "accuracy", "float32", "byte order|big-endian"),
]  # fmt: skip
CLAIMS = [
    Wrong("claims_one_ulp", "claims", "accuracy", "float32", "claimed max_ulp=1, observed"),
    Wrong("claims_correct_rounding", "claims", "accuracy", "float32",
          "claimed correctly_rounded, [1-9]", lambda case: 900 < case.n < 1024,
          lambda case: case.n < 1000),
    *(
        Wrong("rounds_twice", "claims", "accuracy", dtype, "claimed correctly_rounded, . of",
              lambda case: case.bits or case.n <= 3, lambda case: case.n == 1)
        for dtype in ("bfloat16", "float16")
    ),
    Wrong("claims_zero_for_masked_rows", "claims", "special_values", "float64",
          'gives "nan", claimed is all_masked="zero"'),
    Wrong("claims_more_than_it_flushes", "claims", "accuracy", "float32", BEYOND,
          regime("wide_gap", "uniform"), regime("uniform")),
    Wrong("claims_float32_sums", "claims", "accuracy", "float16", BEYOND, regime("uniform")),
    Wrong("claims_shifted_is_division_free", "claims", "accuracy", "float32", BEYOND,
          regime("offset")),
]  # fmt: skip

CORNERS = [
    Wrong(
        *("rows_beyond_65535_unwritten", "corners", "accuracy", "float32", BEYOND),
        *(lambda case: case.rows >= 1000, lambda case: case.rows < 65536),
    ),
    Wrong(
        *("rows_beyond_4096_unwritten", "corners", "accuracy", "float32", BEYOND),
        *(lambda case: case.rows >= 1000, lambda case: case.rows <= 4096),
    ),
    Wrong(
        *("temperature_ignored_in_three_dimensions", "corners", "axes", "float32", BEYOND),
        *(lambda case: case.count < 500, lambda case: len(case.shape) < 3),
    ),
    Wrong(
        *("temperature_ignored_under_a_mask", "corners", "accuracy", "float32", BEYOND),
        *(lambda case: case.n == 10, lambda case: case.temperature == 1),
    ),
    Wrong(
        *("long_middle_axis", "corners", "axes", "float32", BEYOND),
        *(lambda case: len(case.shape) == 3, lambda case: case.n <= 8),
    ),
    Wrong(
        *("nan_swallowed_far_out", "corners", "special_values", "float32", "must give NaN"),
        *(lambda case: case.n > 1000, regime("one_inf", most=10**6)),
    ),
    Wrong(
        *("long_masked_rows_give_zero", "corners", "special_values", "float32", "all_masked"),
        *(regime("masked_rows", most=10**6), lambda case: case.n <= 1100),
    ),
    Wrong(
        *("negative_zero_is_below_everything", "corners", "accuracy", "float32", BEYOND),
        regime("values"),
    ),
]
ALL = [*GROSS, *SHIFT, *SUMS, *AXES, *SPECIAL, *TEMPERATURE, *WIDTHS, *FORM, *CLAIMS, *CORNERS]


@pytest.mark.parametrize("wrong", ALL, ids=str)
def test_the_check_that_is_meant_to_kill_a_wrong_backend_does(zoo, wrong):
    meets(zoo, wrong)


@pytest.mark.parametrize("wrong", [w for w in ALL if w.spared], ids=str)
def test_a_wrong_backend_is_not_blamed_where_it_is_right(zoo, wrong):
    is_spared(zoo, wrong)
