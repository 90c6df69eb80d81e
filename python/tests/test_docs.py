"""What the pages show does what they say."""

import contextlib
import io
import json
import os
import re
import shutil
import unittest
import warnings
from pathlib import Path
from unittest import mock

from support import ROOT, Case, answers, images, needs_torch, resnet20, small

import sresnet

DOCS = ROOT / "docs"


class Page(Case):
    """docs/python.md and docs/notebook.ipynb, run from an empty folder."""

    def setUp(self):
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.dir)
        with contextlib.suppress(ImportError):
            import matplotlib

            matplotlib.use("Agg")
        self.namespace = {"__name__": "page"}

    def work(self, code, name):
        """Run code and return what it prints."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            exec(compile(code, name, "exec"), self.namespace)
        return out.getvalue()

    @needs_torch
    def test_page(self):
        text = (DOCS / "python.md").read_text()
        blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
        self.assertGreater(len(blocks), 5)
        model, x = small(), images(200, seed=2)
        self.namespace.update(model=model, train_images=images(600, seed=1), x=x, y=answers(model, x))
        printed = "".join(self.work(block, f"python.md, block {i}") for i, block in enumerate(blocks, 1))
        self.assertIn("there is no option --timestep; did you mean --timesteps?\n", printed)
        self.assertRegex(printed, r"\{16: [01]\.\d+\}")
        self.assertIn("layer1/layer1.0/Relu (10, ", printed)
        for name in ("net.nir", "report.html", "work/first/result.json"):
            self.assertTrue((self.dir / name).is_file(), name)

    @needs_torch
    def test_pages(self):
        """What pages about single topics show beside commands."""
        import torch

        model, x = small(), images(200, seed=3)
        names = {"model": model, "train_images": images(300, seed=1), "x": x, "y": answers(model, x), "sresnet": sresnet}
        torch.save(resnet20(), "checkpoint.pth")
        shutil.copy(ROOT / "models" / "resnet8_mnist.onnx", ".")
        Path("my-chip.json").write_text('{"name": "my chip", "source": "here", "pj_per_mac": 3.1, "pj_per_ac": 1.5}')
        shown = 0
        for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
            blocks = re.findall(r"^(?:In Python:|    go run ./tools/wheels && .*)\n\n```python\n(.*?)^```", page.read_text(), re.M | re.S)
            for i, block in enumerate(blocks, 1):
                with self.subTest(f"{page.name}, block {i}"), sresnet.convert(
                    model, names["train_images"], preset="paper", timesteps=6, v_init=0
                ) as net, mock.patch.object(sresnet, "get_model", lambda name: name):
                    self.namespace = {"__name__": "page", "net": net, **names}
                    if page.name == "frameworks.md":
                        self.namespace["train_images"] = images(100, seed=1, shape=(3, 32, 32))
                    self.work(block, f"{page.name}, block {i}")
                    shown += 1
        self.assertGreater(shown, 20)
        for name in ("net.py", "resnet20.py", "both.html", "runs.csv", "leaky.nir", "runs/a/result.json"):
            self.assertTrue(Path(name).is_file(), name)

    @needs_torch
    def test_notebook(self):
        if not os.path.isdir(os.environ.get("MNIST", "mnist")):
            self.skipTest("MNIST names no folder with the files of MNIST")
        for package in ("matplotlib", "pandas"):
            try:
                __import__(package)
            except ImportError:
                self.skipTest(f"there is no {package}")
        notebook = json.loads((DOCS / "notebook.ipynb").read_text())
        cells = [c for c in notebook["cells"] if c["cell_type"] == "code"]
        printed = "".join(self.work("".join(c["source"]), f"cell {i}") for i, c in enumerate(cells, 1))
        kept = "".join("".join(o.get("text", "")) for c in cells for o in c["outputs"])
        self.assertEqual(re.sub(r"[\d.,]+", "N", printed), re.sub(r"[\d.,]+", "N", kept))  # But for numbers.
        ns = self.namespace
        self.assertGreater(ns["result"].trained, 0.9)
        self.assertGreater(ns["result"].accuracy[64], ns["result"].trained - 0.02)
        self.assertGreater(ns["few_result"].accuracy[8], ns["result"].trained - 0.02)
        self.assertEqual(ns["again"].accuracy, ns["few_result"].accuracy)
        self.assertGreater(ns["after"].accuracy[6], ns["result"].accuracy[6] + 0.02)
        self.assertGreater(ns["same"].mean(), 0.97)
        self.assertGreater(ns["d"].losses["points"].sum(), 1)
        self.assertTrue((self.dir / "digits.html").is_file())

    def test_notebook_has_outputs(self):
        notebook = json.loads((DOCS / "notebook.ipynb").read_text())
        code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
        self.assertEqual([c["execution_count"] for c in code], list(range(1, len(code) + 1)))
        self.assertEqual([o for c in code for o in c["outputs"] if o["output_type"] == "error"], [])
        self.assertEqual(sum("image/png" in o.get("data", {}) for c in code for o in c["outputs"]), 2)


if __name__ == "__main__":
    unittest.main()
