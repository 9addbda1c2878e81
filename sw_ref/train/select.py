"""The selection tensors C of a network: scales, residuals, and which blocks get two words.  Once, before training."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.grouped import Streamed
from sw_ref.quantize.levels import log_dequantize
from sw_ref.quantize.scales import Search
from sw_ref.quantize.tensor import layer_scale
from sw_ref.quantize.words import along_outputs, encode
from sw_ref.tiling import Selection, Tiling
from sw_ref.train.layers import trainable
from sw_ref.train.methods import Method


@dataclass(kw_only=True)
class Layer:
    """One layer's weights, (O, I, *kernel) float32, and what is found for them.

    `tiles`: of the array; `streamed`: those of a grouped layer; `positions`: uses of each weight per sample;
    `blocks`: what shares one decision.
    `fisher`: mean squared gradient of the task loss per weight (for budget "cycles").
    `scale`, `norms` (l2 norm of r1 per block), `saved` (what the second word takes off the loss, per weight), `gains`
    (the same per block), `flags` (C).
    """

    weight: NDArray[np.float32]
    tiles: Tiling
    blocks: Tiling
    positions: int
    streamed: Streamed | None = None
    fisher: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] = field(default_factory=lambda: np.ones((), np.float32))
    norms: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    saved: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    gains: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    flags: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def streamed_tiles(self) -> int:
        """Beats of one word everywhere, per position."""
        return self.tiles.count if self.streamed is None else self.streamed.count

    @property
    def _decided(self) -> Streamed | None:
        """The tiles that are streamed, if blocks are tiles: then a block stands for some of them."""
        return self.streamed if self.blocks == self.tiles else None

    @property
    def block_costs(self) -> NDArray[np.float64]:
        """Beats per sample of a second word for each block; one that is no tile counts by its share of the tiles.

        Where tiles of a grouped layer share a tile that is streamed, each counts it.
        """
        if (decided := self._decided) is not None:
            return self.positions * decided.costs.astype(np.float64)
        return np.full(self.blocks.grid, self.positions * self.streamed_tiles / self.blocks.count)

    def second_beats(self, flags: NDArray[np.bool_]) -> float:
        """Beats per sample of the second words of the blocks in `flags`."""
        if (decided := self._decided) is not None:
            return float(self.positions * decided.second(flags))
        return float(self.block_costs[flags].sum())

    def measure(self, fmt: StlqFormat, method: Method, ratio: float) -> None:
        """Find the scale for `ratio`, the residuals at that scale, and their flags."""
        selection = Selection(ratio=ratio)
        search = Search(
            fmt=fmt,
            tiling=self.blocks,
            selection=selection,
            literal=method.literal,
            powers_of_two=method.scale == "power_of_two",
        )
        self.scale = layer_scale(self.weight, method.scale, method.per_channel, search)
        if self.scale.ndim:
            self.scale = trainable(self.scale, self.weight)
        word1, word2, energies = encode(self.weight, self.scale, fmt, self.blocks, literal=method.literal)
        self.norms, self.flags = np.sqrt(energies), selection.of(energies)
        if self.fisher is not None:
            unit = along_outputs(self.scale, self.weight.ndim) if self.scale.ndim else self.scale
            r1 = self.weight - log_dequantize(word1, unit, fmt)
            r2 = r1 - log_dequantize(word2, unit * np.float32(2.0**-fmt.residual_shift), fmt)
            self.saved = np.multiply(self.fisher, np.square(r1) - np.square(r2), dtype=np.float64)
            self.gains = self.blocks.sums(self.saved)


def select(layers: dict[str, Layer], fmt: StlqFormat, method: Method, ratio: float) -> None:
    """Set scale, norms and flags of all layers; the flags use the beats that `ratio` of each layer's tiles would.

    With budget "layer" exactly so, layer by layer (of other blocks than tiles: the same share of them).  Otherwise
    blocks of all layers compete for the beats; the scales are then searched for the share that each layer won.
    """
    for layer in layers.values():
        layer.measure(fmt, method, ratio)
    if method.budget == "layer":
        return
    choose(layers, ratio, method)
    for layer in layers.values():
        layer.measure(fmt, method, float(layer.flags.mean()))
    choose(layers, ratio, method)


def choose(layers: dict[str, Layer], ratio: float, method: Method) -> None:
    """Flag the blocks, of all layers, that are worth most per beat, as many as the beats for `ratio` allow.

    "threshold": all blocks whose residual norm is above one threshold, the lowest that the budget allows.
    "cycles": by gain per beat; where one no longer fits, smaller ones may.
    """
    by_norm = method.budget == "threshold"
    costs = [layer.block_costs for layer in layers.values()]
    worth = [
        (layer.norms if by_norm else layer.gains / beats).reshape(-1)
        for layer, beats in zip(layers.values(), costs, strict=True)
    ]
    owner = np.repeat(np.arange(len(worth)), [w.size for w in worth])
    cost = np.concatenate([beats.reshape(-1) for beats in costs])
    flat, chosen, left = np.concatenate(worth), np.zeros(owner.size, bool), _beats(layers, ratio)
    for block in np.argsort(-flat, kind="stable"):
        if flat[block] <= 0:
            break
        if cost[block] <= left:
            chosen[block] = True
            left -= cost[block]
        elif by_norm:
            break
    for number, layer in enumerate(layers.values()):
        layer.flags = chosen[owner == number].reshape(layer.blocks.grid)


def _beats(layers: dict[str, Layer], ratio: float) -> float:
    """The beats per sample that second words for `ratio` of each layer's tiles would take."""
    return sum(Selection(ratio=ratio).count(layer.streamed_tiles) * layer.positions for layer in layers.values())
