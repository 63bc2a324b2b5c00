"""What can be read off a backend's function or class without calling it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from backends.errors import RegistrationError
from backends.operations import OPERATIONS, operation
from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Callable


_LONGEST_DOC = 200


def signatures(name: str, implementation: Callable[..., Any]) -> dict[str, inspect.Signature]:
    """Return operation -> signature without ``self``, refusing what could never be called.

    Raises
    ------
    RegistrationError
        If no operation is offered, or one has a mandatory argument that no caller gives.
    """
    if isinstance(implementation, type):
        functions = {
            op: inspect.getattr_static(implementation, op)
            for op in OPERATIONS
            if callable(getattr(implementation, op, None))
        }
        if not functions:
            raise RegistrationError(
                f"backend {name!r}: class {implementation.__name__} has no method named like an "
                f"operation; valid: {', '.join(OPERATIONS)}"
            )
        found = {op: _signature_of(getattr(implementation, op)) for op in functions}
        for op, method in functions.items():
            if not isinstance(method, staticmethod | classmethod):
                found[op] = _without_self(found[op])
    else:
        found = {_operation_of(name, implementation): _signature_of(implementation)}
    for op, signature in found.items():
        _check_callable(name, op, signature)
    return found


def takes_anything(signature: inspect.Signature) -> bool:
    """Say whether the function takes any keyword."""
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    return inspect.Parameter.VAR_KEYWORD in kinds


def where(implementation: Callable[..., Any]) -> str:
    """Return file and line of the definition, or as much of that as is known."""
    code = getattr(inspect.unwrap(implementation), "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    module = inspect.getmodule(implementation)
    return str(getattr(module, "__file__", None) or getattr(implementation, "__module__", "?"))


def first_line(implementation: Callable[..., Any]) -> str:
    """Return the first line of its documentation, or of its module's."""
    module = inspect.getmodule(implementation)
    doc = inspect.getdoc(implementation) or (inspect.getdoc(module) if module else None)
    return (doc or "").partition("\n")[0][:_LONGEST_DOC]


def _operation_of(name: str, implementation: Callable[..., Any]) -> str:
    called = getattr(implementation, "__name__", type(implementation).__name__)
    if called not in OPERATIONS:
        raise RegistrationError(
            f"backend {name!r}: a function's name is its operation, and {called!r} is none; "
            f"{nearest(called, OPERATIONS)}"
        )
    return called


def _signature_of(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:
        # Compiled functions without a signature are taken to want the arrays and nothing else.
        return inspect.Signature([inspect.Parameter("array", inspect.Parameter.POSITIONAL_ONLY)])


def _without_self(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _check_callable(name: str, operation_name: str, signature: inspect.Signature) -> None:
    """Refuse a signature with a mandatory argument that no caller knows of."""
    known = {*operation(operation_name).parameters, "out"}
    mandatory = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    surplus = [
        word for word in mandatory[len(operation(operation_name).inputs) :] if word not in known
    ]
    if surplus:
        raise RegistrationError(
            f"backend {name!r}: {operation_name} wants {', '.join(surplus)}, which no caller "
            f"gives; give a default, or use the names {', '.join(sorted(known))}"
        )
