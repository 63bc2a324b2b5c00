"""The page of the kill matrix: what it counts, and what it says of those it could not ask."""

from tests.bad_backends import matrix_page, zoo_records
from tests.bad_backends.matrix import Member

HERE = zoo_records.HERE


def member(line, **known):
    return Member(zoo_records.read(known.pop("name"), line), HERE / "it.py", **known)


def page(*members):
    return matrix_page.page(members, {}, 1.0)


def test_a_sound_one_whose_library_is_missing_is_not_counted_and_the_page_says_why():
    told = page(
        member("SOUND: it runs.", name="there"),
        member("SOUND: it cannot.", name="absent", unavailable="jax not installed: pip install …"),
    )
    assert "False alarms: 0 of 1 sound ones." in told
    assert "Not counted are those of the 2 sound ones that cannot run here:" in told
    assert "`absent` (jax not installed: pip install …)." in told


def test_nothing_is_said_of_absence_where_all_were_asked():
    assert "Not counted" not in page(member("SOUND: it runs.", name="there"))


def test_survivors_and_false_alarms_are_counted():
    told = page(
        member("WRONG: x (claims).", name="killed", killed={"accuracy": "fail"}),
        member("WRONG: x (claims).", name="survivor"),
        member("SOUND: it runs.", name="flagged", killed={"axes": "fail"}),
    )
    assert "Killed: 1 of 2 wrong backends." in told
    assert "False alarms: 1 of 1 sound ones." in told
    assert "| axes (fail) |" in told
