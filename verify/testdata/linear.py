"""Writes a small network of each family in which values stay linear between layers, or
are rectified with a slope.

    python3 linear.py FOLDER

FOLDER gets what families.py writes. Batch norms have statistics like those of training,
moved at random.
"""

import json
import os
import sys
import warnings

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
torch.manual_seed(1)
torch.set_num_threads(1)
folder = sys.argv[1]
families = []


def settle(m, shape):
    for x in m.modules():
        if isinstance(x, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(x.weight, 0.5, 1.5)
            nn.init.normal_(x.bias, 0, 0.3)
            x.momentum = None
        elif isinstance(x, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(x.weight)
            if isinstance(x, nn.Linear):
                nn.init.constant_(x.bias, 2)  # Some class is positive.
        elif isinstance(x, nn.PReLU):
            nn.init.uniform_(x.weight, -0.2, 0.6)
    with torch.no_grad():
        m.train()(torch.randn(64, *shape))
    for x in m.modules():
        if isinstance(x, (nn.BatchNorm1d, nn.BatchNorm2d)):
            x.running_mean += 0.1 * torch.randn_like(x.running_mean)
            x.running_var *= torch.empty_like(x.running_var).uniform_(0.7, 1.4)
    return m.eval()


def export(name, m, shape=(3, 12, 12)):
    settle(m, shape)
    x = torch.randn(4, *shape)
    with torch.no_grad():
        y = m(x)
    torch.onnx.export(m, x[:1], os.path.join(folder, name + ".onnx"), opset_version=13)
    np.concatenate([x.flatten(1).numpy(), y.numpy()], 1).astype("<f4").tofile(os.path.join(folder, name + ".f32"))
    families.append({"Name": name, "Images": len(x), "Input": x[0].numel(), "Output": y[0].numel()})


def conv(i, o, k=3, s=1, g=1, bias=False):
    return nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=bias)


def normed(i, o, k=3, s=1, g=1, act=None):
    parts = [conv(i, o, k, s, g), nn.BatchNorm2d(o)]
    return nn.Sequential(*parts, act) if act else nn.Sequential(*parts)


def head(c, classes=5):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes)]


class Residual(nn.Module):
    """act(inner(x) + shortcut(x)), without act a linear bottleneck."""

    def __init__(self, inner, shortcut=None, act=None):
        super().__init__()
        self.inner, self.shortcut, self.act = inner, shortcut or nn.Identity(), act or nn.Identity()

    def forward(self, x):
        return self.act(self.inner(x) + self.shortcut(x))


class PreActivation(nn.Module):
    """inner(act(bn(x))) + shortcut of x, or of act(bn(x)) for a convolution."""

    def __init__(self, i, inner, shortcut=None, act=nn.ReLU):
        super().__init__()
        self.bn, self.act, self.inner, self.shortcut = nn.BatchNorm2d(i), act(), inner, shortcut or nn.Identity()

    def forward(self, x):
        h = self.act(self.bn(x))
        return self.inner(h) + self.shortcut(h if isinstance(self.shortcut, nn.Conv2d) else x)


class OptionA(nn.Module):
    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))


def pre(i, o, s=1, act=nn.ReLU, shortcut=None):
    return PreActivation(i, nn.Sequential(normed(i, o, 3, s, act=act()), conv(o, o)), shortcut, act)


def bottleneck(i, m, o, first=1, s=1, act=nn.ReLU):
    inner = nn.Sequential(normed(i, m, 1, first, act=act()), normed(m, m, 3, s, act=act()), normed(m, o, 1))
    return Residual(inner, normed(i, o, 1, first * s) if i != o or first * s > 1 else None, act())


def pre_bottleneck(i, m, o, s=1, shortcut=None):
    return PreActivation(i, nn.Sequential(normed(i, m, 1, act=nn.ReLU()), normed(m, m, 3, s, act=nn.ReLU()), conv(m, o, 1)), shortcut)


def inverted(i, o, t, s=1, k=3, act=nn.ReLU6):
    inner = nn.Sequential(normed(i, t * i, 1, act=act()), normed(t * i, t * i, k, s, t * i, act=act()), normed(t * i, o, 1))
    return Residual(inner) if i == o and s == 1 else inner


def end(c):
    return [nn.BatchNorm2d(c), nn.ReLU(), *head(c)]


def leaky(slope=0.1):
    return lambda: nn.LeakyReLU(slope)


export("preact", nn.Sequential(conv(3, 6), *[pre(6, 6) for _ in range(3)], pre(6, 8, 2, shortcut=conv(6, 8, 1, 2)), pre(8, 8), *end(8)))
export("preact_projection_of_stream", nn.Sequential(conv(3, 6), pre(6, 6), pre(6, 8, 2, shortcut=normed(6, 8, 1, 2)), *end(8)))
export("preact_option_a", nn.Sequential(conv(3, 4), pre(4, 4), pre(4, 8, 2, shortcut=OptionA()), pre(8, 8), *end(8)))
export("preact_leaky", nn.Sequential(conv(3, 6), *[pre(6, 6, act=leaky()) for _ in range(2)], *end(6)))
export("preact_bottleneck", nn.Sequential(conv(3, 8), nn.MaxPool2d(3, 2, 1), pre_bottleneck(8, 4, 16, shortcut=conv(8, 16, 1)), pre_bottleneck(16, 4, 16),
       pre_bottleneck(16, 4, 16), *end(16)))
export("preact_strides_last", nn.Sequential(conv(3, 8), pre_bottleneck(8, 4, 16, shortcut=conv(8, 16, 1)), pre_bottleneck(16, 4, 16),
       pre_bottleneck(16, 4, 16, 2, shortcut=nn.MaxPool2d(1, 2)), pre_bottleneck(16, 4, 16), *end(16)))
export("mobilenet_v2", nn.Sequential(normed(3, 8, 3, 2, act=nn.ReLU6()), normed(8, 8, 3, 1, 8, act=nn.ReLU6()), normed(8, 4, 1), inverted(4, 6, 6, 2), inverted(6, 6, 6),
       inverted(6, 6, 6), inverted(6, 8, 6), normed(8, 24, 1, act=nn.ReLU6()), *head(24)))
export("mnasnet", nn.Sequential(normed(3, 8, 3, 2, act=nn.ReLU()), normed(8, 8, 3, 1, 8, act=nn.ReLU()), normed(8, 4, 1), inverted(4, 6, 3, 2, 5, nn.ReLU), inverted(6, 6, 3, 1, 5, nn.ReLU),
       normed(6, 20, 1, act=nn.ReLU()), *head(20)))
export("separable", nn.Sequential(normed(3, 8, act=nn.ReLU()), conv(8, 8, 3, 1, 8), normed(8, 12, 1, act=nn.ReLU()), normed(12, 12, 3, 2, 12), normed(12, 16, 1, act=nn.ReLU()), *head(16)))
export("bottleneck", nn.Sequential(normed(3, 8, act=nn.ReLU()), bottleneck(8, 4, 16), bottleneck(16, 4, 16), bottleneck(16, 6, 24, 1, 2), *head(24)))
export("bottleneck_stride_first", nn.Sequential(normed(3, 8, act=nn.ReLU()), bottleneck(8, 4, 16), bottleneck(16, 6, 24, 2), *head(24)))
export("bottleneck_leaky", nn.Sequential(normed(3, 8, act=nn.LeakyReLU(0.2)), bottleneck(8, 4, 16, act=leaky(0.2)), bottleneck(16, 4, 16, act=leaky(0.2)), *head(16)))
export("darknet", nn.Sequential(normed(3, 6, act=nn.LeakyReLU(0.1)), nn.MaxPool2d(2), normed(6, 8, act=nn.LeakyReLU(0.1)), normed(8, 4, 1, act=nn.LeakyReLU(0.1)), nn.MaxPool2d(2),
       normed(4, 8, act=nn.LeakyReLU(0.1)), nn.Conv2d(8, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
export("darknet_residual", nn.Sequential(normed(3, 6, act=nn.LeakyReLU(0.1)), normed(6, 8, 3, 2, act=nn.LeakyReLU(0.1)),
       *[Residual(nn.Sequential(normed(8, 4, 1, act=nn.LeakyReLU(0.1)), normed(4, 8, act=nn.LeakyReLU(0.1)))) for _ in range(2)], *head(8)))
export("leaky_stem", nn.Sequential(normed(3, 6, act=nn.LeakyReLU(0.1)), nn.MaxPool2d(3, 2, 1), normed(6, 8, act=nn.LeakyReLU(0.1)), *head(8)))
export("max_pool_of_sum", nn.Sequential(normed(3, 6, act=nn.ReLU()), Residual(conv(6, 6, bias=True)), nn.MaxPool2d(2), conv(6, 8, bias=True), nn.ReLU(), *head(8)))
export("prelu_one", nn.Sequential(normed(3, 6, act=nn.PReLU()), Residual(normed(6, 6), act=nn.PReLU()), *head(6)))
export("prelu_channels", nn.Sequential(normed(3, 6, act=nn.PReLU(6)), Residual(normed(6, 6), act=nn.PReLU(6)), nn.AvgPool2d(2), conv(6, 6), nn.PReLU(6), *head(6)))
export("prelu_vector", nn.Sequential(conv(3, 4, 3, 2), nn.PReLU(4), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 12), nn.PReLU(12), nn.Linear(12, 10), nn.BatchNorm1d(10), nn.PReLU(10), nn.Linear(10, 5)))
export("prelu_positions", nn.Sequential(conv(3, 4, 3, 4), nn.Flatten(), nn.PReLU(36), nn.Linear(36, 5)))
export("rrelu", nn.Sequential(normed(3, 6, act=nn.RReLU()), Residual(normed(6, 6), act=nn.RReLU()), nn.Flatten(), nn.Linear(864, 5)))

with open(os.path.join(folder, "families.json"), "w") as f:
    json.dump(families, f)
