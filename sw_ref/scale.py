"""The scale U of a weight tensor, searched for the least squared error of what it will really hold.

For every candidate U the blocks that would get two words are chosen anew.  Large tensors are searched on a fixed,
weighted sample: what has the most energy all belongs to it, so that rare outliers count, and the rest is drawn
evenly.  Values are divided by a power of two first, so squares neither overflow nor vanish.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.encode import PART_ELEMENTS, encode, energy
from sw_ref.format import StlqFormat
from sw_ref.quantize import SCALE_MAX, SCALE_MIN, split_words, working
from sw_ref.tiling import Selection, Tiling, largest

COARSE_ELEMENTS, FINE_ELEMENTS = 1 << 17, 1 << 20
CHANNEL_ELEMENTS = 256
"""Least elements of one output channel's sample."""
HEAVY_SHARE = 8
"""One in so many of a sample's blocks is there for its energy."""

Loss = Callable[[NDArray[Any]], NDArray[Any]]


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
        energies = energy(weight, tiling).reshape(-1)
        samples = [_BlockSample.of(weight, unit, tiling, energies, n) for n in (COARSE_ELEMENTS, FINE_ELEMENTS)]
        coarse, fine = (self._block_loss(sample, unit, whole) for sample in samples)
        best = self._minimize(coarse, fine, np.array([peak / unit]), _octaves(weight, peak))
        return np.array(np.clip(best[0] * unit, SCALE_MIN, SCALE_MAX), np.float32)

    def channels(self, weight: NDArray[Any]) -> NDArray[np.float32]:
        """One scale per output channel: float32, shape (O,); 1 where all weights are 0.

        The best scales depend on the chosen blocks and these on the scales: each is found in turn, twice.
        """
        scale = np.full(weight.shape[0], self.layer(weight), np.float32)
        rows = weight.reshape(weight.shape[0], -1)
        peak = np.abs(rows).max(axis=1).astype(np.float64)
        alive = peak > 0
        unit = np.where(alive, 2.0 ** np.floor(np.log2(np.where(alive, peak, 1.0))), 1.0)
        samples = [_columns(rows, max(n // len(rows), CHANNEL_ELEMENTS)) for n in (4 * COARSE_ELEMENTS, FINE_ELEMENTS)]
        for _ in range(2):
            energies = encode(weight, scale, self.fmt, self.tiling, literal=self.literal)[2]
            two_word = self.tiling.expand(self.selection.of(energies)).reshape(rows.shape)
            coarse, fine = (self._row_loss(rows, two_word, unit, *sample) for sample in samples)
            best = self._minimize(coarse, fine, peak / unit, _octaves(weight, float(peak.max())))
            scale = np.where(alive, np.clip(best * unit, SCALE_MIN, SCALE_MAX), 1.0).astype(np.float32)
        return scale

    def _minimize(self, coarse: Loss, fine: Loss, peak: NDArray[Any], octaves: int) -> NDArray[Any]:
        """The best scales from 2 * `peak` (the largest level is U / 2) down to `octaves` below it."""
        if self.powers_of_two:
            top = 2.0 ** np.ceil(np.log2(np.where(peak > 0, 2 * peak, 1.0)))
            return _best(fine, _best(coarse, top, 2.0 ** -np.arange(octaves + 1.0)), np.array([1.0, 2.0, 0.5]))
        best = _best(coarse, 2 * peak, 2.0 ** -np.arange(0, octaves, 0.25))
        for step in (1 / 16, 1 / 64):
            best = _best(fine, best, 2.0 ** (step * np.arange(-3, 4)))
        return best

    def _block_loss(self, sample: "_BlockSample", unit: float, whole: bool) -> Loss:
        threshold = self.selection.threshold
        selection = self.selection if threshold is None else replace(self.selection, threshold=threshold / unit)

        def loss(scale: NDArray[Any]) -> NDArray[Any]:
            one, two = self._energies(sample.blocks, scale.astype(np.float32))
            if whole:
                one, two = np.array([sample.weights @ one]), np.array([sample.weights @ two])
                return np.where(selection.of(one), two, one)
            return np.array([sample.weights @ np.where(sample.select(selection, one), two, one)])

        return loss

    def _energies(self, blocks: NDArray[Any], scale: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Squared error of each row with one word and with two."""
        errors = np.empty((2, len(blocks)))
        rows = max(PART_ELEMENTS // blocks.shape[1], 1)
        for start in range(0, len(blocks), rows):
            part = slice(start, start + rows)
            values, units = working(blocks[part], scale, literal=self.literal)
            for error, residual in zip(errors, split_words(values, units, self.fmt, self.literal)[2:], strict=True):
                error[part] = np.einsum("ij,ij->i", residual, residual)
        return errors[0], errors[1]

    def _row_loss(
        self,
        rows: NDArray[Any],
        two_word: NDArray[Any],
        unit: NDArray[Any],
        columns: NDArray[Any],
        weights: NDArray[Any],
    ) -> Loss:
        values = (np.take_along_axis(rows, columns, axis=1) / unit[:, None]).astype(np.float32)
        flags = np.take_along_axis(two_word, columns, axis=1)
        height = max(PART_ELEMENTS // values.shape[1], 1)

        def loss(scale: NDArray[Any]) -> NDArray[Any]:
            errors = np.empty(len(rows))
            for start in range(0, len(rows), height):
                part = slice(start, start + height)
                scales = np.where(scale[part] > 0, scale[part], 1.0).astype(np.float32)[:, None]
                *_, r1, r2 = split_words(*working(values[part], scales, literal=self.literal), self.fmt, self.literal)
                errors[part] = np.square(np.where(flags[part], r2, r1)) @ weights
            return errors

        return loss


@dataclass(frozen=True, kw_only=True)
class _BlockSample:
    """Some whole blocks (one per row), and how many blocks of the tensor each stands for."""

    blocks: NDArray[Any]
    weights: NDArray[Any]
    total: int

    @classmethod
    def of(
        cls, weight: NDArray[Any], unit: float, tiling: Tiling, energies: NDArray[Any], elements: int
    ) -> "_BlockSample":
        wanted = max(elements // math.prod(tiling.block), HEAVY_SHARE)
        if tiling.count <= wanted:
            numbers, weights = np.arange(tiling.count), np.ones(tiling.count)
        else:
            heavy = largest(energies, wanted // HEAVY_SHARE)
            numbers, weights = _draw(np.flatnonzero(heavy), np.flatnonzero(~heavy), wanted)
        return cls(
            blocks=(tiling.gather(weight, numbers) / unit).astype(np.float32), weights=weights, total=tiling.count
        )

    def select(self, selection: Selection, energies: NDArray[Any]) -> NDArray[np.bool_]:
        """The selection on the sample that stands for the selection on the tensor."""
        if selection.threshold is not None or len(self.weights) == self.total:
            return selection.of(energies)
        order = np.argsort(-energies, kind="stable")
        flags = np.empty(len(order), bool)
        flags[order] = np.cumsum(self.weights[order]) <= selection.count(self.total) * (1 + 1e-9)
        return flags


def _draw(heavy: NDArray[Any], light: NDArray[Any], wanted: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """`wanted` numbers and their weights: all of `heavy`, and of `light` one at random from each of equal strata."""
    strata = wanted - len(heavy)
    places = (np.arange(strata) + np.random.default_rng(0).random(strata)) * (len(light) / strata)
    drawn = light[np.minimum(places.astype(np.intp), len(light) - 1)]
    weights = np.concatenate([np.ones(len(heavy)), np.full(strata, len(light) / strata)])
    return np.concatenate([heavy, drawn]), weights


def _columns(rows: NDArray[Any], wanted: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Columns of each row (O, S) and the weight of each of the S places: :func:`_draw` by magnitude, row by row."""
    size = rows.shape[1]
    if size <= wanted:
        return np.broadcast_to(np.arange(size), rows.shape), np.ones(size)
    border = size - wanted // HEAVY_SHARE
    order = np.argpartition(np.abs(rows), border, axis=1)
    places, weights = _draw(np.arange(border, size), np.arange(border), wanted)
    return order[:, places], weights


def _octaves(weight: NDArray[Any], peak: float) -> int:
    """Octaves from 2 * peak down to below half the mean magnitude, where no best scale can be."""
    mean = float(np.abs(weight).mean(dtype=np.float64)) * weight.size / np.count_nonzero(weight)
    return min(math.ceil(math.log2(peak / mean)) + 3, 60)


def _best(loss: Loss, start: NDArray[Any], factors: NDArray[Any]) -> NDArray[Any]:
    """Of `start` times each factor the one with the least loss, for each element; the first of equals."""
    losses = np.array([loss(start * factor) for factor in factors])
    return start * factors[losses.argmin(axis=0)]
