"""The quantized model: codes, flags and scales, and the file that holds them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.messages import shorten
from sw_ref.quantize.levels import check_scale
from sw_ref.tensorfile import TensorFile, TensorFileError, unique, write_tensors
from sw_ref.tiling import GRANULARITIES, Tiling, check_granularity, check_tile

SCHEMA = "1"
PARTS = {"word1": np.int8, "word2": np.int8, "two_word": np.uint8, "scale": np.float32}


class ModelError(ValueError):
    """A damaged or inconsistent model file; the message names the tensor or the metadata key."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


@dataclass(frozen=True, kw_only=True, eq=False)
class StlqTensor:
    """One quantized weight tensor, consistent from the moment it is made.

    `word1`, `word2`: int8 codes, shape (O, I, *kernel), `word2` 0 in one-word tiles.  `two_word`: uint8 flags,
    one per tile: (ceil(O/pe), ceil(I/lanes), *kernel).  `scale`: float32, shape () or one per output channel (O,).
    `granularity`: the weights that shared one decision; a tile has two words if anything in it has.
    `groups`: of a grouped layer, whose output channels see I of the layer's groups * I input channels each.

    Raises ``ValueError`` with the part that is wrong.
    """

    word1: NDArray[np.int8]
    word2: NDArray[np.int8]
    two_word: NDArray[np.uint8]
    scale: NDArray[np.float32]
    format: StlqFormat
    tile: tuple[int, int]
    granularity: str = "tile"
    groups: int = 1

    def __post_init__(self) -> None:
        for part, dtype in PARTS.items():
            if getattr(self, part).dtype != dtype:
                raise ValueError(f"{part} is {getattr(self, part).dtype}; allowed: {np.dtype(dtype)}")
        check_tile(self.tile)
        check_granularity(self.granularity)
        if not 2 <= self.word1.ndim <= 4 or self.word1.size == 0:
            raise ValueError(f"word1 has shape {self.word1.shape}; allowed: 2 to 4 axes, none empty")
        if type(self.groups) is not int or self.groups < 1 or self.shape[0] % self.groups:
            raise ValueError(f"groups is {self.groups!r}; allowed: a divisor of {self.shape[0]} output channels")
        self._check_shape("word2", self.shape)
        self._check_shape("two_word", self.tiling.grid)
        self._check_shape("scale", () if self.scale.ndim == 0 else self.shape[:1])
        self._check_values()

    def _check_shape(self, part: str, shape: tuple[int, ...]) -> None:
        if getattr(self, part).shape != shape:
            raise ValueError(f"{part} has shape {getattr(self, part).shape}; allowed: {shape}")

    def _check_values(self) -> None:
        codes = self.format.codes
        for part in ("word1", "word2"):
            for extreme in (int(getattr(self, part).min()), int(getattr(self, part).max())):
                if extreme not in codes:
                    raise ValueError(f"{part} holds code {extreme}; allowed: {codes[0]} to {codes[-1]}")
        if self.two_word.max() > 1:
            raise ValueError(f"two_word holds {self.two_word.max()}; allowed: 0 or 1")
        check_scale(self.scale)
        stray = self.tiling.any(self.word2 != 0) > self.two_word
        if stray.any():
            raise ValueError(f"word2 is not 0 in one-word tile {tuple(map(int, np.argwhere(stray)[0]))}")

    @property
    def shape(self) -> tuple[int, ...]:
        """(O, I, *kernel)."""
        return self.word1.shape

    @property
    def act_shape(self) -> tuple[int, ...]:
        """The activations of one dot product: (groups * I, *kernel)."""
        return self.groups * self.shape[1], *self.shape[2:]

    @property
    def tiling(self) -> Tiling:
        """The tiles that the array consumes."""
        return Tiling.of(self.shape, self.tile)

    @property
    def two_word_ratio(self) -> float:
        """R: the share of tiles with two words."""
        return float(self.two_word.mean(dtype=np.float64))

    @property
    def unit(self) -> NDArray[np.float32]:
        """The real value of integer weight 1, U * 2^-(M+k): float32, exact, shape of `scale`."""
        return self.scale * np.float32(2.0**-self.format.unit_shift)

    def integers(self) -> NDArray[np.int32]:
        """The integer weights W = term(q1) * 2^k + term(q2): int32, shape of the weight."""
        codes, levels = self.format.codes, self.format.levels
        # Indexed by code: negative ones count from the end.
        table = np.array([self.format.term(q) for q in (*codes[levels:], *codes[:levels])], np.int32)
        weights = np.take(table << self.format.residual_shift, self.word1, mode="wrap")
        weights += np.take(table, self.word2, mode="wrap")
        return weights

    def dequantize(self) -> NDArray[np.float32]:
        """The real weights W * `unit`: float32, rounded once."""
        weights = self.integers().astype(np.float32)
        weights *= self.unit.reshape(-1, *(1,) * (weights.ndim - 1))
        return weights


def check_name(name: str) -> None:
    """Refuse a tensor's name that, printed, could look like something else. Raises ``ValueError``."""
    if not name.isprintable():
        raise ValueError(f"a tensor is named {name!a}; allowed: printable names")


def save_model(path: str | Path, tensors: Mapping[str, StlqTensor]) -> None:
    """Write a model as safetensors, whole or not at all; the same model gives the same bytes.

    Raises ``ValueError`` if there is no tensor, one has no printable name, or they differ in format, tile or
    granularity; ``OSError``.
    """
    if not tensors:
        raise ValueError("the model holds no tensors; allowed: one or more")
    kinds = {(t.format, tuple(t.tile), t.granularity) for t in tensors.values()}
    if len(kinds) > 1:
        raise ValueError(f"the tensors hold {len(kinds)} kinds of format, tile and granularity; allowed: 1")
    ((fmt, tile, granularity),) = kinds
    for name in tensors:
        check_name(name)
    metadata = {
        "schema": SCHEMA,
        "format": json.dumps(fmt.to_dict()),
        "tile": json.dumps(list(tile)),
        "granularity": granularity,
    }
    grouped = {name: tensor.groups for name, tensor in sorted(tensors.items()) if tensor.groups > 1}
    if grouped:
        metadata["groups"] = json.dumps(grouped)
    arrays = {f"{name}.{part}": getattr(tensor, part) for name, tensor in tensors.items() for part in PARTS}
    write_tensors(path, arrays, metadata)


def load_model(path: str | Path) -> dict[str, StlqTensor]:
    """Read a model, in order of name.

    Raises :class:`ModelError` for anything damaged or inconsistent, ``OSError`` if it cannot be read.
    """
    try:
        file = TensorFile(path)
        metadata = dict(file.metadata)
        if "kind" in metadata:
            raise ModelError(f"metadata kind is {metadata['kind']!r}; allowed: none, as in what `stlq quantize` writes")
        groups = _groups(metadata.pop("groups", "{}"), _names(file))
        fmt, tile, granularity = _kind(metadata)
        tensors = {}
        for name in _names(file):
            parts: dict[str, Any] = {part: file.read(f"{name}.{part}") for part in PARTS}
            try:
                tensors[name] = StlqTensor(
                    **parts, format=fmt, tile=tile, granularity=granularity, groups=groups.get(name, 1)
                )
            except ValueError as error:
                raise ModelError(f"{name}: {error}") from error
    except TensorFileError as error:
        raise ModelError(str(error)) from error
    return tensors


def _kind(metadata: dict[str, str]) -> tuple[StlqFormat, tuple[int, int], str]:
    metadata = {"granularity": "tile", **metadata}
    keys = {"schema", "format", "tile", "granularity"}
    if set(metadata) != keys:
        raise ModelError(f"metadata has {sorted(metadata)}; allowed: exactly {sorted(keys)}")
    if metadata["schema"] != SCHEMA:
        raise ModelError(f"metadata schema is {metadata['schema']!r}; allowed: {SCHEMA!r}")
    if metadata["granularity"] not in GRANULARITIES:
        raise ModelError(f"metadata granularity is {metadata['granularity']!r}; allowed: {', '.join(GRANULARITIES)}")
    values: dict[str, Any] = {}
    for key, build in (("format", StlqFormat.from_dict), ("tile", check_tile)):
        try:
            values[key] = build(json.loads(metadata[key], object_pairs_hook=unique))
        except (ValueError, RecursionError) as error:
            raise ModelError(f"metadata {key} is {metadata[key]!r:.200}: {error}") from error
    return values["format"], values["tile"], metadata["granularity"]


def _groups(text: str, names: list[str]) -> dict[str, Any]:
    """The groups of the tensors that have more than one."""
    try:
        groups = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"metadata groups is {text!r:.200}: {error}") from error
    if not isinstance(groups, dict) or not set(groups) <= set(names):
        raise ModelError(f"metadata groups is {text!r:.200}; allowed: numbers by names of tensors")
    return groups


def _names(file: TensorFile) -> list[str]:
    """The names of the quantized tensors; each must have exactly its parts."""
    names = sorted({key.rpartition(".")[0] for key in file.entries})
    if not names:
        raise ModelError("the file holds no tensors; allowed: one or more")
    for key in file.entries:
        if key.rpartition(".")[2] not in PARTS or "." not in key:
            raise ModelError(f"{key}: is no part of a quantized tensor; allowed: NAME.{{{', '.join(PARTS)}}}")
    for name in names:
        try:
            check_name(name)
        except ValueError as error:
            raise ModelError(str(error)) from error
        for part in PARTS:
            if f"{name}.{part}" not in file.entries:
                raise ModelError(f"{name}: {part} is missing")
    return names
