"""The cache: same question, same answer, whatever has happened to the file meanwhile."""

import numpy as np
import pytest

from backends.formats import FORMATS, from_float64
from verify import oracle
from verify.oracle import cache
from verify.oracle.reference import softmax

X = np.random.default_rng(1).standard_normal((4, 150)).astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ask(x=X, **parameters):
    return oracle.exact("softmax", {"x": x}, parameters)


def same(one, other):
    return (
        all(
            np.array_equal(
                getattr(one, name), getattr(other, name), equal_nan=name in ("high", "low")
            )
            and getattr(one, name).dtype == getattr(other, name).dtype
            for name in ("high", "low", "exponent")
        )
        and one.rounded.tobytes() == other.rounded.tobytes()
    )


def entries(folder):
    return sorted(folder.rglob("*.exact"))


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_an_answer_survives_the_round_trip(fmt, folder):
    values = np.random.default_rng(2).standard_normal((2, 300, 2))
    values[0, 0, 0] = np.nan
    x = from_float64(fmt, values)
    first = ask(x, axis=1)
    assert len(entries(folder)) == 1
    again = ask(x, axis=1)
    assert same(first, again)
    assert again.rounded.dtype == fmt.numpy_dtype
    assert again.rounded.flags.writeable == first.rounded.flags.writeable


def test_the_second_question_is_not_computed(monkeypatch):
    ask()
    monkeypatch.setattr("verify.oracle.reference.softmax", None)
    assert same(ask(), softmax(X))


def test_cheap_questions_leave_nothing_behind(folder):
    ask(np.zeros((2, 100)) + np.arange(100))
    ask(np.zeros(100_000))
    assert not folder.exists()


def test_everything_that_matters_is_in_the_key():
    questions = [
        (1, "softmax", {"x": X}, {"axis": -1}),
        (2, "softmax", {"x": X}, {"axis": -1}),
        (1, "log_softmax", {"x": X}, {"axis": -1}),
        (1, "softmax", {"y": X}, {"axis": -1}),
        (1, "softmax", {"x": X.reshape(2, 300)}, {"axis": -1}),
        (1, "softmax", {"x": X.view(np.int32)}, {"axis": -1}),
        (1, "softmax", {"x": X + 1}, {"axis": -1}),
        (1, "softmax", {"x": X}, {"axis": 1}),
        (1, "softmax", {"x": X}, {"axis": -1, "temperature": 1.0}),
    ]
    assert len({cache.key_of(*question) for question in questions}) == len(questions)
    swapped = X.view(X.dtype.newbyteorder())
    assert cache.key_of(1, "softmax", {"x": swapped}, {"axis": -1}) != cache.key_of(*questions[0])
    assert cache.key_of(*questions[0]) == cache.key_of(
        1, "softmax", {"x": np.asfortranarray(X)}, {"axis": -1}
    )


def damage_by_truncation(content):
    return content[: len(content) // 2]


def damage_by_one_bit(content):
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


def damage_by_garbage(_):
    return b"\x80\x04garbage" * 50


def damage_by_emptying(_):
    return b""


def damage_by_another_version(content):
    return content.replace(b"softmark oracle 1", b"softmark oracle 0")


@pytest.mark.parametrize(
    "damage",
    [
        damage_by_truncation,
        damage_by_one_bit,
        damage_by_garbage,
        damage_by_emptying,
        damage_by_another_version,
    ],
)
def test_a_damaged_entry_is_computed_and_written_again(damage, folder):
    first = ask()
    (path,) = entries(folder)
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    assert cache.load(path.stem) is None
    assert same(ask(), first)
    assert path.read_bytes() == sound


def test_another_questions_entry_is_not_believed(folder):
    other = ask(X + 1)
    (stranger,) = entries(folder)
    first = ask()
    path = next(entry for entry in entries(folder) if entry != stranger)
    path.write_bytes(stranger.read_bytes())
    again = ask()
    assert same(again, first)
    assert not same(again, other)


@pytest.mark.parametrize(
    "head",
    [
        b"[]",
        b"{}",
        b'{"key": "k", "dtype": "int7", "shape": [1]}',
        b'{"key": "k", "dtype": "float32", "shape": [-4]}',
        b'{"key": "k", "dtype": "float32", "shape": "xy"}',
    ],
)
def test_a_foreign_entry_with_a_sound_digest_is_no_error_either(head):
    path = cache._path("k")
    path.parent.mkdir(parents=True)
    payload = head + b"\n" + b"0" * 48
    digest = cache.blake2b(payload, digest_size=cache.DIGEST_SIZE).digest()
    path.write_bytes(cache.MAGIC + digest + payload)
    assert cache.load("k") is None


def test_a_folder_that_cannot_be_made_costs_time_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SOFTMARK_CACHE", str(tmp_path / "file" / "below"))
    assert same(ask(), ask())


def test_an_entry_that_cannot_be_written_leaves_no_litter(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(cache.Path, "replace", refuse)
    assert same(ask(), softmax(X))
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_the_folder_is_kept_below_its_limit(folder):
    import os

    for step in range(3):
        ask(X + step)
    for age, path in enumerate(entries(folder)):
        os.utime(path, (1000 - age, 1000 - age))
    oldest = entries(folder)[-1]
    size = oldest.stat().st_size
    cache.prune(limit=2 * size)
    assert len(entries(folder)) == 2
    assert oldest not in entries(folder)


def test_the_default_folder_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("SOFTMARK_CACHE")
    assert cache.folder().name == "oracle"
    assert "softmark" in str(cache.folder())
