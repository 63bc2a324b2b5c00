"""Isolation: whatever a backend does to its process is one outcome, and nothing stays behind."""

import json
import os
import pickle
import threading
import time

import numpy as np
import psutil
import pytest

from backends.discovery import source_of
from backends.errors import PluginError
from verify import executor, replies
from verify.executor import LocalExecutor

CASE = "softmax/float32/2x3/uniform"
LARGE = "softmax/float64/3x100000/constant"
TIMEOUT = 60.0

PLUGIN = '''
import ctypes, os, stat, time
import numpy as np
from backends import register

def right(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

@register("mixed")
def softmax(x, axis=-1, temperature=1.0):
    """Right at temperature 1; other temperatures choose a fault."""
    if temperature == 2.0:
        ctypes.string_at(0)
    if temperature == 3.0:
        os._exit(0)
    if temperature == 4.0:
        time.sleep(600)
    if temperature == 5.0:
        np.ones(2**31)
    if temperature == 6.0:
        raise ValueError("refused")
    if temperature == 7.0:
        os.execv("/bin/true", ["/bin/true"])
    if temperature == 8.0:
        for descriptor in range(3, 64):
            try:
                os.close(descriptor)
            except OSError:
                pass
    if temperature == 9.0:
        os.kill(os.getpid(), 9)
    return right(x)
'''


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "mixed_plugin.py"
    path.write_text(PLUGIN, encoding="utf-8")
    return source_of(path)


@pytest.fixture
def engine():
    with LocalExecutor(2, memory_limit=4 << 30) as local:
        yield local


@pytest.fixture
def ask(engine, plugin):
    """Return a function that asks the plugin's backend one case."""
    spec = engine.describe(plugin)[0]

    def asked(case=CASE, timeout=TIMEOUT):
        return engine.submit(spec, "call", case, timeout).result()

    asked.spec = spec
    return asked


def fault(number):
    return f"{CASE}/temperature={number}.0"


def test_every_fault_becomes_its_reply_and_the_next_call_is_answered(ask):
    for number, kind, says in [
        (2, "crash", "SIGSEGV"),
        (3, "crash", "exit code 0"),
        (6, "raised", "ValueError: refused"),
        (9, "crash", "SIGKILL"),
    ]:
        reply = ask(fault(number))
        assert (reply.kind, says in reply.message) == (kind, True), reply
        after = ask()
        assert after.kind == "answer", (number, after)
        assert after.outputs[0].sum() == pytest.approx(2.0)


def test_a_process_that_becomes_another_program_is_a_crash_and_not_a_wait(ask):
    assert ask().kind == "answer"
    began = time.monotonic()
    assert ask(fault(7)).kind == "crash"
    assert time.monotonic() - began < 10
    assert ask().kind == "answer"


def test_a_process_that_closes_its_pipes_ends_within_its_time_and_the_next_call_is_answered(ask):
    assert ask().kind == "answer"
    assert ask(fault(8), timeout=2.0).kind in ("crash", "timeout")
    assert ask().kind == "answer"


def test_a_segfault_says_where_in_the_backend_it_happened(ask):
    reply = ask(fault(2))
    assert "mixed_plugin.py" in reply.detail
    assert "in softmax" in reply.detail


def test_the_stack_of_an_earlier_crash_is_not_shown_for_a_later_one(ask):
    assert "string_at" in ask(fault(2)).detail
    assert "string_at" not in ask(fault(9)).detail


def test_an_endless_call_ends_at_its_timeout_and_leaves_no_process(ask):
    assert ask().kind == "answer"
    before = children()
    began = time.monotonic()
    reply = ask(fault(4), timeout=0.5)
    assert (reply.kind, reply.message) == ("timeout", "no answer within 0.5 s")
    assert time.monotonic() - began < 8
    assert ask().kind == "answer"
    assert before - children(), "the worker that looped is gone"


def children():
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_memory_limit_ends_an_allocation_beyond_it_and_spares_one_below(plugin):
    with LocalExecutor(1, memory_limit=1 << 30) as small:
        spec = small.describe(plugin)[0]
        reply = small.submit(spec, "call", fault(5), TIMEOUT).result()
        assert reply.kind == "raised"
        assert "MemoryError" in reply.message
        assert small.submit(spec, "call", LARGE, TIMEOUT).result().kind == "answer"


def test_a_large_output_travels_through_the_scratch_folder_and_leaves_nothing_there(engine, ask):
    reply = ask(LARGE)
    assert reply.kind == "answer"
    output = reply.outputs[0]
    assert (output.shape, output.dtype, output.nbytes) == ((3, 100000), np.float64, 2_400_000)
    assert output.min() == output.max() == pytest.approx(1e-5)
    assert list(engine._scratch.glob("*.array")) == []


def test_the_scratch_folder_and_the_workers_are_gone_after_close(plugin):
    before = children()
    with LocalExecutor(1) as local:
        spec = local.describe(plugin)[0]
        assert local.submit(spec, "call", LARGE, TIMEOUT).result().kind == "answer"
        scratch = local._scratch
        assert scratch.is_dir()
    assert not scratch.exists()
    deadline = time.monotonic() + 5
    while alive(children() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(children() - before)


def alive(pids):
    """Return those of the processes that are workers; Python's resource tracker stays, and may."""
    found = []
    for pid in pids:
        try:
            words = psutil.Process(pid).cmdline()
        except psutil.NoSuchProcess:
            continue
        if words and "resource_tracker" not in " ".join(words):
            found.append(words)
    return found


def test_two_backends_are_asked_at_the_same_time(engine, tmp_path):
    specs = []
    for name in ("first", "second"):
        path = tmp_path / f"{name}.py"
        path.write_text(PLUGIN.replace('"mixed"', f'"{name}"'), encoding="utf-8")
        specs.append(engine.describe(source_of(path))[0])
    for spec in specs:
        assert engine.submit(spec, "call", CASE, TIMEOUT).result().kind == "answer"
    began = time.monotonic()
    slow = [engine.submit(spec, "call", fault(4), 1.5) for spec in specs]
    assert [future.result().kind for future in slow] == ["timeout", "timeout"]
    assert time.monotonic() - began < 2.9


def test_a_plugin_that_cannot_be_loaded_says_so_with_its_name(engine, tmp_path):
    for name, text, says in [
        ("syntax.py", "def softmax(:\n", "SyntaxError"),
        ("silent.py", "x = 1\n", "registered no backend"),
        ("leaves.py", "import os\nos._exit(0)\n", "exit code 0"),
        ("dies.py", "import ctypes\nctypes.string_at(0)\n", "SIGSEGV"),
        ("exits.py", "raise SystemExit(0)\n", "SystemExit"),
    ]:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        with pytest.raises(PluginError) as caught:
            engine.describe(source_of(path))
        assert name in str(caught.value)
        assert says in str(caught.value)


def test_a_plugin_runs_in_workers_and_never_in_the_parent(engine, tmp_path):
    path = tmp_path / "nosy.py"
    witness = tmp_path / "pids"
    path.write_text(
        f"import os\nopen({str(witness)!r}, 'a').write(f'{{os.getpid()}} ')\n" + PLUGIN,
        encoding="utf-8",
    )
    spec = engine.describe(source_of(path))[0]
    assert engine.submit(spec, "call", CASE, TIMEOUT).result().kind == "answer"
    pids = witness.read_text(encoding="utf-8").split()
    assert len(pids) == 2
    assert str(os.getpid()) not in pids


BOMB = """
import os, pickle, stat, struct
from backends import register

class Bomb:
    def __reduce__(self):
        return open, ({witness!r}, "w")

@register("bomber")
def softmax(x):
    payload = pickle.dumps(Bomb())
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, struct.pack("!i", len(payload)) + payload)
        except OSError:
            pass
    return x
"""


def test_what_a_worker_writes_into_its_connection_is_never_unpickled(engine, tmp_path):
    path, witness = tmp_path / "bomber.py", tmp_path / "exploded"
    path.write_text(BOMB.format(witness=str(witness)), encoding="utf-8")
    spec = engine.describe(source_of(path))[0]
    reply = engine.submit(spec, "call", CASE, 5.0).result()
    assert reply.kind == "crash"
    assert "no reply" in reply.message
    assert not witness.exists()


FORKING = (
    PLUGIN
    + """
    if temperature == 10.0:
        os.fork()
    if temperature == 11.0:
        if os.fork() == 0:
            time.sleep(600)
        os._exit(5)
    if temperature == 12.0:
        for descriptor in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    os.write(descriptor, (1).to_bytes(8, "little") + b"half")
            except OSError:
                pass
        time.sleep(600)
    return right(x)
"""
)


def test_a_process_that_forks_neither_answers_for_the_next_case_nor_outlives_its_own(
    engine, tmp_path
):
    path = tmp_path / "forking.py"
    path.write_text(FORKING.replace("    return right(x)\n\n    if", "\n    if"), encoding="utf-8")
    spec = engine.describe(source_of(path))[0]
    for _ in range(3):
        engine.submit(spec, "call", fault(10), TIMEOUT).result()
        reply = engine.submit(spec, "call", "softmax/float32/2x5/uniform", TIMEOUT).result()
        assert reply.kind == "crash" or reply.outputs[0].shape == (2, 5)
    engine.submit(spec, "call", CASE, TIMEOUT).result()
    began = time.monotonic()
    reply = engine.submit(spec, "call", fault(11), TIMEOUT).result()
    assert (reply.kind, reply.message) == (
        "crash", "the process left with exit code 5 during the call",
    )  # fmt: skip
    assert time.monotonic() - began < 10, "a grandchild that holds the socket keeps nobody waiting"
    assert engine.submit(spec, "call", CASE, TIMEOUT).result().kind == "answer"


def test_half_a_reply_ends_at_the_time_limit(engine, tmp_path):
    path = tmp_path / "forking.py"
    path.write_text(FORKING.replace("    return right(x)\n\n    if", "\n    if"), encoding="utf-8")
    spec = engine.describe(source_of(path))[0]
    assert engine.submit(spec, "call", fault(12), 1.0).result().kind in ("timeout", "crash")
    assert engine.submit(spec, "call", CASE, TIMEOUT).result().kind == "answer"


# --- replies: nothing that a worker sends is trusted ---------------------------------------------


def wire(**header):
    return json.dumps({"seconds": 0.5, **header}), [b"\0" * 8]


MALFORMED = [
    ("not json", []),
    ("[]", []),
    ("null", []),
    ("{}", []),
    wire(arrays=[{"dtype": "float64", "shape": [2], "chunk": 0}]),
    wire(arrays=[{"dtype": "float64", "shape": [-1], "chunk": 0}]),
    wire(arrays=[{"dtype": "object", "shape": [1], "chunk": 0}]),
    wire(arrays=[{"dtype": "no dtype", "shape": [1], "chunk": 0}]),
    wire(arrays=[{"dtype": "float64", "shape": [1], "chunk": 7}]),
    wire(arrays=[{"dtype": "float64", "shape": [1], "chunk": -3}]),
    wire(arrays=[{"dtype": "float64", "shape": ["one"], "chunk": 0}]),
    wire(arrays=[{"dtype": "float64", "shape": [1], "file": "missing.array"}]),
    wire(arrays=[{"dtype": "float64", "shape": [1], "file": "../../etc/hostname"}]),
    wire(arrays=[{"dtype": "float64"}]),
    wire(arrays=7),
    wire(arrays=[7]),
    (json.dumps({"seconds": "soon", "error": "x", "detail": ""}), []),
    (json.dumps({"seconds": 1.0, "error": "x"}), []),
]


@pytest.mark.parametrize("answer", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_answer_is_a_crash_and_no_exception(tmp_path, monkeypatch, answer):
    worker = executor._Worker(tmp_path, None)
    monkeypatch.setattr(worker._child, "ask", lambda *_: replies.pack([answer]))
    (reply,) = worker.ask({"questions": [1]}, 1.0)
    assert reply.kind == "crash"
    assert "cannot be read" in reply.message


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b""],
        [b"\xff"],
        [b"null"],
        [b"7"],
        [b"[7]"],
        [b"[[1, 2, 3]]"],
        [b'[["{}", "many"]]'],
        [b"[]"],
        [b'[["{}", 0], ["{}", 0]]'],
        [b'[["{}", 0]]', b"left over"],
        [b"[" * 100_000],
    ],
    ids=ascii,
)
def test_a_malformed_reply_is_a_crash_and_no_exception(tmp_path, monkeypatch, pieces):
    worker = executor._Worker(tmp_path, None)
    monkeypatch.setattr(worker._child, "ask", lambda *_: list(map(bytearray, pieces)))
    (reply,) = worker.ask({"questions": [1]}, 1.0)
    assert reply.kind == "crash"
    assert "cannot be read" in reply.message


def test_a_reply_cannot_name_a_file_outside_the_scratch_folder(tmp_path):
    outside = tmp_path / "secret.array"
    outside.write_bytes(b"\0" * 8)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    header = {"dtype": "float64", "shape": [1], "file": "../secret.array"}
    with pytest.raises(OSError, match="secret"):
        replies.decode(wire(arrays=[header]), scratch)
    assert outside.exists()


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "bool", "complex128", ">f4"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3), (600, 700)])
def test_arrays_travel_bit_for_bit(tmp_path, dtype, shape):
    sent = (np.arange(np.prod(shape, dtype=int)) % 100).reshape(shape).astype(dtype)
    received = replies.decode(replies.encode([sent, sent], 0.25, tmp_path), tmp_path)
    assert received.seconds == 0.25
    for output in received.outputs:
        assert (output.dtype, output.shape) == (sent.dtype, shape)
        assert output.tobytes() == sent.tobytes()
    assert list(tmp_path.iterdir()) == []


def test_a_large_array_travels_through_the_connection_where_the_scratch_folder_is_full(tmp_path):
    sent = np.arange(600 * 700.0).reshape(600, 700)
    full = tmp_path / "no such folder"
    received = replies.decode(replies.encode([sent], 0.0, full), full)
    assert received.outputs[0].tobytes() == sent.tobytes()


def test_bfloat16_travels_bit_for_bit(tmp_path):
    import ml_dtypes

    sent = np.array([1.5, np.nan, -0.0], ml_dtypes.bfloat16)
    received = replies.decode(replies.encode([sent], 0.0, tmp_path), tmp_path).outputs[0]
    assert received.dtype == sent.dtype
    assert received.tobytes() == sent.tobytes()


@pytest.mark.parametrize("dtype", [object, "U3", "S3", "M8[s]", [("a", "f4")]])
def test_an_array_without_numbers_is_not_sent(tmp_path, dtype):
    with pytest.raises(TypeError, match="holds no numbers"):
        replies.encode([np.zeros(2, dtype)], 0.0, tmp_path)


def test_an_exception_arrives_as_text_however_hostile(tmp_path):
    class Hostile(Exception):  # noqa: N818 - its name is not the point
        def __str__(self):
            raise RuntimeError("no")

        def __reduce__(self):
            return os.abort, ()

    sent = replies.encode_error(Hostile(), "stack", 0.0)
    assert isinstance(pickle.loads(pickle.dumps(sent)), tuple)  # noqa: S301 - what the pool does
    reply = replies.decode(sent, tmp_path)
    assert reply.kind == "raised"
    assert "Hostile" in reply.message
    assert "could not be made" in reply.message


def test_an_exception_whose_text_is_no_text_arrives_all_the_same(tmp_path):
    class Surrogate(Exception):  # noqa: N818 - its name is not the point
        def __str__(self):
            return "half \udce4 a character"

    reply = replies.decode(replies.encode_error(Surrogate(), "", 0.0), tmp_path)
    assert "half" in reply.message


def test_the_executor_survives_being_closed_twice_and_while_asked(plugin):
    local = LocalExecutor(1)
    spec = local.describe(plugin)[0]
    future = local.submit(spec, "call", fault(4), 30.0)
    time.sleep(1.0)
    closing = threading.Thread(target=local.close)
    closing.start()
    closing.join(15)
    assert not closing.is_alive(), "closing waits for no endless call"
    assert future.done()
    local.close()


def test_several_questions_go_together_and_come_back_in_order(engine, plugin):
    spec = engine.describe(plugin)[0]
    cases = [f"softmax/float32/2x{n}/uniform" for n in (3, 4, 5)]
    replies = engine.submit_many(spec, [("call", case) for case in cases], TIMEOUT).result()
    assert [reply.outputs[0].shape for reply in replies] == [(2, 3), (2, 4), (2, 5)]


def test_a_fault_among_several_questions_asks_for_them_singly(engine, plugin):
    spec = engine.describe(plugin)[0]
    together = [("call", CASE), ("call", fault(2)), ("call", CASE)]
    replies = engine.submit_many(spec, together, TIMEOUT).result()
    assert [reply.kind for reply in replies] == ["crash"]
    assert engine.submit(spec, "call", CASE, TIMEOUT).result().kind == "answer"
