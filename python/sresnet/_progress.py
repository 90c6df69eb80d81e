"""Bars of progress."""

from __future__ import annotations

import json
import sys
import warnings
from types import TracebackType
from typing import Any, Dict, Optional, Tuple, Type

_START = '{"progress":'


class Bars:
    """Shows how far the program is, with tqdm where that is there.

    shown: whether bars are shown; None if somebody sees them, in a terminal or a notebook.
    """

    def __init__(self, shown: Optional[bool]) -> None:
        self._bar: Any = None
        self._what = ""
        self._said: Dict[str, Tuple[int, int]] = {}
        self._make: Any = None
        if shown is None:
            shown = "ipykernel" in sys.modules or sys.stderr is not None and sys.stderr.isatty()
        if shown:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # In notebooks without widgets.
                    from tqdm.auto import tqdm

                self._make = tqdm
            except ImportError:
                pass

    def take(self, line: str) -> bool:
        """Take a line of the program, and report whether it was one of progress."""
        if not line.startswith(_START):
            return False
        try:
            now = json.loads(line)["progress"]
            self._show(str(now["what"]), int(now["done"]), int(now["of"]))
        except (ValueError, KeyError, TypeError):
            return False
        return True

    def _show(self, what: str, done: int, of: int) -> None:
        if self._make is None or of == 0 or self._said.get(what) == (done, of):
            return  # What waits for other work says the same again.
        self._said[what] = done, of
        if self._bar is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._bar = self._make(total=of, desc=what, leave=False)
        elif what != self._what:
            self._bar.reset(total=of)
            self._bar.set_description(what, refresh=False)
        self._what = what
        self._bar.total = of
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> "Bars":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()
