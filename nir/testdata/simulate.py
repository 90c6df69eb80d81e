"""Simulates a spiking network that sresnet wrote, with nothing but h5py and numpy.

    simulate.py NET.nir IMAGE.txt TIMESTEPS

IMAGE.txt has the normalised pixels, one a line, in the order (C, H, W). Prints the
spikes of every population at every timestep as JSON. It is also what to look at
before writing a reader: the nodes give the network, and the metadata what NIR
cannot say (docs/nir.md). It knows the nodes that sresnet writes but for max-pool
gates. Spikes of a phased network are those of the timesteps of each population's
window.
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


class Population:
    """The neurons of a node."""

    def __init__(self, n, meta, timesteps):
        self.n, self.meta, self.timesteps = n, meta, timesteps
        about = n["metadata"]
        # Where readers fire above it, the node has the next smaller number.
        self.threshold = about.get("v_threshold", n["v_threshold"]).astype(np.float64)
        if "v_start" in about:
            self.v = about["v_start"].astype(np.float64)
        else:
            start = np.asarray(about.get("v_init", 0.0))
            self.v = start.reshape(start.shape + (1,) * (self.threshold.ndim - start.ndim)) * self.threshold
        self.rest = np.zeros(self.threshold.shape, int)
        self.fired = np.zeros(self.threshold.shape, bool)
        self.counts = []
        self.begin = self.v
        self.remains = False

    def take_over(self, populations):
        """Adds what other neurons have left after their windows."""
        about = self.n["metadata"]
        if "takes_over" in about:
            for name, scale in zip(about["takes_over"].split("\n"), about["takes_over_scale"]):
                source = populations[name]
                left = scale.astype(np.float64)[:, None, None] * (source.v - source.begin)
                self.v = self.v + np.round(left * 1024) / 1024
        if self.remains:  # What is handed on is rectified.
            self.v = np.maximum(self.v, self.begin)

    def step(self, x, clock, populations):
        """Takes the current of a timestep and returns what goes into the synapses."""
        if self.meta.get("schedule", "synchronous") == "synchronous":
            return self.synchronous(x)
        window, k = divmod(clock, self.timesteps)
        phase = self.n["metadata"]["phase"]
        if window == phase - 1:  # It integrates.
            self.v = self.v + self.meta["dt"] * self.n["r"] * x
        if window != phase:
            return np.zeros(self.threshold.shape)
        if k == 0:
            self.take_over(populations)
        if self.meta["coding"] == "rate":
            z = self.v >= self.threshold
            self.v = self.v - z * self.threshold
            self.counts.append(int(z.sum()))
            return z.astype(np.float64)
        worth = (self.timesteps - k) * self.threshold
        z = (self.v >= worth) & ~self.fired
        self.v = self.v - z * worth
        self.fired |= z
        self.counts.append(int(z.sum()))
        return self.fired.astype(np.float64)  # A receiver holds what has arrived.

    def synchronous(self, x):
        n = self.n
        if n["type"] == "LIF":
            after = self.v + self.meta["dt"] / n["tau"] * (n["v_leak"] - self.v + n["r"] * x)
        else:
            after = self.v + self.meta["dt"] * n["r"] * x
        awake = self.rest == 0
        z = awake & (after >= self.threshold)
        self.rest = np.where(z, n["metadata"].get("refractory", 0), np.maximum(self.rest - 1, 0))
        if n["metadata"]["reset"] == "subtract":
            after = after - z * self.threshold
        else:
            after = np.where(z, n.get("v_reset", 0), after)
        self.v = np.where(awake, after, self.v)
        self.counts.append(int(z.sum()))
        return z.astype(np.float64)


def main(file, image, timesteps):
    with h5py.File(file, "r") as f:
        graph = read(f["node"])
    nodes, meta = graph["nodes"], graph["metadata"]
    assert meta["threshold_compare"] == ">=" and meta["encoding"] == "direct"
    sources = {name: [] for name in nodes}
    for a, b in graph["edges"]:
        sources[b].append(a)
    populations = {name: Population(n, meta, timesteps) for name, n in nodes.items() if n["type"] in ("IF", "LIF")}
    for p in populations.values():
        if "takes_over" in p.n["metadata"]:
            for name in p.n["metadata"]["takes_over"].split("\n"):
                populations[name].remains = True
    past = {name: [] for name, n in nodes.items() if n["type"] == "Delay"}
    assert not past or meta["tuned_for"] == timesteps, "delays are for another T"
    phases = [n["metadata"].get("phase", 0) for n in nodes.values() if "metadata" in n]
    ordered = order(nodes, sources)
    for clock in range(timesteps * (max(phases) + 1)):
        out = {}
        for name in ordered:
            n = nodes[name]
            if n["type"] == "Input":
                x = np.loadtxt(image).reshape(n["shape"])
                out[name] = x if clock < timesteps else np.zeros_like(x)
                continue
            x = sum(out[s] for s in sources[name])  # Several edges mean a sum.
            if n["type"] == "Delay":
                past[name].append(x)
                steps = round(float(n["delay"].flat[0]) / meta["dt"])
                out[name] = past[name][clock - steps] if clock >= steps else np.zeros_like(x)
            elif name in populations:
                out[name] = populations[name].step(x, clock, populations)
            else:
                out[name] = OPERATORS[n["type"]](n, x)
    json.dump({name: p.counts for name, p in populations.items()}, sys.stdout)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
