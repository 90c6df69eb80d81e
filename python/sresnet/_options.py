"""Options as keywords, and as the program spells them."""

from __future__ import annotations

import numbers
import os
from typing import Any, List, Mapping

from ._errors import OptionError

# Options that follow from arguments of the functions here.
_OURS = {
    "data": "give images, or a SPEC such as \"mnist:DIR\", as the first argument",
    "calibrate": "give calibration images, or a SPEC, to convert",
    "json": "every result has .json",
    "plan": "'sresnet eval --plan' plans work for several machines; it has no result yet",
    "help": "'sresnet COMMAND --help' lists the options of a command",
}


def check(options: Mapping[str, Any], *ours: str) -> None:
    """Raise OptionError for options that are not for the caller to give.

    ours: further names that the function itself sets.
    """
    for name in options:
        if name in _OURS:
            raise OptionError(f"{name} is no keyword here", _OURS[name])
        if name in ours:
            raise OptionError(f"{name} is no keyword here", "it is set by the function")


def name(keyword: str) -> str:
    """Return the option of the program that a keyword is, without dashes."""
    return keyword.replace("_", "-")


def flags(options: Mapping[str, Any]) -> List[str]:
    """Return keywords as arguments of the program; None leaves an option out."""
    arguments = []
    for keyword, value in options.items():
        if value is None:
            continue
        flag = "-" + keyword if len(keyword) == 1 else "--" + name(keyword)
        if value is True:
            arguments.append(flag)
        else:
            arguments.append(f"{flag}={_word(keyword, value)}")
    return arguments


def _word(name: str, value: Any) -> str:
    """Return the value of an option as the program reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))
    if name == "normalize":  # (mean, std), each a number or one per channel.
        try:
            mean, std = value
        except (TypeError, ValueError):
            raise OptionError(
                f"normalize is {value!r}", "give a word, or (mean, std)"
            ) from None
        return f"{_list(name, mean)}:{_list(name, std)}"
    return _list(name, value)


def _list(name: str, value: Any) -> str:
    """Return a number, or several, with commas."""
    if isinstance(value, numbers.Real):
        return _word("", value)
    if hasattr(value, "tolist"):  # An array or a tensor.
        value = value.tolist()
    try:
        return ",".join(_word("", v) for v in value)
    except (TypeError, ValueError):
        raise OptionError(
            f"{name} is {value!r}", "give a word, a number, or a list of them"
        ) from None
