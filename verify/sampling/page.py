"""The tables about sampling as one page of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.candidates import sampler
from backends.inclusion import rosen_approximation
from verify.sampling.goodness import SIGNIFICANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["approximations", "page"]

_LOSSES = ("loss", "bias", "bias_error", "variance", "rmse", "gradient_bias", "gradient_noise")
_COLUMNS = ("sampler", "label_count", "size", *_LOSSES)


def page(alarms: pd.DataFrame, power: pd.DataFrame, estimate: pd.DataFrame, command: str) -> str:
    """Return the page; the frames are those of `power.false_alarms`, `power` and `estimate`."""
    right, wrong, losses = alarms.iloc[0], power.iloc[0], estimate.iloc[0]
    limits = ("n", "k", "1 − exp(−p τ), Rosén 1972", "1 − (1 − p)^m, m tries")
    shares = ("sampler", "question", "below_0.05", "below_0.01", "rejected")
    return f"""# Candidate sampling

What `backends/candidates.py` draws and expects, how `verify.sampling` holds samplers to it, and
what sampling does to the loss. Where it pays is in [sampling-crossover.md](sampling-crossover.md).

## What a sampler expects

With replacement class c is expected k p_c times. Without replacement candidates are drawn one after
the other among the classes that are left (rejecting repeats does the same, as do the k largest of
log p + Gumbel noise), and the expected count is the probability to be among them: k / n if all
classes are alike, else an integral (`backends/inclusion.py`), right but for rounding. Two
approximations in use, for the log-uniform law; largest error of a class, relative to its count:

{_table(limits, approximations())}

τ and m are chosen so that the counts add up to k. TensorFlow takes the second with the m that a
draw happened to need, and calls it approximate.

## Whether it draws as it says

`goodness_of_fit(sampler, classes, size, draws=2000)` asks several questions, and rejects if the
least of their p-values times their number (Bonferroni) is below {SIGNIFICANCE:g}:

| question | of | statistic |
| --- | --- | --- |
| valid | all | classes in range, int64, no repeats where there are none; claims that add up |
| each_class | all | each count is binomial: Chernoff's bound, times the classes |
| frequency | with replacement | chi-square of all counts, bins merged to 5 expected |
| neighbours | with replacement | how many adjacent candidates are equal: Chernoff's bound |
| pairs | with replacement | the same of candidates of a draw that chance puts together |
| succession | with replacement | the same of candidates at one place of successive draws |
| groups | without | Hotelling's T² of the counts of up to 8 groups of classes in a draw |
| overlap | without | Student's t of how many classes two draws share |
| order | those that claim it | chi-square of candidates made uniform by the law |

Counts of one draw without replacement are negatively correlated, by an amount that depends on the
law; so no chi-square is taken of them. Draws are independent of one another: `groups` and `overlap`
estimate the covariance from them, and ask only where 500 candidates or more are in and 500 are out.
`order` follows Rosenblatt (1952): the distribution function of a candidate, given those before it,
is uniform and independent of them; so it asks about the joint law, with and without replacement. A
sampler that claims no order is asked about single classes, groups and overlaps.

Right samplers ({right["classes"]} classes, {right["size"]} candidates, {right["draws"]} draws,
{right["seeds"]} seeds): the share of p-values below 0.05 and 0.01, where a bound stays far below,
and how many samplers were rejected at {SIGNIFICANCE:g}.

{_frame(alarms, shares)}

Wrong samplers ({wrong["classes"]} classes, {wrong["size"]} candidates, {wrong["seeds"]} seeds): the
share that is rejected in so many draws, and what the power is at least, with 95 % confidence.

{_table(*_power(power))}

What is not seen: an expected count that is off by less than chance is in so many draws, and what a
sampler that claims no order does to pairs of classes.

## What sampling does to the loss

Examples of {losses["classes"]} classes whose probabilities fall nearly like 1 / rank
(`verify.sampling.estimate`), {losses["draws"]} samples each; full loss {losses["full_loss"]:.4f}.
`label_count` says what is taken for the label's own expected count: `expected`, its class's, as
`sampled_cross_entropy` does; `once`, 1, because the label is always there.

{_frame(estimate, _COLUMNS)}

- `once` estimates the full loss: its bias is −var R̂ / 2 (1 + R)² to first order (R: the sum of
  exp(z_j − z_y) over the other classes, R̂: its estimate), and vanishes as k grows.
- `expected` does not. It is the likelihood of the label among the candidates: smaller than the full
  loss while the label's expected count is below 1, and with replacement larger beyond, without end.
  One trains with it; as a figure it is not comparable with a full loss.
- Without replacement both are the full loss, but for rounding, when all classes are drawn.

Losses in nats. `gradient_bias` and `gradient_noise` are relative to the length of the full gradient
by the logits.

Reproduce with

    {command}
"""


def approximations() -> list[Sequence[str]]:
    """Return the largest relative errors of the two usual approximations."""
    import numpy as np

    rows: list[Sequence[str]] = []
    for n, k in ((100, 16), (1000, 64), (10_000, 64), (10_000, 1024), (100_000, 1024)):
        each = sampler("log_uniform_distinct")
        exact, law = each.expected_count(n, k), each.probabilities(n)
        # 1 - (1 - p)^m is 1 - exp(-w tau) with w = -log(1 - p): only the scale of w is arbitrary.
        found = (rosen_approximation(law, k), rosen_approximation(-np.log1p(-law), k))
        errors = (float(np.abs(count / exact - 1).max()) for count in found)
        rows.append((str(n), str(k), *(f"{100 * error:.2g} %" for error in errors)))
    return rows


def _power(power: pd.DataFrame) -> tuple[Sequence[str], list[Sequence[str]]]:
    draws = sorted(set(power["draws"]))
    head = ("sampler", "imitates", "fault", *(f"{number} draws" for number in draws), "seen by")
    rows: list[Sequence[str]] = []
    for name, group in power.groupby("sampler", sort=False):
        by_draws = group.set_index("draws")
        shares = [
            f"{by_draws.loc[number, 'power']:.2f} (≥ {by_draws.loc[number, 'power_at_least']:.3f})"
            for number in draws
        ]
        first = group.iloc[0]
        rows.append(
            (str(name), first["claims"], first["fault"], *shares, group.iloc[-1]["question"])
        )
    return head, rows


def _frame(frame: pd.DataFrame, columns: Sequence[str]) -> str:
    rows = [[_cell(row[name]) for name in columns] for _, row in frame.iterrows()]
    return _table(columns, rows)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "0" if abs(value) < 1e-12 else f"{value:.3g}"
    return str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
