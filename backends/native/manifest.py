"""What a shared library says of itself: the JSON text in the exported array `softmark_backend`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from backends.claims import Claims
from backends.errors import ClaimError, PluginError
from backends.native.interface import MANIFEST
from backends.vocabulary import nearest

_KEYS = ("name", "doc", "claims")
_POINTER = 8
_QUOTED = 60


@dataclass(frozen=True)
class Manifest:
    """What was said; whatever was left out has its default.

    Attributes
    ----------
    name
        The backend's name; empty for that of the file.
    doc
        A line about it.
    claims
    """

    name: str = ""
    doc: str = ""
    claims: Claims = field(default_factory=Claims)


def parse(data: bytes) -> Manifest:
    """Read the array's content, with or without the zero at its end.

    Raises
    ------
    PluginError
        If it is no JSON object, or holds a key, a value or a claim that is not valid; the message
        has the valid ones.
    """
    text = data.partition(b"\0")[0]
    try:
        said = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        hint = (
            ". Its size is that of an address: declare an array, const char softmark_backend[], "
            "and no pointer"
            if len(data) == _POINTER
            else ""
        )
        raise PluginError(f"{MANIFEST} holds no JSON: {_quoted(text)}: {error}{hint}") from None
    if not isinstance(said, dict):
        raise PluginError(
            f"{MANIFEST} holds {_quoted(text)}: give a JSON object with any of {', '.join(_KEYS)}"
        )
    for key in said:
        if key not in _KEYS:
            raise PluginError(f"{MANIFEST} has no {key!r:.80}; {nearest(key, _KEYS)}")
    return Manifest(_text(said, "name"), _text(said, "doc"), _claims(said.get("claims", {})))


def _text(said: dict[str, object], key: str) -> str:
    value = said.get(key, "")
    if not isinstance(value, str):
        raise PluginError(f"{MANIFEST}: {key} is {value!r:.80}: give a text")
    return value


def _claims(said: object) -> Claims:
    if not isinstance(said, dict):
        raise PluginError(
            f'{MANIFEST}: claims is {said!r:.80}: give an object, as in {{"max_ulp": 2}}'
        )
    try:
        return Claims.from_dict(said)
    except ClaimError as error:
        raise PluginError(f"{MANIFEST}: claims: {error}") from error


def _quoted(text: bytes) -> str:
    return repr(text[:_QUOTED].decode("utf-8", "replace"))
