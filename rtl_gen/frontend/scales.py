"""Step and zero point of every tensor of a network, from samples, such that every multiplier can be exact.

A step is free, with these exceptions.  Of the network's inputs nothing is clipped.  Where codes only move, tensors
share it.  Where two tensors are added, or averaged, the ratio of steps must be a multiplier; the inputs of an addition
that no layer does are powers of two apart.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.graph import WEIGHTED, FloatNetwork, FloatNode
from sw_ref.format import StlqFormat
from sw_ref.network.multiplier import MANTISSAS, nearest
from sw_ref.network.operator import Movement
from sw_ref.network.pooling import AveragePool
from sw_ref.quantize.steps import full_step, search

FINEST, COARSEST = 1 / 16, 1.25
"""Bound steps are searched between these multiples of the one that clips nothing."""
REACH, REACH_AT_END = 1.25, 1.5
"""How much further than its samples a tensor, or an output, may go: other data are brighter, or louder."""

Scale = tuple[float, int]


@dataclass(frozen=True, kw_only=True)
class Relation:
    """`result` step = `source` step * factor / a multiplier; with `powers` only powers of two may follow."""

    source: str
    result: str
    factor: float = 1.0
    powers: bool = False

    def holds(self, source: float, result: float) -> bool:
        """Whether two steps keep to it."""
        return is_multiplier(source * self.factor / result, powers=self.powers)

    def steps(self, known: str, step: float, full: float) -> Iterator[float]:
        """The steps around `full` that the other scale may have if `known` has `step`."""
        for mantissa in (1.0,) if self.powers else MANTISSAS:
            start = step * self.factor / mantissa if known == self.source else step * mantissa / self.factor
            first, last = (round_to(math.log2(full * span / start)) for round_to, span in _SPANS)
            yield from (start * 2.0**e for e in range(first, last + 1))


_SPANS = ((math.ceil, FINEST), (math.floor, COARSEST))


def before(node: FloatNode) -> str:
    """The name of what a node computes before its function, if that takes a table; else its output.

    Where the function is all that a node computes, that is its input.
    """
    if node.function.bounds is not None:
        return node.output
    return node.inputs[0] if node.op == "activation" else f"{node.output} before {node.function.name}"


@dataclass(kw_only=True)
class Scales:
    """Finds (step, zero) by tensor; where a table follows, also of what is before it (see :func:`before`).

    `samples`: real values of every tensor, and of what is before tables.
    """

    network: FloatNetwork
    samples: Mapping[str, NDArray[np.float32]]
    fmt: StlqFormat
    _parents: dict[str, str] = field(default_factory=dict)
    _found: dict[str, Scale] = field(default_factory=dict)

    def search(self) -> dict[str, Scale]:
        """All scales, in order of execution."""
        for node in self.network.nodes:
            if isinstance(node.options, Movement):
                for name in node.inputs:
                    first, second = self._shared(name), self._shared(node.output)
                    if first != second:
                        self._parents[first] = second
        relations = list(self._relations())
        for name in self._order():
            shared = self._shared(name)
            if shared not in self._found:
                bound = [r for r in relations if shared in (r.source, r.result)]
                self._found[shared] = self._search(shared, bound)
        return {name: self._found[self._shared(name)] for name in self._order()}

    def _shared(self, name: str) -> str:
        """The tensor that stands for all that share a tensor's scale."""
        while name in self._parents:
            name = self._parents[name]
        return name

    def _order(self) -> Iterator[str]:
        yield from (port.tensor for port in self.network.inputs)
        for node in self.network.nodes:
            yield before(node)
            yield node.output

    def _relations(self) -> Iterator[Relation]:
        for node in self.network.nodes:
            result = self._shared(before(node))
            sources = [self._shared(name) for name in node.inputs]
            if node.op == "add":
                yield Relation(source=sources[0], result=sources[1], powers=True)
                yield Relation(source=sources[0], result=result)
            elif node.op == "activation" and result != sources[0]:
                yield Relation(source=sources[0], result=result)
            elif node.op in WEIGHTED and node.added is not None:
                yield Relation(source=sources[1], result=result)
            elif isinstance(node.options, AveragePool):
                yield Relation(source=sources[0], result=result, factor=1.0 / math.prod(node.options.kernel))

    def _search(self, name: str, relations: list[Relation]) -> Scale:
        """The best scale that keeps to its relations with scales that are known; if none does, to the first one."""
        values, known = self._values(name), []
        if name in {self._shared(port.tensor) for port in self.network.inputs}:
            return search(values, self.fmt, [full_step(values, self.fmt)])
        reach = REACH_AT_END if name in {self._shared(port.tensor) for port in self.network.outputs} else REACH
        for relation in sorted(relations, key=lambda relation: not relation.powers):
            other = relation.source if relation.result == name else relation.result
            if other != name and other in self._found:
                known.append((relation, other))
        if not known:
            return search(values, self.fmt, reach=reach)
        full = reach * full_step(values, self.fmt)
        (first, other), *others = known
        steps = list(first.steps(other, self._found[other][0], full))
        fitting = [step for step in steps if self._keeps(name, step, others)]
        return search(values, self.fmt, fitting or steps, reach=reach)

    def _keeps(self, name: str, step: float, known: list[tuple[Relation, str]]) -> bool:
        return all(
            r.holds(step, self._found[other][0]) if r.source == name else r.holds(self._found[other][0], step)
            for r, other in known
        )

    def _values(self, name: str) -> NDArray[np.float64]:
        """Samples of all tensors that share a scale."""
        whole = [values for other, values in self.samples.items() if self._shared(other) == name]
        return np.concatenate([values.reshape(-1) for values in whole]).astype(np.float64)


def is_multiplier(ratio: float, *, powers: bool = False) -> bool:
    """Whether a ratio is a multiplier times a power of two (with `powers`: one of those), as far as floats say."""
    mantissa = ratio / 2.0 ** math.floor(math.log2(ratio))
    if powers:
        return min(abs(mantissa - 1), abs(mantissa - 2)) < 1e-12
    multiplier, shift = nearest(mantissa)
    return abs(multiplier / 2.0**shift / mantissa - 1) < 1e-12
