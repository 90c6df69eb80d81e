"""The trained network: a file, or a module of PyTorch that becomes one."""

from __future__ import annotations

import inspect
import io
import itertools
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from ._errors import ModelError
from ._folder import Folder, whole, writing

_SUFFIXES = (".onnx", ".safetensors", ".pt", ".pth")


def is_module(model: Any) -> bool:
    """Report whether model is a module of PyTorch; does not load PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def file(model: Any, options: Dict[str, Any]) -> str:
    """Return the MODEL of the program for a file, with its options: arch, input, output."""
    try:
        text = os.fspath(model)
    except TypeError:
        raise ModelError(
            f"a network is a {type(model).__name__}",
            "give a torch.nn.Module, or the path of a file: " + ", ".join(_SUFFIXES),
        ) from None
    name, _, given = text.partition("?")
    path = Path(name).expanduser().absolute()
    if path.suffix == ".nir":
        raise ModelError(f"{name} is a spiking network already", "load it: sresnet.load(path)")
    if not path.exists():
        raise ModelError(f"there is no file {name}", f"paths begin at {os.getcwd()}")
    words = [given] if given else []
    for key, value in options.items():
        if value is not None:
            words.append(f"{key}={value if isinstance(value, str) else 'x'.join(map(str, value))}")
    return str(path) + ("?" + "&".join(words) if words else "")


def export(module: Any, shape: Sequence[int], folder: Folder) -> str:
    """Write a module as an ONNX file into the folder, and return its path.

    shape: that of one image, such as (3, 32, 32).
    """
    import torch

    if isinstance(module, torch.nn.DataParallel):
        module = module.module
    name = type(module).__name__
    if module.training:
        raise ModelError(
            f"{name} is in training mode",
            "call model.eval() first, so that batch norm uses its running statistics",
        )
    tensor = next(itertools.chain(module.parameters(), module.buffers()), torch.zeros(1))
    example = torch.zeros(1, *shape, dtype=tensor.dtype, device=tensor.device)
    options: Dict[str, Any] = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # It keeps the names of modules, and needs no other package.
    file = io.BytesIO()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module(example)
    except Exception as error:
        raise ModelError(
            f"{name} does not take images of {'x'.join(map(str, shape))}: {_first(error)}",
            "give the shape of one of its images: convert(..., input=(784,))",
        ) from error
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(module, example, file, **options)
    except Exception as error:
        raise ModelError(
            f"{name} cannot be exported to ONNX: {_first(error)}",
            "export it yourself with torch.onnx.export, and give the .onnx file; "
            "docs/frameworks.md says how",
        ) from error
    path = folder.path / (re.sub(r"\W", "_", name) + ".onnx")
    with writing(path), whole(path) as part:
        part.write_bytes(file.getvalue())
    return str(path)


def _first(error: BaseException) -> str:
    """Return the first line of an error that says something."""
    for line in str(error).splitlines():
        if line.strip():
            return line.strip()
    return type(error).__name__
