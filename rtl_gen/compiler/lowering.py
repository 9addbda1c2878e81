"""The parts of which the passes of all operators are made."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from rtl_gen.compiler.channels import Formula
from rtl_gen.compiler.layout import Layout
from rtl_gen.compiler.passes import Axis, Channel, Pass, point
from rtl_gen.compiler.views import View
from sw_ref.network import Network, Node
from sw_ref.network.convolution import kernel_of
from sw_ref.network.operator import Arithmetic


@dataclass(frozen=True, kw_only=True, eq=False)
class Lowering:
    """A network, the engine that it is for, and where its tensors are; copies get buffers in `layout`."""

    network: Network
    config: EngineConfig
    layout: Layout

    def ready(self, node: Node, whole: Pass) -> Iterator[Pass]:
        """The pass, after copies of what it cannot read as it is."""
        source, added = whole.source, whole.added
        if len(source.words) > 1 and (whole.taps > 1 or len(source.words) > 3):
            copied = self.layout.scratch(node.name, source.shape, self.lanes)
            yield self.copy(node.name, node.inputs[0], copied)
            whole = replace(whole, source=copied)
        if added is not None:
            distance = set((added.slots - whole.target.slots).tolist())
            if len(added.words) > 1 or len(distance) > 1 or min(distance) % self.lanes:
                copied = self.layout.scratch(node.name, added.shape, self.lanes, slots=whole.target.slots)
                yield self.copy(node.name, node.inputs[1], copied)
                added, distance = copied, {0}
            offset = added.offset + min(distance) // self.lanes * added.word_step
            whole = replace(whole, added=replace(added, offset=offset, slots=whole.target.slots))
        yield whole

    def channels(self, node: Node, *, row: int | None = None, exact: bool = False, more: Any = 0) -> list[Channel]:
        """The requantizer's parameters of a node's channels.

        `row`: of multipliers and shifts; `exact`: its words are exact ones; `more`: is added to the bias.
        """
        parts = node.requantizer
        assert parts is not None
        count = len(parts.bias)
        multiplier, shift = (a if row is None else a[row] for a in (parts.multiplier, parts.shift))
        add = np.zeros(count, int) if parts.add_multiplier is None else parts.add_multiplier
        moved = np.broadcast_to(more, count)
        zeros = {"zero": self._zero(node.output)}
        if len(node.inputs) == 2:
            zeros["added_zero"] = self._zero(node.inputs[1])
        # What is added to the bias is no longer in the sums.
        lowest, highest = ((ends - moved).tolist() for ends in self._sums(node))
        made = []
        for channel, (b, m, s, a) in enumerate(zip(parts.bias + moved, multiplier, shift, add, strict=True)):
            formula = Formula(bias=int(b), multiplier=int(m), shift=int(s), add_multiplier=int(a), **zeros)
            try:
                if exact:
                    negated = replace(formula, bias=-formula.bias, multiplier=-formula.multiplier)
                    made.append(negated.parameters(self._exponent))
                else:
                    far = formula.far_parameters((lowest[channel], highest[channel]))
                    made.append(far or formula.parameters())
            except ValueError as error:
                raise ValueError(f"channel {channel}: {error}") from error
        return made

    def _zero(self, tensor: str) -> int:
        """A tensor's zero point."""
        return self.network.tensors[tensor].zero

    def _sums(self, node: Node) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The least and the greatest sum of each channel."""
        assert isinstance(node.options, Arithmetic)
        shape, act_max = self.network.shapes(node)[0], self.config.array.format.act_max
        return node.options.sum_range(shape, node.integers(), act_max)

    def requantized(self, node: Node, whole: Pass) -> Pass:
        """The pass with the limits and the second input of its node."""
        parts = node.requantizer
        assert parts is not None
        if parts.table is not None and not self.config.tables:
            raise ValueError("its function is a table; the engine has none: --tables")
        table = () if parts.table is None else parts.table.tolist()
        added = self.layout.views[node.inputs[1]] if len(node.inputs) == 2 else None
        return replace(whole, low=parts.low, high=parts.high, added=added, table=table)

    def weighted(self, node: Node, groups: int) -> Pass:
        """A pass with the words of a node; windows and channels are to be set."""
        assert node.weights is not None
        shape = (*node.weight_shape[:2], *kernel_of(node.weight_shape))
        word1, word2 = (words.reshape(shape) for words in (node.weights.word1, node.weights.word2))
        outputs, inputs = word1.shape[:2]
        first = np.arange(outputs) // (outputs // groups) * inputs
        still = point(1)
        whole = Pass(
            layer=node.name,
            tensor=node.output,
            source=self.layout.views[node.inputs[0]],
            target=self.layout.views[node.output],
            rows=still,
            columns=still,
            word1=word1,
            word2=word2,
            inputs=first[:, None] + np.arange(inputs),
            channels=[],
            low=0,
            high=0,
            zero=self._zero(node.inputs[0]),
        )
        return self.requantized(node, whole)

    def exact(self, node: Node, inputs: NDArray[Any], axes: tuple[Axis, Axis]) -> Pass:
        """A pass of exact words: output channel c gets the sum over the taps of input channel `inputs[c]`."""
        whole = self.copy(node.name, node.inputs[0], self.layout.views[node.output])
        shape = (len(inputs), 1, *(axis.window.taps for axis in axes))
        return replace(
            whole,
            tensor=node.output,
            rows=axes[0],
            columns=axes[1],
            word1=np.full(shape, whole.word1[0], np.int8),
            word2=np.zeros(shape, np.int8),
            inputs=np.asarray(inputs).reshape(-1, 1),
            channels=list(whole.channels[:1]) * len(inputs),
        )

    def copy(self, layer: str, tensor: str, target: View) -> Pass:
        """A tensor's codes at another place: sums of one exact word each, of weight -2^k."""
        source, fmt = self.layout.views[tensor], self.config.array.format
        rows, columns = (point(size) for size in source.shape[1:])
        shape = (source.shape[0], 1, 1, 1)
        same = Formula(multiplier=-1).parameters(self._exponent)
        return Pass(
            layer=layer,
            tensor=tensor,
            source=source,
            target=target,
            rows=rows,
            columns=columns,
            word1=np.full(shape, fmt.codes[0], np.int8),
            word2=np.zeros(shape, np.int8),
            inputs=np.arange(shape[0]).reshape(-1, 1),
            channels=[same] * shape[0],
            low=0,
            high=fmt.act_max,
            zero=self._zero(tensor),
        )

    @property
    def lanes(self) -> int:
        return self.config.array.lanes

    @property
    def _exponent(self) -> int:
        """Binary places of an exact word's weight."""
        return self.config.array.format.residual_shift
