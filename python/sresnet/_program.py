"""The program: where it is, and how it is run."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

from ._errors import DataError, Error, OptionError, ProgramError, ProgramWarning
from ._progress import Bars
from ._versions import PROGRAM, VERSION

# The program has so many seconds to end after Ctrl-C; it needs far less.
_PATIENCE = 20.0

# What the program says of images without labels, which were given here on purpose.
_NO_LABELS = "they serve what needs no labels"

_checked: Dict[Tuple[str, float], str] = {}


def program() -> Path:
    """Return the path of the program.

    It is what the environment variable SRESNET_BINARY names, else the one inside the
    package, else, in a clone of the repository, the one on the PATH.

    Raises ProgramError if there is none, or if it is that of another version.
    """
    named = os.environ.get("SRESNET_BINARY")
    inside = Path(__file__).parent / "_bin" / ("sresnet.exe" if os.name == "nt" else "sresnet")
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise ProgramError(
                f"SRESNET_BINARY is {named}, where there is no file",
                "set it to the path of the program sresnet, or unset it",
            )
    elif inside.is_file():
        path = inside
    elif PROGRAM is None and shutil.which("sresnet"):
        path = Path(str(shutil.which("sresnet"))).absolute()
    else:
        raise ProgramError(
            "the program sresnet is not there",
            "install a wheel for this platform, or build the program with "
            "'go build ./cmd/sresnet' and set SRESNET_BINARY to its path",
        )
    _check(path)
    return path


def version() -> str:
    """Return the version of the program, as it says it."""
    return _check(program())


def _check(path: Path) -> str:
    """Return the version of the program, or raise ProgramError if it is not ours."""
    try:
        key = (str(path), path.stat().st_mtime)
        if key not in _checked:
            said = subprocess.run(
                [str(path), "--version"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=60,
                check=False,
            ).stdout.decode("utf-8", "replace")
            start = "sresnet version "
            if not said.startswith(start):
                raise ProgramError(
                    f"{path} is not the program sresnet", _what_to_do(path)
                )
            _checked[key] = said[len(start) :].strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise ProgramError(
            f"{path} cannot be run: {error}", _what_to_do(path)
        ) from error
    is_version = _checked[key]
    if PROGRAM is not None and is_version.split(" ")[0] != PROGRAM:
        raise ProgramError(
            f"{path} is sresnet {is_version}, but this package, {VERSION}, belongs to {PROGRAM}",
            _what_to_do(path),
        )
    return is_version


def _what_to_do(path: Path) -> str:
    if os.environ.get("SRESNET_BINARY"):
        return "SRESNET_BINARY names it: unset it to use the program in the package"
    return "install the package again, from a wheel for this platform: pip install --force-reinstall sresnet"


def supports(command: str, option: str) -> bool:
    """Report whether a command of the program has an option."""
    text = run([command, "--help"], progress=False)
    flag = f"-{option}," if len(option) == 1 else f"--{option}"
    return any(word == flag for line in text.splitlines() if line.startswith("  ") for word in line.split()[:2])


def run(
    arguments: Sequence[str],
    *,
    progress: Optional[bool] = None,
    quiet: bool = False,
    error: Type[Error] = Error,
) -> str:
    """Run the program and return what it prints.

    progress: whether bars are shown; None where somebody sees them.
    quiet: leave out what the program warns of, as it will say so again.
    error: what is raised for an error that is not one of options.

    After an exception, KeyboardInterrupt among them, the program has ended.
    """
    command = [str(program()), *arguments]
    environment = dict(os.environ, SRESNET_PROGRESS="json")
    # Away from Ctrl-C in the terminal: the second one would end the program at once.
    apart: Dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            **apart,
        )
    except (OSError, ValueError) as problem:
        raise ProgramError(
            f"{command[0]} cannot be run: {problem}", _what_to_do(Path(command[0]))
        ) from problem
    try:
        printed, said = _follow(process, Bars(progress))
    except BaseException:
        _end(process)
        raise
    messages = _Messages(said)
    if process.returncode != 0:
        raise messages.exception(command, process.returncode, error)
    for text in [] if quiet else messages.warnings:
        if _NO_LABELS not in text:
            warnings.warn(text, ProgramWarning, stacklevel=_outside())
    return printed


def _outside() -> int:
    """Return the stacklevel of the line outside the package that has called it."""
    level, frame = 0, sys._getframe(1)
    package = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    return level + 1


def _follow(process: "subprocess.Popen[bytes]", bars: Bars) -> Tuple[str, List[str]]:
    """Wait for the program; return what it prints, and the lines of its messages."""
    lines: "queue.Queue[Optional[str]]" = queue.Queue()
    printed: List[bytes] = []
    said: List[str] = []
    assert process.stdout is not None and process.stderr is not None
    stdout, stderr = process.stdout, process.stderr

    def read_output() -> None:
        with stdout:
            printed.append(stdout.read())

    def read_messages() -> None:
        with stderr:
            for line in stderr:
                lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        lines.put(None)

    readers = [
        threading.Thread(target=read, daemon=True) for read in (read_output, read_messages)
    ]
    for reader in readers:
        reader.start()
    with bars:
        while True:
            try:
                line = lines.get(timeout=0.1)  # Windows has no Ctrl-C while it waits.
            except queue.Empty:
                continue
            if line is None:
                break
            if not bars.take(line):
                said.append(line)
        process.wait()
    for reader in readers:
        reader.join()
    return b"".join(printed).decode("utf-8"), said


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the program, whatever it does."""
    try:
        if process.poll() is None:
            if sys.platform == "win32":
                process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                process.send_signal(signal.SIGINT)
            process.wait(_PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt, OSError):
        process.kill()
    process.wait()


class _Messages:
    """What the program says: lines that begin with its name, and those that go on."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.errors: List[str] = []
        self.hints: List[str] = []
        self.warnings: List[str] = []
        self.others: List[str] = []
        kinds = {
            "sresnet: error: ": self.errors,
            "sresnet: hint: ": self.hints,
            "sresnet: warning: ": self.warnings,
            "sresnet: ": self.errors,
        }
        into = self.others
        for line in lines:
            for start, kind in kinds.items():
                if line.startswith(start):
                    into = kind
                    into.append(line[len(start) :])
                    break
            else:
                if into:
                    into[-1] += "\n" + line
                else:
                    into.append(line)

    def exception(self, command: Sequence[str], code: int, error: Type[Error]) -> Error:
        """Return the exception that says why the program failed."""
        kind = error
        if code == 2:
            kind = OptionError
        sentence, hint = "\n".join(self.errors), "\n".join(self.hints)
        if not sentence:
            how = f"exit code {code}"
            if code < 0:
                how = f"signal {-code}"
                hint = "if the system ended it for want of memory: give it fewer images, or workers=1"
            sentence = f"the program ended with {how}"
            if self.others:
                sentence += ": " + "\n".join(self.others)[-2000:]
        said = _plain(sentence)
        if said != sentence and kind is not OptionError:
            kind = DataError  # It speaks of arrays that were given here.
            if hint.startswith("npy:"):
                hint = "look at the array"
            hint = hint.replace("; choose --data accordingly", "")
        return kind(said, hint, command, code)


# Files of arrays, as they are named in a folder of the package.
_ARRAY = r"(?:[^\s,:?]*/)?(images|calibration)(-labels)?-[0-9a-f]{16}\.npy(?:\?images=\d+)?"


def _plain(sentence: str) -> str:
    """Return a sentence of the program that speaks of arrays, not of the files that they are in."""

    def name(match: "re.Match[str]") -> str:
        return ("the labels of " if match[2] else "") + ("the images" if match[1] == "images" else "the calibration images")

    sentence = re.sub(f"npy:({_ARRAY}),{_ARRAY}", r"\1", sentence)
    sentence = re.sub(f"(?:npy:)?{_ARRAY}", name, sentence)
    return re.sub(r"^dataset [^:]*: (the (?:labels of the )?(?:calibration )?images: )", r"\1", sentence)


def parse(text: str) -> Dict[str, Any]:
    """Return a result of the program as an object."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ProgramError("the program printed no JSON object", "install the package again")
    return data
