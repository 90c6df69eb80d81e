"""The command line: ``python -m sresnet`` is the program."""

from __future__ import annotations

import os
import subprocess
import sys

from ._errors import ProgramError
from ._program import program


def main() -> int:
    """Run the program with the arguments of this process."""
    try:
        command = [str(program()), *sys.argv[1:]]
    except ProgramError as error:
        print(f"sresnet: error: {error.sentence}", file=sys.stderr)
        print(f"sresnet: hint: {error.hint}", file=sys.stderr)
        return 1
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
