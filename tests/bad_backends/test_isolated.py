"""Wrong backends that take their process with them: each becomes an outcome, the run goes on."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLAIN = "softmax/float32/3/values/x=1.6,3.1,0.5"
OTHER = "softmax/float32/4/values/x=1.0,2.0,3.0,-1.0"
MASKED = "softmax/float32/2/values/x=-inf,1.0"
TIED = "softmax/float32/2/values/x=1.0,1.0"


def outcomes_of(verify, tmp_path, name, *options, cases=(PLAIN, OTHER), file="wrong_faults.py"):
    """Return the exit code and the outcomes by case of one backend."""
    output = tmp_path / "out.json"
    words = [word for case in cases for word in ("--case", case)]
    done = verify(name, "--plugin", HERE / file, *words, *options, "--output", output)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(output.read_text())["outcomes"]
    assert [o["case"] for o in found] == list(cases)
    return done, found


FAULTS = [
    ("segfaults", "crash", "SIGSEGV"),
    ("segfaults_in_the_tail", "crash", "SIGSEGV"),
    ("aborts", "crash", "SIGABRT"),
    ("kills_itself", "crash", "SIGKILL"),
    ("exits_with_0", "crash", "exit code 0"),
    ("exits_with_3", "crash", "exit code 3"),
    ("sys_exit", "fail", "SystemExit"),
    ("raises", "fail", "no kernel for"),
    ("raises_keyboard_interrupt", "fail", "KeyboardInterrupt"),
    ("raises_something_hostile", "fail", "_HostileError"),
    ("recursion", "fail", "RecursionError"),
]


@pytest.fixture(scope="module")
def faults(ask_in_workers):
    """Return the outcomes of `FAULTS` by name and case."""
    asked = [(name, case) for name, _, _ in FAULTS for case in (PLAIN, OTHER)]
    return ask_in_workers("wrong_faults.py", "accuracy", asked)


@pytest.mark.parametrize(("name", "status", "says"), FAULTS)
def test_a_fault_becomes_the_outcome_of_its_case(faults, name, status, says):
    for case in (PLAIN, OTHER):
        outcome = faults[name, case]
        assert (outcome.status, says in outcome.message) == (status, True), outcome


@pytest.mark.parametrize("name", ["exits_with_0", "raises_something_hostile"])
def test_a_run_with_a_fault_ends_with_1(verify, tmp_path, name):
    done, _ = outcomes_of(verify, tmp_path, name)
    assert done.returncode == 1


def test_a_crash_shows_the_python_stack_of_the_backend(verify, tmp_path):
    _, found = outcomes_of(verify, tmp_path, "segfaults", cases=[PLAIN])
    assert "wrong_faults.py" in found[0]["worst"]
    assert "in softmax" in found[0]["worst"]


def test_a_run_goes_on_with_the_next_case_after_a_crash(verify, tmp_path):
    cases = [PLAIN, MASKED, OTHER, MASKED.replace("1.0", "2.0"), TIED]
    _, found = outcomes_of(verify, tmp_path, "segfaults_on_masked_rows", cases=cases)
    assert [o["status"] for o in found] == ["pass", "crash", "pass", "crash", "pass"]


def test_an_endless_loop_is_a_timeout_and_the_run_goes_on(verify, tmp_path):
    cases = [PLAIN, TIED, OTHER]
    _, found = outcomes_of(verify, tmp_path, "loops_on_ties", "--timeout", "1", cases=cases)
    assert [o["status"] for o in found] == ["pass", "timeout", "pass"]


@pytest.mark.parametrize("name", ["allocates_at_once", "allocates_bit_by_bit"])
def test_a_memory_blow_up_ends_at_the_limit(verify, tmp_path, name):
    _, found = outcomes_of(verify, tmp_path, name, "--memory-limit", "1GiB", cases=[PLAIN])
    assert found[0]["status"] == "fail"
    assert "MemoryError" in found[0]["message"]


def test_megabytes_on_stdout_are_no_fault(verify, tmp_path):
    done, found = outcomes_of(verify, tmp_path, "prints_megabytes", file="sound_unusual.py")
    assert [o["status"] for o in found] == ["pass", "pass"]
    assert done.returncode == 0
    assert "noise" not in done.stdout + done.stderr


def test_an_array_of_python_objects_is_refused_by_the_worker(verify, tmp_path):
    _, found = outcomes_of(verify, tmp_path, "returns_objects", cases=[PLAIN], file="wrong_form.py")
    assert found[0]["status"] == "fail"
    assert "object" in found[0]["message"]


def test_an_exception_is_never_unpickled_where_it_arrives(verify, tmp_path):
    witness = Path.cwd() / "unpickled-by-softmark"
    assert not witness.exists()
    outcomes_of(verify, tmp_path, "raises_something_hostile", cases=[PLAIN])
    assert not witness.exists()
    assert not (HERE.parents[1] / "unpickled-by-softmark").exists()


def test_escapes_of_a_plugin_reach_no_terminal_and_no_file_raw(verify, tmp_path):
    outputs = [tmp_path / f"out.{ending}" for ending in ("md", "xml", "csv")]
    words = [word for path in outputs for word in ("--output", path)]
    done, found = outcomes_of(verify, tmp_path, "escapes_in_its_message", *words, cases=[PLAIN])
    assert "owned" in found[0]["message"]
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr
    assert "[bold]markup[/bold]" in done.stdout.replace("\n", "")
    for path in outputs:
        assert b"owned" in path.read_bytes()
        assert b"\x1b" not in path.read_bytes(), path.suffix


@pytest.mark.parametrize("file", ["wrong_import.py", "wrong_import_exit.py"])
def test_a_plugin_that_fails_on_import_is_exit_2_with_its_name(verify, file, tmp_path):
    done = verify("--plugin", HERE / file)
    assert done.returncode == 2
    assert file in done.stderr
    assert "\x1b" not in done.stderr
    if file == "wrong_import.py":
        assert "ValueError" in done.stderr
        assert 'raise ValueError("\\x1b[31mthe licence file is missing")' in done.stderr
    assert recorded(tmp_path / "results.db") == 0


def test_a_plugin_with_the_name_of_a_built_in_is_exit_2(verify):
    done = verify("--plugin", HERE / "wrong_name.py")
    assert done.returncode == 2
    assert "numpy_stable" in done.stderr
    assert "rename" in done.stderr


def test_a_limitation_that_no_longer_shows_is_a_fail_of_the_whole_selection(zoo):
    from backends import discovery, registry
    from verify.excuses import absent_limitations

    name = "declares_what_does_not_show"
    outcomes = zoo.outcomes(
        "wrong_claims.py", name, "accuracy", "float32", lambda c: c.regime == "offset" and c.n < 9
    )
    with registry.isolated():
        specs = discovery.describe(discovery.source_of(HERE / "wrong_claims.py"))
        spec = next(spec for spec in specs if spec.name == name)
    absent = absent_limitations(spec, outcomes)
    assert [str(outcome.status) for outcome in absent] == ["fail"]
    assert "'offset'" in absent[0].message


def recorded(store):
    """Return how many outcomes a store holds; 0 if it is not there or empty."""
    if not store.exists():
        return 0
    with closing(sqlite3.connect(store)) as connection:
        if not list(connection.execute("select name from sqlite_master")):
            return 0
        return connection.execute("select count(*) from softmark_outcomes").fetchone()[0]
