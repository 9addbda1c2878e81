"""Calibration data as users have them: arrays in .npy and .npz files, or a folder of pictures."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.arrays import check_file, open_arrays
from rtl_gen.errors import UsageError
from rtl_gen.extras import missing

KINDS = ".npy, .npz, or a folder of pictures"
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp")
Shapes = Mapping[str, tuple[int, ...]]


def load_data(path: Path, shapes: Shapes, limit: int, pixels: tuple[Sequence[float], Sequence[float]] | None) -> Any:
    """Up to `limit` inputs by the name of the network's input: arrays (batch, *shape), finite float32.

    `shapes`: of one sample, by name.  A file with one array serves a network with one input, whatever its name.
    `pixels`: mean and standard deviation that pictures (pixels 0 to 255) are normalised by, per channel or one.

    Raises :class:`UsageError`.
    """
    if path.is_dir():
        return _pictures(path, shapes, limit, pixels)
    if path.suffix.lower() not in (".npy", ".npz"):
        raise UsageError(f"--calibrate is {path}; allowed: {KINDS}")
    if pixels is not None:
        raise UsageError(f"--mean and --std are given for {path}; allowed: for a folder of pictures only")
    with open_arrays("--calibrate", path, KINDS) as stored:
        arrays = {array.name: array for array in stored}
        if len(arrays) == len(shapes) == 1:
            arrays = dict(zip(shapes, stored, strict=True))
        missing = [name for name in shapes if name not in arrays]
        if missing:
            raise UsageError(f"--calibrate {path} holds {', '.join(arrays) or 'nothing'}; needed: {', '.join(missing)}")
        found = {name: _checked(path, name, arrays[name].load(), shape)[:limit] for name, shape in shapes.items()}
    if len({len(array) for array in found.values()}) > 1:
        raise UsageError(f"--calibrate {path} holds {[len(a) for a in found.values()]} samples; needed: equally many")
    return found


def guessed(shapes: Shapes, count: int) -> dict[str, NDArray[np.float32]]:
    """Inputs where there are no data: normal random numbers, always the same."""
    random = np.random.default_rng(0)
    return {name: random.standard_normal((count, *shape)).astype(np.float32) for name, shape in shapes.items()}


def _checked(path: Path, name: str, array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if array.dtype.kind not in "fiub" or array.shape[1:] != shape or array.ndim < 1 or not len(array):
        wanted = ", ".join(map(str, ("samples", *shape)))
        raise UsageError(f"{path} holds {array.dtype} {array.shape} for {name}; needed: numbers ({wanted})")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite there, and refused
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise UsageError(f"{path} holds NaN or infinity for {name}; needed: finite numbers")
    return values


def _pictures(
    folder: Path, shapes: Shapes, limit: int, pixels: tuple[Sequence[float], Sequence[float]] | None
) -> dict[str, NDArray[np.float32]]:
    if pixels is None:
        raise UsageError(f"--calibrate {folder} is a folder of pictures; needed: --mean and --std, in pixels 0 to 255")
    if len(shapes) != 1 or len(next(iter(shapes.values()))) != 3 or next(iter(shapes.values()))[0] not in (1, 3):
        raise UsageError(f"the network's inputs are {dict(shapes)}; needed for pictures: one of 1 or 3 channels")
    ((name, (channels, height, width)),) = shapes.items()
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)[:limit]
    if not files:
        raise UsageError(f"--calibrate {folder} holds no pictures; allowed: {', '.join(PICTURES)}")
    with np.errstate(over="ignore"):  # as above
        mean, std = (np.asarray(values, np.float32).reshape(-1, 1, 1) for values in pixels)
    if mean.size not in (1, channels) or std.size not in (1, channels):
        raise UsageError(f"--mean and --std have {mean.size} and {std.size} values; needed: 1 or {channels}")
    for option, values, good in (("--mean", mean, np.isfinite(mean)), ("--std", std, np.isfinite(std) & (std > 0))):
        if not good.all():
            shown = ", ".join(f"{value:g}" for value in values.flat)
            raise UsageError(f"{option} is {shown}; allowed: finite numbers{', above 0' * (option == '--std')}")
    made = [_picture(file, "RGB" if channels == 3 else "L", (width, height)) for file in files]
    return {name: np.stack([(picture.transpose(2, 0, 1) - mean) / std for picture in made])}


def _picture(file: Path, mode: str, size: tuple[int, int]) -> NDArray[np.float32]:
    """A picture's pixels, 0 to 255: (height, width, channels) of `size`, (width, height)."""
    try:
        from PIL import Image
    except ImportError:
        raise missing("pillow") from None
    check_file("--calibrate", file, "pictures")
    with warnings.catch_warnings():
        # A small file may claim billions of pixels.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file) as opened:
                picture = opened.convert(mode).resize(size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
            raise UsageError(f"{file} is no picture that can be read: {error}") from error
    return np.asarray(picture, np.float32).reshape(size[1], size[0], -1)
