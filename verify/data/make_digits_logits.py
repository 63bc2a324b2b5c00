"""Make ``digits_logits.npy``: what a real classifier hands to its softmax.

A network with one hidden layer learns scikit-learn's handwritten digits; the logits of the test
images, before softmax, are kept as float32 (360 images × 10 classes)::

    python -m verify.data.make_digits_logits
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

TARGET = Path(__file__).with_name("digits_logits.npy")


def main() -> None:
    """Train, take the last layer's outputs for the test images, and write them."""
    images, labels = load_digits(return_X_y=True)
    seen, unseen, targets, _ = train_test_split(
        images / 16.0, labels, test_size=0.2, random_state=0
    )
    network = MLPClassifier(hidden_layer_sizes=(32,), max_iter=400, random_state=0)
    network.fit(seen, targets)
    hidden = np.maximum(unseen @ network.coefs_[0] + network.intercepts_[0], 0.0)
    logits = hidden @ network.coefs_[1] + network.intercepts_[1]
    np.save(TARGET, logits.astype(np.float32), allow_pickle=False)


if __name__ == "__main__":
    main()
