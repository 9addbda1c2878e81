"""Bilinear resize by 2 or 4, as operators that there are: a `pad` of the edge and depthwise `conv_transpose`s.

The weights are exact words, and the codes before and after share step and zero point, so only the codes round.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.network.convolution import ConvTranspose
from sw_ref.network.movement import Pad
from sw_ref.network.network import Node, TensorInfo
from sw_ref.network.operator import Operator
from sw_ref.network.requantizer import Requantizer
from sw_ref.tiling import Tiling

COORDINATES = ("half_pixel", "asymmetric")


@dataclass(frozen=True, kw_only=True)
class Interpolation:
    """One axis: weights over a denominator, repeated edges, and the padding of the transposed convolution."""

    factor: int = 1
    weights: tuple[int, ...] = (1,)
    denominator: int = 1
    edges: tuple[int, int] = (0, 0)
    padding: tuple[int, int] = (0, 0)


def interpolation(factor: int, coordinates: str) -> Interpolation:
    """One axis of a resize by 1, 2 or 4, with ONNX's `coordinates`: "half_pixel" or "asymmetric".

    Raises ``ValueError`` for others.
    """
    if coordinates not in COORDINATES:
        raise ValueError(f"coordinates are {coordinates!r}; allowed: {', '.join(COORDINATES)}")
    if factor not in (1, 2, 4):
        raise ValueError(f"factor is {factor!r}; allowed: 1, 2 or 4")
    if factor == 1:
        return Interpolation()
    if coordinates == "half_pixel":
        slope = tuple(range(1, 2 * factor, 2))
        cut = 3 * factor // 2
        return Interpolation(
            factor=factor, weights=slope + slope[::-1], denominator=2 * factor, edges=(1, 1), padding=(cut, cut)
        )
    slope = tuple(range(1, factor))
    return Interpolation(
        factor=factor,
        weights=(*slope, factor, *slope[::-1]),
        denominator=factor,
        edges=(0, 1),
        padding=(factor - 1, factor),
    )


@dataclass(frozen=True, kw_only=True)
class Bilinear:
    """A bilinear resize for networks of a format and tile.

    `factor`: of rows and columns, each 1, 2 or 4; `coordinates`: as in :func:`interpolation`.
    """

    format: StlqFormat
    tile: tuple[int, int]
    factor: tuple[int, int]
    coordinates: str = "half_pixel"

    def build(self, name: str, source: str, info: TensorInfo, output: str) -> tuple[list[Node], dict[str, TensorInfo]]:
        """The nodes, and the tensors that they make, `output` the last one; `info`: of the tensor `source`.

        Raises ``ValueError`` for a factor or coordinates that are not allowed, or weights that are no words.
        """
        rows, columns = (interpolation(factor, self.coordinates) for factor in self.factor)
        (top, bottom), (left, right) = rows.edges, columns.edges
        chain: list[Parts] = [(Pad(padding=(top, left, bottom, right), mode="edge"), None, None)]
        if words(_kernel(rows, columns), self.format):
            chain.append(self._stage(rows, columns, info))
        else:
            still = Interpolation()
            chain += [self._stage(rows, still, info), self._stage(still, columns, info)]
        nodes: list[Node] = []
        tensors: dict[str, TensorInfo] = {}
        for index, (options, weights, requantizer) in enumerate(chain):
            made = output if index == len(chain) - 1 else f"{name}.{index}"
            node = Node(
                name=f"{name}.{index}",
                inputs=(source,),
                output=made,
                options=options,
                weights=weights,
                requantizer=requantizer,
            )
            info = replace(info, shape=options.output_shape([info.shape], node.weight_shape))
            nodes.append(node)
            tensors[made], source = info, made
        return nodes, tensors

    def _stage(self, rows: Interpolation, columns: Interpolation, info: TensorInfo) -> "Parts":
        """One depthwise transposed convolution, its weights, and the division by their sum."""
        kernel, channels = _kernel(rows, columns), info.shape[0]
        found = words(kernel, self.format)
        if found is None:
            raise ValueError(f"weights {sorted(set(kernel.ravel().tolist()))} are no words of {self.format}")
        word1, word2, times = (*(np.tile(part, (channels, 1, 1, 1)) for part in found[:2]), found[2])
        divisor = times * rows.denominator * columns.denominator
        unit = 2.0**self.format.unit_shift
        weights = StlqTensor(
            word1=word1,
            word2=word2,
            two_word=Tiling.of(word1.shape, self.tile).any(word2 != 0).astype(np.uint8),
            scale=np.array(unit / divisor, np.float32),
            format=self.format,
            tile=self.tile,
        )
        requantizer = Requantizer(
            bias=np.full(channels, -info.zero * times * int(kernel.sum()), np.int64),
            multiplier=np.ones(channels, np.int32),
            shift=np.full(channels, divisor.bit_length() - 1, np.uint8),
            high=self.format.act_max,
        )
        (top, bottom), (left, right) = rows.padding, columns.padding
        options = ConvTranspose(
            stride=(rows.factor, columns.factor), padding=(top, left, bottom, right), groups=channels
        )
        return options, weights, requantizer


Parts = tuple[Operator, StlqTensor | None, Requantizer | None]


def _kernel(rows: Interpolation, columns: Interpolation) -> NDArray[np.int64]:
    return np.multiply.outer(np.array(rows.weights), np.array(columns.weights))


def words(integers: NDArray[np.int64], fmt: StlqFormat) -> tuple[NDArray[np.int8], NDArray[np.int8], int] | None:
    """Words whose weights W are `integers` times a power of two, and that power; None if there are none.

    The power is the smallest, and second words are 0 where they can be.
    """
    pairs = {fmt.weight(a, b): (a, b) for b in sorted(fmt.codes, key=abs, reverse=True) for a in fmt.codes}
    times = 1
    while times * int(np.abs(integers).max()) <= fmt.weight_max:
        wanted = (integers * times).ravel().tolist()
        if all(w in pairs for w in wanted):
            first, second = (np.array([pairs[w][i] for w in wanted], np.int8).reshape(integers.shape) for i in range(2))
            return first, second, times
        times *= 2
    return None
