"""What the pages show does what they say."""

import contextlib
import io
import json
import os
import re
import unittest
import warnings

from support import ROOT, Case, answers, images, needs_torch, small

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
