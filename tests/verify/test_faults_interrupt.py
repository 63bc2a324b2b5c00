"""Ctrl-C and plugins that hang: over in a second or two, with nothing lost and the way on told."""

import os
import signal
import time

import psutil
import pytest

WORDS = ("--dtype", "float32", "--check", "special_values")
# A second or two, on a machine that others use as well.
PROMPT = 4.0


def interrupted(process):
    """Send Ctrl-C as a terminal does, to the whole group; return code, words and seconds."""
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out + err, time.monotonic() - began


def test_ctrl_c_ends_a_run_at_once_keeps_what_it_had_and_names_the_line_that_resumes(
    verify, start, recorded, until, undisturbed, patient
):
    words = ["--plugin", patient, *WORDS]
    process = start(*words)
    until(lambda: len(recorded()) > 5)
    (patient.parent / "hang-call").touch()
    time.sleep(0.5)
    children = psutil.Process(process.pid).children(recursive=True)
    code, said, seconds = interrupted(process)
    assert (code, seconds < PROMPT) == (130, True), (code, seconds, said)
    assert "Traceback" not in said
    line = next(line for line in said.splitlines() if "--resume" in line)
    assert line.endswith("finishes this run")
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive, "the case under way was ended, not waited for"
    before = recorded()
    assert {row[3] for row in before} == {"pass"}, "being ended is no fault of the backend's"
    (patient.parent / "hang-call").unlink()
    done = verify(*line.partition(" finishes")[0].split()[3:])
    assert done.returncode == 0, done.stderr
    assert recorded()[: len(before)] == before
    assert sorted(recorded()) == undisturbed(*words)


@pytest.mark.parametrize("wait", [0.0, 0.15, 0.4])
def test_ctrl_c_while_everything_starts_ends_it_at_once_too(start, patient, wait):
    (patient.parent / "hang-import").touch()
    process = start("--plugin", patient, *WORDS)
    time.sleep(wait)
    code, said, seconds = interrupted(process)
    assert seconds < PROMPT
    # Before the command itself has begun it is Python's or click's to answer.
    assert code in (130, 1, -signal.SIGINT), (code, said)
    if code == 130:
        assert "interrupted" in said
        assert "Traceback" not in said


def test_ctrl_c_while_a_plugin_is_loaded_ends_it_at_once_too(start, patient):
    (patient.parent / "hang-import").touch()
    process = start("--plugin", patient, *WORDS)
    while not psutil.Process(process.pid).children():
        assert process.poll() is None
        time.sleep(0.02)
    code, said, seconds = interrupted(process)
    assert (code, seconds < PROMPT) == (130, True), (code, seconds, said)
    assert "interrupted" in said
    assert "Traceback" not in said


def test_a_plugin_that_hangs_while_it_is_loaded_is_refused_in_its_time_and_announced(
    start, recorded, patient
):
    (patient.parent / "hang-import").touch()
    began = time.monotonic()
    process = start("--plugin", patient, *WORDS, "--timeout", "0.8")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert time.monotonic() - began < 10
    assert f"loading plugin {patient}: waiting, at most 2.4 s" in err
    assert f"plugin {patient}: no answer within 2.4 s while it was loaded" in err
    assert out == ""
    assert recorded() == []


def test_a_plugin_that_loads_in_time_is_not_announced(start, patient):
    # In a time that a busy machine keeps as well.
    program = "import verify.__main__ as command; command._SILENCE = 30.0; command.main()"
    words = ["--plugin", patient, "--case", "softmax/float32/3/uniform"]
    process = start(*words, program=("-c", program))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "waiting" not in err
