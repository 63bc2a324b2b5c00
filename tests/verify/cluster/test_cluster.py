"""Runs on a cluster: what is refused before any work, and what crosses and what stays apart."""

import json
import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backends import discovery
from backends.errors import PluginError
from backends.spec import Source
from reports import open_store
from verify.cluster import plugins, sameness
from verify.cluster.connection import connected
from verify.cluster.errors import ClusterError
from verify.cluster.portion import Hunted, Portion
from verify.suite import Selection


def test_a_portion_comes_back_from_json_as_it_was():
    (spec,) = (s for s in discovery.builtin_specs() if s.name == "numpy_stable")
    portion = Portion(
        specs=(spec,),
        selection=Selection(cases=("softmax/float32/3/uniform",), seed=3),
        questions={"numpy_stable": (("accuracy", "softmax/float32/3/uniform"),)},
        memory_limit=1 << 30,
        search=Hunted(axis=-1, seconds=None, elements=10, starts=("a", "b")),
    )
    again = Portion.from_dict(json.loads(json.dumps(portion.to_dict())))
    assert again == portion


@pytest.mark.parametrize(
    "where", ["", "local:0", "local:x", "10.0.0.1:8786", "http://a:1", "tcp://a"]
)
def test_what_is_no_address_is_refused_with_the_forms_that_are(where):
    with pytest.raises(ClusterError, match=r"tcp://HOST:PORT .* or local:N"), connected(where):
        pass


def test_a_scheduler_that_does_not_answer_is_named_before_a_run_is_begun(verify, tmp_path):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        done = verify("numpy_stable", "--cluster", address)
    assert done.returncode == 2
    assert f"--cluster {address}: no scheduler answers there" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    with open_store(str(tmp_path / "results.db")) as store:
        assert store.runs() == []


def test_jobs_are_refused_beside_a_cluster(verify):
    done = verify("numpy_stable", "--cluster", "local:1", "--jobs", "2")
    assert done.returncode == 2
    assert "--jobs is for this machine" in done.stderr


def test_what_differs_is_said_with_both_versions():
    ours = sameness.identity()
    theirs = {**ours, "numpy": "1.0"}
    del theirs["mpmath"]
    assert sameness.differences(ours, theirs) == [
        f"mpmath is not installed there, {ours['mpmath']} here",
        f"numpy is 1.0 there, {ours['numpy']} here",
    ]
    assert sameness.differences(ours, dict(ours)) == []


def test_a_plugin_arrives_whole_under_its_own_name_or_not_at_all(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("# ünicode\n", encoding="utf-8")
    source = discovery.source_of(path)
    luggage, shelf = plugins.Luggage(), plugins.Shelf()
    try:
        luggage.take(source)
        assert shelf.missing([source]) == [source.digest]
        with pytest.raises(ValueError, match="damaged"):
            shelf.put([source], {source.digest: "YWJj"})
        shelf.put([source], luggage.contents([source.digest]))
        assert shelf.missing([source]) == []
        here = shelf.here(source)
        assert here.location != str(path)
        assert here.location.endswith("/mine.py")
        assert discovery.source_of(here.location) == here
        said = {"a": [f"in {here.location}, line 3"]}
        assert shelf.renamed(said, [source]) == {"a": [f"in {path}, line 3"]}
    finally:
        shelf.close()
    path.write_text("# other\n", encoding="utf-8")
    with pytest.raises(PluginError, match="has changed"):
        plugins.Luggage().take(source)
    with pytest.raises(PluginError, match="is a module: with --cluster give its file"):
        luggage.take(Source("plugin", "some.module"))
    assert replace(source, digest=None) != source


def rows(store, words):
    with closing(sqlite3.connect(store, timeout=20)) as connection:
        return sorted(connection.execute(words))


def test_a_crash_takes_a_child_and_not_its_worker_and_a_worker_of_other_versions_is_refused(
    cluster, machines, verify, marked, sweep, until, tmp_path
):
    _, (worker,), address = cluster(1)
    store = tmp_path / "results.db"
    (marked.parent / "die").touch()
    done = verify("--plugin", marked, *sweep(3), "--cluster", address)
    assert done.returncode == 1, done.stdout + done.stderr
    crashes = rows(store, "select status, message, environment from softmark_outcomes")
    assert [status for status, _, _ in crashes] == ["crash"] * 3
    assert all("SIGKILL" in message for _, message, _ in crashes)
    assert worker.poll() is None

    seen = [line.split() for line in (marked.parent / "loaded").read_text().splitlines()]
    # Nobody but children of the worker ran the plugin, and not from the submitter's file.
    assert {int(parent) for _, parent, _ in seen} == {worker.pid}
    assert worker.pid not in {int(own) for own, _, _ in seen}
    assert str(marked) not in {file for _, _, file in seen}
    with open_store(str(store)) as opened:
        environments = opened.environments(opened.run().id)
        assert {name for _, _, name in crashes} == set(environments)
        (environment,) = environments.values()
        assert environment["libraries"]["numpy"] == sameness.identity()["numpy"]
        assert environment["worker"]["host"] == socket.gethostname()

    skewed = tmp_path / "skewed" / "mpmath-0.9.dist-info"
    skewed.mkdir(parents=True)
    (skewed / "METADATA").write_text("Metadata-Version: 2.1\nName: mpmath\nVersion: 0.9\n")
    worker.kill()
    worker.wait()
    path = f"{skewed.parent}:{os.environ.get('PYTHONPATH', '')}:{Path.cwd()}"
    machines.worker(address, PYTHONPATH=path)
    until(lambda: "Registered to" in machines.log(-1), 150)
    done = verify("numpy_stable", *sweep(1), "--cluster", address, "--store", tmp_path / "other.db")
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert f"mpmath is 0.9 there, {sameness.identity()['mpmath']} here" in said
    assert rows(tmp_path / "other.db", "select count(*) from softmark_runs") == [(0,)]
