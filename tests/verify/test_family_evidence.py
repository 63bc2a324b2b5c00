"""Wrong answers of the softmax family are rejected where they are wrong, and right elsewhere."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from backends.claims import Claims
from backends.operations import OPERATIONS
from tests.verify.family_exact import dressed, exactly
from verify.evidence import planted_errors, weigh
from verify.family import KITS

FAMILY = [name for name in KITS if name != "softmax"]
# Name -> temperature, offset and scale of normally distributed logits.
ORDINARY = {
    "ordinary": (1.0, 0.0, 1.0),
    "warm": (2.0, 0.0, 1.0),
    "far": (1.0, 3000.0, 1.0),
    "wide": (1.0, 0.0, 120.0),
}


@cache
def evidence_of(operation, name, dtype="float32", *, ignoring=True, removed=True):
    """Return the evidence on 6 rows of 17 logits, one of them ignored, with an accidental hit."""
    temperature, offset, scale = ORDINARY[name]
    x = np.random.default_rng(1).standard_normal((6, 17)) * scale + offset
    x = x.astype("float16" if dtype == "float16" else "float32").astype(np.float64)
    rows = dressed(x, dtype, seed=5, temperature=temperature)
    rows.ignored[:] = False
    rows.ignored[1] = ignoring
    sampled = np.append(rows.sampled, rows.labels[0])
    rows = replace(rows, sampled=sampled, remove_accidental_hits=removed)
    exact = exactly(operation, rows, dtype)
    kit = KITS[operation]
    limits = kit.limits(rows, exact, dtype, Claims())
    errors = planted_errors(kit.plants, rows, exact, dtype)
    return weigh(kit.plants, errors, limits.attainable, limits.attainable)


def test_there_is_a_kit_for_every_operation():
    assert set(KITS) == set(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "plant"),
    [(operation, plant) for operation in FAMILY for plant in KITS[operation].plants],
)
def test_every_plant_is_rejected_on_some_ordinary_input(operation, plant):
    verdicts = {name: evidence_of(operation, name) for name in ORDINARY}
    assert any(plant in proof.rejected for proof in verdicts.values()), verdicts
    assert not any(plant in proof.accepted for proof in verdicts.values()), verdicts


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", ["ordinary", "warm"])
@pytest.mark.parametrize("operation", FAMILY)
def test_an_ordinary_input_is_evidence(operation, name, dtype):
    proof = evidence_of(operation, name, dtype)
    assert proof.sufficient, proof
    assert len(proof.rejected) >= 4, proof


@pytest.mark.parametrize(
    ("operation", "plant"),
    [
        ("log_softmax", "temperature forgotten"),
        ("logsumexp", "temperature forgotten"),
        ("cross_entropy", "temperature forgotten"),
        ("softmax_vjp", "factor 1/T forgotten"),
        ("softmax_jacobian", "factor 1/T forgotten"),
        ("sigmoid", "temperature forgotten"),
        ("log_softmax", "log of softmax"),
        ("log_softmax", "unshifted"),
    ],
)
def test_a_plant_is_harmless_where_it_is_right(operation, plant):
    assert plant in evidence_of(operation, "ordinary").harmless


@pytest.mark.parametrize("operation", ["cross_entropy", "cross_entropy_grad"])
def test_a_case_without_ignored_rows_cannot_show_that_they_are_counted(operation):
    assert "ignored rows counted" in evidence_of(operation, "ordinary").rejected
    assert "ignored rows counted" in evidence_of(operation, "ordinary", ignoring=False).harmless


def test_log_q_added_instead_of_subtracted_is_rejected():
    # tensorflow/recommenders 219
    for name in ORDINARY:
        assert "log q added" in evidence_of("sampled_cross_entropy", name).rejected


def test_accidental_hits_are_told_apart_in_either_direction():
    for removed in (True, False):
        proof = evidence_of("sampled_cross_entropy", "ordinary", removed=removed)
        assert "accidental hits turned" in proof.rejected


def test_a_loss_that_is_not_shifted_back_is_rejected_at_any_offset():
    # pytorch 94043; mlx 4169, 4188
    for name in ("ordinary", "far"):
        assert "not shifted back" in evidence_of("cross_entropy", name).rejected
    assert "rounded logsumexp" in evidence_of("cross_entropy", "far").rejected
