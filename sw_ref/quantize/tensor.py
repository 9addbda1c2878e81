"""From a float weight tensor to an :class:`~sw_ref.model.StlqTensor`, in one call."""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.quantize.levels import SCALE_MAX, SCALE_MIN, check_literal, check_scale
from sw_ref.quantize.scales import Search
from sw_ref.quantize.words import encode
from sw_ref.tiling import Selection, Tiling, check_granularity, check_tile

SCALES = ("search", "max", "power_of_two")
FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64), np.dtype(ml_dtypes.bfloat16))
AXES = {2: "(O, I)", 3: "(O, I, k)", 4: "(O, I, kh, kw)"}
WEIGHT_MAX = float(np.finfo(np.float32).max)
DEFAULT_RATIO = 0.15


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantizer:
    """How the weights of a layer become words.

    `ratio` (default 0.15) or `threshold`: see :class:`~sw_ref.tiling.Selection`; `tile`: (pe, lanes).
    `granularity`: weights that share one decision, "element", "filter", "tile" or "layer".  Unless it is "tile", R is a
    share of those blocks, and a tile has two words as soon as anything in it has.
    `scale`: "search" (least squared error, the default), "power_of_two" (the best of those), "max" (U = max|x|, the
    default in literal mode), or U itself: a number, or one per output channel (O,).
    `per_channel`: one scale per output channel.  `literal`: the paper's formulas; needs residual_shift 0.

    Raises ``ValueError`` with what is wrong, its value and what is allowed.
    """

    fmt: StlqFormat
    tile: tuple[int, int] = (8, 8)
    ratio: float | None = None
    threshold: float | None = None
    granularity: str = "tile"
    scale: str | float | NDArray[Any] | None = None
    per_channel: bool = False
    literal: bool = False

    def __post_init__(self) -> None:
        check_literal(self.fmt, self.literal)
        check_tile(self.tile)
        check_granularity(self.granularity)
        self.selection  # noqa: B018  (what is wrong in it is said here)

    @property
    def selection(self) -> Selection:
        """Which blocks get two words."""
        default = DEFAULT_RATIO if self.ratio is None and self.threshold is None else self.ratio
        return Selection(ratio=default, threshold=self.threshold)

    def quantize(self, weight: ArrayLike) -> StlqTensor:
        """The words of one layer.

        `weight`: float16, float32, float64 or bfloat16, (O, I), (O, I, k) or (O, I, kh, kw), depthwise (C, 1, ...);
        decided in float64 if they are that or in literal mode, in float32 otherwise.  ``ValueError`` as above.
        """
        values = check_weight(weight)
        search = Search(
            fmt=self.fmt,
            tiling=Tiling.of(values.shape, self.tile, self.granularity),
            selection=self.selection,
            literal=self.literal,
            powers_of_two=isinstance(self.scale, str) and self.scale == "power_of_two",
        )
        unit = _scale(values, self.scale, self.per_channel, search)
        word1, word2, two_word = _words(values, unit, search, Tiling.of(values.shape, self.tile))
        return StlqTensor(
            word1=word1,
            word2=word2,
            two_word=two_word,
            scale=unit,
            format=self.fmt,
            tile=self.tile,
            granularity=self.granularity,
        )


def quantize_tensor(weight: ArrayLike, fmt: StlqFormat, **choices: Any) -> StlqTensor:
    """Quantize the weights of one layer: :meth:`Quantizer.quantize`; `choices` are the fields of :class:`Quantizer`.

    >>> q = quantize_tensor(np.array([[0.5, -0.25], [0.125, 0.6]]), StlqFormat(bits=3), ratio=0, scale=1.0)
    >>> q.word1.tolist(), q.two_word.tolist(), q.dequantize().tolist()
    ([[1, -2], [3, 1]], [[0]], [[0.5, -0.25], [0.125, 0.5]])
    """
    return Quantizer(fmt=fmt, **choices).quantize(weight)


def check_weight(weight: ArrayLike) -> NDArray[Any]:
    """`weight` as float32 (float64 stays float64), if it can be quantized; else ``ValueError``."""
    array = np.asarray(weight)
    if array.dtype.newbyteorder("=") not in FLOATS:
        raise ValueError(f"weights are {array.dtype}; allowed: {', '.join(map(str, FLOATS))}")
    if array.ndim not in AXES:
        raise ValueError(f"weights have shape {array.shape}; allowed: {', '.join(AXES.values())}")
    if array.size == 0:
        raise ValueError(f"weights have shape {array.shape}; allowed: no empty axis")
    values = np.ascontiguousarray(array, np.float64 if array.dtype.itemsize == 8 else np.float32)
    low, high = float(values.min()), float(values.max())
    # Written so that NaN, which is neither below nor above anything, fails.
    if not (low >= -WEIGHT_MAX and high <= WEIGHT_MAX):
        bad = tuple(map(int, np.argwhere(~(np.abs(values) <= WEIGHT_MAX))[0]))
        raise ValueError(f"weights hold {values[bad]} at {bad}; allowed: finite numbers of float32's range")
    return values


def _words(values: NDArray[Any], unit: NDArray[np.float32], search: Search, tiles: Tiling) -> tuple[NDArray[Any], ...]:
    """Both words of each weight, and the two-word flags of the tiles."""
    blocks = search.tiling
    word1, word2, energies = encode(values, unit, search.fmt, blocks, literal=search.literal)
    flags = search.selection.of(energies)
    word2 *= blocks.expand(flags)
    if blocks != tiles:
        flags = tiles.any(blocks.expand(flags))
    return word1, word2, flags.astype(np.uint8)


def _scale(values: NDArray[Any], scale: Any, per_channel: bool, search: Search) -> NDArray[np.float32]:
    """U: float32, shape () or (O,), by the default if `scale` is None."""
    if scale is None:
        scale = "max" if search.literal else "search"
    channels = values.shape[:1]
    allowed = f"allowed: {', '.join(SCALES)}, a number, or {channels[0]} of them, one per output channel"
    if not isinstance(scale, str):
        given = np.asarray(scale)
        if given.dtype.kind not in "fiu" or given.shape not in ((), channels):
            raise ValueError(f"scale is {scale!r:.80}; {allowed}")
        return check_scale(np.array(np.broadcast_to(given, channels if per_channel else given.shape), np.float32))
    if scale not in SCALES:
        raise ValueError(f"scale is {scale!r}; {allowed}")
    return layer_scale(values, scale, per_channel, search)


def layer_scale(values: NDArray[Any], scale: str, per_channel: bool, search: Search) -> NDArray[np.float32]:
    """U as one of SCALES finds it: float32, shape () or (O,)."""
    if scale == "max":
        peak = np.abs(values.reshape(len(values), -1)).max(axis=1)
        peak = peak if per_channel else peak.max()
        return np.array(np.where(peak > 0, np.clip(peak, SCALE_MIN, SCALE_MAX), 1), np.float32)
    return search.channels(values) if per_channel else search.layer(values)
