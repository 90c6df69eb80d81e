"""What the tests have in common: a small network, its images, programs that are wrong."""

import os
import shutil
import stat
import tempfile
import unittest
from pathlib import Path

import numpy as np

try:
    import torch
except ImportError:
    torch = None

ROOT = Path(__file__).resolve().parents[2]

needs_torch = unittest.skipIf(torch is None, "there is no PyTorch")

if torch is not None:

    class Block(torch.nn.Module):
        """A residual block."""

        def __init__(self, channels):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(channels, channels, 3, padding=1)
            self.bn1 = torch.nn.BatchNorm2d(channels)
            self.conv2 = torch.nn.Conv2d(channels, channels, 3, padding=1)
            self.relu = torch.nn.ReLU()

        def forward(self, x):
            y = self.relu(self.bn1(self.conv1(x)))
            return torch.nn.functional.relu(x + self.conv2(y))

    class Small(torch.nn.Module):
        """A small residual network for images of any size."""

        def __init__(self, channels=3):
            super().__init__()
            self.conv = torch.nn.Conv2d(channels, 8, 3, padding=1)
            self.layer1 = torch.nn.Sequential(Block(8), Block(8))
            self.fc = torch.nn.Linear(8, 10)

        def forward(self, x):
            x = self.layer1(torch.relu(self.conv(x)))
            return self.fc(x.mean((2, 3)))


def small(channels=3):
    """Return a network with fixed weights, in eval mode, that names every class now and then."""
    torch.manual_seed(1)
    model = Small(channels).eval()
    with torch.no_grad():
        scores = model(torch.as_tensor(images(200, seed=9, shape=(channels, 8, 8))))
        model.fc.weight /= scores.std(0)[:, None]
        model.fc.bias.copy_((model.fc.bias - scores.mean(0)) / scores.std(0))
    return model


def resnet20():
    """Return weights of a ResNet-20 for CIFAR, by the names of the common code."""
    torch.manual_seed(2)
    state = {}

    def layer(conv, bn, inputs, outputs):
        state[conv + ".weight"] = torch.randn(outputs, inputs, 3, 3) / (9 * inputs) ** 0.5
        for name, value in {"weight": 1.0, "bias": 0.1, "running_mean": 0.0, "running_var": 1.0}.items():
            state[f"{bn}.{name}"] = torch.full((outputs,), value)

    layer("conv1", "bn1", 3, 16)
    inputs = 16
    for stage, outputs in enumerate([16, 32, 64], 1):
        for block in range(3):
            name = f"layer{stage}.{block}."
            layer(name + "conv1", name + "bn1", inputs, outputs)
            layer(name + "conv2", name + "bn2", outputs, outputs)
            inputs = outputs
    state["linear.weight"], state["linear.bias"] = torch.randn(10, 64) / 8, torch.zeros(10)
    return state


def images(count, seed=0, shape=(3, 8, 8)):
    """Return images as floats from 0 to 1."""
    return np.random.default_rng(seed).random((count, *shape), dtype=np.float32)


def answers(model, x):
    """Return what the network says, as labels."""
    with torch.no_grad():
        return model(torch.as_tensor(x)).argmax(1).numpy()


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="sresnet-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def script(self, name, text):
        """Write a program."""
        path = self.dir / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def with_binary(self, path):
        """Let the package use a program."""
        before = os.environ.get("SRESNET_BINARY")
        os.environ["SRESNET_BINARY"] = str(path)

        def back():
            if before is None:
                del os.environ["SRESNET_BINARY"]
            else:
                os.environ["SRESNET_BINARY"] = before

        self.addCleanup(back)
