"""Does what readers of NIR files do with a file that was written for them, with
nothing but h5py and numpy, after their code as docs/nir.md dates it.

    readers.py check NET.nir...              says why nir.read's check of types and
                                             the reader refuse each file, as JSON
    readers.py run NET.nir IMAGE.txt STEPS [depth-first]
                                             prints what the reader simulates, the
                                             older releases of some depth first

The reader is that of the metadata's profile. IMAGE.txt has the normalised pixels, in
the order (C, H, W). run prints, as JSON, the spikes of every population at every
timestep, nodes whose output comes too late, and how often neurons did what only this
reader's do: fired several times a timestep ("several"), met a lower bound ("floored"),
waited above their threshold ("waited").
"""

import json
import sys

import h5py
import numpy as np


class Refused(Exception):
    pass


def want(condition, why):
    if not condition:
        raise Refused(why)


def read(group):
    d = {}
    for name, o in group.items():
        if isinstance(o, h5py.Group):
            d[name] = read(o)
        else:
            d[name] = o.asstr()[()] if h5py.check_string_dtype(o.dtype) else o[()]
    return d


class Graph:
    def __init__(self, file):
        with h5py.File(file, "r") as f:
            g = read(f["node"])
        self.nodes, self.profile = g["nodes"], g["metadata"]["profile"]
        self.set_up = "after_loading" in g["metadata"]  # And what that says was done.
        for n in self.nodes.values():
            if n["type"] in NEURONS:  # nir.read takes what is missing for zeros.
                n.setdefault("v_reset", np.zeros_like(n["v_threshold"]))
        self.edges = [(str(a), str(b)) for a, b in g["edges"]]

    def type(self, name):
        return self.nodes[name]["type"]

    def behind(self, name):
        return [b for a, b in self.edges if a == name]

    def before(self, name):
        return [a for a, b in self.edges if b == name]

    def named(self, *types):
        return [n for n in self.nodes if self.type(n) in types]

    def order(self):
        """Every edge goes forward: NIRTorch's nir_to_torch puts nodes off until it does."""
        done = []
        while len(done) < len(self.nodes):
            done += [n for n in self.nodes if n not in done and all(s in done for s in self.before(n))]
        return done

    def depth_first(self):
        """The order of NIRTorch's GraphExecutor."""
        done = []

        def trace(name):
            done.append(name)
            for b in self.behind(name):
                if b not in done:
                    trace(b)

        trace(self.named("Input")[0])
        return done


# What nir.read checks.

NEURONS = {
    "IF": ["r", "v_threshold", "v_reset"],
    "LIF": ["tau", "r", "v_leak", "v_threshold", "v_reset"],
}


def window_shape(size, kernel, stride, padding, dilation=(1, 1)):
    return [int((size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1) for a in range(2)]


def types(n, given):
    """Returns the shapes that go into a node and come out of it."""
    t = n["type"]
    if t in ("Input", "Output"):
        return list(n["shape"]), list(n["shape"])
    if t in NEURONS:
        shapes = [n[f].shape for f in NEURONS[t]]
        want(all(s == shapes[0] for s in shapes), "parameters differ in shape")
        return list(shapes[0]), list(shapes[0])
    if t == "Scale":
        return list(n["scale"].shape), list(n["scale"].shape)
    if t == "Affine":
        return [n["weight"].shape[1]], [n["weight"].shape[0]]
    if t == "Conv2d":
        s, size = n["weight"].shape, list(n["input_shape"])
        k = (s[2], s[2])  # nir takes it for the columns, too.
        return [s[1]] + size, [s[0]] + window_shape(size, k, n["stride"], n["padding"], n["dilation"])
    if t == "Flatten":
        s, start, end = list(n["input_type"]), int(n["start_dim"]), int(n["end_dim"])
        first = s[:start] if start != 0 else []
        middle = s[start : end + 1] if end != -1 else s[start:]
        last = s[end + 1 :] if end not in (-1, len(s) - 1) else []
        return s, first + [int(np.prod(middle))] + last
    if t in ("SumPool2d", "AvgPool2d"):
        want(len(given) == 3, "a pool of shape %s" % given)
        return given, given[:1] + window_shape(given[1:], n["kernel_size"], n["stride"], n["padding"])
    raise Refused("nir knows no " + t)


def check_types(g):
    out = {}
    for name in g.order():
        given = out[g.before(name)[0]] if g.before(name) else None
        inner, out[name] = types(g.nodes[name], given)
        for a in g.before(name):
            want(list(out[a]) == list(inner), "edge from %s, %s, to %s, %s" % (a, out[a], name, inner))


# What readers have, and what they assert.


def have(g, *names):
    for n in g.nodes:
        want(g.type(n) in names, "%s: no %s" % (n, g.type(n)))


TORCH = ("Input", "Output", "Affine", "Linear", "Conv2d", "Flatten", "IF", "LIF")


def one(x):
    return np.unique(x).size == 1


def spikingjelly(g):
    have(g, *TORCH, "AvgPool2d")
    for n in g.named("IF"):
        n = g.nodes[n]
        want(one(n["v_threshold"]) and one(n["v_reset"]), "thresholds or resets differ")
        want(np.allclose(np.unique(n["r"]), 1.0 / 1e-4), "r is not 1/dt")


def snntorch(g):
    have(g, *TORCH, "AvgPool2d", "CubaLIF")
    want(len(set(g.edges)) == len(g.edges), "edges are repeated")
    for n in g.named("IF", "LIF"):
        n = g.nodes[n]
        want(one(n["v_threshold"]) and one(n["r"]), "thresholds or r differ")
        if n["type"] == "IF":
            want(np.unique(n["r"])[0] == 1, "r is not 1")
        else:
            want(np.allclose(n["v_leak"], 0) and np.allclose(n["r"] * 1e-4 / n["tau"], 1), "weights would be scaled")


def sinabs(g):
    have(g, *TORCH, "SumPool2d")
    want(not g.named("Linear"), "no Linear")
    for n in g.named("Conv2d"):
        # in_channels is weight.shape[1], which is right without groups only.
        want(g.nodes[n]["groups"] == 1, n + ": groups")
    for n in g.named("SumPool2d"):
        want(not g.nodes[n]["padding"].any(), n + ": padding is dropped")


def norse(g):
    have(g, *TORCH, "SumPool2d")
    for n in g.named("SumPool2d"):
        want(not g.nodes[n]["padding"].any(), n + ": padding is dropped")
    for n in g.named("IF"):
        want(np.allclose(g.nodes[n]["r"], 1), "r is not 1")


def spinnaker2(g):
    have(g, *TORCH, "SumPool2d", "AvgPool2d")
    neurons, weights = ("IF", "LIF"), ("Affine", "Linear", "Conv2d")

    def ends(name):
        for b in g.behind(name):
            want(g.type(b) in neurons, "%s leads to %s" % (name, b))

    reached = set()
    for name in g.named("Input", *neurons):
        for b in g.behind(name):
            t = g.type(b)
            reached.add(b)
            if t in weights:
                ends(b)
            elif t == "SumPool2d":
                for c in g.behind(b):
                    reached.add(c)
                    if g.type(c) == "Conv2d":
                        p = g.nodes[b]
                        want((p["kernel_size"] == p["stride"]).all() and not p["padding"].any(), b + ": such a pool before Conv2d")
                        ends(c)
                    elif g.type(c) == "Flatten":
                        for d in g.behind(c):
                            reached.add(d)
                            want(g.type(d) == "Affine", "%s leads to %s" % (c, d))
                            ends(d)
                    else:
                        want(g.type(c) in neurons, "%s leads to %s" % (b, c))
            else:
                want(t == "Output", "from %s right to %s" % (name, b))
    for n in g.named(*weights):
        want(n in reached, n + " is discarded")
        want(g.nodes[n].get("groups", 1) == 1, n + ": groups")
    for n in g.named(*neurons):
        # Of several biases the last one counts.
        bias = [g.nodes[a]["bias"] for a in g.before(n) if "bias" in g.nodes[a]]
        want(not any(b.any() for b in bias[:-1]), n + ": not the last bias")


CHECKS = {f.__name__: f for f in (spikingjelly, snntorch, sinabs, norse, spinnaker2)}


# What readers run.


def windows(x, kernel, stride, padding=(0, 0), dilation=(1, 1)):
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    w = np.lib.stride_tricks.sliding_window_view(x, span, axis=(2, 3))
    return w[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def flatten(profile, n, x):
    start, end = int(n["start_dim"]), int(n["end_dim"])
    if profile == "spikingjelly":  # Others take the numbers for ones that count the batch.
        start, end = start + (start >= 0), end + (end >= 0)
    start, end = start % x.ndim, end % x.ndim
    return x.reshape(x.shape[:start] + (-1,) + x.shape[end + 1 :])


def apply(profile, n, x):
    t = n["type"]
    if t == "Conv2d":
        w = n["weight"].astype(np.float64)
        win = windows(x, w.shape[2:], n["stride"], n["padding"], n["dilation"])
        return np.einsum("bcrsij,ocij->bors", win, w) + n["bias"][:, None, None]
    if t == "Affine":
        return x @ n["weight"].astype(np.float64).T + n["bias"]
    if t == "Flatten":
        return flatten(profile, n, x)
    if t == "SumPool2d":  # Without padding, whatever the node says.
        return windows(x, n["kernel_size"], n["stride"]).sum((4, 5))
    if t == "AvgPool2d":
        return windows(x, n["kernel_size"], n["stride"], n["padding"]).mean((4, 5))
    return x


def step(profile, set_up, n, v, x, seen):
    """Returns spikes and the potential after one timestep of a population."""
    th = n["v_threshold"].astype(np.float64)
    if set_up and n["type"] == "IF":  # A spike a timestep, no floor, reset by subtraction.
        v = v + x
        z = v > th if profile == "snntorch" else v >= th
        return z, v - z * th
    if n["type"] == "LIF":
        # snnTorch resets to zero, SpiNNaker2 subtracts; nothing is left of either.
        decay = {"snntorch": lambda tau: np.clip(1 - 1e-4 / tau, 0, 1), "spinnaker2": lambda tau: np.exp(-1 / tau)}
        v = decay[profile](n["tau"].astype(np.float64)) * v + x
        z = v > th
        return z, v - z * (th if profile == "spinnaker2" else v)
    before, v = v, v + x
    if profile == "spikingjelly":
        z = v >= th
        return z, np.where(z, n["v_reset"], v)
    if profile == "norse":
        z = v > th
        return z, np.where(z, 0, v)
    if profile == "sinabs":
        z = np.where(v > 0, np.trunc(v / th), 0)
        v = v - z * th
        seen["several"] += int((z > 1).sum())
        seen["floored"] += int((v < -th).sum())
        return z, np.maximum(v, -th)
    if profile == "snntorch":
        reset = before > th
        z = v - reset * th > th
        seen["waited"] += int((reset & ~z).sum())
        return z, v - z * th
    z = v > th / n["r"]
    return z, v - z * th / n["r"]


def run(g, image, steps, first):
    order = g.depth_first() if first else g.order()
    v = {n: 0.0 for n in g.named("IF", "LIF")}
    counts = {n: [] for n in v}
    seen = {"several": 0, "floored": 0, "waited": 0}
    late = set()
    for _ in range(steps):
        out = {}
        for name in order:
            n = g.nodes[name]
            if n["type"] == "Input":
                one = np.loadtxt(image).reshape(n["shape"])
                out[name] = np.stack([one, one])  # A batch of two.
                continue
            late.update(s for s in g.before(name) if s not in out)
            x = sum(out[s] for s in g.before(name) if s in out)
            if name not in v:
                out[name] = apply(g.profile, n, x)
                continue
            z, v[name] = step(g.profile, g.set_up, n, v[name], x, seen)
            want(z.shape == (2,) + n["v_threshold"].shape and (z[0] == z[1]).all(), name + ": the batch matters")
            out[name] = z.astype(np.float64)
            counts[name].append(int(z[0].sum()))
    return {"counts": counts, "late": sorted(late), "last": order[-1], **seen}


def why(f, g):
    try:
        f(g)
    except Refused as e:
        return str(e)
    return ""


if sys.argv[1] == "check":
    graphs = [Graph(f) for f in sys.argv[2:]]
    out = [{"types": why(check_types, g), "reader": why(CHECKS[g.profile], g)} for g in graphs]
else:
    out = run(Graph(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5:] == ["depth-first"])
json.dump(out, sys.stdout)
