"""Right or wrong, decided on the device itself: results against float64, within stated bounds.

The oracle and its limits need Numba and mpmath, which a machine with a GPU may not have. The bounds
here are those of `verify.units` in the same words, with u = 2^-24 for the inner arithmetic, g the
softmax in float64 and a the maximum; besides, half an ulp of the dtype for rounding the result, and
a spacing of its subnormals:

- triton_fused: what is attainable at any gap, (log2 n + 7) u;
- the others: theory, (3 (a - x_j) + 3 sum g_i (a - x_i) + 14 + n) u.

The VJP's bound is that of `verify.family.gradients`: with the relative error d of g,
g_j [(d + 2u) |c_j - D| + (d + (log2 n + 2) u) S], D = sum g c and S = sum g |c|.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["judged", "judged_vjp", "logits", "special_troubles"]

_U = 2.0**-24
# float64 takes eight bytes: so many elements are judged at once.
_CHUNK = 1 << 24


def logits(shape: tuple[int, int], dtype: str, device: str, seed: int = 0) -> torch.Tensor:
    """Return normal logits of scale 4, the first of each row 20 higher: gaps are wide."""
    generator = torch.Generator(device).manual_seed(seed)
    x = torch.empty(shape, dtype=getattr(torch, dtype), device=device)
    x.normal_(0.0, 4.0, generator=generator)
    x[:, 0] += 20.0
    return x


def judged(name: str, result: torch.Tensor, x: torch.Tensor) -> str:
    """Return what is wrong with a softmax of the rows of `x`; nothing, if nothing is."""
    if result.shape != x.shape or result.dtype != x.dtype:
        return f"returned {tuple(result.shape)} of {result.dtype}"
    step = max(1, _CHUNK // x.shape[1])
    worst = 0.0
    for at in range(0, len(x), step):
        z = x[at : at + step].double()
        g = torch.softmax(z, -1)
        limit = _relative(name, z, g) * g + _rounding(g, x.dtype)
        worst = _larger(worst, (result[at : at + step].double() - g).abs() / limit)
    return _said(worst)


def judged_vjp(result: torch.Tensor, x: torch.Tensor, cotangent: torch.Tensor) -> str:
    """Return what is wrong with triton_fused's VJP of the rows of `x`."""
    z, c = x.double(), cotangent.double()
    g = torch.softmax(z, -1)
    mean, size = (g * c).sum(-1, keepdim=True), (g * c.abs()).sum(-1, keepdim=True)
    want, d = g * (c - mean), _relative("triton_fused", z, g)
    sums = d + (math.log2(x.shape[-1]) + 2) * _U
    limit = g * ((d + 2 * _U) * (c - mean).abs() + sums * size) + _rounding(want.abs(), x.dtype)
    return _said(_larger(0.0, (result.double() - want).abs() / limit))


def special_troubles(device: str) -> Iterator[tuple[str, str]]:
    """Yield what goes wrong in triton_fused with special rows, VJPs and rows of any length."""
    from backends.builtin.triton_fused import TritonFused

    fused = TritonFused()
    for dtype in ("float32", "float16", "bfloat16"):
        for n in (1, 65, 1000, 4097, 50257, 262144):
            place = f"triton_fused, {dtype}, N = {n}"
            x = logits((3, n), dtype, device, seed=n)
            cotangent = torch.randn(x.shape, device=device).to(x.dtype)
            vjp = judged_vjp(fused.softmax_vjp(x, cotangent), x, cotangent)
            found = {"softmax": judged("triton_fused", fused.softmax(x), x), "softmax_vjp": vjp}
            found["special rows"] = _special(fused.softmax, x)
            yield from ((f"{place}, {what}", said) for what, said in found.items() if said)


def _special(softmax: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> str:
    """Return what is wrong with rows that hold NaN, +inf, or nothing but -inf, and masked ones."""
    for value in (float("nan"), float("inf"), None):
        spoilt = x.clone()
        if value is None:
            spoilt[1] = float("-inf")
        else:
            spoilt[1, -1] = value
        result = softmax(spoilt)
        if not bool(result[1].isnan().all()) or bool(result[0].isnan().any()):
            return f"a row with {value or 'nothing but -inf'} is not NaN throughout, or others are"
    masked = x.clone()
    masked[1, 1:] = float("-inf")
    if not (softmax(masked)[1].float().sum() == 1.0 and softmax(masked)[1, 0] == 1.0):
        return "a row with one finite entry is not 1 there and 0 elsewhere"
    return ""


def _relative(name: str, z: torch.Tensor, g: torch.Tensor) -> torch.Tensor | float:
    n = z.shape[-1]
    if name == "triton_fused":
        return (math.log2(n) + 7) * _U
    gap = z.amax(-1, keepdim=True) - z
    return (3 * gap + 3 * (g * gap).sum(-1, keepdim=True) + 14 + n) * _U


def _rounding(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return half an ulp at most, and a spacing of the subnormals."""
    finfo = torch.finfo(dtype)
    return value * (finfo.eps / 2) + finfo.smallest_normal * finfo.eps


def _larger(worst: float, ratios: torch.Tensor) -> float:
    """Return the larger of what was and what is; NaN is the largest of all."""
    found = float(torch.nan_to_num(ratios, nan=math.inf).max())
    return max(worst, found)


def _said(worst: float) -> str:
    return "" if worst <= 1.0 else f"the largest error is {worst:.3g} times its bound"
