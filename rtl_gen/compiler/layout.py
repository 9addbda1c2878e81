"""The view of each tensor of a network, and its buffer. An operator that only changes the view costs nothing."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from rtl_gen.compiler.bands import Bands
from rtl_gen.compiler.first import choose
from rtl_gen.compiler.fold import folded_view, words_of
from rtl_gen.compiler.views import View
from sw_ref.network import Concat, Flatten, Network, Node, Permute, Slice
from sw_ref.network.operator import Arithmetic, Shape

VIEWS = (Slice, Permute, Flatten)
"""Operators that are views of what they read."""


@dataclass(kw_only=True)
class Layout:
    """`views`: of every tensor; `buffers`: words of each; `parts`: where a concat wants each of its inputs.

    `bands`: of an input, what the layer that reads it reads instead.
    """

    views: dict[str, View] = field(default_factory=dict)
    buffers: dict[str, int] = field(default_factory=dict)
    parts: dict[str, list[View]] = field(default_factory=dict)
    bands: dict[str, Bands] = field(default_factory=dict)

    def scratch(self, name: str, shape: Shape, lanes: int, slots: NDArray[np.intp] | None = None) -> View:
        """A new buffer for a copy, whose channels have those slots."""
        slots = np.arange(shape[0]) if slots is None else slots
        whole = View.plain(self._copy_of(name), (_words(slots, lanes) * lanes, *shape[1:]), lanes)
        self.buffers[whole.buffer] = whole.row * shape[1]
        return replace(whole, shape=shape, slots=slots)

    def scratch_bands(self, name: str, bands: Bands) -> View:
        """A new buffer for strips of the input."""
        whole = bands.view(self._copy_of(name))
        self.buffers[whole.buffer] = bands.size
        return whole

    def _copy_of(self, name: str) -> str:
        return f"{name} (copy {len(self.buffers)})"


def make_layout(network: Network, config: EngineConfig, *, gather: bool) -> Layout:
    """Concatenated tensors lie in the concat's buffer, sums over what they add where nothing else needs it.

    `gather`: a first layer may read bands, which take more memory.
    """
    lanes = config.array.lanes
    made = {node.output: node for node in network.nodes}
    layout = Layout()
    parents = _parents(network, made)
    for node in reversed(network.nodes):
        if isinstance(node.options, Concat):
            _place_concat(network, node, layout, parents, lanes)
    for name in network.inputs:
        if name not in layout.views:
            first = choose(network, name, config, gather=gather)
            view = folded_view(name, network.tensors[name].shape, lanes, first.folding)
            layout.views[name] = view
            if first.bands is not None:
                layout.bands[name] = first.bands
            layout.buffers[name] = view.row * (words_of(view) if view.folded else view).shape[1]
    for index, node in enumerate(network.nodes):
        if isinstance(node.options, VIEWS):
            layout.views[node.output] = _view_of(node, layout.views[node.inputs[0]])
        elif node.output not in layout.views:
            layout.views[node.output] = _own(network, index, node, layout, lanes)
    return layout


def _parents(network: Network, made: dict[str, Node]) -> dict[str, str]:
    """For each tensor that may lie within a concat's output, which: it is written anew, and concatenated once."""
    parents: dict[str, str] = {}
    for node in network.nodes:
        for name in node.inputs if isinstance(node.options, Concat) else ():
            fresh = name not in made or not isinstance(made[name].options, VIEWS)
            if fresh and name not in parents and node.inputs.count(name) == 1:
                parents[name] = node.output
    return parents


def _place_concat(network: Network, node: Node, layout: Layout, parents: dict[str, str], lanes: int) -> None:
    """A view for the concat's output, if it has none yet, and for each of its inputs the part where it belongs."""
    slots = _slots(network, node.output, parents, lanes)
    words = _words(slots, lanes)
    shape = network.tensors[node.output].shape
    if node.output not in layout.views:
        whole = View.plain(node.output, (words * lanes, *shape[1:]), lanes)
        layout.views[node.output] = replace(whole, shape=shape, slots=slots)
        layout.buffers[node.output] = whole.row * shape[1]
    whole = layout.views[node.output]
    offset, parts = whole.offset, list[View]()
    for name in node.inputs:
        own = _slots(network, name, parents, lanes, node.output)
        words = _words(own, lanes)
        part = replace(whole, shape=network.tensors[name].shape, words=((words, 1),), slots=own, offset=offset)
        parts.append(part)
        offset += words
        if parents.get(name) == node.output:
            layout.views[name] = part
    layout.parts[node.output] = parts


def _slots(
    network: Network, name: str, parents: dict[str, str], lanes: int, within: str | None = None
) -> NDArray[np.intp]:
    """The slots of a tensor's channels; each part of a concat starts with a word of its own."""
    for node in network.nodes:
        if node.output == name and isinstance(node.options, Concat) and within in (None, parents.get(name)):
            slots, first = list[NDArray[np.intp]](), 0
            for source in node.inputs:
                slots.append(first * lanes + _slots(network, source, parents, lanes, name))
                first += _words(slots[-1], lanes) - first
            return np.concatenate(slots)
    return np.arange(network.tensors[name].shape[0])


def _words(slots: NDArray[np.intp], lanes: int) -> int:
    """Words up to the last slot."""
    return -(-(int(slots.max()) + 1) // lanes)


def _view_of(node: Node, source: View) -> View:
    options = node.options
    if isinstance(options, Permute):
        return source.channels(options.order)
    if isinstance(options, Flatten):
        return source.flat()
    assert isinstance(options, Slice)
    (first, top, left), (last, bottom, right) = options.start, options.stop
    return source.channels(range(first, last)).crop((top, left), (bottom - top, right - left))


def _own(network: Network, index: int, node: Node, layout: Layout, lanes: int) -> View:
    """A buffer of its own, or that of the tensor which is added: each of its words is read before it is written."""
    view = View.plain(node.output, network.tensors[node.output].shape, lanes)
    if len(node.inputs) == 2 and isinstance(node.options, Arithmetic):
        source, added = (layout.views[name] for name in node.inputs)
        if _ends_here(network, index, node, layout) and same_words(view, added) and source.buffer != added.buffer:
            return replace(view, buffer=added.buffer)
    layout.buffers[node.output] = view.row * view.shape[1]
    return view


def _ends_here(network: Network, index: int, node: Node, layout: Layout) -> bool:
    """Whether nobody needs the added tensor's buffer after the node."""
    added = layout.views[node.inputs[1]]
    sharing = {name for name, view in layout.views.items() if view.buffer == added.buffer}
    later = {name for other in network.nodes[index + 1 :] for name in other.inputs} | set(network.outputs)
    # A concat's other parts may still be to come.
    return not sharing & later and not any(view.buffer == added.buffer for p in layout.parts.values() for view in p)


def same_words(view: View, other: View) -> bool:
    """Whether the same codes lie in the same words of a buffer."""
    return (
        (view.shape, view.row, view.column, view.words, view.offset)
        == (other.shape, other.row, other.column, other.words, other.offset)
        and not other.folded
        and np.array_equal(view.slots, other.slots)
    )
