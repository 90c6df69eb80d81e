"""Runs ONNX models on CIFAR images with PyTorch, one node after the other.

    logits.py CIFAR_FILE COUNT [MODEL DIVISOR MEAN STD]...

MEAN and STD are three numbers each, separated by commas; the input is
(pixel / DIVISOR - MEAN) / STD. Writes COUNT * classes little-endian float32 a
model to standard output. Exits with status 3 where torch or onnx are missing.
"""
import sys

try:
    import numpy as np
    import onnx
    import torch
    import torch.nn.functional as F
    from onnx import numpy_helper
except ImportError as e:
    print(e, file=sys.stderr)
    sys.exit(3)


def pad2d(x, pads):
    """Pads (top, left, bottom, right), as ONNX orders them."""
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom))


def slice_(x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for s, e, a, k in zip(starts.tolist(), ends.tolist(), axes, steps):
        idx = [slice(None)] * x.dim()
        if k > 0:
            idx[a] = slice(s, e, k)
            x = x[tuple(idx)]
        else:
            picked = list(range(x.shape[a]))[slice(s, e if e > -2**31 else None, k)]
            x = x.index_select(a, torch.tensor(picked, dtype=torch.int64))
    return x


def pad(x, pads, value=None):
    p = pads.tolist()
    n = len(p) // 2
    flat = [v for i in reversed(range(n)) for v in (p[i], p[n + i])]
    return F.pad(x, flat, value=0.0 if value is None else float(value))


def reshape(x, shape):
    return x.reshape([x.shape[i] if v == 0 else v for i, v in enumerate(shape.tolist())])


def conv(x, w, b=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, **_):
    return F.conv2d(pad2d(x, pads), w, b, tuple(strides), 0, tuple(dilations), group)


def average_pool(x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), **_):
    assert not any(pads), "padded average pools are not needed here"
    return F.avg_pool2d(x, tuple(kernel_shape), tuple(strides))


def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    y = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return y if c is None else y + beta * c


CAST = {1: torch.float32, 6: torch.int32, 7: torch.int64}

OPS = {
    "Add": lambda a, b: a + b,
    "AveragePool": average_pool,
    "BatchNormalization": lambda x, g, b, m, v, epsilon=1e-5, **_: F.batch_norm(x, m, v, g, b, False, 0.0, epsilon),
    "Cast": lambda x, to: x.to(CAST[to]),
    "Concat": lambda *xs, axis: torch.cat(xs, axis),
    "ConstantOfShape": lambda s, value: torch.full(s.tolist(), value.item(), dtype=value.dtype),
    "Conv": conv,
    "Div": lambda a, b: a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc"),
    "Flatten": lambda x, axis=1: x.reshape(int(np.prod(x.shape[:axis])), -1),
    "Gather": lambda x, i, axis=0: x.index_select(axis, i.reshape(-1)).reshape(x.shape[:axis] + i.shape + x.shape[axis + 1:]),
    "Gemm": gemm,
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "Identity": lambda x: x,
    "MatMul": lambda a, b: a @ b,
    "Mul": lambda a, b: a * b,
    "Pad": lambda x, p, v=None, mode="constant": pad(x, p, v),
    "Relu": F.relu,
    "Reshape": reshape,
    "Shape": lambda x: torch.tensor(x.shape, dtype=torch.int64),
    "Slice": slice_,
    "Softmax": lambda x, axis=-1: F.softmax(x, axis),
    "Sub": lambda a, b: a - b,
    "Transpose": lambda x, perm: x.permute(perm),
    "Unsqueeze": lambda x, axes: x.reshape([1] * len(axes) + list(x.shape)),
}


def attributes(node):
    out = {}
    for a in node.attribute:
        v = onnx.helper.get_attribute_value(a)
        if isinstance(v, onnx.TensorProto):
            v = torch.from_numpy(numpy_helper.to_array(v).copy())
        elif isinstance(v, bytes):
            v = v.decode()
        out[a.name] = v
    return out


def run(graph, x):
    vals = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    vals[next(i.name for i in graph.input if i.name not in vals)] = x
    vals[""] = None
    for node in graph.node:
        attrs = attributes(node)
        if node.op_type == "Constant":
            vals[node.output[0]] = attrs["value"]
            continue
        vals[node.output[0]] = OPS[node.op_type](*[vals[i] for i in node.input], **attrs)
    return vals[graph.output[0].name]


def main():
    images, count, models = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    raw = np.fromfile(images, np.uint8, count * 3073).reshape(count, 3073)[:, 1:].reshape(count, 3, 32, 32)
    torch.set_num_threads(1)
    for model, divisor, mean, std in zip(*[iter(models)] * 4):
        mean, std = (np.array([float(v) for v in a.split(",")], np.float32).reshape(1, 3, 1, 1) for a in (mean, std))
        x = (raw.astype(np.float32) / np.float32(divisor) - mean) / std
        graph = onnx.load(model).graph
        with torch.no_grad():
            # One image at a time, as files may be exported for a batch of one.
            y = torch.cat([run(graph, torch.from_numpy(i[None])) for i in x])
        sys.stdout.buffer.write(y.numpy().astype("<f4").tobytes())


main()
