"""The zoo itself: every member in a test, and enough of each class of docs/bugs.md."""

import re
from collections import Counter

import pytest

from backends import discovery, registry
from backends.errors import PluginError
from tests.bad_backends import zoo_records

# Classes of docs/bugs.md: all that a processor can show.
CLASSES = [*range(1, 21)]
# Loaded, they would end the process, or take a name that is taken.
UNLOADABLE = ("wrong_import.py", "wrong_import_exit.py", "wrong_name.py")


@pytest.fixture(scope="module")
def records():
    """Return the record of every member that can be loaded here."""
    found = []
    for path in zoo_records.FILES:
        if path.name not in UNLOADABLE:
            with registry.isolated():
                specs = discovery.describe(discovery.source_of(path))
            found += [zoo_records.read(spec.name, spec.doc) for spec in specs]
    return found


def test_there_are_sixty_wrong_backends_and_more_and_twenty_sound_ones(records):
    kinds = Counter(record.wrong for record in records)
    assert kinds[True] >= 60
    assert kinds[False] >= 20


@pytest.mark.parametrize("number", CLASSES)
def test_each_class_of_bugs_has_three_wrong_backends_or_more(records, number):
    some = [record for record in records if str(number) in record.groups]
    assert len(some) >= 3, [record.name for record in some]


def test_each_wrong_backend_of_a_class_names_the_public_issue_that_it_stands_for(records):
    assert [r.name for r in records if r.wrong and r.group.isdigit() and not r.issues] == []


def test_names_are_not_shared_between_files(records):
    assert [name for name, count in Counter(r.name for r in records).items() if count > 1] == []


def test_every_member_is_in_a_test(records):
    tests = "".join(path.read_text(encoding="utf-8") for path in zoo_records.HERE.glob("test_*.py"))
    quoted = set(re.findall(r'"([\w.]+)"', tests))
    assert [record.name for record in records if record.name not in quoted] == []
    assert set(UNLOADABLE) <= quoted


@pytest.mark.parametrize("name", UNLOADABLE)
def test_the_line_of_a_file_that_cannot_be_loaded_is_read_without_loading_it(name):
    record = zoo_records.read(name, zoo_records.module_line(zoo_records.HERE / name))
    assert record.wrong
    assert record.groups == ("loading",)


def test_a_name_that_is_taken_is_refused():
    with registry.isolated(), pytest.raises(PluginError, match="numpy_stable"):
        discovery.describe(discovery.source_of(zoo_records.HERE / "wrong_name.py"))


def test_a_line_is_read_into_classes_and_issues():
    record = zoo_records.read(
        "it", "WRONG: f(x) (class 3: pytorch 3240, 62897; class 9: burn 4815)."
    )
    assert (record.text, record.groups) == ("f(x)", ("3", "9"))
    assert record.issues == ("pytorch 3240", "pytorch 62897", "burn 4815")


def test_one_line_may_stand_for_two_classes():
    record = zoo_records.read("it", "WRONG: x (classes 15, 20: pygpubench).")
    assert (record.groups, record.issues) == (("15", "20"), ("pygpubench",))


@pytest.mark.parametrize(
    "line", ["wrong: x.", "WRONG: x.", "WRONG: x (class three).", "WRONG: x ()."]
)
def test_a_line_of_another_form_is_refused(line):
    with pytest.raises(ValueError, match="it: "):
        zoo_records.read("it", line)
