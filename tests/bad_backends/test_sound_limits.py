"""Sound backends where the plain tests do not take them: scalars, bad arguments, thread counts."""

import pytest

from backends import discovery, registry
from reports.records import Status
from tests.bad_backends import zoo_records

SOUND = [path.name for path in zoo_records.FILES if path.name.startswith("sound_")]


def offered(file):
    """Return what can be run here of a file: (name, its formats)."""
    with registry.isolated():
        specs = discovery.describe(discovery.source_of(zoo_records.HERE / file))
    return [(spec.name, spec.dtypes) for spec in specs if not spec.unavailable]


def flagged(zoo, file, check, wanted=lambda _: True, formats=lambda dtypes: dtypes):
    """Return what the check has against the file's members, over those cases that are `wanted`."""
    return [
        (name, outcome.case, outcome.message)
        for name, dtypes in offered(file)
        for dtype in formats(dtypes)
        for outcome in zoo.outcomes(file, name, check, dtype, wanted)
        if outcome.status.bad
    ]


def preferred(dtypes):
    return ("float32",) if "float32" in dtypes else dtypes[:1]


# The contract of softmax's relatives is sampled, without arrays of no dimensions.
SCALARS = [
    (file, check)
    for file in SOUND
    for check in ("special_values", "contract")
    if (file, check) != ("sound_family.py", "contract")
]


@pytest.mark.parametrize(("file", "check"), SCALARS)
def test_no_sound_backend_stumbles_over_an_array_of_no_dimensions(zoo, file, check):
    assert flagged(zoo, file, check, lambda case: case.shape == ()) == []


@pytest.mark.parametrize("file", SOUND)
def test_no_sound_backend_is_blamed_for_what_it_makes_of_bad_arguments(zoo, file):
    # Of the relatives of softmax only float32 is asked this.
    assert flagged(zoo, file, "arguments", formats=preferred) == []


@pytest.mark.parametrize("name", ["torch_softmax", "torch_on_numpy_arrays"])
def test_torch_declares_that_its_bits_off_the_last_axis_depend_on_the_threads(zoo, name):
    outcomes = zoo.outcomes(
        "sound_peers.py", name, "determinism", "float64", lambda case: case.axis == 0
    )
    assert {outcome.status for outcome in outcomes} <= {Status.KNOWN, Status.PASS, Status.WEAK}
