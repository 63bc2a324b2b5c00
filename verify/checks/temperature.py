"""Temperature's limits: towards 0 the argmax, towards infinity 1/n, ties sharing alike.

And between them: logits that grow with the temperature give the same result at every temperature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.formats import format_of
from verify.checks.check import OneCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.formats import Format
    from verify.cases import Case
    from verify.checks.check import Scope

# Powers of two, so that dividing the logits rounds nothing and the limit is what is judged.
_TEMPERATURES = (2.0**-40, 2.0**-12, 2.0**-10, 2.0**-6, 2.0**6, 2.0**10, 2.0**60)
# For logits that are multiples of the temperature: the last is in float16's subnormal numbers.
_SCALES = (2.0**-40, 2.0**-12, 2.0**60, 2.0**-20)
_MULTIPLES = (1.5, -0.25, 0.0, 2.0, -1.25)


class Temperature(OneCall):
    """The two limits of temperature, and what lies between."""

    name = "temperature"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield rows with and without tied maxima, at temperatures on both sides."""
        for temperature in _TEMPERATURES:
            for shape, regime in (((4, 3), "grid"), ((4, 17), "ties"), ((2, 129), "grid")):
                yield scope.case(shape, regime, temperature=temperature)
        for temperature in _SCALES:
            if _holds_multiples(format_of(scope.dtype), temperature):
                row = tuple(multiple * temperature for multiple in _MULTIPLES)
                yield scope.case((5,), "values", values=row, temperature=temperature)


CHECK = Temperature()


def _holds_multiples(fmt: Format, temperature: float) -> bool:
    return fmt.min_subnormal <= temperature / 4 and 2 * temperature <= fmt.max_finite
