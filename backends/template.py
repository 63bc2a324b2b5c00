"""What ``python -m backends new NAME`` writes: a plugin that runs and verifies as it is."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from backends.errors import RegistrationError, SoftmarkError
from backends.vocabulary import nearest

_NUMPY = '''\
"""A softmax for Softmark to verify and time: change the formula, then ask again.

    python -m verify {name} --plugin {name}.py
"""

import numpy as np

from backends import Claims, register


# The name is how you ask for it on the command line. The claims are what verification holds you
# to: leave them out for the defaults, or promise more, as in Claims(max_ulp=2).
@register("{name}", dtypes=["float64", "float32"], claims=Claims(algorithm="shifted"))
def softmax(x, axis=-1, temperature=1.0):  # the function's name is the operation
    """Stable softmax along an axis."""
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature={{temperature!r}}: give a positive, finite number")
    # Rows with NaN or +inf, and rows of nothing but -inf, become NaN: no warning is wanted there.
    with np.errstate(all="ignore"):
        # Subtracting the row's maximum changes nothing but the range: exp cannot overflow.
        # `initial` lets rows of length 0 through.
        shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        # A float64 quotient, so that it is not rounded to x's dtype before exp magnifies it.
        scaled = shifted if temperature == 1 else shifted / np.float64(temperature)
        exponentials = np.exp(scaled)
        total = np.sum(exponentials, axis=axis, keepdims=True)
        return np.asarray(exponentials / total).astype(x.dtype, copy=False)
'''

_TORCH = '''\
"""A softmax for Softmark to verify and time: change the formula, then ask again.

    python -m verify {name} --plugin {name}.py
"""

import torch

from backends import Claims, register


# The name is how you ask for it on the command line; for a GPU add device="cuda". The claims are
# what verification holds you to: leave them out for the defaults, or promise more, as in
# Claims(max_ulp=2).
@register(
    "{name}", dtypes=["float64", "float32"], array="torch", claims=Claims(algorithm="shifted")
)
def softmax(x, axis=-1, temperature=1.0):  # the function's name is the operation
    """Stable softmax along an axis."""
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature={{temperature!r}}: give a positive, finite number")
    if x.numel() == 0:  # amax refuses rows of length 0
        return torch.empty_like(x)
    # Subtracting the row's maximum changes nothing but the range: exp cannot overflow.
    shifted = x - x.amax(dim=axis, keepdim=True)
    # A float64 quotient, so that it is not rounded to x's dtype before exp magnifies it.
    scaled = shifted if temperature == 1 else shifted.double() / temperature
    exponentials = torch.exp(scaled)
    return (exponentials / exponentials.sum(dim=axis, keepdim=True)).to(x.dtype)
'''

TEMPLATES = {"numpy": _NUMPY, "torch": _TORCH}
"""Array library -> text of a plugin, with ``{name}`` to be filled in."""

_KERNEL = Path(__file__).parent / "native" / "template.c"

# The stem must be importable as a module, and the name usable as it is on the command line.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_plugin(name: str, array: str, folder: Path) -> Path:
    """Write ``folder/name.py`` and return its path; a missing folder is made.

    Raises
    ------
    RegistrationError
        If the name is no Python identifier or already a backend, or there is no such template.
    SoftmarkError
        If the file exists (it is left alone) or cannot be written.
    """
    if array not in TEMPLATES:
        raise RegistrationError(f"no template for array={array!r}; {nearest(array, TEMPLATES)}")
    return _write(name, ".py", TEMPLATES[array].format(name=name), folder)


def write_kernel(name: str, folder: Path) -> Path:
    """Write ``folder/name.c``, a kernel for `backends.native`, and return its path.

    Raises
    ------
    RegistrationError, SoftmarkError
        As for `write_plugin`.
    """
    text = _KERNEL.read_text(encoding="utf-8").replace("{name}", name)
    return _write(name, ".c", text, folder)


def _write(name: str, ending: str, text: str, folder: Path) -> Path:
    from backends.registry import names

    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise RegistrationError(
            f"{name!r} cannot name a plugin file: use letters, digits and _, as in 'my_softmax'"
        )
    if name in names():
        raise RegistrationError(f"there is already a backend {name!r}: choose another name")
    path = folder / f"{name}{ending}"
    if path.exists():
        raise SoftmarkError(f"{path} exists and is left alone: choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # "x" refuses a file that came into being since.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SoftmarkError(f"cannot write {path}: {error.strerror or error}") from error
    return path
