"""A backend: one named implementation of one or more operations, ready to be called or bound."""

from __future__ import annotations

import functools
import inspect
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from backends import arrays
from backends.availability import why_unavailable
from backends.errors import (
    BackendUnavailable,
    UnknownOperation,
    UnsupportedInput,
    UnsupportedParameter,
)
from backends.operations import operation
from backends.signatures import first_line, signatures, takes_anything, where
from backends.spec import BackendSpec
from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backends.arrays import Native
    from backends.claims import Claims
    from backends.spec import Source


class Backend:
    """A registered implementation.

    Attributes
    ----------
    name : str
    dtypes : tuple of str
    array, device : str
        The array library it works on, and where its arrays live.
    claims : Claims
    requires : tuple of str
        Import names of the libraries that it needs.
    source : Source
        Where it comes from.
    where : str
        File and line of its definition.
    doc : str
        First line of its documentation.
    """

    def __init__(
        self,
        name: str,
        implementation: Callable[..., Any],
        *,
        dtypes: tuple[str, ...],
        array: str,
        device: str,
        claims: Claims,
        requires: tuple[str, ...],
        source: Source,
    ) -> None:
        self.name = name
        self.dtypes = dtypes
        self.array = array
        self.device = device
        self.claims = claims
        self.requires = requires
        self.source = source
        self.where = where(implementation)
        self.doc = first_line(implementation)
        self._implementation = implementation
        self._lock = threading.Lock()
        self._instance: object | None = None
        self._signatures = signatures(name, implementation)

    def __repr__(self) -> str:
        return f"<Backend {self.name}: {', '.join(self._signatures)} on {self.array}/{self.device}>"

    def __getattr__(self, name: str) -> Callable[..., Native]:
        """Return the operation `name` as a function that takes and gives NumPy or native arrays."""
        if name.startswith("_") or name not in self._signatures:
            raise AttributeError(f"backend {self.__dict__.get('name')!r} has no {name!r}")
        return functools.partial(self._call, name)

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The operations offered; asking does not instantiate a class."""
        return tuple(self._signatures)

    @property
    def operations(self) -> Mapping[str, Callable[..., Native]]:
        """Operation -> the backend's own function, on native arrays."""
        return MappingProxyType({name: self._function(name) for name in self._signatures})

    @property
    def library(self) -> arrays.ArrayLibrary:
        """The array library that the backend's functions take and return."""
        return arrays.library(self.array)

    def parameters(self, operation_name: str) -> tuple[str, ...]:
        """Return those of the operation's parameters that this backend lets a caller set.

        Raises
        ------
        UnknownOperation
            If there is no such operation or the backend does not offer it.
        """
        signature = self._signature(operation_name)
        if takes_anything(signature):
            return tuple(operation(operation_name).parameters)
        return tuple(
            name for name in operation(operation_name).parameters if name in signature.parameters
        )

    def unavailable(self) -> str | None:
        """Return why the backend cannot run on this machine, or None if it can."""
        return why_unavailable(self.requires, self.array, self.device)

    def takes_out(self, operation_name: str) -> bool:
        """Say whether the operation's function takes ``out``, an array to write the result to.

        Raises
        ------
        UnknownOperation
            As for `parameters`.
        """
        return "out" in self._signature(operation_name).parameters

    def bind(
        self, operation_name: str, *inputs: Native, out: Native | None = None, **parameters: object
    ) -> Callable[[], Native]:
        """Prepare a call: what it returns does the work alone and gives a native array.

        Conversion to the backend's array library, placement on its device and allocation of the
        output (where its function takes ``out``) are done here, once; each call then reuses them.
        On a device the call returns when the work is enqueued, see `synchronize`. A class may take
        this over for an operation with a method ``bind_<operation>(self, x, **parameters)``.

        Parameters
        ----------
        operation_name
            One of `operation_names`.
        *inputs
            The operation's arrays, NumPy or native, of any shape.
        out
            A native array to write the result to; none by default, and then one is allocated.
        **parameters
            The operation's parameters; those left out have the operation's defaults.

        Raises
        ------
        UnknownOperation, UnsupportedParameter, UnsupportedInput, BackendUnavailable
            As their names say; whatever the backend's own code raises passes through.
        """
        natives = self._natives(operation_name, inputs)
        given = self._passed(operation_name, parameters, natives[0].ndim)
        if out is not None and not self.takes_out(operation_name):
            raise UnsupportedParameter(
                f"backend {self.name!r} takes no 'out' for {operation_name} ({self.where}): "
                "leave it out, or add it to the signature"
            )
        own = getattr(self._owner(), f"bind_{operation_name}", None)
        if own is not None and out is None:
            bound: Callable[[], Native] = own(*natives, **given)
            return bound
        function = self._function(operation_name)
        if not self.takes_out(operation_name):
            return functools.partial(function, *natives, **given)
        target = self._result_array(operation_name, natives[0], given) if out is None else out
        return _into(function, natives, given, target)

    def synchronize(self) -> None:
        """Wait until everything that this backend enqueued is done."""
        self.library.synchronize(self.device)

    def describe(self) -> BackendSpec:
        """Return the backend as plain data."""
        return BackendSpec(
            name=self.name,
            source=self.source,
            dtypes=self.dtypes,
            operations={name: self.parameters(name) for name in self._signatures},
            array=self.array,
            device=self.device,
            claims=self.claims,
            doc=self.doc,
            unavailable=self.unavailable(),
        )

    def _call(self, operation_name: str, /, *inputs: Native, **parameters: object) -> Native:
        natives = self._natives(operation_name, inputs)
        given = self._passed(operation_name, parameters, natives[0].ndim)
        out = self._signature(operation_name).parameters.get("out")
        if out is not None and out.default is inspect.Parameter.empty:
            given["out"] = self._result_array(operation_name, natives[0], given)
        result = self._function(operation_name)(*natives, **given)
        if result is None and "out" in given:
            result = given["out"]
        if self.library.is_native(inputs[0]):
            return result
        return self.library.to_numpy(result)

    def _result_array(
        self, operation_name: str, x: Native, parameters: Mapping[str, Any]
    ) -> Native:
        """Return an uninitialised array for the operation's result."""
        axis = parameters.get("axis", -1)
        shape = operation(operation_name).result_shape(tuple(x.shape), axis)
        return self.library.empty(shape, x)

    def _passed(
        self, operation_name: str, parameters: Mapping[str, object], ndim: int
    ) -> dict[str, Any]:
        """Return the parameters to hand to the backend's function, after checking their names."""
        defaults = operation(operation_name).parameters
        offered = self.parameters(operation_name)
        for name, value in parameters.items():
            if name not in defaults:
                raise UnsupportedParameter(
                    f"{operation_name} has no parameter {name!r}; {nearest(name, defaults)}"
                )
            last_axis = name == "axis" and value == ndim - 1
            if name not in offered and value != defaults[name] and not last_axis:
                raise UnsupportedParameter(
                    f"backend {self.name!r} does not take {name!r} for {operation_name} "
                    f"({self.where}): leave it at {defaults[name]!r}, or add it to the signature"
                )
        merged = {**defaults, **parameters}
        return {name: merged[name] for name in offered}

    def _natives(self, operation_name: str, inputs: tuple[Native, ...]) -> list[Native]:
        reason = self.unavailable()
        if reason is not None:
            raise BackendUnavailable(f"backend {self.name!r} cannot run here: {reason}")
        names = operation(operation_name).inputs
        if len(inputs) != len(names):
            raise UnsupportedInput(
                f"{operation_name} takes {', '.join(names)}: {len(inputs)} arrays were given"
            )
        natives = [self._native(value) for value in inputs]
        dtype = self.library.dtype_name(natives[0])
        if dtype not in self.dtypes:
            raise UnsupportedInput(
                f"backend {self.name!r} does not take {dtype}; it takes {', '.join(self.dtypes)}"
            )
        return natives

    def _native(self, value: Native) -> Native:
        kinds = "NumPy" if self.array == "numpy" else f"NumPy or {self.array}"
        if self.library.is_native(value):
            return self.library.place(value, self.device)
        if not arrays.library("numpy").is_native(value):
            raise UnsupportedInput(
                f"backend {self.name!r} takes {kinds} arrays, not "
                f"{type(value).__name__}: convert with numpy.asarray"
            )
        return self.library.from_numpy(arrays.library("numpy").to_numpy(value), self.device)

    def _owner(self) -> object:
        """Return the function itself, or the class's only instance, made on first use."""
        if not isinstance(self._implementation, type):
            return self._implementation
        with self._lock:
            if self._instance is None:
                self._instance = self._implementation()
            return self._instance

    def _function(self, operation_name: str) -> Callable[..., Native]:
        self._signature(operation_name)
        owner = self._owner()
        if isinstance(self._implementation, type):
            method: Callable[..., Native] = getattr(owner, operation_name)
            return method
        return self._implementation

    def _signature(self, operation_name: str) -> inspect.Signature:
        try:
            return self._signatures[operation(operation_name).name]
        except KeyError:
            raise UnknownOperation(
                f"backend {self.name!r} does not offer {operation_name}; "
                f"it offers {', '.join(self._signatures)}"
            ) from None


def _into(
    function: Callable[..., Native], natives: list[Native], given: dict[str, Any], out: Native
) -> Callable[[], Native]:
    def call() -> Native:
        result = function(*natives, **given, out=out)
        return out if result is None else result

    return call
