"""What the program found, as values."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Union

from ._errors import DataError, Error
from ._program import parse

if TYPE_CHECKING:
    import numpy as np


def table(rows: List[Dict[str, Any]]) -> Any:
    """Return rows as a pandas.DataFrame where pandas is there, else as they are.

    Values that are lists or objects are left out.
    """
    plain = [
        {k: v for k, v in row.items() if not isinstance(v, (list, dict))} for row in rows
    ]
    try:
        import pandas
    except ImportError:
        return plain
    return pandas.DataFrame(plain)


class _Result:
    """A JSON object of the program.

    json: the text, as the program printed it.
    data: the object; docs/runs.md says what every key means.
    """

    def __init__(self, json: str) -> None:
        self.json = json
        self.data: Dict[str, Any] = parse(json)


class Evaluation(_Result):
    """The accuracy of a spiking network after every timestep, and what it computes.

    folder: that of the run, for ``sresnet report`` and others; None if it was read from JSON.
    """

    def __init__(self, json: str, folder: Optional[Path] = None) -> None:
        super().__init__(json)
        self.folder = folder

    @property
    def accuracy(self) -> Dict[int, float]:
        """Accuracy of the spiking network by timestep; of a phased one, at T alone."""
        return self.over_time("spiking_top1")

    @property
    def agreement(self) -> Dict[int, float]:
        """Share of images on which both networks name the same class, by timestep.

        Empty for a spiking network without its trained one.
        """
        return self.over_time("agreement")

    @property
    def trained(self) -> Optional[float]:
        """Accuracy of the trained network; None for a spiking network without it."""
        value = self.data["trained_top1"]
        return None if value is None else float(value)

    @property
    def timesteps(self) -> int:
        """T: the length of a presentation; of a phased network that of a window."""
        return int(self.data["timesteps"])

    @property
    def latency(self) -> int:
        """Timesteps from the image to the answer."""
        return int(self.data["latency"])

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.data["images"])

    @property
    def recommended(self) -> Optional[int]:
        """The recommended T, None if there is none; ``reason`` says why."""
        return int(self.data["choice"]["recommended_t"]) or None

    @property
    def reason(self) -> str:
        """Why T is recommended, or none is; a sentence."""
        return str(self.data["choice"]["reason"])

    @property
    def layers(self) -> Any:
        """One row for each layer: a pandas.DataFrame, or a list of dicts without pandas."""
        return table(self.data["layers"])

    @property
    def energy(self) -> Dict[str, Any]:
        """What both networks compute, and joules if there was a device."""
        return dict(self.data["energy"])

    @property
    def predictions(self) -> Any:
        """Label and answers for each image: a pandas.DataFrame, or a dict of lists."""
        columns = {k: v for k, v in self.data["predictions"].items() if k != "turns_t"}
        try:
            import pandas
        except ImportError:
            return columns
        return pandas.DataFrame(columns).set_index("image")

    def over_time(self, key: str) -> Dict[int, float]:
        """Return a list of the result by timestep, such as "spikes_per_image"."""
        values = self.data[key] or []
        if len(values) == 1:
            return {self.timesteps: float(values[0])}
        return {t: float(v) for t, v in enumerate(values, start=1)}

    def plot(self, ax: Any = None) -> Any:
        """Draw accuracy and agreement over time with matplotlib, and return the axes."""
        try:
            from matplotlib import pyplot
        except ImportError:
            raise Error("there is no matplotlib", "pip install matplotlib") from None
        if ax is None:
            ax = pyplot.figure().add_subplot()
        for label, values in (("spiking network", self.accuracy), ("agreement", self.agreement)):
            if values:
                ax.plot(
                    list(values),
                    [100 * v for v in values.values()],
                    label=label,
                    marker="o" if len(values) == 1 else None,
                    linestyle="--" if label == "agreement" else "-",
                )
        if self.trained is not None:
            ax.axhline(100 * self.trained, color="grey", linewidth=1, label="trained network")
        if self.recommended and len(self.accuracy) > 1:
            ax.axvline(
                self.recommended, color="grey", linewidth=1, linestyle=":", label="recommended T"
            )
        ax.set_xlabel("timesteps")
        ax.set_ylabel("images, %")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        lines = [f"Evaluation of {self.data['model']} on {self.images} images"]
        if self.trained is not None:
            lines.append(f"  trained network: {100 * self.trained:.2f} %")
        t, accuracy = list(self.accuracy.items())[-1]
        took = f", latency {self.latency}" if self.latency != self.timesteps else ""
        lines.append(f"  spiking network: {100 * accuracy:.2f} % at T = {t}{took}")
        lines.append(_fit(f"  recommended T:   {self.recommended or 'none'}; {self.reason}", 19))
        return "\n".join(lines)


class Diagnosis(_Result):
    """Why accuracy is lost, and in which layer."""

    @property
    def advice(self) -> Optional[Dict[str, Any]]:
        """Options that bring accuracy back, as ``Network.apply`` sets them; None for none."""
        advice = self.data.get("advice")
        return dict(advice) if advice else None

    @property
    def verdict(self) -> List[str]:
        """What was found, in sentences."""
        return [str(v["text"]) for v in self.data.get("verdict") or []]

    @property
    def losses(self) -> Any:
        """Points lost at each cut: a pandas.DataFrame, or a list of dicts without pandas."""
        return table(self.data.get("losses") or [])

    @property
    def layers(self) -> Any:
        """One row for each layer, likewise."""
        return table(self.data.get("layers") or [])

    @property
    def counterfactuals(self) -> Any:
        """What was tried, and what it brought, likewise."""
        return table(self.data.get("counterfactuals") or [])

    def __repr__(self) -> str:
        head = f"Diagnosis of {self.data['model']} on {self.data['images']} images"
        return "\n".join([head, *(_fit("  - " + text, 4) for text in self.verdict)])


class Recording(Mapping[str, "np.ndarray[Any, Any]"]):
    """Spikes, potentials and currents: arrays (images, timesteps, neurons of the layer).

    As a mapping, it has the spikes of every layer, or what else was recorded. Names are those
    of layers; the name of a module stands for its last layer.

    data: what the program says of the recording.
    labels: of the images, None if they have none.
    """

    def __init__(self, json: str, arrays: Mapping[str, Any]) -> None:
        self.data: Dict[str, Any] = parse(json)
        self.labels = arrays["labels"] if "labels" in arrays else None
        self._arrays: Dict[str, Dict[str, Any]] = {}
        for what in self.data["observables"]:
            self._arrays[what] = {}
            for p in self.data["populations"]:
                a = arrays[f"{p['node']}.{what}"]
                shape = [n for n in p["shape"]]
                while len(shape) > 1 and shape[-1] == 1:
                    shape.pop()
                self._arrays[what][p["layer"]] = a.reshape(*a.shape[:2], *shape)

    @property
    def spikes(self) -> Dict[str, Any]:
        """Spikes by layer, Booleans."""
        return self._of("spikes")

    @property
    def potentials(self) -> Dict[str, Any]:
        """Membrane potentials after the reset by layer."""
        return self._of("potentials")

    @property
    def currents(self) -> Dict[str, Any]:
        """Input currents by layer."""
        return self._of("currents")

    def _of(self, what: str) -> Dict[str, Any]:
        if what not in self._arrays:
            raise DataError(f"{what} were not recorded", f"record(..., what=[\"{what}\"])")
        return self._arrays[what]

    def _first(self) -> Dict[str, Any]:
        return next(iter(self._arrays.values()))

    def __getitem__(self, name: str) -> "np.ndarray[Any, Any]":
        arrays = self._first()
        found = match(name, list(arrays))
        if not found:
            raise KeyError(f"{name}: there are {', '.join(arrays)}")
        a: "np.ndarray[Any, Any]" = arrays[found[-1]]
        return a

    def __iter__(self) -> Iterator[str]:
        return iter(self._first())

    def __len__(self) -> int:
        return len(self._first())

    def __repr__(self) -> str:
        lines = [f"Recording of {self.data['images']} images, {self.data['latency']} timesteps"]
        lines += [f"  {name}: {a.shape}" for name, a in self._first().items()]
        return "\n".join(lines)


def match(name: str, layers: List[str]) -> List[str]:
    """Return the layers that a name stands for: one of them, or those of a module.

    The module layer1.0.relu of PyTorch is layer1/layer1.0/relu in an ONNX file.
    """
    if name in layers:
        return [name]
    scope: List[str] = []
    for part in name.split("."):
        scope.append(f"{scope[-1]}.{part}" if part.isdigit() and scope else part)
    start = "/".join(scope) + "/"
    return [layer for layer in layers if layer.startswith(start)]


def _fit(line: str, indent: int) -> str:
    """Break a line into those that fit a terminal of 80 columns."""
    return textwrap.fill(
        line, 80, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


RunLike = Union[Evaluation, str, "Path"]
