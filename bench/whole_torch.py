"""An integer network that sresnet wrote, simulated densely in PyTorch.

    python3 bench/whole_torch.py IMAGES.npy NET.nir COUNTS.npz [NET.nir COUNTS.npz ...]

IMAGES.npy holds normalised pixels, float32, (images, channels, rows, columns). Writes
how often every neuron has fired for every image, an array per layer. It knows rate
coding, in networks that fire in windows and in those that fire all the time, with
whatever nodes sresnet writes without a target; docs/nir.md says what they mean.

All numbers are whole and below 2^24, which float32 holds without rounding: whichever
order sums have, in PyTorch or elsewhere, neurons fire at the same timesteps. A test
holds sresnet against it, neuron by neuron.

Time is that of the network, as the file has it. A population runs through its timesteps
before the next one does, so that what it gave is known at any of them.

Exits with status 3 where torch or h5py are missing.
"""
import argparse
import sys

try:
    import h5py
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as e:
    print(e, file=sys.stderr)
    sys.exit(3)


def read(group):
    """Returns a node, or metadata, as a dictionary: arrays of numbers as tensors."""
    d = {}
    for name, o in group.items():
        if isinstance(o, h5py.Group):
            d[name] = read(o)
        elif h5py.check_string_dtype(o.dtype):
            d[name] = o.asstr()[()]
        else:
            d[name] = torch.from_numpy(np.asarray(o[()]))
    return d


def window(n):
    return [n[k].tolist() for k in ("kernel_size", "stride", "padding")]


def sums(n, x):
    """Sums under windows: a depthwise convolution of ones."""
    kernel, stride, padding = window(n)
    return F.conv2d(x, torch.ones(x.shape[1], 1, *kernel, dtype=x.dtype), None, stride, padding, 1, x.shape[1])


# A mean and what multiplies it are no whole numbers, only their product is: float64 until
# it enters a population, where it is rounded.
OPERATORS = {
    "Conv2d": lambda n, x: F.conv2d(x.float(), n["weight"], n["bias"], n["stride"].tolist(), n["padding"].tolist(), n["dilation"].tolist(), int(n["groups"])),
    "Affine": lambda n, x: F.linear(x.float(), n["weight"], n["bias"]),
    "Scale": lambda n, x: x.double() * n["scale"],
    "Flatten": lambda n, x: x.flatten(1),
    "SumPool2d": sums,
    "AvgPool2d": lambda n, x: sums(n, x.double()) / n["kernel_size"].prod(),
}


class Population:
    """Integrate-and-fire neurons."""

    def __init__(self, n):
        self.n, self.about = n, n["metadata"]
        self.threshold = n["v_threshold"]
        if "v_start" in self.about:
            self.start = self.about["v_start"]
        else:
            v = torch.atleast_1d(self.about.get("v_init", torch.zeros(1)))
            self.start = v.reshape(v.shape + (1,) * (self.threshold.ndim - 1)) * self.threshold

    def integrate(self, current):
        x = current.round().float()
        assert (x - current).abs().max() < 1e-3, "a current is no whole number"
        self.v = self.v + x

    def fire(self):
        z = (self.v >= self.threshold).float()
        self.v = self.v - z * self.threshold
        return z

    def take_over(self, sources):
        """Adds what neurons of other populations have left."""
        for s, scale in zip(sources, self.about.get("takes_over_scale", [])):
            left = scale.double()[:, None, None] / s.threshold.double() * (s.v - s.start).double()
            self.v = self.v + left.round().float()


class Gate:
    """A max pool of spikes: docs/conversion.md, section 7."""

    def __init__(self, pool):
        self.window = window(pool)

    def step(self, z):
        self.counts = self.counts + z
        out = F.max_pool2d(z, *self.window)
        out = out * (F.max_pool2d(self.counts, *self.window) > self.emitted)
        self.emitted = self.emitted + out
        return out


class Network:
    def __init__(self, file):
        with h5py.File(file, "r") as f:
            graph = read(f["node"])
        self.nodes, self.meta = graph["nodes"], graph["metadata"]
        assert self.meta["threshold_compare"] == ">=" and self.meta["encoding"] == "direct" and self.meta["reset"] == "subtract"
        assert "bits" in self.meta, "weights are no whole numbers"
        self.phased = self.meta.get("schedule", "synchronous") == "phased"
        assert self.meta.get("coding", "rate") == "rate"
        self.timesteps = int(self.meta["tuned_for"])
        self.sources = {name: [] for name in self.nodes}
        for a, b in graph["edges"]:
            self.sources[b].append(a)
        self.neurons = {}
        for name in self.ordered():
            n = self.nodes[name]
            if n["type"] != "IF":
                continue
            if "gate" in n["metadata"]:
                (pool,) = self.sources[name]
                assert self.nodes[pool]["type"] == "SumPool2d", "a window that max pools do not have"
                self.neurons[name] = Gate(self.nodes[pool])
            else:
                self.neurons[name] = Population(n)

    def ordered(self):
        """Returns the names of the nodes so that every edge goes forward."""
        done = []
        while len(done) < len(self.nodes):
            ready = [n for n in self.nodes if n not in done and all(s in done for s in self.sources[n])]
            assert ready, "a loop"
            done += ready
        return done

    def value(self, name, clock):
        """Returns what a node gives at a timestep: a population what it has fired."""
        n = self.nodes[name]
        if n["type"] == "Input":
            assert 0 <= clock < self.timesteps, "the image is not shown at this timestep"
            return self.pixels
        if name in self.neurons:
            return self.spikes[name][clock].float()
        if n["type"] == "Delay":
            (source,) = self.sources[name]
            return self.value(source, clock - int(n["delay"].flatten()[0] / self.meta["dt"]))
        return OPERATORS[n["type"]](n, self.current(name, clock))

    def current(self, name, clock):
        """Returns what goes into a node at a timestep."""
        return sum(self.value(s, clock) for s in self.sources[name])

    def present(self, images):
        """Returns how often each neuron fires for a batch of images, by layer."""
        unit, most = self.meta["pixel_unit"].double(), float(self.meta["pixel_levels"])
        self.pixels = (images.double() / unit).round().clamp(-most, most).float()
        self.spikes = {}
        taken = {s for p in self.neurons.values() if isinstance(p, Population) for s in p.about.get("takes_over", "").split("\n")}
        counts = {}
        for name, p in self.neurons.items():
            about, T = self.nodes[name]["metadata"], self.timesteps
            window = range(T * int(about.get("phase", 0)), T * (int(about.get("phase", 0)) + 1))
            if isinstance(p, Gate):
                (pool,) = self.sources[name]
                p.counts, p.emitted = 0, 0
                z = [p.step(self.current(pool, clock)) for clock in window]
            elif self.phased:
                p.v = p.start
                for clock in window:
                    p.integrate(self.current(name, clock - T))
                p.take_over([self.neurons[s] for s in about["takes_over"].split("\n")] if "takes_over" in about else [])
                if name in taken:  # What is handed on is rectified.
                    p.v = torch.maximum(p.v, p.start)
                z = [p.fire() for _ in window]
            else:
                p.v, z = p.start, []
                for clock in window:
                    p.integrate(self.current(name, clock))
                    z.append(p.fire())
            self.spikes[name] = {clock: s.bool() for clock, s in zip(window, z)}
            counts[about["layer"]] = sum(z)
        return counts


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("images")
    a.add_argument("files", nargs="+", help="NET.nir COUNTS.npz, and more such pairs")
    a.add_argument("--batch", type=int, default=50)
    a.add_argument("--threads", type=int, default=1)
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    images = torch.from_numpy(np.load(o.images))
    for net, out in zip(o.files[::2], o.files[1::2]):
        n, parts = Network(net), []
        with torch.no_grad():
            for batch in images.split(o.batch):
                parts.append({k: v.numpy().astype(np.uint16) for k, v in n.present(batch).items()})
        # Names of layers may have slashes: arrays have numbers, in the order of names.
        names = list(parts[0])
        np.savez(out, names=np.array("\n".join(names).encode()), **{str(i): np.concatenate([p[k] for p in parts]) for i, k in enumerate(names)})


if __name__ == "__main__":
    main()
