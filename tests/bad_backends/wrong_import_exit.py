"""WRONG: leaves the process while it is imported (loading)."""

import os

os._exit(0)
