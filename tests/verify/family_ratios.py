"""Measure the table of docs/limits.md: the largest error over its limit, by implementation.

python -m tests.verify.family_ratios
"""

import sys

from reports.console import tracked
from tests.verify.test_family_limits import DTYPES, IMPLEMENTATIONS, OPERATIONS, largest_ratio


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    rows = [(name, algorithm, False) for name, algorithm in IMPLEMENTATIONS]
    rows += [
        (f"{operation}_torch", "shifted", False)
        for operation in OPERATIONS
        if operation not in ("softmax_jacobian", "sampled_cross_entropy")
    ]
    rows += [(f"{operation}_careful", "shifted", True) for operation in OPERATIONS]
    say(f"| implementation | algorithm, limit | {' | '.join(DTYPES)} |")
    say(f"| --- | --- | {' | '.join(['---'] * len(DTYPES))} |")
    for name, algorithm, attainable in tracked(rows, "implementations"):
        skip = ("offset",) if algorithm in ("unshifted", "two_pass") else ()
        ratios = [
            largest_ratio(name, dtype, attainable=attainable, skip=skip, algorithm=algorithm)[0]
            for dtype in DTYPES
        ]
        limit = "attainable" if attainable else "theory"
        say(f"| {name} | {algorithm}, {limit} | {' | '.join(f'{r:.3g}' for r in ratios)} |")


if __name__ == "__main__":
    main()
