"""Make ``classifier.json``: a small classifier of handwritten digits, and digits to show it.

A network with one hidden layer of rectified linear units (64, 32, 10) learns four fifths of
scikit-learn's digits; forty of the others are kept as pictures, four of each class. Weights are
kept to three decimals; `accuracy` is the share of right answers before that. The images are those
of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (1998), UCI Machine
Learning Repository, https://doi.org/10.24432/C50P49, licensed under CC BY 4.0
(https://creativecommons.org/licenses/by/4.0/); nothing is changed but the encoding: a pixel, 0 to
16, is a letter from a to q::

    python -m reports.page.data.make_classifier
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

TARGET = Path(__file__).with_name("classifier.json")
SHOWN = 4
"""Pictures of each class."""


def main() -> None:
    """Train, and write weights, pictures, labels and the share of right answers."""
    images, labels = load_digits(return_X_y=True)
    seen, unseen, targets, wanted = train_test_split(images, labels, test_size=0.2, random_state=0)
    network = MLPClassifier(hidden_layer_sizes=(32,), max_iter=400, random_state=0)
    network.fit(seen / 16.0, targets)
    kept = np.sort(np.concatenate([np.flatnonzero(wanted == digit)[:SHOWN] for digit in range(10)]))
    classifier = {
        "weights": [np.round(each, 3).tolist() for each in network.coefs_],
        "biases": [np.round(each, 3).tolist() for each in network.intercepts_],
        "images": ["".join(chr(97 + int(ink)) for ink in unseen[index]) for index in kept],
        "labels": wanted[kept].tolist(),
        "accuracy": float(network.score(unseen / 16.0, wanted)),
    }
    TARGET.write_text(json.dumps(classifier, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
