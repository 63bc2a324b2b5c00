"""Temperature's limits: towards 0 the argmax, towards infinity 1/n, ties sharing alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.checks.check import OneCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.cases import Case
    from verify.checks.check import Scope

# Powers of two, so that dividing the logits rounds nothing and the limit is what is judged.
_TEMPERATURES = (2.0**-40, 2.0**-12, 2.0**-10, 2.0**-6, 2.0**6, 2.0**10, 2.0**60)


class Temperature(OneCall):
    """The two limits of temperature."""

    name = "temperature"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield rows with and without tied maxima, at temperatures on both sides."""
        for temperature in _TEMPERATURES:
            for shape, regime in (((4, 3), "grid"), ((4, 17), "ties"), ((2, 129), "grid")):
                yield scope.case(shape, regime, temperature=temperature)


CHECK = Temperature()
