"""Make ``digits.npz``: 1797 handwritten digits of 8 × 8 pixels from 0 to 16, with their labels.

The images are those of scikit-learn's ``load_digits``: the test set of E. Alpaydin and C. Kaynak,
"Optical Recognition of Handwritten Digits" (1998), UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, licensed under CC BY 4.0
(https://creativecommons.org/licenses/by/4.0/). Pixels and labels are kept as uint8; nothing else is
changed::

    python -m verify.data.make_digits
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).with_name("digits.npz")


def main() -> None:
    """Write images (1797, 64) and labels (1797)."""
    images, labels = load_digits(return_X_y=True)
    np.savez_compressed(TARGET, images=images.astype(np.uint8), labels=labels.astype(np.uint8))


if __name__ == "__main__":
    main()
