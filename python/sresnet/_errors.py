"""What can go wrong."""

from __future__ import annotations

from typing import Sequence


class Error(Exception):
    """What went wrong, and what to do about it.

    sentence: what the program, or this package, says of it.
    hint: what to do; empty where nothing is known.
    command: the arguments of the program; empty if it was not run.
    code: its exit code; 0 if it was not run.
    """

    def __init__(
        self,
        sentence: str,
        hint: str = "",
        command: Sequence[str] = (),
        code: int = 0,
    ) -> None:
        super().__init__(sentence, hint)
        self.sentence = sentence
        self.hint = hint
        self.command = list(command)
        self.code = code

    def __str__(self) -> str:
        return f"{self.sentence}\nhint: {self.hint}" if self.hint else self.sentence


class OptionError(Error, ValueError):
    """An option that there is not, or a value that it does not take."""


class DataError(Error, ValueError):
    """Images or labels that cannot be presented."""


class ModelError(Error, ValueError):
    """A trained network that cannot be read or exported."""


class ProgramError(Error, RuntimeError):
    """The program is missing, is another one, or does not run on this machine."""


class ProgramWarning(UserWarning):
    """What the program warns of."""
