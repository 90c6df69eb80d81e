"""The version of the package, and of the program that belongs to it."""

from __future__ import annotations

from importlib import import_module
from typing import Optional

VERSION: str = "0.0.0.dev0"
PROGRAM: Optional[str] = None  # In a clone of the repository, which takes any program.

try:
    _made = import_module("sresnet._version")  # Written into wheels.
except ModuleNotFoundError:
    pass
else:
    VERSION, PROGRAM = _made.VERSION, _made.PROGRAM
