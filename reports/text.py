"""Making text from plugins fit to be stored and shown.

Names and messages are written by whoever wrote the plugin. They may hold control characters that
recolour a terminal, halves of characters that no encoding knows, or a NUL that ends a text early.
"""

import re

# DEL and C1; the marks that reorder text (a name could hide its ending) or take no room; the line
# and paragraph separators; lone surrogates, which UTF-8 cannot hold. C0 comes before it.
_OTHER = "\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
_UNSAFE = re.compile("[\x00-\x1f" + _OTHER)
_UNSAFE_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f" + _OTHER)  # tab and newline stay
# //user:password@, and ?password=, ?sslpassword= as libpq knows them.
_USER = re.compile(r"(://[^\s:/@]*:).*@")
_SECRET = re.compile(r"([?&](?:ssl)?password=)[^\s&]*", re.IGNORECASE)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def safe(text: object, *, lines: bool = False) -> str:
    r"""Return `text` with control characters made visible, on one line unless `lines`.

    An escape character becomes the four letters `\x1b`, a newline `\n`. Markup is not touched: what
    `[` or `<` mean depends on where the text goes, and each output escapes those itself.

    Parameters
    ----------
    text
        Anything; its `str` is taken.
    lines
        Keep newlines and tabs, for the outputs that show several lines.
    """
    return (_UNSAFE_IN_LINES if lines else _UNSAFE).sub(_visible, str(text))


def storable(text: str) -> str:
    """Return `text` with what a database cannot hold (NUL, lone surrogates) made visible."""
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub(_visible, text)


def without_passwords(text: str) -> str:
    """Return `text` with what stands for a password in an address of a database as ``***``.

    That is all from the user's colon to the last @, and what follows ``password=``: an @, a slash
    or a space in a password may not have been escaped.
    """
    return _SECRET.sub(r"\1***", _USER.sub(r"\1***@", text))


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` characters, with an ellipsis where it was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    if character in "\n\r\t":
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
