"""Computes ONNX graphs with PyTorch, one after the other, for judge_test.go.

    python3 judge.py

Reads from standard input, for each graph: the length of the file, its bytes, the
number of values asked for, their names, the number of elements of the input, and the
elements (lengths as little-endian int64 before every name, numbers as float64). Writes
for each value its number of elements and the elements, or -1 and a message.

It follows the files alone: operators, attributes and operator sets as onnx.ai has them,
by PyTorch's functions wherever there is one.
"""
import struct
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

torch.set_num_threads(1)
FLOAT = torch.float64


def read(n):
    b = sys.stdin.buffer.read(n)
    if len(b) < n:
        sys.exit()
    return b


def number():
    return struct.unpack("<q", read(8))[0]


def tensor(t):
    a = torch.from_numpy(numpy_helper.to_array(t).copy())
    return a.to(FLOAT) if a.dtype.is_floating_point else a


def kind(to):
    return {1: FLOAT, 11: FLOAT, 6: torch.int32, 7: torch.int64, 9: torch.bool}[to]


def listed(n, i, name):
    """Numbers that are an attribute in older operator sets and an input in newer ones."""
    if name in n.a:
        return list(n.a[name])
    return n.x[i].tolist() if len(n.x) > i and n.x[i] is not None else None


def padded(x, n, kernel, fill):
    """x with the padding of a window around it, and the window: stride, dilation."""
    stride = n.a.get("strides", [1, 1])
    dilation = n.a.get("dilations", [1, 1])
    pads = list(n.a.get("pads", [0, 0, 0, 0]))
    auto = n.a.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        for i in range(2):
            size = x.shape[2 + i]
            out = -(-size // stride[i])
            total = max(0, (out - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 - size)
            less = total // 2
            pads[i], pads[2 + i] = (less, total - less) if auto == "SAME_UPPER" else (total - less, less)
    y = F.pad(x, [pads[1], pads[3], pads[0], pads[2]], value=fill)
    return y, pads, stride, dilation


def conv(n):
    x, w = n.x[0], n.x[1]
    b = n.x[2] if len(n.x) > 2 else None
    y, _, stride, dilation = padded(x, n, w.shape[2:], 0.0)
    return F.conv2d(y, w, b, tuple(stride), 0, tuple(dilation), n.a.get("group", 1))


def pool(n):
    x, kernel = n.x[0], n.a["kernel_shape"]
    most = n.op == "MaxPool"
    ceil = bool(n.a.get("ceil_mode", 0))
    count = bool(n.a.get("count_include_pad", 0))
    _, pads, stride, dilation = padded(x, n, kernel, 0.0)
    even = pads[:2] == pads[2:] and all(2 * p <= k for p, k in zip(pads, kernel))
    if even and most:
        return F.max_pool2d(x, kernel, stride, tuple(pads[:2]), tuple(dilation), ceil)
    if even and list(dilation) == [1, 1]:
        return F.avg_pool2d(x, kernel, stride, tuple(pads[:2]), ceil, count)
    # By hand: every window is one column.
    more = [0, 0]
    if ceil:
        for i in range(2):
            size = x.shape[2 + i] + pads[i] + pads[2 + i]
            span = (kernel[i] - 1) * dilation[i] + 1
            last = -(-(size - span) // stride[i])
            if last * stride[i] >= x.shape[2 + i] + pads[i]:
                last -= 1
            more[i] = max(0, last * stride[i] + span - size)

    def columns(a, inner, outer):
        a = F.pad(a, [pads[1], pads[3], pads[0], pads[2]], value=inner)
        a = F.pad(a, [0, more[1], 0, more[0]], value=outer)
        s = a.shape
        out = [(s[2 + i] - (kernel[i] - 1) * dilation[i] - 1) // stride[i] + 1 for i in range(2)]
        a = F.unfold(a.reshape(-1, 1, s[2], s[3]), kernel, tuple(dilation), 0, tuple(stride))
        return a.reshape(s[0], s[1], kernel[0] * kernel[1], out[0], out[1])

    if most:
        return columns(x, -torch.inf, -torch.inf).amax(2)
    ones = torch.ones_like(x)
    return columns(x, 0.0, 0.0).sum(2) / columns(ones, float(count), 0.0).sum(2)


def batch_norm(n):
    x, scale, bias, mean, var = n.x[:5]
    return F.batch_norm(x, mean, var, scale, bias, False, 0.0, n.a.get("epsilon", float(np.float32(1e-5))))


def gemm(n):
    a = n.x[0].T if n.a.get("transA", 0) else n.x[0]
    b = n.x[1].T if n.a.get("transB", 0) else n.x[1]
    y = n.a.get("alpha", 1.0) * (a @ b)
    return y + n.a.get("beta", 1.0) * n.x[2] if len(n.x) > 2 and n.x[2] is not None else y


def softmax(n):
    f = F.softmax if n.op == "Softmax" else F.log_softmax
    x = n.x[0]
    if n.opset >= 13:
        return f(x, n.a.get("axis", -1))
    axis = n.a.get("axis", 1) % x.dim()
    return f(x.flatten(axis), axis).reshape(x.shape)


def clip(n):
    low, high = n.a.get("min"), n.a.get("max")
    if len(n.x) > 1 and n.x[1] is not None:
        low = n.x[1].item()
    if len(n.x) > 2 and n.x[2] is not None:
        high = n.x[2].item()
    return n.x[0] if low is None and high is None else torch.clamp(n.x[0], low, high)


def products(x, axes, keep):
    for a in sorted((a % x.dim() for a in axes), reverse=True):
        x = x.prod(a, keep)
    return x


def reduce(n):
    x, axes = n.x[0], listed(n, 1, "axes")
    if not axes:
        if n.a.get("noop_with_empty_axes", 0):
            return x
        axes = list(range(x.dim()))
    f = {"ReduceMean": torch.mean, "ReduceMax": torch.amax, "ReduceSum": torch.sum, "ReduceLogSumExp": torch.logsumexp,
         "ReduceL1": lambda x, *a: torch.sum(x.abs(), *a), "ReduceL2": lambda x, *a: torch.sum(x * x, *a).sqrt(),
         "ReduceMin": torch.amin, "ReduceSumSquare": lambda x, *a: torch.sum(x * x, *a), "ReduceLogSum": lambda x, *a: torch.sum(x, *a).log(),
         "ReduceProd": products}[n.op]
    return f(x, axes, bool(n.a.get("keepdims", 1)))


def top(n):
    k = n.x[1].item() if len(n.x) > 1 else n.a["k"]
    return tuple(torch.topk(n.x[0], k, n.a.get("axis", -1), bool(n.a.get("largest", 1))))


def pad(n):
    x, pads = n.x[0], listed(n, 1, "pads")
    axes = n.x[3].tolist() if len(n.x) > 3 else list(range(x.dim()))
    fill = n.a.get("value", 0.0)
    if len(n.x) > 2 and n.x[2] is not None:
        fill = n.x[2].item()
    before, after = [0] * x.dim(), [0] * x.dim()
    for i, a in enumerate(axes):
        before[a], after[a] = pads[i], pads[i + len(axes)]
    if n.a.get("mode", b"constant") == b"reflect":
        return torch.from_numpy(np.pad(x.numpy(), list(zip(before, after)), "reflect"))
    return F.pad(x, [p for i in reversed(range(x.dim())) for p in (before[i], after[i])], value=fill)


def slices(n):
    x = n.x[0].numpy()
    starts, ends = listed(n, 1, "starts"), listed(n, 2, "ends")
    axes = listed(n, 3, "axes") or list(range(len(starts)))
    steps = listed(n, 4, "steps") or [1] * len(starts)
    at = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        size = x.shape[axis]
        if step < 0 and end < -size:
            end = None
        at[axis] = slice(start, end, step)
    return torch.from_numpy(x[tuple(at)].copy())


def split(n):
    axis = n.a.get("axis", 0)
    sizes = listed(n, 1, "split")
    if sizes is None:
        size, k = n.x[0].shape[axis], n.outputs
        sizes = [min(-(-size // k), size - i * -(-size // k)) for i in range(k)]
    return torch.split(n.x[0], sizes, axis)


def reshape(n):
    x = n.x[0]
    shape = listed(n, 1, "shape")
    if not n.a.get("allowzero", 0):
        shape = [x.shape[i] if d == 0 else d for i, d in enumerate(shape)]
    return x.reshape(shape)


def squeeze(n):
    x, axes = n.x[0], listed(n, 1, "axes")
    if axes is None:
        return x.squeeze()
    for a in sorted((a % x.dim() for a in axes), reverse=True):
        assert x.shape[a] == 1
        x = x.squeeze(a)
    return x


def unsqueeze(n):
    x, axes = n.x[0], listed(n, 1, "axes")
    rank = x.dim() + len(axes)
    for a in sorted(a % rank for a in axes):
        x = x.unsqueeze(a)
    return x


def flatten(n):
    x, axis = n.x[0], n.a.get("axis", 1)
    s = list(x.shape)
    axis = axis + len(s) if axis < 0 else axis
    return x.reshape(int(np.prod(s[:axis])), int(np.prod(s[axis:])))


def constant(n):
    for name, v in n.a.items():
        if name == "value":
            return tensor(v)
        if name in ("value_float", "value_floats"):
            return torch.tensor(v, dtype=FLOAT)
        if name in ("value_int", "value_ints"):
            return torch.tensor(v, dtype=torch.int64)


def constant_of_shape(n):
    v = tensor(n.a["value"]).reshape(-1)[0] if "value" in n.a else torch.tensor(0, dtype=FLOAT)
    return torch.full(n.x[0].tolist(), v.item(), dtype=v.dtype)


def gather(n):
    axis = n.a.get("axis", 0)
    x, i = n.x[0], n.x[1]
    i = torch.where(i < 0, i + x.shape[axis], i)
    at = [slice(None)] * (axis % x.dim()) + [i]
    return x[tuple(at)]


def div(n):
    x, y = n.x
    return x / y if x.dtype.is_floating_point else torch.div(x, y, rounding_mode="trunc")


def chain(f):
    def g(n):
        out = n.x[0]
        for x in n.x[1:]:
            out = f(out, x)
        return out
    return g


def quantize(n):
    """x / scale, rounded to even, plus the zero, cut off at the ends of its type."""
    x, scale = n.x[0], n.x[1]
    zero = n.x[2] if len(n.x) > 2 and n.x[2] is not None else torch.tensor(0, dtype=torch.uint8)
    shape = [1] * x.dim()
    if scale.dim() == 1 and scale.numel() > 1:
        shape[n.a.get("axis", 1)] = -1
        scale, zero_ = scale.reshape(shape), zero.reshape(shape) if zero.dim() else zero
    else:
        zero_ = zero
    ends = torch.iinfo(zero.dtype)
    y = torch.round(x / scale) + zero_.to(FLOAT)
    return torch.clamp(y, ends.min, ends.max).to(zero.dtype)


def dequantize(n):
    x, scale = n.x[0].to(FLOAT), n.x[1]
    zero = n.x[2].to(FLOAT) if len(n.x) > 2 and n.x[2] is not None else torch.tensor(0.0, dtype=FLOAT)
    if scale.dim() == 1 and scale.numel() > 1:
        shape = [1] * x.dim()
        shape[n.a.get("axis", 1)] = -1
        scale = scale.reshape(shape)
        zero = zero.reshape(shape) if zero.dim() else zero
    return (x - zero) * scale


SELU = [float(np.float32(x)) for x in (1.67326319217681884765625, 1.05070102214813232421875)]

OPERATORS = {
    "Conv": conv, "MaxPool": pool, "AveragePool": pool, "BatchNormalization": batch_norm, "Gemm": gemm,
    "Softmax": softmax, "LogSoftmax": softmax, "Clip": clip, "ReduceMean": reduce, "ReduceMax": reduce, "Pad": pad,
    "ReduceSum": reduce, "ReduceL1": reduce, "ReduceL2": reduce, "ReduceLogSumExp": reduce, "TopK": top,
    "ReduceMin": reduce, "ReduceProd": reduce, "ReduceSumSquare": reduce, "ReduceLogSum": reduce,
    "Slice": slices, "Split": split, "Reshape": reshape, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Flatten": flatten,
    "Constant": constant, "ConstantOfShape": constant_of_shape, "Gather": gather, "Div": div,
    "QuantizeLinear": quantize, "DequantizeLinear": dequantize,
    "GlobalAveragePool": lambda n: F.adaptive_avg_pool2d(n.x[0], 1),
    "GlobalMaxPool": lambda n: F.adaptive_max_pool2d(n.x[0], 1),
    "MatMul": lambda n: torch.matmul(n.x[0], n.x[1]),
    "Relu": lambda n: F.relu(n.x[0]),
    "LeakyRelu": lambda n: F.leaky_relu(n.x[0], n.a.get("alpha", float(np.float32(0.01)))),
    "PRelu": lambda n: torch.where(n.x[0] < 0, n.x[1] * n.x[0], n.x[0]),
    "Elu": lambda n: F.elu(n.x[0], n.a.get("alpha", 1.0)),
    "Selu": lambda n: SELU[1] * torch.where(n.x[0] < 0, SELU[0] * torch.expm1(n.x[0]), n.x[0]),
    "Celu": lambda n: F.celu(n.x[0], n.a.get("alpha", 1.0)),
    "ThresholdedRelu": lambda n: F.threshold(n.x[0], n.a.get("alpha", 1.0), 0.0),
    "HardSigmoid": lambda n: torch.clamp(n.a.get("alpha", float(np.float32(0.2))) * n.x[0] + n.a.get("beta", 0.5), 0, 1),
    "Max": chain(torch.maximum), "Min": chain(torch.minimum),
    "Add": chain(torch.add), "Sum": chain(torch.add), "Sub": chain(torch.sub), "Mul": chain(torch.mul),
    "Greater": lambda n: n.x[0] > n.x[1], "GreaterOrEqual": lambda n: n.x[0] >= n.x[1],
    "Less": lambda n: n.x[0] < n.x[1], "LessOrEqual": lambda n: n.x[0] <= n.x[1],
    "Equal": lambda n: n.x[0] == n.x[1], "Not": lambda n: ~n.x[0],
    "And": lambda n: n.x[0] & n.x[1], "Or": lambda n: n.x[0] | n.x[1], "Xor": lambda n: n.x[0] ^ n.x[1],
    "Pow": lambda n: n.x[0] ** n.x[1], "Reciprocal": lambda n: 1 / n.x[0], "Sign": lambda n: n.x[0].sign(),
    "Where": lambda n: torch.where(n.x[0], n.x[1], n.x[2]),
    "Concat": lambda n: torch.cat(n.x, n.a["axis"]),
    "Transpose": lambda n: n.x[0].permute(n.a.get("perm", list(reversed(range(n.x[0].dim()))))),
    "Expand": lambda n: n.x[0] * torch.ones(n.x[1].tolist(), dtype=n.x[0].dtype),
    "Tile": lambda n: n.x[0].repeat(n.x[1].tolist()),
    "Identity": lambda n: n.x[0], "Dropout": lambda n: n.x[0],
    "Cast": lambda n: n.x[0].to(kind(n.a["to"])),
    "Shape": lambda n: torch.tensor(list(n.x[0].shape)[n.a.get("start", 0):n.a.get("end")]),
    "Size": lambda n: torch.tensor(n.x[0].numel()),
    "Range": lambda n: torch.arange(n.x[0].item(), n.x[1].item(), n.x[2].item()),
    "ArgMax": lambda n: n.x[0].argmax(n.a.get("axis", 0), bool(n.a.get("keepdims", 1))),
    "Neg": lambda n: -n.x[0], "Abs": lambda n: n.x[0].abs(), "Sqrt": lambda n: n.x[0].sqrt(),
    "Floor": lambda n: n.x[0].floor(), "Ceil": lambda n: n.x[0].ceil(), "Round": lambda n: n.x[0].round(),
    "Sigmoid": lambda n: torch.sigmoid(n.x[0]), "Softplus": lambda n: F.softplus(n.x[0]), "Softsign": lambda n: F.softsign(n.x[0]),
    "Tanh": lambda n: n.x[0].tanh(), "Erf": lambda n: torch.erf(n.x[0]), "Exp": lambda n: n.x[0].exp(),
    "Atan": lambda n: n.x[0].atan(), "Sinh": lambda n: n.x[0].sinh(), "Log": lambda n: n.x[0].log(),
}


class Node:
    def __init__(self, n, values, opset):
        self.op, self.opset, self.outputs = n.op_type, opset, len(n.output)
        self.a = {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}
        self.x = [values[i] if i else None for i in n.input]


def compute(data, image):
    """All values of a graph."""
    model = onnx.load_from_string(data)
    opset = max(o.version for o in model.opset_import if not o.domain)
    values = {t.name: tensor(t) for t in model.graph.initializer}
    for v in model.graph.input:
        if v.name not in values:
            shape = [d.dim_value for d in v.type.tensor_type.shape.dim]
            values[v.name] = image.reshape([d or 1 for d in shape])
    for n in model.graph.node:
        out = OPERATORS[n.op_type](Node(n, values, opset))
        for name, v in zip(n.output, out if isinstance(out, tuple) else [out]):
            values[name] = v
    return values


def main():
    out = sys.stdout.buffer
    with torch.no_grad():
        while True:
            data = read(number())
            names = [read(number()).decode() for _ in range(number())]
            image = torch.from_numpy(np.frombuffer(read(8 * number()), "<f8").copy())
            try:
                values = compute(data, image)
                results = [np.ascontiguousarray(values[n].to(FLOAT).numpy(), "<f8") for n in names]
                for y in results:
                    out.write(struct.pack("<q", y.size) + y.tobytes())
            except Exception as e:  # Which is a fault of the test.
                text = repr(e).encode()
                out.write(struct.pack("<qq", -1, len(text)) + text)
            out.flush()


main()
