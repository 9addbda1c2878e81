"""Gains: what a multiplier leaves of a channel's scale goes into the weights of the layers that read the channel.

With gains, channel c of a tensor stands for gain[c] * step * (code - zero).  So the scale U of a channel need not be
one that makes its multiplier exact: the nearest multiplier leaves a gain near 1, by which the readers' weights of that
channel are multiplied before they become words.  This holds where only layers with weights read the tensor, at first
hand or behind operators that make each channel of one other, at any scale.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sw_ref.network.movement import Concat, Flatten, Pad, Permute, Resize, Slice
from sw_ref.network.operator import Operator, Shape
from sw_ref.network.pooling import AveragePool, MaxPool

PASSING = (AveragePool, Concat, Flatten, MaxPool, Pad, Permute, Resize, Slice)
Channels = NDArray[np.float64]
"""A number for each channel of a tensor, (C,)."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """What gains need to know of a node.

    `weighted`: its first input meets weights.  `scales`: its function of a * x is a times that of x, for a above 0.
    """

    options: Operator
    inputs: tuple[str, ...]
    output: str
    weighted: bool
    scales: bool

    @property
    def passes(self) -> bool:
        """Whether it passes gains on: no weights, each channel made of one, no position that counts."""
        return not self.weighted and self.scales and isinstance(self.options, PASSING)


class Gains:
    """The gains of a network's tensors, as far as its nodes are done; 1 where there are none."""

    def __init__(self, links: Iterable[Link], outputs: Iterable[str], shapes: Mapping[str, Shape]) -> None:
        """`outputs`: the tensors that leave the network; `shapes`: (C, H, W) of every tensor."""
        self._links = {link.output: link for link in links}
        self._shapes = shapes
        self._absorbed = absorbed(list(self._links.values()), set(outputs))
        self._found: dict[str, Channels] = {}

    def free(self, tensor: str) -> bool:
        """Whether the node that makes a tensor may leave gains there."""
        link = self._links[tensor]
        return link.weighted and link.scales and len(link.inputs) == 1 and tensor in self._absorbed

    def of(self, tensor: str) -> Channels:
        """The gains of a tensor."""
        return self._found.get(tensor, np.ones(self._shapes[tensor][0]))

    def leave(self, tensor: str, gains: Channels) -> None:
        """A free tensor has these gains."""
        self._found[tensor] = gains

    def follow(self, tensor: str) -> None:
        """A tensor has the gains that its node passes on, if any."""
        link = self._links[tensor]
        if link.passes and tensor in self._absorbed:
            self._found[tensor] = self._passed(link)

    def _passed(self, link: Link) -> Channels:
        options, (gains, *others) = link.options, [self.of(name) for name in link.inputs]
        if isinstance(options, Concat):
            return np.concatenate([gains, *others])
        if isinstance(options, Slice):
            return gains[options.start[0] : options.stop[0]]
        if isinstance(options, Permute):
            return gains[list(options.order)]
        if isinstance(options, Flatten):
            return gains.repeat(math.prod(self._shapes[link.inputs[0]][1:]))
        return gains


def absorbed(links: Sequence[Link], outputs: set[str]) -> set[str]:
    """The tensors whose gains end in weights, whichever way they go."""
    readers: dict[str, list[Link]] = {link.output: [] for link in links}
    for link in links:
        for name in set(link.inputs):
            readers.setdefault(name, []).append(link)
    found: set[str] = set()
    for name in reversed([link.output for link in links]):
        if name not in outputs and all(
            name not in link.inputs[1:] if link.weighted else link.passes and link.output in found
            for link in readers[name]
        ):
            found.add(name)
    return found


def columns(channels: Channels, weight: tuple[int, ...], groups: int) -> Channels:
    """Numbers of a tensor's channels, as the weights (O, I, *kernel) of its reader meet them: (O, I, 1, ..)."""
    seen = channels.reshape(groups, -1).repeat(weight[0] // groups, axis=0)
    return seen.reshape(*seen.shape, *(1,) * (len(weight) - 2))


def keeps_scale(low: float, high: float) -> bool:
    """Whether a clip of a * x is a times that of x, for a above 0: bounds are 0 or infinite."""
    return all(bound == 0 or math.isinf(bound) for bound in (low, high))
