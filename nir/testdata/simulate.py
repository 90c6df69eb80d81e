"""Simulates a spiking network that sresnet wrote, with nothing but h5py and numpy.

    simulate.py NET.nir IMAGE.txt TIMESTEPS

IMAGE.txt has the normalised pixels, one a line, in the order (C, H, W). Prints the
spikes of every population at every timestep as JSON. It is also what to look at
before writing a reader: the nodes give the network, and the metadata what NIR
cannot say (docs/nir.md). It knows the nodes that sresnet writes but for max-pool
gates.
"""

import json
import sys

import h5py
import numpy as np


def read(group):
    """Returns a node, or metadata, as a dictionary."""
    d = {}
    for name, o in group.items():
        if isinstance(o, h5py.Group):
            d[name] = read(o)
        else:
            d[name] = o.asstr()[()] if h5py.check_string_dtype(o.dtype) else o[()]
    return d


def windows(x, kernel, stride, padding, dilation=(1, 1)):
    """Returns an array (C, rows of outputs, columns of outputs, kernel rows, kernel columns)."""
    x = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    w = np.lib.stride_tricks.sliding_window_view(x, span, axis=(1, 2))
    return w[:, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def conv2d(n, x):
    w, groups = n["weight"].astype(np.float64), int(n["groups"])
    out, each = len(w) // groups, w.shape[1]
    win = windows(x, w.shape[2:], n["stride"], n["padding"], n["dilation"])
    y = [
        np.einsum("crsij,ocij->ors", win[g * each : (g + 1) * each], w[g * out : (g + 1) * out])
        for g in range(groups)
    ]
    return np.concatenate(y) + n["bias"][:, None, None]


OPERATORS = {
    "Conv2d": conv2d,
    "Affine": lambda n, x: n["weight"].astype(np.float64) @ x + n["bias"],
    "Scale": lambda n, x: x * n["scale"],
    "Flatten": lambda n, x: x.reshape(-1),
    "SumPool2d": lambda n, x: windows(x, n["kernel_size"], n["stride"], n["padding"]).sum((3, 4)),
    "AvgPool2d": lambda n, x: windows(x, n["kernel_size"], n["stride"], n["padding"]).mean((3, 4)),
    "Output": lambda n, x: x,
}


def order(nodes, sources):
    """Returns the names of the nodes so that every edge goes forward."""
    done = []
    while len(done) < len(nodes):
        ready = [n for n in nodes if n not in done and all(s in done for s in sources[n])]
        assert ready, "a loop"
        done += ready
    return done


def main(file, image, timesteps):
    with h5py.File(file, "r") as f:
        graph = read(f["node"])
    nodes, meta = graph["nodes"], graph["metadata"]
    assert meta["threshold_compare"] == ">=" and meta["encoding"] == "direct"
    sources = {name: [] for name in nodes}
    for a, b in graph["edges"]:
        sources[b].append(a)
    v, rest = {}, {}
    for name, n in nodes.items():
        if n["type"] in ("IF", "LIF"):
            th = n["v_threshold"].astype(np.float64)
            start = np.asarray(n["metadata"].get("v_init", 0.0))
            v[name] = start.reshape(start.shape + (1,) * (th.ndim - start.ndim)) * th
            rest[name] = np.zeros(th.shape, int)
    counts = {name: [] for name in v}
    for _ in range(timesteps):
        out = {}
        for name in order(nodes, sources):
            n = nodes[name]
            if n["type"] == "Input":
                out[name] = np.loadtxt(image).reshape(n["shape"])
                continue
            x = sum(out[s] for s in sources[name])  # Several edges mean a sum.
            if n["type"] not in ("IF", "LIF"):
                out[name] = OPERATORS[n["type"]](n, x)
                continue
            if n["type"] == "LIF":
                after = v[name] + meta["dt"] / n["tau"] * (n["v_leak"] - v[name] + n["r"] * x)
            else:
                after = v[name] + meta["dt"] * n["r"] * x
            awake = rest[name] == 0
            z = awake & (after >= n["v_threshold"])
            rest[name] = np.where(z, n["metadata"].get("refractory", 0), np.maximum(rest[name] - 1, 0))
            if n["metadata"]["reset"] == "subtract":
                after = after - z * n["v_threshold"]
            else:
                after = np.where(z, n["v_reset"], after)
            v[name] = np.where(awake, after, v[name])
            out[name] = z.astype(np.float64)
            counts[name].append(int(z.sum()))
    json.dump(counts, sys.stdout)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
