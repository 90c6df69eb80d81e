"""Writes a small network of each family that joins, takes or shuffles channels.

    python3 families.py FOLDER

FOLDER gets, for every network, NAME.onnx and NAME.f32 (for each of some images the
image, then PyTorch's output; little-endian floats), and families.json, which lists
name, number of images and the lengths.
"""
import json
import os
import sys
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
torch.manual_seed(1)
folder = sys.argv[1]
families = []


def cbr(i, o, k=3, s=1, g=1, relu=True):
    parts = [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*parts, nn.ReLU()) if relu else nn.Sequential(*parts)


class Net(nn.Module):
    """A stem of 12 channels, the body, and a classifier behind a global mean."""

    def __init__(self, body, width, stem=12):
        super().__init__()
        self.stem, self.body, self.fc = cbr(3, stem, 3, 2), body, nn.Linear(width, 5)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean([2, 3]))


class Dense(nn.Module):
    def __init__(self, width, growth, layers):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width + i * growth), nn.ReLU(), nn.Conv2d(width + i * growth, 8, 1, bias=False),
                          nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, growth, 3, 1, 1, bias=False)) for i in range(layers))

    def forward(self, x):
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


def transition(i, o):
    return nn.Sequential(nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, 1, bias=False), nn.AvgPool2d(2))


class Fire(nn.Module):
    def __init__(self, i, squeeze, expand):
        super().__init__()
        self.s, self.a, self.b = nn.Conv2d(i, squeeze, 1), nn.Conv2d(squeeze, expand, 1), nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.s(x))
        return torch.cat([F.relu(self.a(x)), F.relu(self.b(x))], 1)


class Inception(nn.Module):
    def __init__(self, i):
        super().__init__()
        self.a, self.b, self.c = cbr(i, 4, 1), nn.Sequential(cbr(i, 3, 1), cbr(3, 5, 3)), nn.Sequential(cbr(i, 2, 1), cbr(2, 3, 5))
        self.d = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), cbr(i, 3, 1))
        self.e = nn.AvgPool2d(3, 1, 1)

    def forward(self, x):
        return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x), self.e(x)], 1)


def shuffled(x, groups, how):
    n, c, h, w = x.shape
    if how == "view":
        return x.view(n, groups, c // groups, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
    if how == "flatten":
        return x.reshape(n, groups, c // groups, h * w).permute(0, 2, 1, 3).reshape(n, c, h, w)
    if how == "stack":
        return torch.stack(x.chunk(groups, 1), 2).flatten(1, 2)
    return x[:, torch.arange(c).view(groups, -1).t().flatten()]


class ShuffleV2(nn.Module):
    def __init__(self, i, o, stride, how):
        super().__init__()
        self.stride, self.how, half = stride, how, o // 2
        j = i if stride > 1 else i // 2
        self.a = nn.Sequential(cbr(i, i, 3, stride, i, relu=False), cbr(i, half, 1)) if stride > 1 else nn.Identity()
        self.b = nn.Sequential(cbr(j, half, 1), cbr(half, half, 3, stride, half, relu=False), cbr(half, half, 1))

    def forward(self, x):
        if self.stride == 1:
            if self.how == "stack":
                left, right = torch.split(x, [x.shape[1] // 2, x.shape[1] // 2], 1)
            else:
                left, right = x.chunk(2, dim=1)
        else:
            left = right = x
        return shuffled(torch.cat([self.a(left), self.b(right)], 1), 2, self.how)


class ByBatch(nn.Module):
    """The shuffle of ShuffleNet V2 through the batch, which gives both halves."""

    def __init__(self, width):
        super().__init__()
        half = width // 2
        self.b = nn.Sequential(cbr(half, half, 1), cbr(half, half, 3, 1, half, relu=False), cbr(half, half, 1))

    def forward(self, x):
        n, c, h, w = x.shape
        x = x.reshape(n * c // 2, 2, h * w).permute(1, 0, 2).reshape(2, -1, c // 2, h, w)
        return torch.cat([x[0], self.b(x[1])], 1)


class ShuffleV1(nn.Module):
    def __init__(self, i, o, groups, stride, how, mid=None):
        super().__init__()
        mid = mid or o // 2
        self.groups, self.stride, self.how = groups, stride, how
        self.a, self.b = cbr(i, mid, 1, 1, groups), cbr(mid, mid, 3, stride, mid, relu=False)
        self.c, self.pool = cbr(mid, o - i if stride > 1 else o, 1, 1, groups, relu=False), nn.AvgPool2d(3, 2, 1)

    def forward(self, x):
        y = self.c(self.b(shuffled(self.a(x), self.groups, self.how)))
        return F.relu(torch.cat([self.pool(x), y], 1) if self.stride > 1 else x + y)


class UNet(nn.Module):
    """What contracts, with features of all sizes in front of the classifier."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Sequential(cbr(3, 6), cbr(6, 6)), nn.Sequential(cbr(6, 8), cbr(8, 8)), cbr(8, 10)
        self.d, self.fc = cbr(10 + 8 + 6, 8), nn.Linear(8 + 8 + 6, 5)

    def forward(self, x):
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        c = self.c(F.max_pool2d(b, 2))
        d = self.d(torch.cat([c, F.max_pool2d(b, 2), F.avg_pool2d(a, 4)], 1))
        return self.fc(torch.cat([F.adaptive_avg_pool2d(v, 1).flatten(1) for v in (d, b, a)], -1))


class Res2(nn.Module):
    def __init__(self, i, width, scale):
        super().__init__()
        self.width = width
        self.a, self.c = cbr(i, width * scale, 1), cbr(width * scale, i, 1, relu=False)
        self.b = nn.ModuleList(cbr(width, width) for _ in range(scale - 1))

    def forward(self, x):
        parts = torch.split(self.a(x), self.width, 1)
        z, out = None, []
        for part, b in zip(parts, self.b):
            z = b(part if z is None else z + part)
            out.append(z)
        return F.relu(self.c(torch.cat(out + [parts[-1]], 1)) + x)


class Branches(nn.Module):
    """Two networks side by side, one with a hidden layer, and two heads."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(cbr(3, 4, 3, 2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 12), nn.ReLU())
        self.b = nn.Sequential(cbr(3, 6, 5, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.one, self.two = nn.Linear(36, 2), nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        v = torch.cat((self.a(x), self.b(x)), dim=-1)
        return torch.cat((self.one(v), self.two(v[:, 20:32])), 1)


class Again(nn.Module):
    """The image beside features, a value beside itself, and sums of what is joined."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = cbr(3, 5), cbr(8, 8), nn.Conv2d(16, 8, 3, 2, 1)
        self.d, self.fc = nn.Conv2d(16, 8, 1), nn.Linear(16, 5)

    def forward(self, x):
        y = torch.cat([x, self.a(x)], 1)
        z = self.b(y)
        z = F.relu(torch.cat([z, z], -3))
        z = F.relu(self.c(z) + self.d(z)[:, :, ::2, ::2])
        z = torch.cat([torch.cat([z, z[:, 2:6]], 1), z[:, [7, 0, 3, 3]]], 1)
        return self.fc(F.relu(z).mean([2, 3]))


def export(name, m, opset=13, dynamic=False):
    for x in m.modules():
        if isinstance(x, nn.BatchNorm2d):
            x.running_mean.uniform_(-0.2, 0.2)
            x.running_var.uniform_(0.5, 1.5)
            x.weight.data.uniform_(0.5, 1.5)
            x.bias.data.uniform_(-0.2, 0.4)
        if isinstance(x, nn.Conv2d):
            nn.init.kaiming_uniform_(x.weight, nonlinearity="relu")
        if isinstance(x, nn.Linear):
            x.bias.data.uniform_(0.3, 0.6)  # Outputs that never fire have no scale.
    m.eval()
    images = torch.randn(3, 3, 16, 16)
    axes = {"x": {0: "batch"}, "y": {0: "batch"}} if dynamic else None
    with torch.no_grad():
        torch.onnx.export(m, images[:1], os.path.join(folder, name + ".onnx"), opset_version=opset, input_names=["x"],
                          output_names=["y"], dynamic_axes=axes)
        with open(os.path.join(folder, name + ".f32"), "wb") as f:
            for x in images.split(1):
                y = m(x)
                f.write(x.numpy().tobytes() + y.numpy().tobytes())
    families.append({"name": name, "images": len(images), "input": images[0].numel(), "output": y.numel()})


dense = nn.Sequential(Dense(12, 4, 3), transition(24, 12), Dense(12, 4, 2), nn.BatchNorm2d(20), nn.ReLU())
export("densenet", Net(dense, 20))
export("squeezenet", Net(nn.Sequential(Fire(12, 4, 6), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(12, 4, 8)), 16), 11)
export("inception", Net(nn.Sequential(Inception(12), Inception(27)), 42))
for how in ("view", "flatten", "stack", "index"):
    for dynamic in (False, True):
        units = nn.Sequential(ShuffleV2(12, 24, 2, how), ShuffleV2(24, 24, 1, how), ShuffleV2(24, 24, 1, how), cbr(24, 20, 1))
        export("shufflenet_v2_" + how + ("_dynamic" if dynamic else ""), Net(units, 20), 11 if dynamic else 13, dynamic)
export("shufflenet_v2_batch", Net(nn.Sequential(ByBatch(12), ByBatch(12)), 12))
for groups, how in ((2, "view"), (3, "flatten"), (4, "index")):
    units = nn.Sequential(ShuffleV1(12, 36, groups, 2, how, 12), ShuffleV1(36, 36, groups, 1, how, 36), ShuffleV1(36, 36, groups, 1, how, 12))
    export(f"shufflenet_v1_{groups}", Net(units, 36), dynamic=groups == 3)
export("unet", UNet())
export("res2net", Net(nn.Sequential(Res2(12, 4, 4), Res2(12, 5, 3)), 12))
export("res2net_11", Net(Res2(12, 4, 4), 12), 11, True)
export("branches", Branches())
export("again", Again())

with open(os.path.join(folder, "families.json"), "w") as f:
    json.dump(families, f)
