#!/usr/bin/env python3
"""Train the ResNet-8 for MNIST that the demo converts, and export it as ONNX.

The network is the CIFAR form of a residual network with depth 6n+2, n = 1:
three stages of 16, 32 and 64 channels with one basic block each, global average
pool and a classifier. The first shortcut is the identity, the other two are
projections (1x1 convolution and batch norm). A ReLU follows every sum.

Input: pixel / 255, then (x - 0.1307) / 0.3081. Output: 10 logits.
"""

import argparse
import gzip
import os
import random
import struct
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MEAN, STD = 0.1307, 0.3081
MAX_SHIFT = 2  # Pixels a training image is moved, at most, along each axis.


def read_idx(folder, name):
    """Return an idx file of unsigned bytes, compressed or not, as an array."""
    path = os.path.join(folder, name)
    if os.path.exists(path + ".gz"):
        with gzip.open(path + ".gz") as f:
            data = f.read()
    else:
        with open(path, "rb") as f:
            data = f.read()
    if data[:3] != b"\0\0\x08":
        raise SystemExit(f"{path}: not an idx file of unsigned bytes")
    shape = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def read_split(folder, prefix):
    images = torch.from_numpy(read_idx(folder, prefix + "-images-idx3-ubyte").copy())
    labels = torch.from_numpy(read_idx(folder, prefix + "-labels-idx1-ubyte").astype(np.int64))
    return images, labels


def normalise(pixels):
    """Bytes (N, 28, 28) to the network's input (N, 1, 28, 28)."""
    return ((pixels.float() / 255 - MEAN) / STD).unsqueeze(1)


def shift(pixels, generator):
    """Move every image by its own whole number of pixels; black comes in."""
    n, h, w = pixels.shape
    padded = F.pad(pixels, [MAX_SHIFT] * 4)
    dy, dx = torch.randint(0, 2 * MAX_SHIFT + 1, (2, n, 1), generator=generator)
    rows = (dy + torch.arange(h)).unsqueeze(2)
    cols = (dx + torch.arange(w)).unsqueeze(1)
    return padded[torch.arange(n).view(n, 1, 1), rows, cols]


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, with a ReLU after the sum."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.shortcut = None  # The identity.
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential()
            self.shortcut.add_module("conv", nn.Conv2d(c_in, c_out, 1, stride, bias=False))
            self.shortcut.add_module("bn", nn.BatchNorm2d(c_out))
        self.relu2 = nn.ReLU()

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet8(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.block1 = Block(16, 16, 1)
        self.block2 = Block(16, 32, 2)
        self.block3 = Block(32, 64, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(64, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.relu(self.bn(self.conv(x)))
        x = self.block3(self.block2(self.block1(x)))
        return self.classifier(torch.flatten(self.pool(x), 1))


def train(model, images, labels, o):
    generator = torch.Generator().manual_seed(o.seed)
    steps = len(images) // o.batch
    # Weight decay holds for weights only: batch norm and biases stay free.
    decay = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    sgd = torch.optim.SGD(
        [{"params": decay, "weight_decay": 5e-4}, {"params": free, "weight_decay": 0}],
        lr=o.lr, momentum=0.9, nesterov=True,
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        sgd, max_lr=o.lr, total_steps=o.epochs * steps, pct_start=0.25, cycle_momentum=False
    )
    model.train()
    for epoch in range(o.epochs):
        start, total = time.time(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for i in range(steps):
            pick = order[i * o.batch : (i + 1) * o.batch]
            x = normalise(shift(images[pick], generator))
            loss = F.cross_entropy(model(x), labels[pick])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            cycle.step()
            total += loss.item()
        print(f"epoch {epoch + 1:2d}/{o.epochs}: loss {total / steps:.4f}, {time.time() - start:.0f} s", flush=True)


def correct(model, images, labels):
    """Return how many images the model classifies rightly."""
    model.eval()
    right = 0
    with torch.no_grad():
        for i in range(0, len(images), 500):
            y = model(normalise(images[i : i + 500]))
            right += int((y.argmax(1) == labels[i : i + 500]).sum())
    return right


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--data", required=True, metavar="DIR", help="folder of the four MNIST idx files, .gz or not")
    p.add_argument("--out", default="models/resnet8_mnist.onnx", metavar="FILE")
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.1, help="highest learning rate of the one cycle")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2, help="the sums, and so the weights, depend on it")
    o = p.parse_args()

    random.seed(o.seed)
    np.random.seed(o.seed)
    torch.manual_seed(o.seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(o.threads)

    start = time.time()
    model = ResNet8()
    train(model, *read_split(o.data, "train"), o)
    images, labels = read_split(o.data, "t10k")
    right = correct(model, images, labels)
    print(f"{right} of {len(images)} test images right ({100 * right / len(images):.2f} %), "
          f"{time.time() - start:.0f} s, torch {torch.__version__}, {o.threads} threads")

    # In eval mode the exporter folds batch norm into the convolutions.
    torch.onnx.export(
        model, torch.zeros(1, 1, 28, 28), o.out, opset_version=13,
        input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
    print(f"{o.out}: {os.path.getsize(o.out)} bytes")


if __name__ == "__main__":
    main()
