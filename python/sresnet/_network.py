"""Networks: trained ones made spiking, measured, recorded and written."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence, Type, Union

import numpy as np

from . import _data, _model, _options
from ._errors import DataError, Error, ModelError, OptionError
from ._folder import Folder, whole, writing
from ._program import parse, run, supports
from ._results import Diagnosis, Evaluation, Recording, RunLike, match

_Path = Union[str, "os.PathLike[str]"]

# The command takes so many images for a diagnosis.
_DIAGNOSED = 500

_modules = 0


def convert(
    model: Any,
    images: Any,
    *,
    arch: Optional[str] = None,
    input: Union[None, str, Sequence[int]] = None,
    output: Optional[str] = None,
    calibration_images: Optional[int] = None,
    folder: Optional[_Path] = None,
    progress: Optional[bool] = None,
    **options: Any,
) -> "Network":
    """Convert a trained network into a spiking one.

    model: a torch.nn.Module in eval mode, or the path of an .onnx, .safetensors, .pt or .pth
        file.
    images: training images, from which scales come: an array or tensor, (images, channels,
        rows, columns) or channels last, a DataLoader, or a SPEC of the program ("cifar10:DIR").
    arch: the architecture of a file that has only weights.
    input: the shape of one image, where it does not follow: (3, 32, 32).
    output: the name of the output of several.
    calibration_images: take so many of the images; 1,000 by default.
    folder: keep files there, instead of in a folder that goes with the network.
    progress: whether there are bars; None where somebody sees them.
    options: those of ``sresnet convert``, such as preset, timesteps, normalize, bits. They hold
        for everything that is done with the network.

    Raises ModelError, DataError or OptionError, with what to do.
    """
    _options.check(options, "out", "target")
    if options.get("shared_lambda"):
        raise OptionError("shared_lambda is for files", "give it to save: net.save(path, shared_lambda=True)")
    if calibration_images is not None and calibration_images < 1:
        raise OptionError(f"calibration_images is {calibration_images}", "give at least 1")
    home = Folder(folder)
    try:
        spec, _ = _data.spec(home, images, name="calibration", most=calibration_images or 1000)
        if isinstance(images, str) and calibration_images is not None:
            spec += f"{'&' if '?' in spec else '?'}images={calibration_images}"
        if _model.is_module(model):
            if isinstance(input, str):
                raise ModelError(f"input is {input!r}", "give a shape, such as (3, 32, 32)")
            shape = input or parse(run(["data", "info", spec, "--json"], progress=False, quiet=True))["shape"]
            path = _model.export(model, shape, home)
        else:
            path = _model.file(model, {"arch": arch, "input": input, "output": output})
        return Network(path, spec, options, home, progress)
    except BaseException:
        home.close()
        raise


def load(path: _Path, *, folder: Optional[_Path] = None, progress: Optional[bool] = None) -> "Network":
    """Open a spiking network in a NIR file, as ``Network.save`` writes it."""
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise ModelError(f"there is no file {path}", f"paths begin at {os.getcwd()}")
    return Network(str(file), None, {}, Folder(folder), progress)


def report(path: _Path, *runs: RunLike, format: str = "html") -> Path:
    """Show runs, evaluations or their folders, side by side in a file, and return its path.

    format: html, json, csv or md; png and svg write figures into the folder path.
    """
    folders = [r.folder if isinstance(r, Evaluation) else Path(r) for r in runs]
    if not folders or None in folders:
        raise Error("there is no run to show", "give evaluations of this session, or folders of runs")
    run(["report", *map(str, folders), f"--out={os.fspath(path)}", f"--format={format}"])
    return Path(path)


def inspect(path: _Path, *, arch: Optional[str] = None) -> Dict[str, Any]:
    """Return what each operator of a file becomes with spikes: ``sresnet inspect``.

    path: a trained network, or a spiking one (NIR).
    arch: the architecture of a file that has only weights.
    """
    if _model.is_module(path):
        raise ModelError("a module of PyTorch is no file", "torch.onnx.export writes one; convert takes the module itself")
    file = os.fspath(path) if str(path).endswith(".nir") else _model.file(path, {"arch": arch})
    return parse(run(["inspect", file, "--json"], progress=False, error=ModelError))


def models() -> List[Dict[str, Any]]:
    """Return what is known of trained networks that others have published."""
    found: List[Dict[str, Any]] = parse(run(["model", "list", "--json"]))["models"]
    return found


def get_model(name: str, path: Optional[_Path] = None, *, progress: Optional[bool] = None) -> Path:
    """Download a network of ``models``, unless it is there, and return the path of the file.

    path: the file, or a folder for it; by default this one.
    """
    file = Path("." if path is None else path)
    if file.is_dir():
        file /= {m["name"]: m["file"] for m in models()}.get(name, name)
    run(["model", "get", name, str(file)], progress=progress)
    return file


class Network:
    """A spiking network, made by ``convert`` or ``load``.

    model: the file of the trained network, as the program names it.
    neurons: their number.
    layers: names of its layers, from the image to the output.
    """

    def __init__(
        self,
        model: str,
        calibrate: Optional[str],
        options: Dict[str, Any],
        folder: Folder,
        progress: Optional[bool],
    ) -> None:
        self.model = model
        self._calibrate = calibrate
        self._options = dict(options)
        self._folder = folder
        self._progress = progress
        self._last: Optional[Evaluation] = None
        self._advice: Optional[str] = None
        self._build()

    def _build(self) -> None:
        """Convert the network, and keep the file."""
        if self._calibrate is None:
            nir, written = Path(self.model), None
        else:
            nir = self._folder.free("network").with_suffix(".nir")
            written = parse(self._run(self._converting(self._options, nir), ModelError))
        self._read(nir, written)

    def _read(self, nir: Path, written: Optional[Dict[str, Any]]) -> None:
        inspected = parse(run(["inspect", str(nir), "--json"], progress=False, error=ModelError))
        if "layers" not in inspected:
            raise ModelError(f"{nir} holds no spiking network", "convert the trained one")
        self._nir, self._written = nir, written
        self.layers: List[str] = [layer["name"] for layer in inspected["layers"]]
        self.neurons = sum(int(layer["neurons"]) for layer in inspected["layers"])

    def _converting(self, options: Dict[str, Any], out: _Path) -> List[str]:
        return [
            "convert",
            self.model,
            f"--calibrate={self._calibrate}",
            f"--out={os.fspath(out)}",
            "--json",
            *self._applied(),
            *_options.flags(options),
        ]

    def _applied(self) -> List[str]:
        return [f"--apply={self._advice}"] if self._advice else []

    def _run(self, arguments: List[str], error: Type[Error] = Error) -> str:
        return run(arguments, progress=self._progress, error=error)

    def _measuring(
        self, command: str, x: Any, y: Any, options: Dict[str, Any], most: Optional[int] = None
    ) -> List[str]:
        """Return the arguments of a command that presents images to both networks.

        most: how many of the images it presents by default.
        """
        options = {**self._options, **options}
        limit = options.get("images") or None
        spec, count = _data.spec(
            self._folder, x, y, name="images", labelled=True, most=limit if _data.is_loader(x) else None
        )
        if count is not None and most is not None and "images" not in options:
            options["images"] = min(most, count)
        calibrate = [f"--calibrate={self._calibrate}"] if self._calibrate else []
        return [
            command,
            self.model,
            f"--data={spec}",
            *calibrate,
            "--json",
            *self._applied(),
            *_options.flags(options),
        ]

    def evaluate(self, x: Any, y: Any = None, **options: Any) -> Evaluation:
        """Present test images to both networks: ``sresnet eval``.

        x: an array or tensor, a DataLoader of images and labels, or a SPEC.
        y: labels, class numbers or rows of zeros and a one, of an array.
        options: those of ``sresnet eval``, such as timesteps, preset, device, exit; they come
            before those given to ``convert``, for this evaluation. out=DIR keeps the run.
        """
        _options.check(options)
        out = Path(options.pop("out", None) or self._folder.free(Path(self.model.partition("?")[0]).stem))
        text = self._run([*self._measuring("eval", x, y, options), f"--out={out}"])
        self._last = Evaluation(text, out.absolute())
        return self._last

    def diagnose(self, x: Any, y: Any = None, **options: Any) -> Diagnosis:
        """Say why accuracy is lost, and in which layer: ``sresnet diagnose``.

        x, y: test images and labels, as of ``evaluate``; the first 500, or images=N.
        options: those of ``sresnet diagnose``.
        """
        _options.check(options, "out")
        return Diagnosis(self._run(self._measuring("diagnose", x, y, options, _DIAGNOSED)))

    def verify(self, x: Any, **options: Any) -> Dict[str, Any]:
        """Compare every step of the conversion on images: ``sresnet verify``.

        x: images, as of ``evaluate``, without labels.
        options: those of ``sresnet verify``, such as images=N.

        Raises Error if a step does not keep what the network computes.
        """
        _options.check(options)
        spec, _ = _data.spec(self._folder, x, None, name="images")
        arguments = ["verify", str(self._nir)]  # What only the conversion knows is in the file.
        if self._calibrate and not self._advice and all(supports("verify", _options.name(o)) for o in self._options):
            arguments = ["verify", self.model, f"--calibrate={self._calibrate}"]
            options = {**self._options, **options}
        text = self._run([*arguments, f"--data={spec}", "--json", *_options.flags(options)])
        return parse(text)

    def apply(self, diagnosis: Diagnosis) -> "Network":
        """Convert the network again, with the options that a diagnosis advises, and return it.

        They are all options of the network that was diagnosed, with what would help, and take
        the place of those given to ``convert``.
        """
        if not supports("convert", "apply"):
            raise Error(
                "this sresnet cannot apply what a diagnosis advises",
                "install a newer one; until then, d.verdict says what to give to convert",
            )
        if diagnosis.advice is None:
            raise Error("the diagnosis advises no change of options", "d.verdict says what it found")
        file = self._folder.free("advice").with_suffix(".json")
        with writing(file), whole(file) as part:
            part.write_text(diagnosis.json, "utf-8")
        gone = {*diagnosis.advice, "preset", "T"}
        before = self._options, self._advice
        self._options = {k: v for k, v in self._options.items() if k not in gone}
        self._advice = str(file)
        try:
            self._build()
        except BaseException:
            self._options, self._advice = before
            raise
        return self

    def record(
        self,
        x: Any,
        y: Any = None,
        *,
        layers: Union[None, str, Sequence[str]] = None,
        what: Union[str, Sequence[str]] = "spikes",
        **options: Any,
    ) -> Recording:
        """Record what neurons do at every timestep: ``sresnet record``.

        x: images: an array or tensor, a DataLoader, or a SPEC.
        layers: names of layers, with * for anything, or of modules of PyTorch ("layer1.0"), which
            stand for all layers in them; all by default.
        what: "spikes", "potentials", "currents", or several.
        options: those of ``sresnet record``, such as timesteps; images=N.
        """
        _options.check(options, "out", "events")
        if "timesteps" not in options and "T" not in options and self._calibrate is not None:
            options["timesteps"] = self._options.get("timesteps", self._options.get("T"))
        limit = options.get("images") or None
        spec, count = _data.spec(
            self._folder, x, y, name="images", most=limit if _data.is_loader(x) else None
        )
        if count is not None:
            options.setdefault("images", count)
        if layers is not None:
            options["layers"] = self._named([layers] if isinstance(layers, str) else layers)
        file = self._folder.free("recording").with_suffix(".npz")
        arguments = ["record", str(self._nir), f"--data={spec}", f"--out={file}", "--json"]
        text = self._run([*arguments, *_options.flags({**options, "what": what})])
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return Recording(text, {name: arrays[name] for name in arrays.files})
        finally:
            file.unlink()

    def _named(self, names: Sequence[str]) -> List[str]:
        """Return the layers that names stand for; what is none is left to the program."""
        found: List[str] = []
        for name in names:
            found += match(name, self.layers) or [name]
        return list(dict.fromkeys(found))

    def save(self, path: _Path, **options: Any) -> Dict[str, Any]:
        """Write the network as a NIR file, and return what the program says of it.

        options: those of ``sresnet convert``, such as target.
        """
        _options.check(options, "out")
        if options or self._written is None and self._calibrate is not None:
            text = self._run(self._converting({**self._options, **options}, Path(path).absolute()))
            return {**parse(text), "file": os.fspath(path)}
        to = Path(path).expanduser().absolute()
        with writing(path), whole(to) as part:
            shutil.copyfile(self._nir, part)
        return {**(self._written or {}), "file": os.fspath(path)}

    def to_torch(self, path: Optional[_Path] = None) -> Any:
        """Return the network as a torch.nn.Module that makes the same spikes.

        path: keep its source there, NAME.py, with NAME.safetensors beside it. Neither needs
            sresnet.
        """
        global _modules
        try:
            import torch  # noqa: F401
        except ImportError:
            raise Error("there is no PyTorch", "pip install torch") from None
        if path is not None and Path(path).suffix != ".py":
            raise Error(f"{os.fspath(path)} is no module of Python", "give a path that ends in .py")
        file = Path(path).absolute() if path is not None else self._folder.free("torch") / "network.py"
        if path is None:
            with writing(file):
                file.parent.mkdir()
        try:
            self._run(self._converting({**self._options, "target": "torch"}, file))
        except OptionError as error:
            if "target" not in error.sentence:
                raise
            raise Error(
                "this sresnet cannot write a module of PyTorch",
                "install a newer one, whose 'sresnet convert --help' has the target torch",
                error.command,
                error.code,
            ) from error
        _modules += 1
        spec = importlib.util.spec_from_file_location(f"sresnet_network_{_modules}", file)
        if spec is None or spec.loader is None:
            raise Error(f"{file} is no module of Python", "give a path that ends in .py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # For pickle and copy.
        spec.loader.exec_module(module)
        return module.load(str(file.with_suffix(".safetensors"))).eval()

    def report(self, path: _Path, *runs: RunLike, format: str = "html") -> Path:
        """Write a page of the last evaluation, or of runs, and return its path; see ``report``."""
        if not runs:
            if self._last is None:
                raise Error("nothing has been evaluated yet", "call evaluate first")
            runs = (self._last,)
        return report(path, *runs, format=format)

    def close(self) -> None:
        """Remove the files of the network, unless they are in a folder with a name."""
        self._folder.close()

    def __enter__(self) -> "Network":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        name = Path(self.model.partition("?")[0]).stem
        return f"<sresnet.Network {name}: {self.neurons} neurons in {len(self.layers)} layers>"
