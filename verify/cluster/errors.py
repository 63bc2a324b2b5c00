"""The errors of a cluster: each ends the run, which `--resume` goes on with."""

from __future__ import annotations

from backends.errors import SoftmarkError


class ClusterError(SoftmarkError):
    """The cluster cannot be used, or not any more: which, why, and what to do."""
