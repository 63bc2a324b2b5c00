"""WRONG: the temperature is not what the logits are divided by (docs/bugs.md 19)."""

import numpy as np
from zoo_kernels import right, widened

from backends import register


@register("temperature_ignored")
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: the temperature is taken and not used (class 19: pytorch 41663)."""
    del temperature
    return right(x, axis)


@register("temperature_multiplied")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: logits times temperature (class 19: tensorflow/recommenders 219)."""
    return right(x, axis, 1.0 / temperature)


@register("temperature_after_softmax")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: softmax first, then divided by the temperature (class 19: gemma 562)."""
    return (right(x, axis) / np.float64(temperature)).astype(x.dtype)


@register("temperature_only_above_one")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: temperatures below 1 are clamped to 1 (class 19: gemma 562)."""
    return right(x, axis, max(temperature, 1.0))


@register("temperature_before_the_shift_in_half")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the quotient is rounded to float16 (class 19: pytorch 22442)."""
    scaled = (widened(x) / np.float64(temperature)).astype(np.float16).astype(x.dtype)
    return right(scaled if temperature != 1.0 else x, axis)


@register("temperature_cut_to_a_whole_number")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: temperatures above 1 lose their fraction (class 19: pytorch 41663)."""
    return right(x, axis, float(int(temperature)) if temperature > 1.0 else temperature)


@register("inverse_of_low_temperatures_in_half")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: below 0.4 the inverse is a float16 (class 19: pytorch 22442)."""
    with np.errstate(over="ignore"):
        inverse = float(np.float16(1.0 / temperature))
    low = temperature < 0.4 and np.isfinite(inverse)
    return right(x, axis, 1.0 / inverse if low else temperature)
