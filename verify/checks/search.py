"""Search: the input with the largest error, looked for with guidance; asked for by name.

What is looked for is not known beforehand, so this check names no cases: `verify.search.report`
finds one for each backend and dtype. A case that is given by words is judged like any other, and
that is how a find is replayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.checks.check import OneCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.cases import Case
    from verify.checks.check import Scope


class Search(OneCall):
    """The worst input that a guided search finds."""

    name = "search"

    def cases(self, scope: Scope) -> Iterator[Case]:
        """Yield nothing: the search finds its cases."""
        del scope
        return iter(())


CHECK = Search()
