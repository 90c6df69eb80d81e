"""Writes ONNX models with an image and the output that PyTorch computes for it.

    python3 judge.py FOLDER

FOLDER gets, for every case, NAME.onnx and NAME.f32 (the image, then the output,
little-endian floats), and cases.json, which says how long these are and, for
every node whose output shape onnx.shape_inference finds, that shape. Files with
activations that are rounded have the output without that, then the one with it.
"""
import json
import os
import sys
import warnings

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

warnings.filterwarnings("ignore")
folder = sys.argv[1]
cases = []


def finish(name, model, x, y, rounded=None):
    x, y = np.ascontiguousarray(x, "<f4"), np.ascontiguousarray(y, "<f4")
    rounded = b"" if rounded is None else np.ascontiguousarray(rounded, "<f4").tobytes()
    shapes = {}
    # Nodes with channels last have them first in the graph; and this onnx counts
    # a window that lies wholly in the padding, which PyTorch and later versions drop.
    skip = name.startswith(("there_and_back", "maxceilpad"))
    try:
        inferred = onnx.shape_inference.infer_shapes(model)
        known = {}
        for v in list(inferred.graph.value_info) + list(inferred.graph.output):
            dims = [d.dim_value for d in v.type.tensor_type.shape.dim]
            if len(dims) in (2, 4) and all(d > 0 for d in dims[1:]):
                known[v.name] = dims[1:]
        for n in model.graph.node:
            if n.output[0] in known and n.name and not skip:
                shapes[n.name.lstrip("/")] = known[n.output[0]]
    except Exception:  # This onnx does not know the operator set.
        pass
    with open(os.path.join(folder, name + ".f32"), "wb") as f:
        f.write(x.tobytes() + y.tobytes() + rounded)
    cases.append({"name": name, "input": x.size, "output": y.size, "shapes": shapes})


# Part 1: what torch.onnx.export writes.

class Lambda(nn.Module):
    def __init__(self, f, **parts):
        super().__init__()
        for k, v in parts.items():
            setattr(self, k, v)
        self.f = f

    def forward(self, x):
        return self.f(self, x)


def conv(i, o, k=3, **kw):
    kw.setdefault("padding", k // 2)
    return nn.Conv2d(i, o, k, **kw)


class Block(nn.Module):
    """A residual block that halves the image, with an option-A shortcut."""

    def __init__(self, shortcut):
        super().__init__()
        self.conv1, self.bn1 = conv(4, 8, stride=2, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = conv(8, 8, bias=False), nn.BatchNorm2d(8)
        self.shortcut = shortcut

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def zeros_like(x):
    s = x[:, :, ::2, ::2]
    z = torch.zeros(s.size(0), 2, s.size(2), s.size(3))
    return torch.cat((z, s, z), 1)


shortcuts = {
    "pad": lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2), "constant", 0),
    "cat": lambda x: torch.cat((x[:, :, ::2, ::2], x[:, :, ::2, ::2] * 0), 1),
    "mul": lambda x: torch.cat((x[:, :, ::2, ::2], torch.zeros_like(x[:, :, ::2, ::2])), 1),
    "sub": lambda x: torch.cat((x[:, :, ::2, ::2], x[:, :, ::2, ::2].mul(0)), 1),
    "new": zeros_like,
    "pool": lambda x: F.pad(F.avg_pool2d(x, 1, 2), (0, 0, 0, 0, 2, 2)),
}

heads = {
    "view": lambda m, x: m.fc(F.avg_pool2d(x, int(x.size(3))).view(x.size(0), -1)),
    "flatten": lambda m, x: m.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)),
    "mean": lambda m, x: m.fc(x.mean([2, 3])),
    "meankeep": lambda m, x: m.fc(x.mean([2, 3], keepdim=True).squeeze(3).squeeze(2)),
    "meanmean": lambda m, x: m.fc(x.mean(3).mean(2)),
    "meanflat": lambda m, x: m.fc(x.view(x.size(0), x.size(1), -1).mean(2)),
    "reshape": lambda m, x: m.fc(F.adaptive_avg_pool2d(x, 1).reshape(-1, 8)),
    "dropout": lambda m, x: m.fc(F.dropout(x.mean([2, 3]), 0.5, m.training)),
    "matmul": lambda m, x: torch.matmul(x.mean([2, 3]), m.w) + m.b,
    "matmul3": lambda m, x: (m.fc(x.mean([2, 3]).unsqueeze(1)) * 2).squeeze(1),
    "nobias": lambda m, x: m.nobias(x.mean([2, 3])),
    "softmax": lambda m, x: F.softmax(m.fc(x.mean([2, 3])), 1),
    "logsoftmax": lambda m, x: F.log_softmax(m.fc(x.mean([2, 3])), -1),
    "conv": lambda m, x: m.last(F.adaptive_avg_pool2d(x, 1)).flatten(1),
    "bn1d": lambda m, x: m.fc(F.relu(m.bn(x.mean([2, 3])))),
    "big": lambda m, x: m.big(F.relu(F.avg_pool2d(x, 2)).flatten(1)),
}

bodies = {
    "groups": (lambda m, x: m.c(x), dict(c=conv(4, 8, groups=2))),
    "depthwise": (lambda m, x: m.c(x), dict(c=conv(4, 8, groups=4))),
    "dilation": (lambda m, x: m.c(x), dict(c=conv(4, 8, dilation=2, padding=2))),
    "rect": (lambda m, x: m.c(x), dict(c=nn.Conv2d(4, 8, (3, 5), (2, 1), (0, 2)))),
    "same": (lambda m, x: m.c(x), dict(c=nn.Conv2d(4, 8, 4, padding="same"))),
    "asymmetric": (lambda m, x: m.c(F.pad(x, (0, 1, 2, 1))), dict(c=nn.Conv2d(4, 8, 3, 2))),
    "relu6": (lambda m, x: F.relu6(m.c(x) * 9), dict(c=conv(4, 8))),
    "clip": (lambda m, x: torch.clamp(m.c(x), 0, 0.5), dict(c=conv(4, 8))),
    "clamp": (lambda m, x: torch.clamp(m.c(x), min=0), dict(c=conv(4, 8))),
    "maxpool": (lambda m, x: F.max_pool2d(F.relu(m.c(x)), 3, 2, 1), dict(c=conv(4, 8))),
    "maxceil": (lambda m, x: F.max_pool2d(m.c(x), 3, 2, ceil_mode=True), dict(c=conv(4, 8))),
    "maxceilpad": (lambda m, x: F.max_pool2d(m.c(x), 2, 3, 1, ceil_mode=True), dict(c=conv(4, 8))),
    "maxpadded": (lambda m, x: F.max_pool2d(F.pad(F.relu(m.c(x)), (1, 0, 1, 1)), 3, 2), dict(c=conv(4, 8))),
    "maxpaddednegative": (lambda m, x: F.max_pool2d(F.pad(m.c(x) - 1, (1, 0, 1, 1)), 3, 2), dict(c=conv(4, 8))),
    "maxdilated": (lambda m, x: F.max_pool2d(m.c(x), 3, 1, 1, dilation=2), dict(c=conv(4, 8))),
    "avgpool": (lambda m, x: F.avg_pool2d(m.c(x), 3, 2, 1), dict(c=conv(4, 8))),
    "avgnocount": (lambda m, x: F.avg_pool2d(m.c(x), 3, 2, 1, count_include_pad=False), dict(c=conv(4, 8))),
    "avgceil": (lambda m, x: F.avg_pool2d(m.c(x), 2, 2, ceil_mode=True), dict(c=conv(4, 8))),
    "avgceilpad": (lambda m, x: F.avg_pool2d(m.c(x), 3, 2, 1, ceil_mode=True), dict(c=conv(4, 8))),
    "avgceilnocount": (lambda m, x: F.avg_pool2d(m.c(x), 4, 3, 1, ceil_mode=True, count_include_pad=False), dict(c=conv(4, 8))),
    "avgceilcount": (lambda m, x: F.avg_pool2d(m.c(x), 4, 3, 1, ceil_mode=True), dict(c=conv(4, 8))),
    "normalized": (lambda m, x: m.c((x - m.mean) / m.std), dict(
        c=conv(4, 8), mean=nn.Parameter(torch.rand(1, 4, 1, 1)), std=nn.Parameter(torch.rand(1, 4, 1, 1) + 0.5))),
    "scalars": (lambda m, x: m.c(1 - x * 2) + 0.25, dict(c=conv(4, 8))),
    "channels_last": (lambda m, x: m.c(x.permute(0, 3, 1, 2)), dict(c=conv(4, 8))),
    "there_and_back": (lambda m, x: F.relu(m.c(x).permute(0, 2, 3, 1) * m.s).permute(0, 3, 1, 2), dict(
        c=conv(4, 8), s=nn.Parameter(torch.rand(8)))),
    "twice": (lambda m, x: (lambda y: y + y)(m.c(x)), dict(c=conv(4, 8))),
}
# Operator sets that cannot say it.
least = {"maxceil": 10, "maxceilpad": 10, "maxdilated": 10, "avgceil": 10, "avgceilpad": 10, "avgceilnocount": 10,
         "avgceilcount": 10, "same": 9}


def export(name, m, shape, opset, **kw):
    torch.manual_seed(len(cases))
    for b in m.modules():
        if isinstance(b, (nn.BatchNorm1d, nn.BatchNorm2d)):
            b.running_mean.uniform_(-0.2, 0.2)
            b.running_var.uniform_(0.5, 2)
            b.weight.data.uniform_(0.5, 2)
            b.bias.data.uniform_(-0.5, 0.5)
    m.eval()
    x = torch.randn(shape)
    path = os.path.join(folder, name + ".onnx")
    kw.setdefault("dynamic_axes", {"input": {0: "batch"}})
    with torch.no_grad():
        try:
            torch.onnx.export(m, x, path, opset_version=opset, input_names=["input"], output_names=["output"], **kw)
        except Exception as e:  # Old operator sets cannot say everything.
            print("not exported:", name, type(e).__name__)
            return
        m.eval()  # Exporting in training mode has moved the running statistics.
        y = m(x)
    if name.startswith("channels_last"):
        x = x.permute(0, 3, 1, 2)  # The image is handed over with channels first.
    finish(name, onnx.load(path), x.numpy(), y.numpy())


def with_head(f, parts, head):
    return Lambda(
        lambda m, x: heads[head](m, F.relu(m.body(x))),
        body=Lambda(f, **parts), fc=nn.Linear(8, 5), nobias=nn.Linear(8, 5, bias=False), last=nn.Conv2d(8, 5, 1),
        bn=nn.BatchNorm1d(8), big=nn.Linear(8 * 4 * 4, 5),
        w=nn.Parameter(torch.randn(8, 5)), b=nn.Parameter(torch.randn(5)))


torch.manual_seed(1)
for opset in (7, 9, 11, 13, 16):
    for k, (f, parts) in bodies.items():
        if opset < least.get(k, 7):
            continue
        size = (1, 9, 10, 4) if k == "channels_last" else (1, 4, 9, 10)
        export(f"{k}_{opset}", with_head(f, parts, "flatten"), size, opset)
    for k in heads:
        export(f"head_{k}_{opset}", with_head(lambda m, x: m.c(x), dict(c=conv(4, 8)), k), (1, 4, 8, 8), opset,
               **({"dynamic_axes": None} if opset == 11 else {}))
    for k, s in shortcuts.items():
        if k == "new" and opset < 9:
            continue
        body = Lambda(lambda m, x: m.b(x), b=Block(s))
        export(f"shortcut_{k}_{opset}", with_head(lambda m, x: m.b(x), dict(b=body), "view"), (1, 4, 8, 8), opset,
               do_constant_folding=opset != 13,
               training=torch.onnx.TrainingMode.PRESERVE if opset < 13 else torch.onnx.TrainingMode.TRAINING
               if opset == 16 else torch.onnx.TrainingMode.EVAL)

# Part 2: what other exporters write, node by node.

rng = np.random.default_rng(1)


def array(*shape):
    return rng.standard_normal(shape).astype("f4")


def model(name, nodes, inits, x, y, opset, ir=8, **save):
    g = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *x.shape[1:]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", *y.shape[1:]])],
        [t if isinstance(t, TensorProto) else numpy_helper.from_array(t, k) for k, t in inits.items()])
    m = helper.make_model(g, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    finish(name, m, np.asarray(x), np.asarray(y))
    onnx.save_model(m, os.path.join(folder, name + ".onnx"), **save)


T = torch.from_numpy


def same(n, k, s, d, upper):
    total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
    a = total // 2
    return (a, total - a) if upper else (total - a, a)


for h, w, k, s, d in ((7, 8, 3, 2, 1), (8, 7, 2, 1, 1), (9, 10, 3, 3, 1), (6, 6, 4, 1, 1), (11, 10, 3, 1, 2), (5, 5, 1, 2, 1)):
    for auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        x, wt = array(1, 3, h, w), array(4, 3, k, k)
        p = T(x)
        if auto != "VALID":
            up = auto == "SAME_UPPER"
            p = F.pad(p, (*same(w, k, s, d, up), *same(h, k, s, d, up)))
        y = F.conv2d(p, T(wt), stride=s, dilation=d).numpy()
        n = helper.make_node("Conv", ["x", "w"], ["y"], "c", auto_pad=auto, strides=[s, s], dilations=[d, d])
        model(f"auto_{auto}_{h}{w}{k}{s}{d}", [n], {"w": wt}, x, y, 13)
        if d > 1:
            continue
        big = T(x)
        ones = torch.ones_like(big)
        if auto != "VALID":
            pads = (*same(w, k, s, d, up), *same(h, k, s, d, up))
            big, ones = F.pad(big, pads), F.pad(ones, pads)
        sums, count = F.avg_pool2d(big, k, s), F.avg_pool2d(ones, k, s)
        n = helper.make_node("AveragePool", ["x"], ["y"], "c", auto_pad=auto, strides=[s, s], kernel_shape=[k, k])
        model(f"autoavg_{auto}_{h}{w}{k}{s}", [n], {}, x, (sums / count).numpy(), 11)
        n = helper.make_node("AveragePool", ["x"], ["y"], "c", auto_pad=auto, strides=[s, s], kernel_shape=[k, k],
                             count_include_pad=1)
        model(f"autoavgcount_{auto}_{h}{w}{k}{s}", [n], {}, x, sums.numpy(), 11)

x, wt, b = array(1, 3, 5, 6), array(3, 4), array(4)
mean = x.mean((2, 3))
axes = np.array([2, -1], "i8")
y = (0.5 * mean @ wt + 2 * b).astype("f4")
gemm = helper.make_node("Gemm", ["f", "w", "b"], ["y"], "g", alpha=0.5, beta=2.0)
model("mean_input_18", [helper.make_node("ReduceMean", ["x", "axes"], ["f"], "m", keepdims=0), gemm],
      {"axes": axes, "w": wt, "b": b}, x, y, 18)
model("mean_input_21", [
    helper.make_node("ReduceMean", ["x", "axes"], ["m"], "m"),
    helper.make_node("Squeeze", ["m", "axes"], ["f"], "s"), gemm],
    {"axes": axes, "w": wt, "b": b.reshape(1, 4)}, x, y, 21, ir=10)
f = np.maximum(x, 0)
model("pad_18", [
    helper.make_node("Pad", ["x", "pads", "", "axes"], ["y"], "p")],
    {"pads": np.array([1, 2, 0, 1], "i8"), "axes": axes}, x, np.pad(x, ((0, 0), (0, 0), (1, 0), (2, 1))), 18)
model("sum_3", [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("Sum", ["x", "r", "x"], ["y"])], {}, x, 2 * x + f, 8)
model("scalar_clip_13", [helper.make_node("Clip", ["x", "", "hi"], ["a"], "a"), helper.make_node("Clip", ["x", "lo"], ["y"], "c")],
      {"lo": np.float32(0), "hi": np.float32(3)}, x, f, 13)

# The same weight in every type of data.
wt = np.round(array(4, 3, 3, 3) * 8) / 8
y = F.conv2d(T(x), T(wt)).numpy()
c = helper.make_node("Conv", ["x", "w"], ["y"], "c")
for kind in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"):
    t = getattr(TensorProto, kind)
    nodes = [helper.make_node("Cast", ["h"], ["w"], to=1), c]
    if kind == "BFLOAT16":
        bits = (wt.view("u4") >> 16).astype("<u2")
        raw = helper.make_tensor("h", t, wt.shape, bits.tobytes(), raw=True)
        typed = TensorProto(name="h", data_type=t, dims=wt.shape)
        typed.int32_data.extend(bits.ravel().tolist())
    else:
        kind_of = {"FLOAT": "f4", "DOUBLE": "f8", "FLOAT16": "f2"}[kind]
        raw = numpy_helper.from_array(wt.astype(kind_of), "h")
        typed = helper.make_tensor("h", t, wt.shape, wt.astype(kind_of).ravel().tolist())
        if kind == "FLOAT16":
            assert len(typed.int32_data) == wt.size
    model("raw_" + kind, nodes, {"h": raw}, x, y, 13)
    model("typed_" + kind, nodes, {"h": typed}, x, y, 13)
model("external", [c], {"w": wt}, x, y, 13, save_as_external_data=True, location="external.bin", size_threshold=0)
os.makedirs(os.path.join(folder, "sub"), exist_ok=True)

# Constants that are computed.
i8 = lambda *v: np.array(v, "i8")
folded = np.flip(wt, 2)[:, :, ::-1, :].transpose(0, 1, 3, 2)
model("computed_weight", [
    helper.make_node("Slice", ["w", "m1", "min", "two", "m1"], ["a"]),  # Turns axis 2 around ...
    helper.make_node("Slice", ["a", "m1", "min", "two", "m1"], ["b"]),  # ... and back.
    helper.make_node("Transpose", ["b"], ["t"], perm=[0, 1, 3, 2]),
    helper.make_node("Mul", ["t", "scale"], ["u"]),
    helper.make_node("Div", ["u", "scale"], ["v"]),
    helper.make_node("Range", ["zero", "four", "one"], ["order"]),
    helper.make_node("Gather", ["v", "order"], ["k"], axis=0),
    helper.make_node("Conv", ["x", "k"], ["y"], "c")],
    {"w": wt, "m1": i8(-1), "min": i8(-2**63), "two": i8(2), "scale": np.full((4, 1, 1, 1), 4, "f4"),
     "zero": np.int64(0), "four": np.int64(4), "one": np.int64(1)},
    x, F.conv2d(T(x), T(np.ascontiguousarray(folded))).numpy(), 13)

# Part 3: quantised networks, as PyTorch exports them.


class Quantize(nn.Module):
    """A pair around an activation. Its bounds stay when it does not round; those of
    images and logits do not."""
    rounds = True

    def __init__(self, scale, zero, signed=False, end=False, reduced=False):
        super().__init__()
        self.scale, self.zero, self.end = scale, zero, end
        self.least, self.most = (-128, 127) if signed else (0, 127 if reduced else 255)

    def forward(self, x):
        if Quantize.rounds:
            return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero, self.least, self.most)
        if self.end:
            return x
        return torch.clamp(x, (self.least - self.zero) * self.scale, (self.most - self.zero) * self.scale)


class Weights(nn.Module):
    """A layer whose weights are rounded, with a scale for each channel or one for all."""

    def __init__(self, layer, each=True):
        super().__init__()
        self.layer = layer
        w = layer.weight.detach()
        if each:
            self.scale = nn.Parameter(w.flatten(1).abs().amax(1) / 127, requires_grad=False)
        else:
            self.scale = float(w.abs().max() / 127)
        self.each = each

    def forward(self, x):
        w, l = self.layer.weight, self.layer
        if self.each:
            zero = torch.zeros(len(self.scale), dtype=torch.int32)
            w = torch.fake_quantize_per_channel_affine(w, self.scale, zero, 0, -128, 127)
        else:
            w = torch.fake_quantize_per_tensor_affine(w, self.scale, 0, -128, 127)
        if isinstance(l, nn.Linear):
            return F.linear(x, w, l.bias)
        return F.conv2d(x, w, l.bias, l.stride, l.padding)


class Quantized(nn.Module):
    """A residual network. Its ReLUs stand before their pairs, behind, or are only the bounds of these.

    With "reduced" half of the range is used, as on processors that would overflow."""

    def __init__(self, relu, signed, each, scale):
        super().__init__()
        self.relu = relu
        zero = -128 if signed else 0  # Of what is never negative.
        half = 0 if signed else 128
        self.image = Quantize(0.03, half, signed, end=True)
        self.c1, self.c2, self.c3 = (Weights(conv(i, 8), each) for i in (4, 8, 8))
        self.fc = Weights(nn.Linear(8, 5), each)
        reduced = relu == "reduced" and not signed
        self.a1, self.a3, self.a4 = (Quantize(scale, zero, signed, reduced=reduced) for _ in range(3))
        self.before = Quantize(scale, half, signed)
        self.a2 = Quantize(scale / 4, half, signed)  # Narrow enough to cut.
        self.logits = Quantize(0.02, half, signed, end=True)

    def act(self, pair, x):
        if self.relu == "before":
            return F.relu(self.before(x))
        return pair(x if self.relu == "alone" else F.relu(x))

    def forward(self, x):
        x = self.act(self.a1, self.c1(self.image(x)))
        x = self.act(self.a3, x + self.a2(self.c2(x)))
        x = self.a4(F.max_pool2d(x, 2))
        x = self.act(self.a1, self.c3(x))
        x = self.a4(F.adaptive_avg_pool2d(x, 1)).flatten(1)
        return self.logits(self.fc(x))


for opset in (13, 16):
    for k, (relu, signed, each) in enumerate(
            (r, s, e) for r in ("behind", "before", "alone", "reduced") for s in (False, True) for e in (False, True)):
        torch.manual_seed(k)
        m = Quantized(relu, signed, each, 0.004 + 0.002 * (k % 3)).eval()
        x, name = torch.rand(1, 4, 8, 8) * 4 - 2, f"quantized_{relu}_{'int8' if signed else 'uint8'}_{'each' if each else 'all'}_{opset}"
        path = os.path.join(folder, name + ".onnx")
        with torch.no_grad():
            torch.onnx.export(m, x, path, opset_version=opset, input_names=["input"], output_names=["output"])
            rounded = m(x)
            Quantize.rounds = False
            y = m(x)
            Quantize.rounds = True
        finish(name, onnx.load(path), x.numpy(), y.numpy(), rounded.numpy())

with open(os.path.join(folder, "cases.json"), "w") as out:
    json.dump(cases, out)
