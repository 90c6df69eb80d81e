"""Networks are converted, measured, recorded and written as by the command."""

import json
import os
import re
import subprocess
import unittest
import warnings

import numpy as np
from support import Case, answers, images, needs_torch, small, torch

import sresnet


def command(*arguments):
    """Run the program as a person does, and return what it prints."""
    return subprocess.run(
        [str(sresnet.program()), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    ).stdout


def timeless(text):
    """Return a result without the times that differ from run to run."""
    return re.sub(r'"(calibration_)?seconds":[^,]+,', "", text)


@needs_torch
class Same(Case):
    """What the package says is what the command says."""

    @classmethod
    def setUpClass(cls):
        cls.model = small()
        cls.calibration = images(100, seed=1)
        cls.x = images(60, seed=2)
        cls.y = answers(cls.model, cls.x)
        cls.net = sresnet.convert(cls.model, cls.calibration, timesteps=24, v_init=0.25)
        cls.addClassCleanup(cls.net.close)
        cls.result = cls.net.evaluate(cls.x, cls.y)

    def setUp(self):
        super().setUp()
        self.files = {"model": self.dir / "Small.onnx"}
        torch.onnx.export(self.model, torch.zeros(1, 3, 8, 8), str(self.files["model"]))
        for name, a in (("cal", self.calibration), ("x", self.x), ("y", self.y)):
            self.files[name] = self.dir / f"{name}.npy"
            np.save(self.files[name], a)
        self.flags = [
            self.files["model"], f"--calibrate=npy:{self.files['cal']}", "--timesteps", "24", "--v-init", "0.25",
        ]
        self.data = f"--data=npy:{self.files['x']},{self.files['y']}"

    def test_evaluate(self):
        want = command("eval", *self.flags, self.data, "--json").decode()
        self.assertEqual(timeless(self.result.json), timeless(want))
        kept = (self.result.folder / "result.json").read_text()
        self.assertEqual(kept, self.result.json)

    def test_values(self):
        r = self.result
        data = json.loads(r.json)
        self.assertEqual(data, r.data)
        self.assertEqual(list(r.accuracy), list(range(1, 25)))
        self.assertEqual(list(r.accuracy.values()), data["spiking_top1"])
        self.assertEqual(list(r.agreement.values()), data["agreement"])
        self.assertEqual((r.trained, r.timesteps, r.images), (1.0, 24, 60))
        self.assertEqual(r.recommended or 0, data["choice"]["recommended_t"])
        self.assertEqual(list(r.layers["layer"]), self.net.layers)
        self.assertEqual(list(r.predictions["label"]), list(self.y))
        self.assertIn("trained network: 100.00 %", repr(r))
        again = sresnet.Evaluation(r.json)
        self.assertEqual((again.accuracy, again.json), (r.accuracy, r.json))

    def test_options_of_one_evaluation(self):
        r = self.net.evaluate(self.x, self.y, timesteps=8, percentile=99, images=20)
        want = command(
            "eval", *self.flags[:2], self.data, "-T", 8, "--v-init=0.25", "--percentile=99", "--images=20", "--json"
        ).decode()
        self.assertEqual(timeless(r.json), timeless(want))

    def test_phased(self):
        r = self.net.evaluate(self.x, self.y, timesteps=8, schedule="phased", lambdas="channel")
        self.assertEqual(list(r.accuracy), [8])
        self.assertEqual(r.latency, r.data["latency"])
        self.assertIn(f"latency {r.latency}", repr(r))

    def test_diagnose(self):
        d = self.net.diagnose(self.x, self.y)
        want = command("diagnose", *self.flags, self.data, "--images=60", "--json").decode()
        self.assertEqual(d.json, want)
        self.assertEqual(d.verdict, [v["text"] for v in d.data["verdict"]])
        self.assertEqual(list(d.losses["points"]), [v["points"] for v in d.data["losses"]])
        self.assertIn(d.verdict[0], " ".join(repr(d).split()))
        self.assertLessEqual(max(map(len, repr(d).splitlines())), 80)

    def test_save(self):
        said = self.net.save(self.dir / "net.nir")
        self.flags[:2] = [self.net.model, f"--calibrate={self.net._calibrate}"]  # Their names are in the file.
        want = json.loads(command("convert", *self.flags, "-o", self.dir / "want.nir", "--json"))
        self.assertEqual({**said, "file": ""}, {**want, "file": ""})
        self.assertEqual((self.dir / "net.nir").read_bytes(), (self.dir / "want.nir").read_bytes())
        self.assertEqual(self.net.neurons, want["neurons"])
        self.net.save(self.dir / "generic.nir", target="generic")
        command("convert", *self.flags, "--target=generic", "-o", self.dir / "want.nir")
        self.assertEqual((self.dir / "generic.nir").read_bytes(), (self.dir / "want.nir").read_bytes())
        again = sresnet.load(self.dir / "net.nir").evaluate(self.x, self.y, timesteps=24)
        self.assertEqual(again.accuracy, self.result.accuracy)
        self.assertIsNone(again.trained)
        self.assertEqual(again.agreement, {})
        self.assertIn("spiking network", repr(again))

    def test_record(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # That there are no labels is no news.
            r = self.net.record(self.x[:7], layers=["layer1.0"], what=["spikes", "potentials"])
        nir = self.dir / "net.nir"
        self.net.save(nir)
        command(
            "record", nir, f"--data=npy:{self.files['x']}", "--images=7", "-T", "24",
            "--layers=layer1/layer1.0/*", "--what=spikes,potentials", "-o", self.dir / "want.npz",
        )
        want = np.load(self.dir / "want.npz")
        self.assertEqual(list(r), ["layer1/layer1.0/relu/Relu", "layer1/layer1.0/Relu"])
        for name in r:
            node = re.sub(r"\W", "_", name)
            self.assertEqual(r[name].shape, (7, 24, 8, 8, 8))
            for what, got in (("spikes", r.spikes[name]), ("potentials", r.potentials[name])):
                self.assertEqual(got.dtype, want[f"{node}.{what}"].dtype)
                np.testing.assert_array_equal(got.reshape(7, 24, -1), want[f"{node}.{what}"])
        np.testing.assert_array_equal(r["layer1.0"], r["layer1/layer1.0/Relu"])
        with self.assertRaisesRegex(sresnet.DataError, "currents were not recorded"):
            r.currents
        with self.assertRaisesRegex(KeyError, "layer2: there are layer1"):
            r["layer2"]
        out = self.net.record(self.x[:2], self.y[:2], layers="fc/*")
        self.assertEqual(out["fc/Gemm"].shape, (2, 24, 10))
        self.assertEqual(list(out.labels), list(self.y[:2]))
        with self.assertRaisesRegex(sresnet.OptionError, "layer9"):
            self.net.record(self.x[:2], layers=["layer9"])

    def test_report(self):
        page = self.net.report(self.dir / "page.html", self.result)
        self.assertIn("Small", page.read_text())
        other = self.net.evaluate(self.x, self.y, timesteps=4)
        sresnet.report(self.dir / "two.json", self.result, other.folder, format="json")
        self.assertEqual(len(json.loads((self.dir / "two.json").read_text())["runs"]), 2)

    def test_plot(self):
        try:
            import matplotlib
        except ImportError:
            self.skipTest("there is no matplotlib")
        matplotlib.use("Agg")
        ax = self.result.plot()
        line = ax.get_lines()[0]
        np.testing.assert_allclose(line.get_ydata(), [100 * v for v in self.result.accuracy.values()])
        ax.figure.savefig(self.dir / "plot.png")

    def test_kept(self):
        net = sresnet.convert(self.model, self.calibration, timesteps=8, folder=self.dir / "work")
        first = net.evaluate(self.x, self.y, out=self.dir / "run")
        again = sresnet.convert(self.model, self.calibration, timesteps=8, folder=self.dir / "work")
        second = again.evaluate(self.x, self.y, out=self.dir / "run")
        self.assertEqual(first.json, second.json)  # It was read, not computed: times are equal, too.
        net.close()
        self.assertTrue((self.dir / "work").is_dir())

    def test_folder_goes(self):
        with sresnet.convert(self.model, self.calibration, timesteps=4) as net:
            folder = net._folder.path
            self.assertTrue(folder.is_dir())
        self.assertFalse(folder.exists())

    def test_files(self):
        net = sresnet.convert(self.files["model"], self.calibration, timesteps=24, v_init=0.25)
        self.assertEqual(timeless(net.evaluate(self.x, self.y).json), timeless(self.result.json))
        torch.save({"conv.weight": torch.zeros(1)}, self.dir / "odd.pt")
        with self.assertRaises(sresnet.Error):
            sresnet.convert(self.dir / "odd.pt", self.calibration, arch="resnet20-cifar")

    def test_to_torch(self):
        targets = command("convert", "--help").decode()
        if not re.search(r"\btorch\b", targets):
            with self.assertRaisesRegex(sresnet.Error, "cannot write a module of PyTorch"):
                self.net.to_torch()
            return
        module = self.net.to_torch(self.dir / "made.py")
        with torch.no_grad():
            scores = module(torch.as_tensor(self.x))
        spiking = self.result.data["predictions"]["spiking_class"]
        same = sum(int(a == b) for a, b in zip(scores.argmax(1).tolist(), spiking))
        self.assertGreaterEqual(same, 58)  # Floats may be summed in another order.

    def test_verify(self):
        flags = [*self.flags, "--images", "2", "--json", f"--data=npy:{self.files['x']}"]
        said = json.loads(command("verify", *flags))
        self.assertEqual(self.net.verify(self.x, images=2), said)
        self.assertTrue(said["ok"] if "ok" in said else all(stage["ok"] for stage in said["stages"]), said)
        self.assertEqual(sresnet.inspect(self.files["model"]), json.loads(command("inspect", self.files["model"], "--json")))

    def test_verify_what_the_file_knows(self):
        """Options that verify lacks are in the file of the network."""
        for options in ({"compensation": "layer"}, {"compensation": "none"}):
            with sresnet.convert(self.model, self.calibration, timesteps=8, **options) as net:
                self.assertTrue(net.verify(self.x, images=1))

    def test_what_there_is_not(self):
        with self.assertRaisesRegex(sresnet.OptionError, "shared_lambda is for files"):
            sresnet.convert(self.model, self.calibration, shared_lambda=True)
        self.assertTrue(self.net.save(self.dir / "shared.nir", shared_lambda=True))
        with self.assertRaisesRegex(sresnet.ModelError, "a module of PyTorch is no file"):
            sresnet.inspect(self.model)
        with self.assertRaisesRegex(sresnet.ModelError, "there is no file none.onnx"):
            sresnet.inspect("none.onnx")
        with self.assertRaisesRegex(sresnet.Error, "abc is no module of Python"):
            self.net.to_torch(self.dir / "abc")
        self.assertFalse(list(self.dir.glob("abc*")))
        with self.assertRaisesRegex(sresnet.Error, "there is no such folder"):
            self.net.save(self.dir / "none" / "a.nir")
        closed = sresnet.convert(self.model, self.calibration, timesteps=8)
        closed.close()
        with self.assertRaisesRegex(sresnet.Error, "the network is closed"):
            closed.evaluate(self.x, self.y)

    def test_apply(self):
        if "--apply" not in command("convert", "--help").decode():
            with self.assertRaisesRegex(sresnet.Error, "cannot apply"):
                self.net.apply(self.net.diagnose(self.x, self.y))
            return
        x, y = images(400, seed=3), answers(self.model, images(400, seed=3))
        net = sresnet.convert(self.model, self.calibration, preset="paper", timesteps=6, v_init=0)
        before = net.evaluate(x, y)
        d = net.diagnose(x, y)
        self.assertTrue(d.advice, d)
        self.assertIs(net.apply(d), net)
        after = net.evaluate(x, y)
        self.assertGreater(list(after.accuracy.values())[-1], list(before.accuracy.values())[-1])
        self.assertTrue(net.verify(x, images=1))
        nothing = sresnet.Diagnosis(json.dumps({**d.data, "advice": None}))
        with self.assertRaisesRegex(sresnet.Error, "advises no change"):
            net.apply(nothing)


@needs_torch
class Inputs(Case):
    """Images, labels and networks of all kinds."""

    @classmethod
    def setUpClass(cls):
        cls.model = small()
        cls.calibration = images(100, seed=1)
        cls.x = images(40, seed=2)
        cls.y = answers(cls.model, cls.x)
        cls.net = sresnet.convert(cls.model, cls.calibration, timesteps=8)
        cls.addClassCleanup(cls.net.close)
        cls.want = cls.net.evaluate(cls.x, cls.y).accuracy

    def loader(self, x, y, size=16):
        parts = [torch.as_tensor(x)] + ([] if y is None else [torch.as_tensor(y)])
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*parts), batch_size=size)

    def test_forms(self):
        one_hot = np.eye(10, dtype=np.float32)[self.y]
        for x, y in (
            (torch.as_tensor(self.x), torch.as_tensor(self.y)),
            (self.x.transpose(0, 2, 3, 1), one_hot),
            (list(self.x), list(self.y)),
            (self.x, self.y[:, None]),
            (self.loader(self.x, self.y), None),
            (iter(self.loader(self.x, self.y)), None),
        ):
            self.assertEqual(self.net.evaluate(x, y).accuracy, self.want)

    def test_first_of_a_loader(self):
        r = self.net.evaluate(self.loader(self.x, self.y), images=20)
        self.assertEqual(r.json.count('"images":20'), self.net.evaluate(self.x, self.y, images=20).json.count('"images":20'))
        self.assertEqual(r.accuracy, self.net.evaluate(self.x, self.y, images=20).accuracy)

    def test_calibration(self):
        same = sresnet.convert(self.model, self.calibration[:50], timesteps=8, folder=self.dir / "work")
        loader = self.loader(self.calibration, None)
        few = sresnet.convert(self.model, loader, timesteps=8, calibration_images=50, folder=self.dir / "work")
        few.save(self.dir / "few.nir")
        same.save(self.dir / "same.nir")
        self.assertEqual((self.dir / "few.nir").read_bytes(), (self.dir / "same.nir").read_bytes())
        np.savez(self.dir / "cal.npz", images=self.calibration, labels=np.zeros(100, int))
        spec = sresnet.convert(self.model, f"npz:{self.dir / 'cal.npz'}", timesteps=8, calibration_images=50)
        self.assertEqual(spec.evaluate(self.x, self.y).accuracy, same.evaluate(self.x, self.y).accuracy)

    def test_vectors(self):
        mlp = torch.nn.Sequential(torch.nn.Linear(192, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)).eval()
        flat = self.x.reshape(40, 192)
        net = sresnet.convert(mlp, self.calibration.reshape(100, 192), timesteps=8, input=(192,))
        self.assertEqual(net.evaluate(flat, answers(mlp, flat)).trained, 1.0)
        with self.assertRaisesRegex(sresnet.ModelError, "(?s)does not take images of 3x8x8.*input="):
            sresnet.convert(mlp, self.calibration)

    def test_normalize(self):
        mean, std = np.float32([0.4, 0.5, 0.6]), np.float32([0.2, 0.25, 0.3])
        own = (self.x - mean[:, None, None]) / std[:, None, None]
        calibration = (self.calibration - mean[:, None, None]) / std[:, None, None]
        y = answers(self.model, own)
        told = sresnet.convert(self.model, self.calibration, timesteps=8, normalize=(mean, std))
        done = sresnet.convert(self.model, calibration, timesteps=8)
        self.assertEqual(told.evaluate(self.x, y).trained, 1.0)
        self.assertEqual(done.evaluate(own, y).trained, 1.0)

    def test_bad_images(self):
        convert, x, y = self.net.evaluate, self.x, self.y
        for sentence, work in (
            ("40 images", lambda: convert(x, y[:3])),
            ("there are no labels", lambda: convert(x)),
            ("there are no images", lambda: convert(x[:0], y[:0])),
            ("shape \\(3,\\)", lambda: convert(x[0, 0, 0, :3], y[:3])),
            ("an array of <U3", lambda: convert(np.array(["abc"] * 4), y[:4])),
            ("no array|an array of object", lambda: convert([x[0], x[0][:, :4]], y[:2])),
            ("labels beside a SPEC", lambda: convert("mnist", y)),
            ("labels beside a loader", lambda: convert(self.loader(x, y), y)),
            ("(?s)images one by one.*DataLoader", lambda: convert(self.loader(x, y).dataset)),
            ("takes images of 3x8x8|3x8x8", lambda: convert(images(5, shape=(3, 10, 9)).astype("float64")[:, :1], y[:5])),
            ("the test images", lambda: convert(self.calibration, np.zeros(100, int))),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(sresnet.Error, sentence) as caught:
                work()
            self.assertTrue(caught.exception.hint, sentence)

    def test_bad_values(self):
        """What the program finds in arrays is said of them, not of files."""
        nan = self.x.copy()
        nan[2, 0, 0, 0] = float("nan")
        for found, x, y in (
            ("the images: image 2 has a pixel NaN", nan, self.y),
            ("Small.onnx takes images of 3x8x8, but those of the images are 3x9x9", images(40, shape=(3, 9, 9)), self.y),
            ("^the labels of the images: image 0: label [0-9.]+ is not a class number", self.x, self.y + 0.5),
            ("the labels of the images: image 0: label -1 is out of range", self.x, 0 * self.y - 1),
            ("image 0 of the images has label 99", self.x, 0 * self.y + 99),
        ):
            with self.subTest(found), self.assertRaisesRegex(sresnet.DataError, found) as caught:
                self.net.evaluate(x, y)
            self.assertNotIn(".npy", str(caught.exception))
        calibration = self.calibration.copy()
        calibration[7] = float("inf")
        with self.assertRaisesRegex(sresnet.DataError, "^the calibration images: image 7 has a pixel"):
            sresnet.convert(self.model, calibration)

    def test_bad_loaders(self):
        class Broken:
            batch_size = 4

            def __init__(self, batches, says, fails=False):
                self.batches, self.says, self.fails = batches, says, fails

            def __len__(self):
                return self.says

            def __iter__(self):
                yield from self.batches
                if self.fails:
                    raise OSError("disk gone")

        x, y = self.x[:4], self.y[:4]
        for sentence, loader in (
            ("ended after 2 of its 3 batches", Broken([(x, y)] * 2, 3)),
            ("failed after 1 batches: disk gone", Broken([(x, y)], 3, True)),
            ("gives no images", Broken([], 0)),
            ("batch 2 of the loader has images of", Broken([(x, y), (x[:, :, :5], y)], 2)),
            ("not as many labels", Broken([(x, y), (x, y[:2])], 2)),
            ("not as many labels", Broken([(x, y), (x,)], 2)),
            ("has 3 parts", Broken([(x, y, y)], 1)),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(sresnet.DataError, sentence):
                self.net.evaluate(loader)

    def test_bad_models(self):
        class Odd(torch.nn.Module):
            def forward(self, x):
                return torch.fft.rfft(x).real.sum((2, 3))

        class Curved(torch.nn.Module):
            def forward(self, x):
                return torch.nn.functional.gelu(x).mean((2, 3)) @ torch.ones(3, 4)

        for sentence, model in (
            ("(?s)training mode.*eval", small().train()),
            ("(?s)Odd cannot be exported.*torch.onnx.export", Odd().eval()),
            ("(?s)node .Erf.*hint: ", Curved().eval()),
            ("no file nix.onnx", "nix.onnx"),
            ("(?s)spiking network already.*load", "net.nir"),
            ("a network is a int", 3),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(sresnet.ModelError, sentence):
                sresnet.convert(model, self.calibration)
        with self.assertRaisesRegex(sresnet.ModelError, "no file"):
            sresnet.load(self.dir / "nix.nir")

    def test_bad_options(self):
        for sentence, work in (
            ("there is no option --timestep", lambda: self.net.evaluate(self.x, self.y, timestep=3)),
            ("--timesteps", lambda: self.net.evaluate(self.x, self.y, timesteps="many")),
            ("--timesteps", lambda: self.net.evaluate(self.x, self.y, timesteps=0)),
            ("few-steps", lambda: self.net.evaluate(self.x, self.y, preset="fewsteps")),
            ("data is no keyword", lambda: self.net.evaluate(self.x, self.y, data="mnist")),
            ("normalize is <object", lambda: sresnet.convert(self.model, self.calibration, normalize=object())),
            ("percentile is <object", lambda: self.net.evaluate(self.x, self.y, percentile=object())),
            ("calibration_images is 0", lambda: sresnet.convert(self.model, self.calibration, calibration_images=0)),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(sresnet.OptionError, sentence):
                work()

    def test_nothing_is_left(self):
        before = set(os.listdir(os.environ.get("TMPDIR", "/tmp")))
        with self.assertRaises(sresnet.Error):
            sresnet.convert(self.model, self.calibration, percentile=-1)
        with self.assertRaises(sresnet.Error):
            self.net.save(self.dir / "missing" / "net.nir")
        with self.assertRaises(sresnet.Error):
            self.net.save(self.dir)
        self.assertEqual(os.listdir(self.dir), [])
        left = set(os.listdir(os.environ.get("TMPDIR", "/tmp"))) - before
        self.assertEqual({name for name in left if name.startswith("sresnet-") and "test" not in name}, set())


if __name__ == "__main__":
    unittest.main()
