#!/usr/bin/env python3
"""Train one of the networks in models/ for MNIST, and export it as ONNX.

resnet8, which the demo converts, is the CIFAR form of a residual network with
depth 6n+2, n = 1: three stages of 16, 32 and 64 channels with one basic block
each, global average pool and a classifier. The first shortcut is the identity,
the other two are projections (1x1 convolution and batch norm). A ReLU follows
every sum.

The others are small ones of the families that have values without a ReLU, or
branches side by side. All begin with a convolution of stride 2.

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
LOGITS = 100  # Test images whose logits are kept.


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
    """Two 3x3 convolutions and a shortcut, with an activation after the sum."""

    def __init__(self, c_in, c_out, stride, activation=nn.ReLU):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu1 = activation()
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.shortcut = None  # The identity.
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential()
            self.shortcut.add_module("conv", nn.Conv2d(c_in, c_out, 1, stride, bias=False))
            self.shortcut.add_module("bn", nn.BatchNorm2d(c_out))
        self.relu2 = activation()

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
        initialise(self)

    def forward(self, x):
        x = self.relu(self.bn(self.conv(x)))
        x = self.block3(self.block2(self.block1(x)))
        return self.classifier(torch.flatten(self.pool(x), 1))


def initialise(model):
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")


class Small(nn.Module):
    """A body of layers, global average pool and a classifier."""

    def __init__(self, channels, *layers):
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, 10)
        initialise(self)

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.body(x)), 1))


def conv(c_in, c_out, size, stride=1, groups=1):
    return nn.Conv2d(c_in, c_out, size, stride, size // 2, groups=groups, bias=False)


class PreBlock(nn.Module):
    """A block of a pre-activation ResNet: no ReLU after the sum.

    Identity shortcuts take the stream itself, projections what its first batch
    norm and ReLU make of it.
    """

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.bn1, self.relu1 = nn.BatchNorm2d(c_in), nn.ReLU()
        self.conv1 = conv(c_in, c_out, 3, stride)
        self.bn2, self.relu2 = nn.BatchNorm2d(c_out), nn.ReLU()
        self.conv2 = conv(c_out, c_out, 3)
        self.shortcut = None  # The identity.
        if stride != 1 or c_in != c_out:
            self.shortcut = conv(c_in, c_out, 1, stride)

    def forward(self, x):
        y = self.relu1(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        return shortcut + self.conv2(self.relu2(self.bn2(self.conv1(y))))


def preact():
    return Small(
        24, conv(1, 12, 3, 2),
        PreBlock(12, 12, 1), PreBlock(12, 12, 1), PreBlock(12, 12, 1),
        PreBlock(12, 24, 2), PreBlock(24, 24, 1),
        nn.BatchNorm2d(24), nn.ReLU(),
    )


def norm6(c_in, c_out, size, stride=1, groups=1):
    return [conv(c_in, c_out, size, stride, groups), nn.BatchNorm2d(c_out), nn.ReLU6()]


class Inverted(nn.Module):
    """An inverted residual block: wide in the middle, linear at both ends."""

    def __init__(self, c_in, c_out, stride, expand):
        super().__init__()
        wide = expand * c_in
        self.body = nn.Sequential(
            *(norm6(c_in, wide, 1) if expand > 1 else []),
            *norm6(wide, wide, 3, stride, groups=wide),
            conv(wide, c_out, 1), nn.BatchNorm2d(c_out),
        )
        self.identity = stride == 1 and c_in == c_out

    def forward(self, x):
        return x + self.body(x) if self.identity else self.body(x)


def mobilenetv2():
    return Small(
        64, *norm6(1, 16, 3, 2),
        Inverted(16, 12, 1, 1), Inverted(12, 12, 1, 4),
        Inverted(12, 20, 2, 4), Inverted(20, 20, 1, 4), Inverted(20, 20, 1, 4),
        *norm6(20, 64, 1),
    )


class DenseLayer(nn.Module):
    """Adds channels beside those that it takes."""

    def __init__(self, c_in, growth):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(c_in), nn.ReLU(), conv(c_in, 4 * growth, 1),
            nn.BatchNorm2d(4 * growth), nn.ReLU(), conv(4 * growth, growth, 3),
        )

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def densenet():
    return Small(
        36, conv(1, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU(),
        DenseLayer(16, 8), DenseLayer(24, 8), DenseLayer(32, 8),
        nn.BatchNorm2d(40), nn.ReLU(), conv(40, 20, 1), nn.AvgPool2d(2),
        DenseLayer(20, 8), DenseLayer(28, 8),
        nn.BatchNorm2d(36), nn.ReLU(),
    )


def leaky():
    def activation():
        return nn.LeakyReLU(0.1)

    return Small(
        24, conv(1, 12, 3, 2), nn.BatchNorm2d(12), activation(),
        Block(12, 12, 1, activation), Block(12, 24, 2, activation), Block(24, 24, 1, activation),
    )


NETS = {"resnet8": ResNet8, "preact": preact, "mobilenetv2": mobilenetv2, "densenet": densenet, "leaky": leaky}


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
    p.add_argument("--net", choices=NETS, default="resnet8")
    p.add_argument("--out", metavar="FILE", help="default: models/NET_mnist.onnx")
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.1, help="highest learning rate of the one cycle")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2, help="the sums, and so the weights, depend on it")
    o = p.parse_args()
    out = o.out or f"models/{o.net}_mnist.onnx"

    random.seed(o.seed)
    np.random.seed(o.seed)
    torch.manual_seed(o.seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(o.threads)

    start = time.time()
    model = NETS[o.net]()
    train(model, *read_split(o.data, "train"), o)
    images, labels = read_split(o.data, "t10k")
    right = correct(model, images, labels)
    print(f"{right} of {len(images)} test images right ({100 * right / len(images):.2f} %), "
          f"{sum(w.numel() for w in model.parameters())} parameters, "
          f"{time.time() - start:.0f} s, torch {torch.__version__}, {o.threads} threads")

    # In eval mode the exporter folds batch norm into the convolutions.
    torch.onnx.export(
        model, torch.zeros(1, 1, 28, 28), out, opset_version=13,
        input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
    print(f"{out}: {os.path.getsize(out)} bytes")

    # What a test of the import compares with: little-endian float32.
    with torch.no_grad():
        logits = model(normalise(images[:LOGITS]))
    logits.numpy().astype("<f4").tofile(os.path.splitext(out)[0] + ".logits.f32")


if __name__ == "__main__":
    main()
