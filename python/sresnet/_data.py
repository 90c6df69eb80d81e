"""Images and labels, from arrays, tensors and loaders, as the program reads them."""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Tuple

import numpy as np

from ._errors import DataError
from ._folder import Folder


def is_loader(value: Any) -> bool:
    """Report whether value gives batches, one after the other, or images one by one."""
    return (
        (hasattr(value, "__iter__") or hasattr(value, "__getitem__"))
        and not hasattr(value, "__array__")
        and not isinstance(value, (list, tuple, dict, str, bytes))
    )


def array(value: Any, what: str) -> Any:
    """Return what may be a tensor or a list as an array of numbers."""
    if hasattr(value, "detach"):  # A tensor, perhaps on a GPU, of a type that numpy lacks.
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        value = value.numpy()
    try:
        a = np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"{what} are no array: {error}", "all must have the same shape"
        ) from error
    if a.dtype.kind not in "buif":
        raise DataError(
            f"{what} are an array of {a.dtype}",
            "give numbers: bytes, integers or floats, all images of the same shape",
        )
    return a.astype(np.float32) if a.dtype == np.float16 else a


def images(value: Any) -> Any:
    """Return images as an array, images first."""
    a = array(value, "images")
    if a.ndim == 2:  # Vectors: images of one row.
        a = a[:, None, None, :]
    if a.ndim not in (3, 4, 5):
        raise DataError(
            f"images are an array of shape {a.shape}",
            "give (images, channels, rows, columns), channels last or none, "
            "(images, values), or (images, frames, channels, rows, columns)",
        )
    if a.shape[0] == 0:
        raise DataError("there are no images", "give at least one")
    return a


def labels(value: Any, count: int) -> Any:
    """Return the labels of so many images as an array."""
    a = array(value, "labels")
    if a.ndim == 2 and a.shape[1] == 1:
        a = a[:, 0]
    if a.ndim not in (1, 2):
        raise DataError(
            f"labels are an array of shape {a.shape}",
            "give a class number for each image, or one row of zeros and a one",
        )
    if a.shape[0] != count:
        raise DataError(
            f"there are {a.shape[0]} labels for {count} images", "give one label for each"
        )
    return a


def collect(loader: Iterable[Any], most: Optional[int]) -> Tuple[Any, Any]:
    """Return the images of a loader, up to so many, and their labels, None if it has none."""
    if hasattr(loader, "__getitem__") and not hasattr(loader, "batch_size"):
        raise DataError(
            f"a {type(loader).__name__} gives images one by one",
            "wrap it: torch.utils.data.DataLoader(dataset, batch_size=256)",
        )
    x: List[Any] = []
    y: List[Any] = []
    batches = count = 0
    expected: Optional[int] = None
    try:
        expected = len(loader)  # type: ignore[arg-type]
    except TypeError:
        pass
    iterator = iter(loader)
    while most is None or count < most:
        try:
            batch = next(iterator)
        except StopIteration:
            break
        except Exception as error:
            raise DataError(
                f"the loader failed after {batches} batches: {error}",
                "that is an error of the loader or its data set, which follows above",
            ) from error
        batches += 1
        if isinstance(batch, (list, tuple)):
            if len(batch) not in (1, 2):
                raise DataError(
                    f"a batch of the loader has {len(batch)} parts", "it should be images, labels"
                )
            parts = list(batch)
        else:
            parts = [batch]
        x.append(array(parts[0], "images"))
        if len(parts) == 2:
            y.append(array(parts[1], "labels"))
        if x[-1].shape[1:] != x[0].shape[1:]:
            raise DataError(
                f"batch {batches} of the loader has images of {x[-1].shape[1:]}, "
                f"the first one of {x[0].shape[1:]}",
                "resize or crop them to one shape",
            )
        if y and (len(y) != len(x) or len(y[-1]) != len(x[-1])):
            raise DataError(
                f"batch {batches} of the loader has not as many labels as images",
                "every batch should be images, labels",
            )
        count += len(x[-1])
    else:
        expected = None  # It was left early.
    if expected is not None and batches < expected:
        raise DataError(
            f"the loader ended after {batches} of its {expected} batches",
            "a result on part of the images would mislead: mend the loader, or give images=N",
        )
    if not x:
        raise DataError("the loader gives no images", "is it used up? make a new one")
    return np.concatenate(x)[:most], np.concatenate(y)[:most] if y else None


def spec(
    folder: Folder,
    x: Any,
    y: Any = None,
    *,
    name: str,
    most: Optional[int] = None,
    labelled: bool = False,
) -> Tuple[str, Optional[int]]:
    """Write images and return the SPEC under which the program finds them, and their number.

    x: arrays, a loader, or a SPEC, which is returned as it is, without a number.
    name: of the files.
    most: so many images at most.
    labelled: whether labels must be there.
    """
    if isinstance(x, str):
        if y is not None:
            raise DataError("labels beside a SPEC", f"{x!r} has labels of its own: leave out y")
        return x, None
    if x is None:
        raise DataError("there are no images", "give an array, a DataLoader or a SPEC")
    if is_loader(x):
        if y is not None:
            raise DataError("labels beside a loader", "the loader gives them: leave out y")
        x, y = collect(x, most)
    x = images(x)[:most]
    if y is None and labelled:
        raise DataError(
            "there are no labels", "give them as y, or a DataLoader of images and labels"
        )
    text = f"npy:{folder.array(name, x)}"
    if y is not None:
        count = len(x) if most is None else min(len(y), most)
        text += f",{folder.array(name + '-labels', labels(y[:most], count))}"
    return text, len(x)
