"""A duel is a record like the others: stored, shown, written, and never counted twice."""

import csv
import json

import pandas as pd
import pytest
from rich.console import Console

from reports import export
from reports.frames import load
from reports.records import Duel, Run
from reports.store import open_store
from reports.timing_tables import duel_table


@pytest.fixture
def run():
    return Run.start("bench", version="1")


def test_a_duel_is_the_same_after_json_and_after_the_store(make_duel, run, tmp_path):
    duel = make_duel(revision="abc", message="\0 odd")
    assert Duel.from_dict(json.loads(json.dumps(duel.to_dict()))) == duel
    with open_store(str(tmp_path / "r.db")) as store:
        store.begin(run)
        store.add_many(run.id, [make_duel(), make_duel(), make_duel(revision="abc")])
        assert store.duels(run.id) == [make_duel(), make_duel(revision="abc")]
        assert store.counts() == {run.id: (0, 0, 2)}
        frame = load(store).duels
    assert list(frame["ratios"]) == [[0.89, 0.91]] * 2


@pytest.mark.parametrize("ending", [".csv", ".json", ".md", ".parquet", ".xml"])
def test_every_format_holds_the_duel(ending, make_duel, run, tmp_path):
    path = tmp_path / f"duels{ending}"
    export.write(path, run, [], [], [make_duel()])
    if ending == ".csv":
        (row,) = csv.DictReader(path.read_text().splitlines())
        assert (row["ratios"], row["shape"]) == ("[0.89, 0.91]", "64x1000")
    elif ending == ".parquet":
        assert list(pd.read_parquet(path)["verdict"]) == ["slower"]
    elif ending == ".json":
        assert json.loads(path.read_text())["duels"] == [make_duel().to_dict()]
    else:
        assert all(word in path.read_text() for word in ("theirs", "0.850 to 0.950", "slower"))


def test_a_table_names_the_revision_and_lets_no_name_colour_the_terminal(make_duel, capsys):
    hostile = make_duel(backend="[red]\x1b[31mx", revision="0123456789abcdef")
    Console(width=160).print(duel_table([hostile]))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[red]" in shown
    assert "theirs of 0123456789" in shown
    assert "0123456789a" not in shown
