"""Nodes of a network to passes, one function per family of operators."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.compiler.bands import band_passes
from rtl_gen.compiler.fold import fold_pass
from rtl_gen.compiler.layout import VIEWS
from rtl_gen.compiler.lowering import Lowering
from rtl_gen.compiler.passes import Axis, Pass, point
from rtl_gen.errors import UsageError
from sw_ref.network import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    Linear,
    MaxPool,
    Node,
    Pad,
    PixelShuffle,
    Resize,
)
from sw_ref.network.convolution import square
from sw_ref.windows import Window


def node_passes(lowering: Lowering, node: Node) -> Iterator[Pass]:
    """The passes of a node, in order; none where its output is a view.

    Raises :class:`UsageError` with the node for what the engine cannot do.
    """
    if isinstance(node.options, VIEWS):
        return
    family = OPERATORS.get(type(node.options))
    if family is None:
        raise UsageError(f"node {node.name} is {node.op}; allowed in an engine so far: other operators")
    try:
        for whole in family(lowering, node):
            yield from lowering.ready(node, whole)
    except ValueError as error:
        raise UsageError(f"node {node.name}: {error}") from error


def _conv(lowering: Lowering, node: Node) -> Iterator[Pass]:
    options = node.options if isinstance(node.options, Conv) else Conv()
    whole = lowering.weighted(node, options.groups)
    rows, columns = options.windows(lowering.network.shapes(node)[0], whole.word1.shape)
    whole = replace(whole, rows=Axis(window=rows), columns=Axis(window=columns), channels=lowering.channels(node))
    bands = lowering.layout.bands.get(node.inputs[0])
    if bands is None:
        yield from fold_pass(whole)
        return
    target = lowering.layout.scratch_bands(node.name, bands)
    yield from band_passes(whole, lowering.copy(node.name, node.inputs[0], target), bands, target)


def _conv_transpose(lowering: Lowering, node: Node) -> Iterator[Pass]:
    options = node.options
    assert isinstance(options, ConvTranspose)
    whole = lowering.weighted(node, options.groups)
    integers = square(node.integers())
    for phase in options.phases(lowering.network.shapes(node)[0], integers.shape):
        words = [words[(slice(None), slice(None), *phase.taps)] for words in (whole.word1, whole.word2)]
        rows, columns = (
            Axis(window=window, first=first, step=step)
            for window, first, step in zip(phase.windows, phase.first, options.stride, strict=True)
        )
        if not words[0].size:
            # No tap of the kernel: any code, and weight 0.
            words = [np.zeros((len(integers), integers.shape[1], 1, 1), np.int8)] * 2
            rows, columns = (replace(a, window=_anything(a.window.outputs)) for a in (rows, columns))
        absent = whole.zero * phase.absent(integers)
        yield replace(
            whole,
            rows=rows,
            columns=columns,
            word1=np.ascontiguousarray(words[0]),
            word2=np.ascontiguousarray(words[1]),
            channels=lowering.channels(node, more=absent),
        )


def _anything(outputs: int) -> Window:
    return Window(origin=0, stride=0, dilation=1, taps=1, outputs=outputs)


def _average_pool(lowering: Lowering, node: Node) -> Iterator[Pass]:
    """A pass for each part of the output whose windows hold the same number of codes."""
    options = node.options
    assert isinstance(options, AveragePool)
    shape = lowering.network.shapes(node)[0]
    numbers = options.rows(shape)
    windows = options.windows(shape)
    parts = [_runs(counts if numbers is not None else 0 * counts) for counts in options.counts(shape)]
    for spans in product(*parts):
        rows, columns = (
            Axis(
                window=replace(window, origin=window.origin + window.stride * span.start, outputs=len(span)),
                first=span.start,
            )
            for window, span in zip(windows, spans, strict=True)
        )
        row = None if numbers is None else int(numbers[spans[0].start, spans[1].start])
        made = lowering.exact(node, np.arange(shape[0]), (rows, columns))
        made = replace(made, channels=lowering.channels(node, row=row, exact=True))
        yield lowering.requantized(node, made)


def _max_pool(lowering: Lowering, node: Node) -> Iterator[Pass]:
    """Codes as they are, of which the writer keeps the greatest; outside the input are codes 0, which never win."""
    options = node.options
    assert isinstance(options, MaxPool)
    shape = lowering.network.shapes(node)[0]
    windows = options.windows(shape)
    rows, columns = (point(w.outputs, origin=w.origin, stride=w.stride) for w in windows)
    yield replace(lowering.exact(node, np.arange(shape[0]), (rows, columns)), pool=windows, zero=0)


def _runs(values: NDArray[Any]) -> list[range]:
    """Stretches of the same value."""
    runs, start = [], 0
    for _, group in groupby(values.tolist()):
        runs.append(range(start, start + len(list(group))))
        start = runs[-1].stop
    return runs


def _add(lowering: Lowering, node: Node) -> Iterator[Pass]:
    made = lowering.copy(node.name, node.inputs[0], lowering.layout.views[node.output])
    yield lowering.requantized(node, replace(made, tensor=node.output, channels=lowering.channels(node, exact=True)))


def _concat(lowering: Lowering, node: Node) -> Iterator[Pass]:
    """Copies of the inputs that do not lie in the output already."""
    for name, part in zip(node.inputs, lowering.layout.parts[node.output], strict=True):
        if lowering.layout.views[name] is not part:
            yield lowering.copy(node.name, name, part)


def _resize(lowering: Lowering, node: Node) -> Iterator[Pass]:
    options = node.options
    assert isinstance(options, Resize)
    sizes = lowering.network.shapes(node)[0][1:]
    axes = (
        [point(size, first=first, step=factor) for first in range(factor)]
        for size, factor in zip(sizes, options.factor, strict=True)
    )
    yield from _moved(lowering, node, axes)


def _pad(lowering: Lowering, node: Node) -> Iterator[Pass]:
    options = node.options
    assert isinstance(options, Pad)
    sizes = lowering.network.shapes(node)[0][1:]
    top, left, bottom, right = options.padding
    axes = (
        _pad_axes(size, before, after, options.mode)
        for size, before, after in zip(sizes, (top, left), (bottom, right), strict=True)
    )
    yield from _moved(lowering, node, axes)


def _pad_axes(size: int, before: int, after: int, mode: str) -> list[Axis]:
    """The rows before the input, those of the input itself, and those after it; outside it where zeros are wanted."""
    if mode == "zero":
        return [point(size + before + after, origin=-before)]
    stride = 0 if mode == "edge" else -1
    edge = 0 if mode == "edge" else before
    end = size - 1 if mode == "edge" else size - 2
    parts = [(edge, stride, before, 0), (0, 1, size, before), (end, stride, after, before + size)]
    return [point(count, origin=at, stride=step, first=first) for at, step, count, first in parts if count]


def _moved(lowering: Lowering, node: Node, axes: Any) -> Iterator[Pass]:
    channels = np.arange(lowering.network.shapes(node)[0][0])
    for rows, columns in product(*axes):
        yield lowering.exact(node, channels, (rows, columns))


def _pixel_shuffle(lowering: Lowering, node: Node) -> Iterator[Pass]:
    options = node.options
    assert isinstance(options, PixelShuffle)
    shape = lowering.network.shapes(node)[0]
    block, channels = options.block, np.arange(shape[0] // options.block**2)
    for v, u in product(range(block), repeat=2):
        at = v * block + u
        inputs = at * len(channels) + channels if options.order == "DCR" else channels * block**2 + at
        rows, columns = (point(n, first=i, step=block) for n, i in zip(shape[1:], (v, u), strict=True))
        yield lowering.exact(node, inputs, (rows, columns))


OPERATORS: dict[type, Callable[[Lowering, Node], Iterator[Pass]]] = {
    Conv: _conv,
    Linear: _conv,
    ConvTranspose: _conv_transpose,
    AveragePool: _average_pool,
    MaxPool: _max_pool,
    Add: _add,
    Concat: _concat,
    Resize: _resize,
    Pad: _pad,
    PixelShuffle: _pixel_shuffle,
}
