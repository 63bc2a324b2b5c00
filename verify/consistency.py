"""Options that mean nothing together, or by themselves: refused before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.choosing import Unusable

if TYPE_CHECKING:
    from collections.abc import Collection

    from verify.session import Arguments

# With 100 MiB of data Python, NumPy and Numba do not load; with 128 they do.
LEAST_MEMORY = 128 << 20
_FOR_A_SEARCH = ("seconds", "corpus")


def check(arguments: Arguments, given: Collection[str]) -> None:
    """Raise `Unusable` for arguments that contradict each other or that nothing would heed.

    Parameters
    ----------
    arguments : Arguments
    given : collection of str
        Names of those that stand on the command line.
    """
    limit = arguments.memory_limit
    if limit is not None and limit < LEAST_MEMORY:
        raise Unusable(
            f"--memory-limit {limit}: so many bytes are not enough to start a worker; give "
            f"{LEAST_MEMORY >> 20}MiB or more, as in 4GiB, or 0 for no limit"
        )
    if any(not plugin.strip() for plugin in arguments.plugins):
        raise Unusable(
            "--plugin names nothing: give a Python file, a module or a shared library, as in "
            "--plugin mine.py"
        )
    for name in _FOR_A_SEARCH:
        if name in given and not arguments.searches:
            raise Unusable(f"--{name} is for a search: {_way_to_search(arguments)}")
    _check_cases(arguments)


def _way_to_search(arguments: Arguments) -> str:
    if "search" in arguments.checks:
        return f"leave it out, or --case, which is asked as it is ({len(arguments.cases)} given)"
    return "add --check search, or leave it out"


def _check_cases(arguments: Arguments) -> None:
    """Refuse cases of a format or an operation that the other options leave out."""
    for text in arguments.cases:
        operation, dtype = ([*text.split("/"), "", ""])[:2]
        for option, word, asked in (
            ("operation", operation, arguments.operations),
            ("dtype", dtype, arguments.dtypes),
        ):
            if asked and word not in asked:
                raise Unusable(
                    f"--case {text} is of the {option} {word}, and --{option} names "
                    f"{', '.join(asked)}: leave --{option} out, as a case says all of itself"
                )
