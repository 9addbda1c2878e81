"""A float network on all calibration data, node by node: only tensors that a node still reads are held."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.graph import FloatNetwork, FloatNode, Port


def walk(network: FloatNetwork, values: dict[str, NDArray[np.float32]]) -> Iterator[FloatNode]:
    """Each node in order of execution, when `values` has its output; at first it has the network's inputs.

    All are (n, C, H, W).  What no later node reads is dropped from `values` before the next node is run.
    """
    for node, dropped in _lives(network):
        values[node.output] = _run(node, network, values)
        yield node
        for name in dropped:
            del values[name]


def most_held(network: FloatNetwork) -> int:
    """The most values of one input of the network that :func:`walk` holds at a time."""
    sizes = {name: math.prod(shape) for name, shape in network.shapes.items()}
    held = most = sum(sizes[port.tensor] for port in network.inputs)
    for node, dropped in _lives(network):
        held += sizes[node.output]
        most = max(most, held)
        held -= sum(sizes[name] for name in dropped)
    return most


def _lives(network: FloatNetwork) -> Iterator[tuple[FloatNode, set[str]]]:
    """Each node, and the tensors that no later one reads."""
    last = {name: number for number, node in enumerate(network.nodes) for name in node.inputs}
    for number, node in enumerate(network.nodes):
        yield node, {name for name in (*node.inputs, node.output) if last.get(name, number) == number}


def _run(node: FloatNode, network: FloatNetwork, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    shapes = {name: network.shapes[name] for name in (*node.inputs, node.output)}
    ports = {name: Port(name=name, tensor=name, shape=shape) for name, shape in shapes.items()}
    inputs = tuple(ports[name] for name in dict.fromkeys(node.inputs))
    single = FloatNetwork(nodes=(node,), shapes=shapes, inputs=inputs, outputs=(ports[node.output],))
    return Runner(single).tensors(values, [node.output])[node.output]
