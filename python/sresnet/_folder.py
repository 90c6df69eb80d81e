"""The folder with the files that the program reads and writes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, Iterator, Optional, Union

import numpy as np

from ._errors import Error


class Folder:
    """A folder that goes away with its owner, unless it has a name."""

    def __init__(self, name: Optional[Union[str, "os.PathLike[str]"]] = None) -> None:
        self._remove: Any = None
        with writing("the folder for the program's files"):
            if name is None:
                self.path = Path(tempfile.mkdtemp(prefix="sresnet-"))
                self._remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
            else:
                self.path = Path(name).expanduser().absolute()
                self.path.mkdir(parents=True, exist_ok=True)
        self._runs = 0

    def array(self, name: str, value: Any) -> Path:
        """Write an array, and return its file, whose name follows from what is in it."""
        self._check()
        value = np.ascontiguousarray(value)
        digest = hashlib.blake2b(f"{value.dtype.str}{value.shape}".encode(), digest_size=8)
        digest.update(value.reshape(-1).view(np.uint8).data)
        path = self.path / f"{name}-{digest.hexdigest()}.npy"
        if not path.exists():
            with writing(path), whole(path) as part, open(part, "wb") as file:
                np.save(file, value, allow_pickle=False)
        return path

    def free(self, name: str) -> Path:
        """Return a path with that name, and a number, that there is not yet."""
        self._check()
        while True:
            self._runs += 1
            path = self.path / f"{name}-{self._runs}"
            if not path.exists():
                return path

    def _check(self) -> None:
        """Raise Error if the folder is not there any more."""
        if self._remove is not None and not self._remove.alive:
            raise Error("the network is closed", "convert it again, or load the file that it was saved in")

    def close(self) -> None:
        """Remove the folder, if it was made for its owner."""
        if self._remove is not None:
            self._remove()


@contextlib.contextmanager
def writing(what: object) -> Iterator[None]:
    """Make an error of the system one that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise Error(f"cannot write {what}: there is no such folder", "make it first, or name another") from error
    except OSError as error:
        raise Error(
            f"cannot write {what}: {error.strerror or error}",
            "make room there, or name another folder: convert(..., folder=DIR), "
            "or TMPDIR in the environment",
        ) from error


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give the path of a new file, which becomes that at path, or nothing if all fails."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix="." + path.name, suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
