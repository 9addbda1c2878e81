"""One layer quantized for the least error of its output: scales, two-word tiles, words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.grouped import Streamed
from sw_ref.model import StlqTensor
from sw_ref.quantize.budget import afford
from sw_ref.quantize.compensate import Compensated, Spread, compensate, polish, rounded, words_of
from sw_ref.quantize.levels import SCALE_MAX, SCALE_MIN
from sw_ref.tiling import Selection, Tiling

PASSES = 2
"""The best scales depend on the two-word tiles and these on the scales: each is found in turn, so many times."""
FINALISTS, OF = 3, 13
"""Scales of each channel that are tried with compensation, those with the least error without it: so many of so many in
an octave, and never less.
"""
POLISHES = 2
COLUMNS = 256
"""Columns of a row that the first look at all scales takes."""
AT_A_TIME = 1 << 25
"""Weights, those of each scale that is tried counted, that are compensated at a time: all rows, if they are less."""
HIGHEST, OCTAVES = 2.25, 4
"""Scales U are tried from so many times a channel's largest weight, so many octaves down."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that see the same inputs: a convolution is one part, a transposed one has a part per phase.

    A layer of many inputs has several, of some inputs each: errors are made up for inside a part.  Scales are tried on
    those that are `tried`.

    `places` (G, R, n): where in the weight (O, I, *kernel), counted in C order, each one lies; G * R are the output
    channels in order.  `target`: the real weights wanted there; `spread`: of the inputs.
    """

    places: NDArray[np.intp]
    target: NDArray[np.float64]
    spread: Spread
    tried: bool = True


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The allowed units U * 2^-(M+k): `base` times a power of two times one of `mantissas` (1 <= m < 2)."""

    base: float
    mantissas: tuple[float, ...]

    @property
    def finalists(self) -> int:
        """How many scales of a channel are tried with compensation."""
        return max(FINALISTS, FINALISTS * len(self.mantissas) // OF)

    def around(self, highest: NDArray[np.float64], octaves: int) -> NDArray[np.float64]:
        """All units of the `octaves` octaves up to `highest` (O,): (candidates, O), largest first."""
        top = np.floor(np.log2(highest / self.base))
        steps = [m * 2.0**-e for e in range(octaves + 1) for m in sorted(self.mantissas, reverse=True)]
        return self.base * np.exp2(top) * np.array(steps)[:, None]


@dataclass(frozen=True, kw_only=True)
class LayerQuantizer:
    """How a layer is quantized: its `shape` (O, I, *kernel), number format, tile, allowed scales, and how many of the
    tiles that the array streams may have two words: those that save most of the output's squared error.
    """

    shape: tuple[int, ...]
    fmt: StlqFormat
    tile: tuple[int, int]
    grid: Grid
    selection: Selection
    groups: int = 1

    def quantize(self, parts: Sequence[Part]) -> StlqTensor:
        """The layer's words; `scale` is U per output channel."""
        tiling = Tiling.of(self.shape, self.tile)
        flags = np.full(tiling.grid, self.selection.ratio == 1.0)
        unit = self.best_units(parts, tiling.expand(flags))
        if self.selection.ratio not in (0.0, 1.0):
            streamed = Streamed.of(self.shape, self.tile, self.groups)
            budget, costs = self.selection.count(streamed.count), streamed.costs
            for _ in range(PASSES):
                flags = afford(self.gains(parts, unit, tiling.expand(flags)), costs, budget)
                unit = self.best_units(parts, tiling.expand(flags))
        weights = self._round(parts, unit, tiling.expand(flags))
        word1, word2 = words_of(weights, self.fmt)
        scale = unit * 2.0**self.fmt.unit_shift
        return StlqTensor(
            word1=word1,
            word2=word2,
            two_word=flags.astype(np.uint8),
            scale=scale.astype(np.float32),
            format=self.fmt,
            tile=self.tile,
            groups=self.groups,
        )

    def gains(self, parts: Sequence[Part], unit: NDArray[Any], two_word: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The squared error of the output that a second word of each tile saves, 0 or more: shape of the tiles."""
        saved = np.zeros(math.prod(self.shape))
        for part in parts:
            saved[part.places] = self._compensate(part, unit, two_word).gains
        # No level of one word is nearer than the nearest one of two.
        return Tiling.of(self.shape, self.tile).sums(saved.reshape(self.shape))

    def best_units(self, parts: Sequence[Part], two_word: NDArray[np.bool_]) -> NDArray[np.float64]:
        """U * 2^-(M+k) of each output channel (O,), on the grid, for given two-word weights."""
        units, tried = self._candidates(parts), [part for part in parts if part.tried]
        errors = np.sum([self._plain_losses(part, units, two_word) for part in tried], axis=0)
        finalists = np.take_along_axis(units, np.argsort(errors, axis=0, kind="stable")[: self.grid.finalists], 0)
        losses = np.sum([self._losses(part, finalists, two_word) for part in tried], axis=0)
        return np.take_along_axis(finalists, losses.argmin(axis=0)[None], 0)[0]

    def _candidates(self, parts: Sequence[Part]) -> NDArray[np.float64]:
        outputs, shift = self.shape[0], self.fmt.unit_shift
        peak = np.max([np.abs(part.target).max(axis=2, initial=0).reshape(outputs) for part in parts], axis=0)
        middle = float(peak.max()) or 1.0
        peak = np.where(peak > 0, np.maximum(peak, middle * 2.0**-24), middle)
        highest = np.clip(HIGHEST * peak, SCALE_MIN * 2.0 ** (OCTAVES + 1), SCALE_MAX / 2)
        return self.grid.around(highest * 2.0**-shift, OCTAVES)

    def _plain_losses(self, part: Part, units: NDArray[Any], two_word: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Squared error of each channel with each of `units` (candidates, O), without compensation, weighted by column;
        from some of the columns.
        """
        groups, rows, size = part.target.shape
        some = np.arange(0, size, max(size // COLUMNS, 1))
        target, trust = part.target[..., some], part.spread.trust[:, some]
        flags = two_word.reshape(-1)[part.places[..., some]]
        losses = np.empty((len(units), groups, rows))
        for unit, loss in zip(units.reshape(losses.shape)[..., None], losses, strict=True):
            x = target / unit
            error = (x - rounded(x, flags, self.fmt)) * unit
            np.einsum("grn,grn,gn->gr", error, error, trust, out=loss)
        return losses.reshape(units.shape)

    def _losses(self, part: Part, units: NDArray[Any], two_word: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Squared error of each channel with each of `units` (candidates, O), with compensation."""
        groups, rows, size = part.target.shape
        flags, losses = two_word.reshape(-1)[part.places], np.empty((len(units), groups, rows))
        height = max(AT_A_TIME // (len(units) * groups * size), 1)
        for start in range(0, rows, height):
            some = slice(start, start + height)
            # The candidates are rows of one problem: that is quicker than one after the other.
            stacked = units.reshape(losses.shape)[..., some].transpose(1, 0, 2).reshape(groups, -1)
            target = np.tile(part.target[:, some], (1, len(units), 1))
            loss = compensate(target, stacked, np.tile(flags[:, some], (1, len(units), 1)), part.spread, self.fmt).loss
            losses[..., some] = loss.reshape(groups, len(units), -1).transpose(1, 0, 2)
        return losses.reshape(units.shape)

    def _compensate(self, part: Part, unit: NDArray[Any], two_word: NDArray[np.bool_]) -> Compensated:
        flags = two_word.reshape(-1)[part.places]
        return compensate(part.target, unit.reshape(part.target.shape[:2]), flags, part.spread, self.fmt)

    def _round(self, parts: Sequence[Part], unit: NDArray[Any], two_word: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The integer weights (O, I, *kernel)."""
        made = np.zeros(math.prod(self.shape))
        for part in parts:
            own = unit.reshape(part.target.shape[:2])
            weights = self._compensate(part, unit, two_word).weights
            for _ in range(POLISHES):
                flags = two_word.reshape(-1)[part.places]
                weights = polish(part.target, own, flags, weights, part.spread, self.fmt)
            made[part.places] = weights
        return made.reshape(self.shape)
