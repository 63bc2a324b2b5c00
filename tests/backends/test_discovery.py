"""Plugins and entry points: found, loaded once, and explained when they are broken."""

import importlib.metadata
import textwrap

import pytest

import backends
from backends import PluginError, discovery, registry

GOOD = """
    from backends import register
    @register({name!r})
    def softmax(x):
        return x
"""


@pytest.fixture(autouse=True)
def _forget_what_a_test_registers():
    with registry.isolated():
        yield


@pytest.fixture
def write(tmp_path):
    def written(file, text):
        path = tmp_path / file
        path.write_text(textwrap.dedent(text))
        return path

    return written


def test_a_plugin_file_is_loaded_once_and_described_with_its_digest(write):
    path = write("mine.py", GOOD.format(name="zz_mine"))
    assert backends.load_plugin(path) == ["zz_mine"]
    assert backends.load_plugin(path) == ["zz_mine"]
    source = backends.get("zz_mine").source
    assert source == discovery.source_of(path)
    assert source.location == str(path)
    assert len(source.digest) == 64
    assert [spec.name for spec in backends.describe(source)] == ["zz_mine"]


def test_an_edited_plugin_of_the_same_length_is_seen_at_once(write):
    with registry.isolated():
        backends.load_plugin(write("mine.py", GOOD.format(name="zz_one")))
    assert backends.load_plugin(write("mine.py", GOOD.format(name="zz_two"))) == ["zz_two"]


def test_a_plugin_imports_its_siblings(write):
    write("zz_helper.py", "NAME = 'zz_from_sibling'\n")
    path = write(
        "mine.py",
        """
        from zz_helper import NAME
        from backends import register
        @register(NAME)
        def softmax(x):
            return x
        """,
    )
    assert backends.load_plugin(path) == ["zz_from_sibling"]


def test_a_plugin_may_be_a_module(write, monkeypatch):
    write("zz_plugin_module.py", GOOD.format(name="zz_module"))
    monkeypatch.syspath_prepend(write("x", "").parent)
    assert backends.load_plugin("zz_plugin_module") == ["zz_module"]


def test_a_plugin_that_wraps_a_builtin_answers_for_its_own_backend_only(write):
    path = write("mine.py", "import backends\nbackends.get('numpy_naive')\n" + "")
    path.write_text(path.read_text() + textwrap.dedent(GOOD.format(name="zz_wrapper")))
    assert backends.load_plugin(path) == ["zz_wrapper"]
    assert backends.get("numpy_naive").source.kind == "builtin"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import zz_no_such_module\n", r"No module named 'zz_no_such_module'"),
        ("def softmax(x:\n", r"SyntaxError"),
        ("raise SystemExit(3)\n", r"SystemExit: 3"),
        ("1 / 0\n", r"(?s)line 1.*ZeroDivisionError"),
        ("x = 1\n", r"registered no backend.*backends new"),
    ],
)
def test_a_broken_plugin_is_an_error_with_its_name_and_the_last_lines(write, text, said):
    path = write("broken.py", text)
    with pytest.raises(PluginError, match=said) as raised:
        backends.load_plugin(path)
    assert "broken.py" in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 8


def test_a_plugin_that_fails_half_way_leaves_nothing_behind(write):
    path = write("broken.py", textwrap.dedent(GOOD.format(name="zz_half")) + "1 / 0\n")
    with pytest.raises(PluginError):
        backends.load_plugin(path)
    assert "zz_half" not in backends.names()


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("zz_missing.py", "No such file"),
        ("folder/zz_missing", "No such file"),
        ("zz_no_such_module", "No module named"),
        ("README.md", "is no Python file"),
    ],
)
def test_a_plugin_that_is_not_there_is_an_error(write, monkeypatch, plugin, said):
    monkeypatch.chdir(write("README.md", "hello").parent)
    with pytest.raises(PluginError, match=said):
        backends.load_plugin(plugin)


class Points:
    """An entry point group with one member."""

    def __init__(self, name, module):
        self.point = importlib.metadata.EntryPoint(name, module, discovery.ENTRY_POINT_GROUP)

    def __call__(self, *, group, name=None):
        wanted = group == discovery.ENTRY_POINT_GROUP and name in (None, self.point.name)
        return importlib.metadata.EntryPoints([self.point] if wanted else [])


def test_an_entry_point_is_listed_without_import_and_loaded_when_asked_for(write, monkeypatch):
    write("zz_installed.py", GOOD.format(name="zz_entry"))
    monkeypatch.syspath_prepend(write("x", "").parent)
    monkeypatch.setattr(importlib.metadata, "entry_points", Points("zz_entry", "zz_installed"))
    assert "zz_entry" in backends.names()
    assert backends.get("zz_entry").source.kind == "entry_point"


@pytest.mark.parametrize(
    ("text", "said"),
    [("1 / 0\n", "ZeroDivisionError"), ("x = 1\n", "must register a backend of that name")],
)
def test_an_entry_point_that_fails_is_unavailable_and_not_fatal(write, monkeypatch, text, said):
    module = f"zz_broken_{len(text)}"
    write(f"{module}.py", text)
    monkeypatch.syspath_prepend(write("x", "").parent)
    monkeypatch.setattr(importlib.metadata, "entry_points", Points("zz_entry", module))
    [spec] = backends.describe(backends.sources()["zz_entry"])
    assert spec.name == "zz_entry"
    assert said in spec.unavailable
    with pytest.raises(backends.BackendUnavailable, match=said):
        backends.get("zz_entry")
    assert backends.get("numpy_stable").name == "numpy_stable"
