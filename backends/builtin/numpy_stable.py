"""The usual cure: subtract each row's maximum first, which changes nothing but the range.

exp then never sees more than 0, so it cannot overflow, and the sum is at least 1. The maximum is
subtracted before the temperature divides: the largest gap is then 0 at any temperature. The other
members of the family stay with gap and sum, and never take the logarithm of a probability: it may
have underflowed. Written to be read; `backends.kernels.numpy_rows` has what the formulas share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.kernels.arguments import (
    check_jacobian_memory,
    checked_candidates,
    checked_cotangent,
    checked_labels,
    checked_temperature,
)
from backends.operations import IGNORE_INDEX
from backends.registry import register

if TYPE_CHECKING:
    from backends.arrays import NumPyArray


@register("numpy_stable", dtypes=["float64", "float32", "float16", "bfloat16"])
class NumPyStable:
    """exp((x - max) / T) over its sum, and the family made of that gap and that sum."""

    def softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return exp((x - max) / T) over its sum: three passes, the maximum subtracted first."""
        from backends.kernels.numpy_rows import quiet, rounded, shifted

        with quiet():
            _, exponentials, total = shifted(x, axis, temperature)
            return rounded(exponentials / total, x.dtype, out)

    def log_softmax(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the gap less the logarithm of the sum: finite where softmax has underflowed."""
        import numpy as np

        from backends.kernels.numpy_rows import quiet, rounded, shifted

        with quiet():
            gap, _, total = shifted(x, axis, temperature)
            return rounded(gap - np.log(total), x.dtype, out)

    def logsumexp(
        self,
        x: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return max / T + log of the sum; the maximum is added back after it is subtracted."""
        import numpy as np

        from backends.kernels.numpy_rows import cooled, cooled_gap, quiet, rounded, widened

        divisor = checked_temperature(temperature)
        logits = widened(x)
        with quiet():
            maximum = np.max(logits, axis=axis, keepdims=True, initial=-np.inf)
            # inf - inf would be NaN: unshifted, +inf and nothing but -inf give inf and log 0.
            maximum = np.where(np.isfinite(maximum), maximum, 0)
            exponentials = np.exp(cooled_gap(logits, maximum, divisor))
            total = np.sum(exponentials, axis=axis, keepdims=True)
            result = np.squeeze(cooled(maximum, divisor) + np.log(total), axis)
            return rounded(result, x.dtype, out)

    def cross_entropy(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return log of the sum less the label's gap: logsumexp less the logit, both shifted."""
        import numpy as np

        from backends.kernels.numpy_rows import at_labels, quiet, rounded, shifted

        labels = checked_labels(labels, x, axis, ignore_index)
        with quiet():
            gap, _, total = shifted(x, axis, temperature)
            if gap.size == 0:  # no rows, or all of them ignored
                return rounded(np.zeros(labels.shape), x.dtype, out)
            loss = np.log(total).reshape(labels.shape) - at_labels(gap, labels, axis)
            return rounded(np.where(labels == ignore_index, 0, loss), x.dtype, out)

    def softmax_vjp(
        self,
        x: NumPyArray,
        cotangent: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return p (c - sum p c) / T: the Jacobian is never formed."""
        import numpy as np

        from backends.kernels.numpy_rows import cooled, quiet, rounded, shifted, widened

        cotangent = widened(checked_cotangent(cotangent, x))
        with quiet():
            _, exponentials, total = shifted(x, axis, temperature)
            p = exponentials / total
            mean = np.sum(p * cotangent, axis=axis, keepdims=True)
            # Multiplied out: cotangent - mean may overflow where its product with p does not.
            return rounded(cooled(p * cotangent - p * mean, temperature), x.dtype, out)

    def cross_entropy_grad(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return (p - [j = label]) / T, and 0 for rows that are ignored."""
        from backends.kernels.numpy_rows import label_slope, quiet, rounded, shifted

        labels = checked_labels(labels, x, axis, ignore_index)
        with quiet():
            _, exponentials, total = shifted(x, axis, temperature)
            slope = label_slope(exponentials / total, labels, axis, temperature, ignore_index)
            return rounded(slope, x.dtype, out)

    def softmax_jacobian(self, x: NumPyArray, temperature: float = 1.0) -> NumPyArray:
        """Return p_j ([j = i] - p_i) / T, an n by n matrix for each row of the last axis."""
        import numpy as np

        from backends.kernels.numpy_rows import cooled, quiet, rounded, shifted

        with quiet():
            rows = np.atleast_1d(x)
            _, exponentials, total = shifted(rows, -1, temperature)
            p = exponentials / total
            check_jacobian_memory(x.shape, p.itemsize, p.itemsize, x.itemsize)
            jacobian = p[..., :, None] * -p[..., None, :]
            diagonal = np.arange(rows.shape[-1])
            jacobian[..., diagonal, diagonal] = p * (1 - p)
            return rounded(cooled(jacobian, temperature), x.dtype)

    def sampled_cross_entropy(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        sampled: NumPyArray,
        log_expected_count: NumPyArray,
        temperature: float = 1.0,
        remove_accidental_hits: bool = True,  # noqa: FBT001, FBT002 - the operation's own parameter
        out: NumPyArray | None = None,
    ) -> NumPyArray:
        """Return the cross-entropy of each label's corrected score among those of the sample."""
        import numpy as np

        from backends.kernels.numpy_rows import (
            at_labels,
            cooled_gap,
            quiet,
            rounded,
            shifted,
            widened,
        )

        divisor = checked_temperature(temperature)
        labels = checked_labels(labels, x)
        sampled, counts = checked_candidates(sampled, log_expected_count, x)
        if labels.size == 0:
            return rounded(np.zeros(labels.shape), x.dtype, out)
        logits, counts = widened(np.atleast_1d(x)), widened(counts)
        own = labels[..., None]
        with quiet():
            scores = np.concatenate(
                [at_labels(logits, labels, -1)[..., None], logits[..., sampled]], axis=-1
            )
            expected = np.concatenate(
                [counts[own], np.broadcast_to(counts[sampled], (*labels.shape, sampled.size))], -1
            )
            maximum = np.max(scores, axis=-1, keepdims=True)
            scores = cooled_gap(scores, maximum, divisor) - expected
            if remove_accidental_hits:
                scores[..., 1:] = np.where(sampled == own, -np.inf, scores[..., 1:])
            gap, _, total = shifted(scores, -1, 1.0)
            return rounded(np.log(total[..., 0]) - gap[..., 0], x.dtype, out)

    def sigmoid(
        self, x: NumPyArray, temperature: float = 1.0, out: NumPyArray | None = None
    ) -> NumPyArray:
        """Return 1 / (1 + exp(-z)) where z >= 0 and exp(z) / (1 + exp(z)) elsewhere."""
        import numpy as np

        from backends.kernels.numpy_rows import cooled, quiet, rounded, widened

        with quiet():
            z = cooled(widened(x), checked_temperature(temperature))
            exponential = np.exp(-np.abs(z))
            return rounded(np.where(z >= 0, 1, exponential) / (1 + exponential), x.dtype, out)
