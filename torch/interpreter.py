IMAGE = None  # The source of what reads the image itself.


def tensors(file):
    """Returns the tensors of a safetensors file by name: a JSON header, then the raw numbers."""
    with open(file, "rb") as f:
        data = f.read()
    size = int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            numbers = torch.frombuffer(bytearray(data[8 + size + begin : 8 + size + end]), dtype=torch.float32)
            found[name] = numbers.reshape(entry["shape"])
    return found


def load(file=None):
    """Returns the network with the weights of a safetensors file.

    Without a file it is WEIGHTS, which lies beside this one and must be the one that was written with it.
    """
    if file is None:
        file = os.path.join(os.path.dirname(os.path.abspath(__file__)), WEIGHTS)
        with open(file, "rb") as f:
            if hashlib.sha256(f.read()).hexdigest() != WEIGHTS_SHA256:
                raise ValueError(f"{file} is not the file that was written with {__file__}: convert again")
    network = Network()
    network.load_state_dict(tensors(file))
    return network.eval()


class Conv(nn.Module):
    """A convolution of what the source emits. Padding is (top, left, bottom, right)."""

    def __init__(self, source, weight, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
        super().__init__()
        self.source, self.stride, self.padding, self.dilation, self.groups = source, stride, padding, dilation, groups
        self.register_buffer("weight", torch.zeros(weight))

    def forward(self, z):
        top, left, bottom, right = self.padding
        if (top, left) != (bottom, right):
            z = F.pad(z, (left, right, top, bottom))
            top = left = 0
        return F.conv2d(z, self.weight, None, self.stride, (top, left), self.dilation, self.groups)


class Dense(nn.Module):
    """From every neuron of the source, in the order channels, rows, columns, to every neuron."""

    def __init__(self, source, weight):
        super().__init__()
        self.source = source
        self.register_buffer("weight", torch.zeros(weight))

    def forward(self, z):
        return F.linear(z.flatten(1), self.weight)[:, :, None, None]


class Shortcut(nn.Module):
    """One weight per channel, from a neuron to the one at its place.

    It begins at row and column start, takes every stride-th, and has offset empty channels
    before its own. With remainder, what the source has left after its window is taken over.
    """

    def __init__(self, source, shape, channels, start=(0, 0), stride=(1, 1), offset=0, remainder=False):
        super().__init__()
        self.source, self.shape, self.start, self.stride, self.remainder = source, shape, start, stride, remainder
        self.channels = (offset, shape[0] - offset - channels)  # Those before and after its own.
        self.register_buffer("weight", torch.zeros(channels, 1, 1))

    def forward(self, z):
        (row, col), (down, right), (_, rows, cols) = self.start, self.stride, self.shape
        z = z[:, :, row::down, col::right][:, :, :rows, :cols] * self.weight
        return F.pad(z, (0, 0, 0, 0) + self.channels) if any(self.channels) else z


class Pool(nn.Module):
    """An average pool: the number of spikes under a window times a weight, rounded once."""

    def __init__(self, source, weight, kernel, stride, padding=(0, 0, 0, 0), dilation=(1, 1)):
        super().__init__()
        self.source, self.kernel, self.stride, self.padding, self.dilation = source, kernel, stride, padding, dilation
        self.register_buffer("weight", torch.zeros(weight))

    def forward(self, z):
        top, left, bottom, right = self.padding
        ones = z.new_ones(z.shape[1], 1, *self.kernel)
        spikes = F.conv2d(F.pad(z, (left, right, top, bottom)), ones, None, self.stride, 0, self.dilation, z.shape[1])
        return spikes * self.weight


class Gate(nn.Module):
    """A max pool of spikes, without neurons.

    It hands a spike on whenever a neuron under the window fires, up to the number of spikes of
    the neuron that has fired most.
    """

    def __init__(self, name, shape, source, kernel, stride, padding=(0, 0, 0, 0), dilation=(1, 1), phase=0):
        super().__init__()
        self.name, self.shape, self.source, self.phase = name, shape, source, phase
        self.kernel, self.stride, self.padding, self.dilation = kernel, stride, padding, dilation

    def begin(self, n):
        return SimpleNamespace(counts=0, emitted=0)

    def most(self, x):
        top, left, bottom, right = self.padding
        return F.max_pool2d(F.pad(x, (left, right, top, bottom)), self.kernel, self.stride, 0, self.dilation)

    def step(self, state, z):
        state.counts = state.counts + z
        out = (self.most(z) > 0) & (self.most(state.counts) > state.emitted)
        state.emitted = state.emitted + out.to(z.dtype)
        return out


class Population(nn.Module):
    """Neurons with a potential v, and what ends on them.

    In every timestep v becomes leak * v + current; where it reaches the threshold, the neuron
    fires, and the threshold is subtracted, or v set to zero, and it rests for some timesteps.
    In a network with phases, neurons integrate in the window before that of their phase, and
    fire in that one.
    """

    def __init__(self, name, shape, *inputs, neurons=False, reset="subtract", leak=1.0, rest=0, phase=0):
        super().__init__()
        self.name, self.shape, self.reset, self.leak, self.rest, self.phase = name, shape, reset, leak, rest, phase
        self.inputs = nn.ModuleList(inputs)
        self.register_buffer("bias", torch.zeros(shape[0], 1, 1))  # A constant current.
        self.register_buffer("threshold", torch.ones(shape[0], 1, 1))
        self.register_buffer("start", torch.zeros(shape if neurons else (shape[0], 1, 1)))  # V[0], of channels or neurons.

    def begin(self, n):
        v = self.start.expand(n, *self.shape)
        return SimpleNamespace(v=v, resting=torch.zeros_like(v), fired=torch.zeros_like(v, dtype=torch.bool), constant=None)

    def current(self, state, emitted, image, constant):
        """Returns the current of a timestep: first that of spikes, then the image and the bias."""
        total = sum((i(emitted[i.source]) for i in self.inputs if i.source is not IMAGE), torch.zeros_like(state.v))
        if state.constant is None or not constant:
            state.constant = self.bias + sum(i(image) for i in self.inputs if i.source is IMAGE)
        total = total + state.constant
        # Sums of whole numbers are whole; fast convolutions on a GPU may miss that by a little.
        return total.round() if POTENTIAL_MAX else total

    def integrate(self, state, current):
        state.v = saturated(state.v + current)

    def step(self, state, current):
        """Integrates and fires, where neurons do so in all timesteps."""
        v = saturated((state.v if self.leak == 1 else self.leak * state.v) + current)
        z = v >= self.threshold
        if self.rest:
            resting = state.resting > 0
            v, z = torch.where(resting, state.v, v), z & ~resting
            state.resting = torch.where(z, torch.full_like(v, self.rest), (state.resting - 1).clamp(min=0))
        state.v = torch.where(z, v - self.threshold if self.reset == "subtract" else torch.zeros_like(v), v)
        return z

    def take_over(self, state, states, layers):
        """Adds, when the window opens, what sources of shortcuts with remainder have left."""
        for i in self.inputs:
            if getattr(i, "remainder", False):
                source, left = layers[i.source], states[i.source]
                scale, grid = i.weight.double(), 1024
                if POTENTIAL_MAX:
                    scale, grid = scale / source.threshold.double(), 1
                rest = scale * (left.v - source.start).double()
                state.v = state.v + ((rest * grid).round() / grid).to(state.v.dtype)
        state.v = saturated(state.v)

    def fire(self, state, k, timesteps):
        """Fires at step k of the window, without a current. Returns spikes and what each is worth."""
        worth = timesteps - k if CODING == "first-spike" else 1
        z = (state.v >= worth * self.threshold) & ~state.fired
        state.v = torch.where(z, state.v - worth * self.threshold, state.v)
        if CODING == "first-spike":
            state.fired = state.fired | z
        return z, worth


def saturated(v):
    """Returns potentials as they are kept: whole numbers of so many bits, where weights are whole."""
    return v.clamp(-POTENTIAL_MAX, POTENTIAL_MAX) if POTENTIAL_MAX else v


Step = namedtuple("Step", "t spikes potentials currents worth")
Step.__doc__ = """A timestep: its number t from 0 and, of the layers that work in it, by their names,

spikes      booleans (N, C, H, W) of those that fire
potentials  v after the step, of all populations
currents    of those that integrate
worth       what a spike of the step stands for, in spikes of rate coding
"""


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(layers())
        self.by_name = {layer.name: layer for layer in self.layers}
        self.windows = 1 + max(layer.phase for layer in self.layers)  # Of T timesteps, until the answer.
        self.rectified = set()  # Layers whose remainders are taken over.
        self.read_until = {}  # The last phase of those that read a layer's spikes.
        for layer in self.layers:
            for i in layer.inputs if isinstance(layer, Population) else [layer]:
                self.read_until[i.source] = max(self.read_until.get(i.source, 0), layer.phase)
                if getattr(i, "remainder", False):
                    self.rectified.add(i.source)

    def encode(self, image, generator=None):
        """Returns the image as it enters at a timestep."""
        if POISSON:
            random = torch.rand(image.shape, generator=generator, dtype=image.dtype, device=image.device)
            image = torch.where(random * POISSON < image.abs(), POISSON * image.sign(), torch.zeros_like(image))
        if PIXEL_UNIT:
            units = image.double() / torch.full_like(image, PIXEL_UNIT, dtype=torch.float64)
            image = units.round().clamp(-PIXEL_LEVELS, PIXEL_LEVELS).to(image.dtype)
        return image

    def check(self, images, timesteps):
        """Returns images as frames (N, F, C, H, W), and the number of timesteps."""
        images = torch.as_tensor(images).to(self.layers[0].threshold)
        if images.ndim not in (4, 5) or tuple(images.shape[-3:]) != SHAPE:
            raise ValueError(f"images of shape {tuple(images.shape)}: want (N, C, H, W), or (N, frames, C, H, W), with {SHAPE} for (C, H, W)")
        if POISSON and images.ndim == 5:
            raise ValueError("frames enter as they are, and not as Poisson spikes: convert with direct encoding")
        timesteps = TIMESTEPS if timesteps is None else timesteps
        if timesteps < 1:
            raise ValueError(f"{timesteps} timesteps: there must be one at least")
        return images if images.ndim == 5 else images[:, None], timesteps

    @torch.no_grad()
    def steps(self, images, timesteps=None, generator=None):
        """Presents normalised images (N, C, H, W) and yields every Step.

        There are windows * timesteps of them. Frames (N, frames, C, H, W) take turns, one a
        timestep. generator is torch's, for Poisson spikes.
        """
        frames, timesteps = self.check(images, timesteps)
        constant = frames.shape[1] == 1 and not POISSON
        shown = {}  # By step of the window: the image as it enters.
        states = {layer.name: layer.begin(len(frames)) for layer in self.layers}
        arriving = {}  # By layer and step of its window: the spikes as synapses get them.
        for t in range(self.windows * timesteps):
            window, k = divmod(t, timesteps)  # Step k of a window reads what sources emitted at step k of theirs.
            if window == 0:
                shown[k] = shown[0] if constant and k > 0 else self.encode(frames[:, k % frames.shape[1]], generator)
            spikes, currents, worth = {}, {}, 1
            for layer in self.layers:
                name, state, fires = layer.name, states[layer.name], window == layer.phase
                if isinstance(layer, Gate):
                    if fires:
                        spikes[name] = layer.step(state, spikes[layer.source].to(frames.dtype))
                elif self.windows == 1 or window == layer.phase - 1:
                    arrives = {i.source: arriving[i.source][k].to(frames.dtype) for i in layer.inputs if i.source is not IMAGE}
                    currents[name] = layer.current(state, arrives, shown[k], constant)
                    if self.windows == 1:
                        spikes[name] = layer.step(state, currents[name])
                    else:
                        layer.integrate(state, currents[name])
                elif fires:
                    if k == 0:
                        layer.take_over(state, states, self.by_name)
                        if name in self.rectified:
                            state.v = torch.maximum(state.v, layer.start)
                    spikes[name], worth = layer.fire(state, k, timesteps)
                if name in spikes:
                    past = arriving.setdefault(name, {})
                    past[k] = spikes[name]
                    if CODING == "first-spike" and k > 0:  # What has arrived stays.
                        past[k] = past[k] | past[k - 1]
            if self.windows == 1:
                arriving, shown = {}, {0: shown[0]} if constant else {}
            elif k == timesteps - 1:
                arriving = {name: past for name, past in arriving.items() if self.read_until.get(name, 0) > window + 1}
            potentials = {layer.name: states[layer.name].v for layer in self.layers if isinstance(layer, Population)}
            yield Step(t, spikes, potentials, currents, worth)

    def forward(self, images, timesteps=None, generator=None):
        """Returns scores (N, classes) of normalised images: the class is the largest, the first of equals."""
        output = self.layers[-1]
        counts, total = 0, 0
        for step in self.steps(images, timesteps, generator):
            if output.name in step.spikes:
                counts = counts + step.worth * step.spikes[output.name].flatten(1).double()
            if output.name in step.currents:
                total = total + step.currents[output.name].flatten(1)
        if READOUT == "count":
            return counts
        unit = output.threshold.flatten() if POTENTIAL_MAX else 1  # Whole numbers are counted in thresholds.
        if READOUT == "potential":
            return total / unit
        v = step.potentials[output.name].flatten(1) / unit
        # Spikes and, between equal numbers of them, potentials, whose rank is worth less than one.
        return counts + torch.searchsorted(v.sort(1).values, v).double() / v.shape[1]
