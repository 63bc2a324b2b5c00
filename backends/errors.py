"""The exceptions of `backends`: each says who, what was given, what is valid, and the next step."""

from __future__ import annotations


class SoftmarkError(Exception):
    """Base of every error that Softmark raises on purpose."""


class ClaimError(SoftmarkError, ValueError):
    """A claim has an impossible value, or two claims contradict each other."""


class RegistrationError(SoftmarkError, ValueError):
    """A backend cannot be registered as it was declared."""


class DuplicateBackend(RegistrationError):  # noqa: N818 - a public name: it says what was found
    """Two backends want the same name."""


class UnknownBackend(SoftmarkError, LookupError):  # noqa: N818 - a public name
    """No backend of that name is built in, installed or loaded."""


class UnknownOperation(SoftmarkError, LookupError):  # noqa: N818 - a public name
    """No operation has that name, or this backend does not offer it."""


class UnknownArrayLibrary(SoftmarkError, LookupError):  # noqa: N818 - a public name
    """No array library of that name is supported."""


class UnsupportedParameter(SoftmarkError, TypeError):  # noqa: N818 - a public name
    """The backend's function cannot take this parameter, and its value is not the default."""


class UnsupportedInput(SoftmarkError, TypeError):  # noqa: N818 - a public name
    """The input's kind, dtype or byte order is not one that the backend takes."""


class BackendUnavailable(SoftmarkError, RuntimeError):  # noqa: N818 - a public name
    """The backend exists, but not on this machine: a library or a device is missing."""


class PluginError(SoftmarkError):
    """A plugin could not be loaded, or registered nothing."""
