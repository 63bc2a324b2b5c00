"""Have a kernel and all its parts optimised together and once, instead of each part at each call.

Numba makes a library of every function: it links into it the libraries of all that it calls, which
were optimised before, optimises all of that again and emits machine code for it. A kernel of nine
levels of calls is so optimised and emitted nine times, and what runs in `prange` four times more.
Inside `linked_once` a library only remembers whom it calls; the one whose address is wanted brings
all of them together, optimises once and emits once.

Numba has no public way to ask for that; `tests/backends/test_linking.py` holds what is relied upon.
"""

# ruff: noqa: ANN401, SLF001 - Numba is not typed, and has no public names for this
from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from llvmlite import binding
from numba.core import codegen as _codegen
from numba.core import registry as _registry
from numba.core.compiler_lock import global_compiler_lock as _lock

if TYPE_CHECKING:
    from collections.abc import Iterator

_Library: Any = _codegen.JITCodeLibrary
_target: Any = _registry.cpu_target
_only_one: Any = _lock


@contextlib.contextmanager
def linked_once() -> Iterator[None]:
    """Compile in here without work on parts; a part that Python can call is made all the same."""
    with _only_one:
        generator = _target.target_context.codegen()
        before = generator._library_class
        generator._library_class = _Part
        try:
            yield
        finally:
            generator._library_class = before


class _Part(_Library):  # type: ignore[misc]  # Numba is not typed
    """A function's library; it is linked, optimised and emitted when an address of it is wanted."""

    def __init__(self, generator: Any, name: str) -> None:
        super().__init__(generator, name)
        self._linked = self._made = False
        self._alone: Any = None
        self._environments: list[tuple[str, Any]] = []

    @property
    def codegen(self) -> Any:
        """Numba's code generator; a library that is not made takes the environments itself."""
        return self._codegen if self._made else self

    def set_env(self, name: str, environment: Any) -> None:
        """Keep an environment until its variable has an address."""
        self._environments.append((name, environment))

    def _optimize_functions(self, module: Any) -> None:
        """Leave that to the optimisation of all together."""
        module.data_layout = self._codegen._data_layout

    def add_linking_library(self, library: Any) -> None:
        """Remember whom the function calls."""
        super().add_linking_library(library)
        self._reload_init.update(library._reload_init)

    def finalize(self) -> None:
        """Take no more."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return the address of a function, or 0 if there is none of that name."""
        self._ensure_finalized()
        if not self._made and (self._of_a_loop or not self._defines(name)):
            return 0
        self._make()
        return int(super().get_pointer_to_function(name))

    def serialize_using_object_code(self) -> Any:
        """Return what the cache on disk keeps."""
        self._make()
        return super().serialize_using_object_code()

    @property
    def _of_a_loop(self) -> bool:
        """Whether this is the body of a `prange`, which nobody calls from Python."""
        return str(self.name).startswith("__numba_parfor_gufunc")

    def _defines(self, name: str) -> bool:
        return any(each.name == name for each in self.get_defined_functions())

    def _make(self) -> None:
        self._ensure_finalized()
        if self._made:
            return
        with _only_one:
            self._link()
            self._keep_to_itself()
            self._optimize_final_module()
            self._final_module.verify()
            self._finalize_final_module()
            for library in (self, *_called(self)):
                for name, environment in getattr(library, "_environments", ()):
                    if self._codegen._engine.is_symbol_defined(name):
                        self._codegen.set_env(name, environment)

    def _finalize_final_module(self) -> None:
        # Also where a library comes from the cache on disk.
        self._dynamic_globals.clear()
        super()._finalize_final_module()
        self._linked = self._made = True

    def _link(self) -> None:
        if not self._linked:
            for library in _called(self):
                module = library._own() if isinstance(library, _Part) else _whole(library)
                self._final_module.link_in(module, preserve=True)
            self._linked = True

    def _keep_to_itself(self) -> None:
        """Hide the parts: of two kernels' parts with one name LLVM would take the first for both.

        Numba tells functions of one name and of the same types apart by a count within a process,
        and kernels that one process finds on disk come from many.
        """
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == binding.Linkage.linkonce_odr:
                function.linkage = "internal"

    def _get_module_for_linking(self) -> Any:
        """Return a module with everything in it, for a library that knows nothing of parts."""
        self._ensure_finalized()
        if self._shared_module is None:
            self._link()
        return super()._get_module_for_linking()

    def _own(self) -> Any:
        """Return a module with this function alone, unless more has been linked into it."""
        if self._linked:
            return _whole(self)
        if self._alone is None:
            self._alone = self._final_module.clone()
            for function in self._alone.functions:
                if not function.is_declaration and function.linkage == binding.Linkage.external:
                    function.linkage = "linkonce_odr"
        return self._alone


def _whole(library: Any) -> Any:
    return library._get_module_for_linking()


def _called(library: Any) -> list[Any]:
    """Return the libraries of all that a part calls, and of what these call if they are parts.

    Callers come before whom they call: LLVM takes of a module what is wanted by then.
    """
    found: dict[Any, None] = {}

    def visit(each: Any) -> None:
        for callee in each._linking_libraries if isinstance(each, _Part) else ():
            if callee not in found:
                visit(callee)
        found[each] = None

    visit(library)
    del found[library]
    return list(reversed(found))
