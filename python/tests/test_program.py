"""The program is found, checked, followed, and ended."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
import unittest
import warnings
from pathlib import Path
from unittest import mock

from support import ROOT, Case, images, needs_torch, small

import sresnet
from sresnet import _options, _program, _progress

posix = unittest.skipIf(os.name != "posix", "these programs are scripts of a shell")

# Presents images for minutes.
LONG = """
import sys
sys.path.insert(0, {tests!r})
import sresnet
from support import images, small
import numpy as np
net = sresnet.convert(small(), images(100, seed=1), progress=False, folder={folder!r})
x = images(5000, shape=(3, 8, 8))
print("ready", flush=True)
try:
    net.evaluate(x, np.zeros(5000, int), timesteps=2000)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    raise
"""


def processes(folder):
    """Return the processes of the program that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if b"sresnet" in line.split(b"\0")[0] and str(folder).encode() in line:
            found.append(int(path.parent.name))
    return found


def wait_for(condition, seconds=60):
    """Wait until a condition holds, and report whether it came to that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@needs_torch
@unittest.skipUnless(Path("/proc").is_dir(), "there is no /proc")
class Ended(Case):
    """No process is left behind."""

    def begin(self):
        self.work = self.dir / "work"
        text = LONG.format(tests=str(Path(__file__).parent), folder=str(self.work))
        process = subprocess.Popen(
            [sys.executable, "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # What a shell runs in the background ignores Ctrl-C, and so would this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.assertTrue(wait_for(lambda: processes(self.work)), "the program has not begun")
        time.sleep(0.5)
        return process

    def test_interrupt(self):
        process = self.begin()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.stdout.readline(), b"interrupted\n")
        self.assertEqual(processes(self.work), [])
        self.assertIn(b"KeyboardInterrupt", process.stderr.read())
        self.assertNotEqual(process.wait(), 0)
        self.assertEqual(list(self.work.glob(".*")), [])

    def test_killed(self):
        process = self.begin()
        process.kill()
        self.assertTrue(wait_for(lambda: not processes(self.work), 20), "the program goes on without its parent")


class Published(Case):
    """Networks that others have published."""

    def test_models(self):
        found = {m["name"]: m for m in sresnet.models()}
        self.assertEqual(found["resnet20-cifar10"]["normalize"], "cifar10")
        self.assertTrue(found["resnet20-cifar10"]["url"].startswith("https://"))

    def test_get_model(self):
        path = self.dir / "own.pt"
        with mock.patch.dict(os.environ, {"HTTPS_PROXY": "http://127.0.0.1:1"}):
            with self.assertRaisesRegex(sresnet.Error, "cannot download https://github.com/") as caught:
                sresnet.get_model("resnet20-cifar10", path)
        self.assertIn(str(path), caught.exception.hint)
        with self.assertRaisesRegex(sresnet.Error, "did you mean resnet20-cifar10?"):
            sresnet.get_model("resnet20-cifar1")


class Found(Case):
    """Which program is used."""

    def expect(self, sentence, kind=sresnet.ProgramError):
        with self.assertRaisesRegex(kind, sentence) as caught:
            sresnet.version()
        self.assertTrue(caught.exception.hint)

    def test_missing(self):
        self.with_binary(self.dir / "none")
        self.expect("(?s)where there is no file.*unset it")

    def test_nowhere(self):
        with mock.patch.dict(os.environ, {"PATH": str(self.dir)}), mock.patch.object(_program, "__file__", str(self.dir / "x.py")):
            os.environ.pop("SRESNET_BINARY", None)
            self.expect("(?s)is not there.*go build")

    def test_no_program(self):
        path = self.dir / "text"
        path.write_bytes(b"\x7fELF of another machine")
        path.chmod(0o755)
        self.with_binary(path)
        self.expect("(?s)cannot be run: .*SRESNET_BINARY names it")

    @posix
    def test_another_program(self):
        self.with_binary(self.script("other", "#!/bin/sh\necho other version 3\n"))
        self.expect("is not the program sresnet")

    @posix
    def test_two_versions(self):
        self.with_binary(self.script("old", "#!/bin/sh\necho sresnet version v0.0.1 '(abc)'\n"))
        with mock.patch.object(_program, "PROGRAM", "v0.0.2"):
            self.expect("is sresnet v0.0.1 \\(abc\\), but this package, .*, belongs to v0.0.2")
        with mock.patch.object(_program, "PROGRAM", "v0.0.1"):
            self.assertEqual(sresnet.version(), "v0.0.1 (abc)")

    def test_ours(self):
        self.assertTrue(sresnet.version())
        out = subprocess.run([sys.executable, "-m", "sresnet", "--version"], stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(out.decode().strip(), f"sresnet version {sresnet.version()}")

    def test_main_without_program(self):
        environment = dict(os.environ, SRESNET_BINARY=str(self.dir / "none"))
        done = subprocess.run([sys.executable, "-m", "sresnet"], env=environment, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"sresnet: hint: set it to the path", done.stderr)


@posix
class Followed(Case):
    """What the program says becomes values, warnings, exceptions and bars."""

    def says(self, script):
        text = '#!/bin/sh\n[ "$1" = --version ] && echo sresnet version v1 && exit\n' + textwrap.dedent(script)
        self.with_binary(self.script("program", text))
        any_version = mock.patch.object(_program, "PROGRAM", None)
        any_version.start()
        self.addCleanup(any_version.stop)

    def test_warning(self):
        self.says("echo '{}'; echo 'sresnet: warning: look out' >&2")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.assertEqual(_program.run(["eval"]), "{}\n")
        self.assertEqual([(str(w.message), w.category) for w in caught], [("look out", sresnet.ProgramWarning)])

    def test_error(self):
        self.says("printf 'sresnet: error: two nodes:\\n  one\\n  two\\nsresnet: hint: do this\\nsresnet: hint: or that\\n' >&2; exit 1")
        with self.assertRaises(sresnet.Error) as caught:
            _program.run(["eval", "x"])
        e = caught.exception
        self.assertEqual((e.sentence, e.hint, e.code), ("two nodes:\n  one\n  two", "do this\nor that", 1))
        self.assertEqual(e.command[1:], ["eval", "x"])
        self.assertEqual(str(e), "two nodes:\n  one\n  two\nhint: do this\nor that")

    def test_usage(self):
        self.says("echo 'sresnet: error: there is no option' >&2; exit 2")
        with self.assertRaisesRegex(sresnet.OptionError, "^there is no option$"):
            _program.run(["eval"])

    def test_crash(self):
        self.says("echo 'panic: oh' >&2; exit 2")
        with self.assertRaisesRegex(sresnet.Error, "ended with exit code 2: panic: oh"):
            _program.run(["eval"])
        self.says("kill -9 $$")
        with self.assertRaisesRegex(sresnet.Error, "(?s)ended with signal 9.*memory"):
            _program.run(["eval"])

    def test_nonsense(self):
        self.says("echo '[1]'")
        with self.assertRaisesRegex(sresnet.ProgramError, "no JSON object"):
            _program.parse(_program.run(["eval"]))

    def test_much(self):
        # More than pipes hold, on both.
        self.says("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; echo 'sresnet: warning: w 01234567890123456789' >&2; i=$((i+1)); done")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertEqual(len(_program.run(["eval"])), 3000 * 41)

    def test_bars(self):
        try:
            import tqdm.auto
        except ImportError:
            self.skipTest("there is no tqdm")
        self.says("""
            echo '{"progress":{"what":"calibrating","done":0,"of":0}}' >&2
            echo '{"progress":{"what":"calibrating","done":4,"of":10}}' >&2
            echo '{"progress":{"what":"simulating","done":5,"of":20}}' >&2
            echo '{"progress":{"what":"calibrating","done":4,"of":10}}' >&2
            echo '{"progress":{"what":"simulating","done":20,"of":20}}' >&2
        """)
        made = []

        class Bar(tqdm.std.tqdm):
            def __init__(self, *args, **kw):
                super().__init__(*args, **{**kw, "file": io.StringIO()})
                made.append(self)

        with mock.patch("tqdm.auto.tqdm", Bar):
            _program.run(["eval"], progress=True)
        self.assertEqual([(b.desc, b.n, b.total, b.disable) for b in made], [("simulating: ", 20, 20, True)])  # Closed.

    def test_no_bars(self):
        bars = _progress.Bars(False)
        self.assertTrue(bars.take('{"progress":{"what":"x","done":1,"of":2}}'))
        self.assertFalse(bars.take('{"progress":3}'))
        self.assertFalse(bars.take("sresnet: warning: x"))


@needs_torch
class Real(Case):
    """The program itself tells how far it is."""

    def test_progress(self):
        seen = []
        with mock.patch.object(_progress.Bars, "_show", lambda self, *now: seen.append(now)):
            sresnet.convert(small(), images(100), timesteps=4)
        self.assertIn("calibrating", [what for what, done, of in seen if done == of > 0])


class Options(Case):
    """Keywords become options."""

    def test_flags(self):
        got = _options.flags(
            {"v_init": 0.25, "T": 8, "refit": True, "match": None, "layers": ["a", "b*"], "plan": False,
             "normalize": ((0.5, 0.25), (1, 2.0)), "bits": 8, "device": Path("x.json")}
        )
        want = [
            "--v-init=0.25", "-T=8", "--refit", "--layers=a,b*", "--plan=false", "--normalize=0.5,0.25:1,2.0", "--bits=8",
            "--device=x.json",
        ]
        self.assertEqual(got, want)


@needs_torch
@posix
class Full(Case):
    """A disk without room: an exception, and no half-written file."""

    def test_arrays(self):
        text = f"""
            import resource, os, sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            import sresnet
            from support import images, small
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
            try:
                sresnet.convert(small(), images(200), folder={str(self.dir / "work")!r})
            except sresnet.Error as error:
                print(error)
            print(os.listdir({str(self.dir / "work")!r}))
        """
        out = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertRegex(out, r"(?s)cannot write .*calibration-.*hint: make room.*\n\[\]\n$")


class Written(unittest.TestCase):
    """The sources are fit for the oldest Python that they are for."""

    def test_old_python(self):
        import ast

        for path in sorted((ROOT / "python" / "sresnet").glob("*.py")):
            ast.parse(path.read_text(), str(path), feature_version=(3, 9))


if __name__ == "__main__":
    unittest.main()
