"""Rows and regimes that several checks draw on."""

from __future__ import annotations

# Worked examples from textbooks; the first is 0.17198205, 0.77077009, 0.05724785.
ROWS = ((1.6, 3.1, 0.5), (1.2, 0.3), (1.9, 0.1), (-7.98, 2.39), (-0.0, 0.0, -1.0))

FAMILIES = (
    "uniform",
    "wide_gap",
    "normal",
    "offset",
    "masked",
    "ascending",
    "constant",
    "peak",
    "subnormal_output",
    "descending",
    "window",
    "ties",
    "causal",
    "subnormal_input",
    "extreme",
    "finite_mask",
    "tower",
)
"""Regimes that take turns at the widths."""
