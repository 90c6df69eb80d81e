"""The same spiking network, simulated densely in PyTorch.

    python3 bench/dense_torch.py MODEL.onnx --images 64 --timesteps 50

reads a trained residual network, folds batch norm, normalises weights and
simulates integrate-and-fire neurons step by step: every neuron and every synapse
at every timestep, whether there are spikes or not. It prints the speed in
image-steps a second and the accuracy, once for each size of batch; with --json FILE
it also writes scales and spike counts. It shares no code with the Go packages, which
a test compares it with.

Without --data the images are random: a dense loop takes the same time for any.
Time is that of the timesteps alone: the images are read, the weights normalised and
the convolutions warmed up before.

Neurons, one population for every Relu, average pool and the classifier:

    V[0] = 0.5     V += I     z = (V >= 1)     V -= z

Currents: a convolution has the weights W lambda_in / lambda_out and the constant
current b / lambda_out; a shortcut the weight lambda_in / lambda_out. lambda is a
percentile of the activations of the population's Relu (for the classifier, of the
logits), 1 for the input; a pool keeps that of its input. The class of an image is
the output with the most spikes; the potential decides between equals.

Exits with status 3 where torch or onnx are missing.
"""
import argparse
import json
import sys
import time
from fractions import Fraction

try:
    import numpy as np
    import onnx
    import torch
    import torch.nn.functional as F
    from onnx import numpy_helper
except ImportError as e:
    print(e, file=sys.stderr)
    sys.exit(3)

NORMALIZE = {
    "imagenet": (255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10": (255, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "none": (1, (0, 0, 0), (1, 1, 1)),
}


# --- The operators of the trained network.


def slice_(x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps):
        if step < 0 and end < -(2**31):
            end = None  # Past the first one.
        chosen = torch.tensor(range(x.shape[axis])[start:end:step], dtype=torch.int64)
        x = x.index_select(axis, chosen)
    return x


def pad(x, pads, value=None, mode="constant"):
    n = len(pads) // 2
    pads = pads.tolist()
    return F.pad(x, [p for i in reversed(range(n)) for p in (pads[i], pads[n + i])], value=0.0 if value is None else float(value))


def conv(x, w, b=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, **_):
    top, left, bottom, right = pads
    if top == bottom and left == right:
        return F.conv2d(x, w, b, tuple(strides), (top, left), tuple(dilations), group)
    return F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, tuple(strides), 0, tuple(dilations), group)


def average_pool(x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), **_):
    assert not any(pads), "padded average pools are not supported"
    return F.avg_pool2d(x, tuple(kernel_shape), tuple(strides))


def gemm(x, w, b=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    assert alpha == 1 and beta == 1 and not transA, "only plain Gemm is supported"
    y = x @ (w.T if transB else w)
    return y if b is None else y + b


OPS = {
    "Add": lambda a, b: a + b,
    "AveragePool": average_pool,
    "BatchNormalization": lambda x, g, b, m, v, epsilon=1e-5, **_: F.batch_norm(x, m, v, g, b, False, 0.0, epsilon),
    "Cast": lambda x, to: x.to({1: torch.float32, 6: torch.int32, 7: torch.int64}[to]),
    "Concat": lambda *xs, axis: torch.cat(xs, axis),
    "ConstantOfShape": lambda s, value: torch.full(s.tolist(), value.item(), dtype=value.dtype),
    "Conv": conv,
    "Flatten": lambda x, axis=1: x.flatten(axis),
    "Div": lambda a, b: a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc"),
    "Gather": lambda x, i, axis=0: x.index_select(axis, i.reshape(-1)).reshape(x.shape[:axis] + i.shape + x.shape[axis + 1 :]),
    "Gemm": gemm,
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "Mul": lambda a, b: a * b,
    "Pad": pad,
    "Relu": F.relu,
    "Reshape": lambda x, s: x.reshape([x.shape[i] if v == 0 else v for i, v in enumerate(s.tolist())]),
    "Shape": lambda x: torch.tensor(x.shape, dtype=torch.int64),
    "Slice": slice_,
    "Softmax": lambda x, axis=-1: F.softmax(x, axis),
    "Sub": lambda a, b: a - b,
    "Transpose": lambda x, perm: x.permute(perm),
    "Unsqueeze": lambda x, axes: x.reshape([1] * len(axes) + list(x.shape)),  # Of scalars.
}


class Trained:
    """The graph of an ONNX file; whatever depends on constants only is computed once."""

    def __init__(self, file):
        graph = onnx.load(file).graph
        self.constants = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        self.constants[""] = None
        self.input = next(i.name for i in graph.input if i.name not in self.constants)
        self.shape = [d.dim_value for d in next(i for i in graph.input if i.name == self.input).type.tensor_type.shape.dim][1:]
        self.nodes, self.attributes = [], {}
        for node in graph.node:
            a = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            for k, v in a.items():
                if isinstance(v, onnx.TensorProto):
                    a[k] = torch.from_numpy(numpy_helper.to_array(v).copy())
                elif isinstance(v, bytes):
                    a[k] = v.decode()
            out = node.output[0]
            self.attributes[out] = a
            if node.op_type == "Constant":
                self.constants[out] = a["value"]
            elif all(i in self.constants for i in node.input):
                self.constants[out] = self.apply(node, *[self.constants[i] for i in node.input])
            else:
                self.nodes.append(node)
        self.producer = {n.output[0]: n for n in self.nodes}

    def apply(self, node, *inputs):
        if node.op_type not in OPS:
            sys.exit("node %s: operator %s is not supported" % (node.name, node.op_type))
        return OPS[node.op_type](*inputs, **self.attributes[node.output[0]])

    def run(self, x):
        """Returns all activations by name."""
        values = {self.input: x}
        for n in self.nodes:
            values[n.output[0]] = self.apply(n, *[values[i] if i in values else self.constants[i] for i in n.input])
        return values


# --- The spiking network.


class Path:
    """One branch into a population: from the spikes of source through nodes that only
    move values, then through a convolution or fully connected layer (w, b) if there
    is one."""

    def __init__(self, source, nodes=(), layer=None, w=None, b=None):
        self.source, self.nodes, self.layer, self.w, self.b = source, list(nodes), layer, w, b


POPULATIONS = ("Relu", "AveragePool", "GlobalAveragePool", "Gemm")


def paths(net, name):
    """Lists the branches whose sum is the value of that name."""
    node = net.producer.get(name)
    if node is None or node.op_type in POPULATIONS:
        return [Path(name)]
    if node.op_type == "Add":
        return paths(net, node.input[0]) + paths(net, node.input[1])
    (p,) = paths(net, node.input[0])
    c = [net.constants.get(i) for i in node.input[1:]]
    if node.op_type == "Conv":
        p.layer, p.w, p.b = node, c[0], c[1] if len(c) > 1 else torch.zeros(len(c[0]))
    elif node.op_type == "BatchNormalization":
        gamma, beta, mean, var = c
        k = gamma / torch.sqrt(var + net.attributes[name].get("epsilon", 1e-5))
        p.w, p.b = p.w * k.view(-1, 1, 1, 1), beta + k * (p.b - mean)
    else:
        p.nodes.append(node)
    return [p]


class Population:
    """Neurons with the branches that end on them, weights normalised."""

    def __init__(self, net, node, scales):
        self.name, self.kind, self.lambda_ = node.output[0], node.op_type, scales[node.output[0]]
        self.pool = None
        if node.op_type in ("AveragePool", "GlobalAveragePool"):
            self.pool = node
        branches = paths(net, node.input[0])
        if node.op_type == "Gemm":
            w, b = net.constants[node.input[1]], net.constants[node.input[2]]
            (p,) = branches
            p.layer, p.b = node, b
            p.w = w.T if net.attributes[self.name].get("transB", 0) else w  # (in, out)
        self.branches, self.bias = [], 0
        for p in branches:
            s = scales[p.source] / self.lambda_
            if p.w is not None:
                p.w = p.w * s
                self.bias = self.bias + p.b / self.lambda_
            self.branches.append((p, s))
        if isinstance(self.bias, torch.Tensor) and node.op_type != "Gemm":
            self.bias = self.bias.view(-1, 1, 1)

    def branch(self, net, p, s, z, values):
        for n in p.nodes:
            z = net.apply(n, z, *[values[i] if i in values else net.constants[i] for i in n.input[1:]])
        if p.w is None:
            return z * s
        if p.layer.op_type == "Gemm":
            return z @ p.w
        return conv(z, p.w, **net.attributes[p.layer.output[0]])

    def current(self, net, spikes, fixed, values):
        total = self.bias
        for p, s in self.branches:
            if p.source == net.input:  # The image is constant, and so is its current.
                if self.name not in fixed:
                    fixed[self.name] = self.branch(net, p, s, spikes[p.source], values)
                part = fixed[self.name]
            else:
                part = self.branch(net, p, s, spikes[p.source], values)
            total = total + part
        return net.apply(self.pool, total) if self.pool is not None else total


def calibrate(net, images, percentile, batch):
    """Returns lambda by name of the population: element floor(N p) of the ascending
    sort, counted from 1, of all activations of all images."""
    seen = {}
    for i in range(0, len(images), batch):
        values = net.run(images[i : i + batch])
        for n in net.nodes:
            if n.op_type in ("Relu", "Gemm"):
                seen.setdefault(n.output[0], []).append(values[n.output[0]].flatten())
    scales = {net.input: 1.0}
    for n in net.nodes:
        if n.output[0] in seen:
            a = torch.cat(seen.pop(n.output[0]))
            rank = int(Fraction(str(percentile)) / 100 * len(a))  # Exact, and rounded down.
            scales[n.output[0]] = torch.kthvalue(a, max(rank, 1)).values.item()
        elif n.op_type in ("AveragePool", "GlobalAveragePool"):
            (p,) = paths(net, n.input[0])
            scales[n.output[0]] = scales[p.source]
    return scales


class Record:
    """What a simulation did: spikes of every population, a number an image; spikes and
    class of every output; seconds."""

    def __init__(self, totals, counts, classes, seconds):
        self.totals, self.counts, self.classes, self.seconds = totals, counts, classes, seconds


def simulate(net, populations, images, timesteps):
    spikes, v, fixed = {net.input: images}, {}, {}
    values = net.run(images)  # For shapes that the graph computes, such as those of its reshapes.
    start = time.perf_counter()
    totals = {p.name: torch.zeros(len(images), dtype=torch.int64) for p in populations}
    counts = 0
    for _ in range(timesteps):
        for p in populations:
            i = p.current(net, spikes, fixed, values)
            if p.name not in v:
                v[p.name] = torch.full(i.shape, 0.5)
            v[p.name] += i
            z = (v[p.name] >= 1).float()
            v[p.name] -= z
            spikes[p.name] = z
            totals[p.name] += z.flatten(1).sum(1).long()
        counts = counts + z
    classes = (counts + F.softmax(v[populations[-1].name], 1)).argmax(1)
    return Record(totals, counts.long(), classes, time.perf_counter() - start)


def present(net, populations, images, timesteps, batch):
    """Simulates all images and returns a record."""
    parts = [simulate(net, populations, images[i : i + batch], timesteps) for i in range(0, len(images), batch)]
    totals = {p.name: torch.cat([r.totals[p.name] for r in parts]) for p in populations}
    return Record(totals, torch.cat([r.counts for r in parts]), torch.cat([r.classes for r in parts]), sum(r.seconds for r in parts))


def load(file, count, normalize):
    """Returns images, normalised, and their labels."""
    raw = np.fromfile(file, np.uint8, count * 3073).reshape(-1, 3073)
    raw, labels = raw[:, 1:].reshape(-1, 3, 32, 32), torch.from_numpy(raw[:, 0].astype(np.int64))
    divisor, mean, std = NORMALIZE[normalize]
    mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (mean, std))
    return torch.from_numpy((raw.astype(np.float32) / np.float32(divisor) - mean) / std), labels


def main():
    a = argparse.ArgumentParser(description="Simulates a converted spiking network densely in PyTorch.")
    a.add_argument("model", help="ONNX file")
    a.add_argument("--data", help="test images, a file in CIFAR-10's binary form; random ones without it")
    a.add_argument("--calibrate", help="calibration images, in that form")
    a.add_argument("--normalize", choices=sorted(NORMALIZE), default="imagenet")
    a.add_argument("--percentile", default="99.9")
    a.add_argument("--calibration-images", type=int, default=20)
    a.add_argument("--images", type=int, default=64)
    a.add_argument("--batch", default="64", help="images at a time; several numbers, with commas, measure each")
    a.add_argument("--timesteps", type=int, default=50)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--json", help="file for speeds, scales and spike counts; - prints them and nothing else")
    o = a.parse_args()
    batches = [int(b) for b in o.batch.split(",")]
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    net = Trained(o.model)
    images, labels = load(o.data, o.images, o.normalize) if o.data else (torch.randn(o.images, *net.shape), None)
    training = load(o.calibrate, o.calibration_images, o.normalize)[0] if o.calibrate else torch.randn(o.calibration_images, *net.shape)
    runs = []
    with torch.no_grad():
        scales = calibrate(net, training, o.percentile, batches[0])
        populations = [Population(net, n, scales) for n in net.nodes if n.op_type in POPULATIONS]
        for batch in batches:
            r = present(net, populations, images, o.timesteps, batch)
            run = {"batch": batch, "seconds": r.seconds, "image_steps_per_second": len(images) * o.timesteps / r.seconds}
            text = "%d images, batches of %d, %d timesteps, %.1f s, %.0f image-steps/s on %d threads" % (
                len(images), batch, o.timesteps, r.seconds, run["image_steps_per_second"], o.threads)
            if labels is not None:
                run["accuracy"] = (r.classes == labels).double().mean().item()
                text += ", accuracy %.2f %%" % (100 * run["accuracy"])
            if o.json != "-":
                print(text)
            runs.append(run)
    if o.json:
        with sys.stdout if o.json == "-" else open(o.json, "w") as f:
            json.dump({
                "version": torch.__version__, "images": len(images), "timesteps": o.timesteps, "threads": o.threads, "runs": runs,
                "populations": [{"name": p.name, "lambda": p.lambda_, "spikes": r.totals[p.name].tolist()} for p in populations],
                "counts": r.counts.tolist(),
            }, f)


if __name__ == "__main__":
    main()
