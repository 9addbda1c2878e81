"""A float network that is edited: nodes are changed, joined and removed."""

from dataclasses import replace
from typing import Any

from rtl_gen.frontend.graph import FloatNetwork, FloatNode


class Editor:
    """The nodes of a network by output, in order, with who reads what: each question and each change in constant time.

    `place`: where an output stands in the order; `ranges`: bounds of tensors that were found, which no change alters.
    """

    def __init__(self, network: FloatNetwork) -> None:
        self._network = network
        self.nodes: dict[str, FloatNode] = {}
        self._readers: dict[str, dict[str, int]] = {}
        for node in network.nodes:
            self._put(node)
        self.place = {node.output: number for number, node in enumerate(network.nodes)}
        self.shapes = network.shapes
        self.kept = {port.tensor for port in network.outputs}
        self.ranges: dict[str, tuple[float, float]] = {}
        self.dropped: set[str] = set()
        self.aliases: dict[str, str] = {}

    def maker(self, tensor: str) -> FloatNode | None:
        """The node that makes a tensor, if no other one reads it and it is no output: it may change."""
        node = self.nodes.get(tensor)
        return node if node is not None and tensor not in self.kept and self.count(tensor) == 1 else None

    def count(self, tensor: str) -> int:
        """How often a tensor is read by nodes."""
        return sum(self._readers.get(tensor, {}).values())

    def readers(self, tensor: str) -> list[FloatNode]:
        """The nodes that read a tensor."""
        return [self.nodes[output] for output in self._readers.get(tensor, {})]

    def replace(self, old: FloatNode, **changes: Any) -> FloatNode:
        """A node with other parts, in its place."""
        return self._put(replace(old, **changes))

    def remove(self, node: FloatNode) -> None:
        """Take a node out; whoever reads it is to read something else."""
        self._forget(self.nodes.pop(node.output))

    def absorb(self, first: FloatNode, second: FloatNode, **changes: Any) -> None:
        """`first`, changed, does what `second` did, under second's output and in its place."""
        sources = (*first.sources, *second.sources)
        self.remove(first)
        self._put(replace(first, output=second.output, sources=sources, **changes))

    def bypass(self, node: FloatNode) -> None:
        """Remove a node that does nothing: its readers read its input."""
        self.dropped.update(node.sources)
        self.remove(node)
        for reader in self.readers(node.output):
            inputs = tuple(node.inputs[0] if name == node.output else name for name in reader.inputs)
            self.replace(reader, inputs=inputs)
        if node.output in self.kept:
            self.kept.add(node.inputs[0])
            self.aliases[node.output] = node.inputs[0]

    def _put(self, node: FloatNode) -> FloatNode:
        if node.output in self.nodes:
            self._forget(self.nodes[node.output])
        self.nodes[node.output] = node
        for name in dict.fromkeys(node.inputs):
            self._readers.setdefault(name, {})[node.output] = node.inputs.count(name)
        return node

    def _forget(self, node: FloatNode) -> None:
        for name in dict.fromkeys(node.inputs):
            del self._readers[name][node.output]

    def final(self, tensor: str) -> str:
        """The tensor that stands for an output."""
        while tensor in self.aliases:
            tensor = self.aliases[tensor]
        return tensor

    def network(self) -> FloatNetwork:
        """The network as it is now."""
        outputs = tuple(replace(port, tensor=self.final(port.tensor)) for port in self._network.outputs)
        used = {name for node in self.nodes.values() for name in (*node.inputs, node.output)}
        used |= {port.tensor for port in (*self._network.inputs, *outputs)}
        shapes = {name: shape for name, shape in self.shapes.items() if name in used}
        return replace(self._network, nodes=tuple(self.nodes.values()), shapes=shapes, outputs=outputs)
