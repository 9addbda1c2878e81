"""The scale U of a weight tensor, searched for the least squared error of what the tensor will really hold.

For every candidate U of a layer, the blocks that would get two words are chosen anew.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import SCALE_MAX, SCALE_MIN, split_words, working
from sw_ref.quantize.sample import BlockSample, RowSample
from sw_ref.quantize.words import PART_ELEMENTS, block_norms, encode
from sw_ref.tiling import Selection, Tiling

COARSE_ELEMENTS, FINE_ELEMENTS = 1 << 17, 1 << 20
CHANNEL_ELEMENTS = 256
"""Least elements of one output channel's sample."""
CHANNEL_PASSES = 2
STEP = 1 / 12
"""Octaves between the candidates of a scan; two refinements follow, each 4 times finer."""
MINIMA = 4
"""How many minima of a layer's scan are looked at more closely: sharp ones hide between the candidates."""

Loss = Callable[[NDArray[Any]], NDArray[Any]]
"""Candidate scales, of one layer or one per channel, to the squared error of each."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """How one tensor is to be quantized, as far as its best scale depends on it."""

    fmt: StlqFormat
    tiling: Tiling
    selection: Selection
    literal: bool = False
    powers_of_two: bool = False

    def layer(self, weight: NDArray[Any]) -> NDArray[np.float32]:
        """One scale for the tensor: float32, shape (); 1 if all weights are 0."""
        peak = float(np.abs(weight).max())
        if peak == 0:
            return np.ones((), np.float32)
        unit = 2.0 ** math.floor(math.log2(peak))
        whole = self.tiling.count == 1
        tiling = Tiling(self.tiling.shape, (1,) * weight.ndim) if whole else self.tiling
        norms = block_norms(weight, tiling)
        coarse, fine = (
            self._block_loss(BlockSample.of(weight, unit, tiling, norms, elements), unit, whole)
            for elements in (COARSE_ELEMENTS, FINE_ELEMENTS)
        )
        best = self._minimum(coarse, self._candidates(np.array([peak / unit]), _octaves(weight.reshape(1, -1))))
        best = _least(fine, best * self._near(STEP / 16))
        return np.array(np.clip(best * unit, SCALE_MIN, SCALE_MAX), np.float32)

    def channels(self, weight: NDArray[Any]) -> NDArray[np.float32]:
        """One scale per output channel: float32, shape (O,); 1 where all weights are 0.

        The best scales depend on the chosen blocks and these on the scales, so each is found in turn.
        """
        if not weight.any():
            return np.ones(weight.shape[0], np.float32)
        scale = np.full(weight.shape[0], self.layer(weight), np.float32)
        rows = weight.reshape(weight.shape[0], -1)
        peak = np.abs(rows).max(axis=1).astype(np.float64)
        alive = peak > 0
        unit = 2.0 ** np.floor(np.log2(np.where(alive, peak, 1.0)))
        sizes = [max(n // len(rows), CHANNEL_ELEMENTS) for n in (2 * COARSE_ELEMENTS, FINE_ELEMENTS)]
        coarse = RowSample.of(rows, unit, sizes[0])
        fine = coarse if coarse.columns is None else RowSample.of(rows, unit, sizes[1])
        candidates = self._candidates(np.where(alive, peak / unit, 1.0), _octaves(rows))
        best = np.ones(len(rows))
        for number in range(CHANNEL_PASSES):
            energies = encode(weight, scale, self.fmt, self.tiling, literal=self.literal)[2]
            two_word = self.tiling.expand(self.selection.of(energies)).reshape(rows.shape)
            if number == 0:
                best = _best(self._row_loss(coarse, two_word), *candidates)[0]
            for finer in (STEP / 4, STEP / 16):
                best = _best(self._row_loss(fine, two_word), best, self._near(finer))[0]
            scale = np.where(alive, np.clip(best * unit, SCALE_MIN, SCALE_MAX), 1.0).astype(np.float32)
        return scale

    def _candidates(self, peak: NDArray[Any], octaves: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Start and factors of a scan from 4 * `peak` down to `octaves` below it.

        The largest level is U / 2; above 4 * `peak` all repeats, with fewer levels left.
        """
        if self.powers_of_two:
            return 2.0 ** np.ceil(np.log2(4 * peak)), 2.0 ** -np.arange(octaves + 1.0)
        return 4 * peak, 2.0 ** -np.arange(0, octaves, STEP)

    def _near(self, step: float) -> NDArray[Any]:
        """Factors for a closer look: `step` octaves apart, or the neighbouring powers of two."""
        return np.array([1.0, 2.0, 0.5]) if self.powers_of_two else 2.0 ** (step * np.arange(-3, 4))

    def _minimum(self, loss: Loss, candidates: tuple[NDArray[Any], NDArray[Any]]) -> float:
        """The best of one scale's candidates, after a closer look at the best few minima."""
        scales = candidates[0] * candidates[1]
        errors = loss(scales)
        around = np.concatenate([[np.inf], errors, [np.inf]])
        minima = np.flatnonzero((errors <= around[:-2]) & (errors <= around[2:]))
        chosen = minima[np.argsort(errors[minima], kind="stable")][:MINIMA]
        return _least(loss, (scales[chosen, None] * self._near(STEP / 4)).reshape(-1))

    def _block_loss(self, sample: BlockSample, unit: float, whole: bool) -> Loss:
        """The loss of each of some scales; `whole`: the blocks of the sample are parts of one block."""
        threshold = self.selection.threshold
        selection = self.selection if threshold is None else replace(self.selection, threshold=threshold / unit)

        def losses(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
            if whole:
                one, two = ((sample.weights * errors).sum(axis=1, keepdims=True) for errors in (one, two))
                return np.where([selection.of(errors) for errors in one], two, one)[:, 0]
            flags = [sample.select(selection, errors) for errors in one]
            return (sample.weights * np.where(flags, two, one)).sum(axis=1)

        def loss(scales: NDArray[Any]) -> NDArray[Any]:
            # Many scales at once of a small tensor, for speed; of a large one each alone, for memory.
            depth = max(PART_ELEMENTS // sample.values.size, 1)
            parts = np.split(scales.astype(np.float32), range(depth, len(scales), depth))
            return np.concatenate([losses(*self._energies(sample.values, part)) for part in parts])

        return loss

    def _energies(self, blocks: NDArray[Any], scales: NDArray[Any]) -> NDArray[np.float64]:
        """Squared error of each block with one word and with two, by each scale: (2, scales, blocks).

        Of a small tensor all scales are tried at once: its cost is that of the calls.
        """
        errors = np.empty((2, len(scales), len(blocks)))
        height = max(PART_ELEMENTS // blocks.shape[1], 1)
        depth = max(PART_ELEMENTS // blocks.size, 1)
        for start in range(0, len(blocks), height):
            part = slice(start, start + height)
            for first in range(0, len(scales), depth):
                some = slice(first, first + depth)
                values = np.broadcast_to(blocks[part], (len(scales[some]), *blocks[part].shape))
                *_, r1, r2 = self._split(values, scales[some, None, None])
                for error, residual in zip(errors, (r1, r2), strict=True):
                    error[some, part] = np.einsum("kij,kij->ki", residual, residual)
        return errors

    def _row_loss(self, sample: RowSample, two_word: NDArray[np.bool_]) -> Loss:
        """The loss of one scale per row, for given flags."""
        flags, weights = sample.pick(two_word), sample.weights.astype(np.float32)
        height = max(PART_ELEMENTS // sample.values.shape[1], 1)

        def loss(scale: NDArray[Any]) -> NDArray[Any]:
            errors, scales = np.empty(len(scale)), scale.astype(np.float32)[:, None]
            for start in range(0, len(scale), height):
                part = slice(start, start + height)
                *_, r1, r2 = self._split(sample.values[part], scales[part])
                squares = np.square(np.where(flags[part], r2, r1))
                errors[part] = np.einsum("ij,j->i", squares, weights)
            return errors

        return loss

    def _split(self, values: NDArray[Any], scale: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return split_words(*working(values, scale, literal=self.literal), self.fmt, self.literal)


def _octaves(rows: NDArray[Any]) -> int:
    """Octaves from 4 times a row's maximum down to below half its mean, where no best scale can be; the most."""
    magnitude = np.abs(rows)
    held = np.maximum(np.count_nonzero(rows, axis=1), 1)
    mean = magnitude.sum(axis=1, dtype=np.float64) / held
    alive = mean > 0
    octaves = np.log2(magnitude.max(axis=1)[alive] / mean[alive]).max()
    return min(math.ceil(octaves) + 4, 60)


def _least(loss: Loss, scales: NDArray[Any]) -> float:
    """Of a layer's `scales` the first one with the least loss."""
    return scales[int(np.argmin(loss(scales)))]


def _best(loss: Loss, start: NDArray[Any], factors: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of `start` times each factor the one with the least loss, for each element, and that loss."""
    best, least = start * factors[0], loss(start * factors[0])
    for factor in factors[1:]:
        error = loss(start * factor)
        better = error < least
        best[better], least[better] = start[better] * factor, error[better]
    return best, least
