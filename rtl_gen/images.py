"""Inputs and outputs of networks as files of numpy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rtl_gen.arrays import npy, npz, open_arrays, read_array
from rtl_gen.errors import UsageError
from rtl_gen.options import check_file, written
from sw_ref.files import write_atomically
from sw_ref.network import Network, quantize
from sw_ref.network.requantizer import code_dtype

KINDS = ".npy or .npz"
Codes = Mapping[str, NDArray[Any]]


def read_images(file: Path, network: Network, *, codes: bool) -> dict[str, NDArray[Any]]:
    """The codes of a network's inputs, by name: (images, C, H, W), as many of each.

    `file`: .npy of the only input, or .npz of all by name.  Axes of size 1 may be missing.  Real numbers become codes
    by the input's step and zero point, unless they are `codes`.
    Raises :class:`UsageError` for a file, names, shapes or values that do not fit.
    """
    if file.suffix.lower() == ".npy":
        name, *others = network.inputs
        if others:
            raise UsageError(f"--input is {file}; allowed: .npz of {', '.join(network.inputs)}")
        arrays = {name: read_array("--input", file, KINDS)}
    elif file.suffix.lower() == ".npz":
        with open_arrays("--input", file, KINDS) as stored:
            names = [array.name for array in stored]
            if set(names) != set(network.inputs):
                raise UsageError(
                    f"--input {file} holds {', '.join(names)}; allowed: exactly {', '.join(network.inputs)}"
                )
            arrays = {array.name: array.load() for array in stored}
    else:
        raise UsageError(f"--input is {file}; allowed: {KINDS}")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise UsageError(f"--input {file}: {name} is {array.dtype}; allowed: real numbers")
    shaped = {name: _shaped(file, name, arrays[name], network) for name in network.inputs}
    if len({len(array) for array in shaped.values()}) > 1:
        raise UsageError(f"--input {file} holds {[len(a) for a in shaped.values()]} images; allowed: as many of each")
    try:
        made = _checked(shaped, network) if codes else quantize(network, shaped)
    except ValueError as error:
        raise UsageError(f"--input {file}: {error}") from error
    return made


def check_outputs(file: Path, count: int, **inputs: Path | None) -> None:
    """Raises :class:`UsageError` if :func:`write_outputs` could not write so many outputs to `file`.

    `inputs`: files that it must not write over.
    """
    kinds = (".npy", ".npz") if count == 1 else (".npz",)
    check_file("--out", file, kinds, **inputs)


def write_outputs(file: Path, outputs: Codes) -> None:
    """Write the outputs' codes: .npy of the only one, or .npz.  Raises :class:`UsageError`."""
    check_outputs(file, len(outputs))
    data = npz(outputs) if file.suffix.lower() == ".npz" else npy(next(iter(outputs.values())))
    with written("--out", file):
        write_atomically(file, data)


def _shaped(file: Path, name: str, array: NDArray[Any], network: Network) -> NDArray[Any]:
    shape = network.tensors[name].shape
    # (images, 640) is (images, 640, 1, 1).
    if array.ndim < 1 or not len(array) or [n for n in array.shape[1:] if n > 1] != [n for n in shape if n > 1]:
        sizes = ", ".join(map(str, shape))
        raise UsageError(f"--input {file}: {name} has shape {array.shape}; allowed: (images, {sizes})")
    return array.reshape(len(array), *shape)


def _checked(arrays: dict[str, NDArray[Any]], network: Network) -> dict[str, NDArray[Any]]:
    """Integer codes in the type of codes; ``ValueError`` for others."""
    for name, array in arrays.items():
        if array.dtype.kind not in "iu":
            raise ValueError(f"{name} is {array.dtype}; allowed with --codes: integers")
        if array.min() < 0 or array.max() > network.format.act_max:
            raise ValueError(f"{name} holds {array.min()} to {array.max()}; allowed: 0 to {network.format.act_max}")
    return {name: array.astype(code_dtype(network.format.act_bits)) for name, array in arrays.items()}
