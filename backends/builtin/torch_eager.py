"""PyTorch's own functions on the CPU, as most people run them; its 16-bit kernels are native."""

from __future__ import annotations

from backends.claims import Claims
from backends.kernels.torch_forward import TorchForward
from backends.registry import register

_THREADS = "off the last axis the bits depend on how many threads share the columns"
_HALF_STEPS = "off the last axis the exponentials are rounded to {} before they are divided"
_HALF_LOG = "the logarithm of the sum is rounded to {} before it is subtracted from the logits"
_HALF_SUM = "exponentials, their sum and its logarithm are rounded to {}, one after the other"
_OVERFLOW = "exp(-x) overflows where 1 / (1 + exp(-x)) is a subnormal number: 0 is returned"


def _half(reason: str, operation: str, *checks: str) -> dict[str, str]:
    """Return a limitation of the operation in both 16-bit formats, for each of these checks."""
    return {
        f"{operation}/{check}/{dtype}": reason.format(dtype)
        for check in checks
        for dtype in ("float16", "bfloat16")
    }


@register(
    "torch_eager",
    dtypes=["float64", "float32", "float16", "bfloat16"],
    array="torch",
    claims=Claims(
        limitations={
            "axes/float16": _HALF_STEPS.format("float16"),
            "axes/bfloat16": _HALF_STEPS.format("bfloat16"),
            "determinism/float64": _THREADS,
            "determinism/float32": _THREADS,
            **_half(
                _HALF_LOG,
                "log_softmax",
                *("accuracy", "special_values", "identities", "contract", "guard"),
            ),
            **_half(_HALF_LOG, "cross_entropy", "accuracy", "special_values", "identities"),
            **_half(_HALF_SUM, "logsumexp", "accuracy", "special_values", "identities", "contract"),
            "cross_entropy/contract/bfloat16": _HALF_LOG.format("bfloat16"),
            "sigmoid/accuracy/float64": _OVERFLOW,
            "sigmoid/accuracy/float32": _OVERFLOW,
            "sigmoid/accuracy/bfloat16": _OVERFLOW,
            "sigmoid/temperature/float32": _OVERFLOW,
            "sigmoid/downstream/float64": _OVERFLOW,
            "sigmoid/downstream/float32": _OVERFLOW,
            "sigmoid/downstream/bfloat16": _OVERFLOW,
        }
    ),
)
class TorchEager(TorchForward):
    """torch.softmax and its relatives on the CPU, the output reused where torch can."""
