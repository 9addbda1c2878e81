"""The growing network: emits nodes, and stores values of the file as tensors (C, H, W)."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.function import Function
from rtl_gen.frontend.graph import Activation, Affine, FloatNode, Port
from rtl_gen.frontend.values import Refusal, Value, moves, single, standard
from sw_ref.network.operator import Operator, Shape


class Builder:
    """Nodes, shapes and inputs so far.

    `values`: what each tensor of the file is; `at`, `output`: the file's node in work, and its first output.
    """

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.nodes: list[FloatNode] = []
        self.shapes: dict[str, Shape] = {}
        self.ports: dict[str, Port] = {}
        self.batch = 1
        self.at = self.output = ""
        self._names: set[str] = set()
        self._applied: dict[tuple[str, Function], str] = {}
        self._viewed: dict[tuple[str, int], tuple[str, Any]] = {}
        self._origins: dict[str, Value] = {}
        self.emitted: set[str] = set()  # nodes of the file for which something must stand in the end
        self.dropped: set[str] = set()  # nodes of the file that turned out to do nothing

    def emit(self, options: Operator, *inputs: str, name: str = "", **parts: Any) -> str:
        """Add a node; returns its output tensor: `name` (default: the file's) or a variant of it that is free.

        Raises ``ValueError`` if the operator does not fit its inputs.
        """
        weight = parts.get("weight")
        shapes = [self.shapes[tensor] for tensor in inputs]
        shape = options.output_shape(shapes, () if weight is None else weight.shape)
        output = self.free(name or self.output, self.shapes)
        parts = {"sources": (self.at,), **parts}
        label = self.free((*parts["sources"], output)[0], self._names)
        self.nodes.append(FloatNode(name=label, options=options, inputs=inputs, output=output, **parts))
        self._names.add(label)
        self.emitted.update(parts["sources"])
        self.shapes[output] = shape
        return output

    def free(self, name: str, taken: Any) -> str:
        """`name`, or it with a number."""
        chosen, number = name, 2
        while chosen in taken:
            chosen, number = f"{name}_{number}", number + 1
        return chosen

    def tensor(self, value: Value) -> str:
        """The tensor that holds a value as (C, H, W), made if needed. Raises :class:`Refusal` if no operator can."""
        target = standard(value.shape)
        if value.shape[0] != self.batch:
            raise Refusal(
                f"its tensor has shape {list(value.shape)} in a batch of {self.batch}; needed: the batch axis first"
            )
        ordered = value.index is None and self.shapes[value.tensor] == target
        if value.tensor in self.ports:
            base = value.tensor if ordered else self._port(value, target)
            return self._apply(replace(value, tensor=base))
        base = self._apply(value)
        return base if ordered else self._move(replace(value, tensor=base), target)

    def stored(self, value: Value) -> Value:
        """The same value with its function done by nodes."""
        made = replace(value, tensor=self._apply(value), function=Function(), sources=())
        self._origins[made.tensor] = value
        return made

    def origin(self, value: Value) -> Value:
        """A stored value as the function that it is of an earlier tensor, if it is one."""
        first = self._origins.get(value.tensor)
        if first is None or first.tensor == value.tensor:
            return value
        function = value.function.after(first.function)
        return replace(value, tensor=first.tensor, function=function, sources=first.sources + value.sources)

    def rows(self, value: Value) -> NDArray[np.int64]:
        """Where each element of one sample lies in its tensor, in C order. Raises :class:`Refusal`."""
        size = math.prod(self.shapes[value.tensor])
        places = value.places()
        whole = places.reshape(self.batch, -1) if places.size % self.batch == 0 else places.reshape(1, -1)
        rows = whole - size * np.arange(len(whole))[:, None]
        if len(whole) != self.batch or not (rows == rows[0]).all() or rows.min() < 0 or rows.max() >= size:
            raise Refusal("it moves data between the samples of a batch; needed: the batch axis first, left alone")
        return rows[0]

    def _apply(self, value: Value) -> str:
        """The tensor's elements after the value's function: an affine, an activation, or both.

        Raises :class:`Refusal` for a scale that float32 does not hold.
        """
        if not value.function.steps:
            self.dropped.update(value.sources)
            return value.tensor
        key = (value.tensor, value.function)
        if key not in self._applied:
            scale, shift, rest = value.function.peeled()
            shape, tensor = self.shapes[value.tensor], value.tensor
            if (scale, shift) != (1.0, 0.0):
                factor, offset = single(np.full(shape[0], scale)), np.full(shape[0], shift, np.float32)
                parts: dict[str, Any] = {"weight": factor, "bias": offset, "sources": value.sources}
                tensor = self.emit(Affine(), tensor, name=value.name, **parts)
            if rest.steps:
                tensor = self.emit(Activation(), tensor, name=value.name, function=rest, sources=value.sources)
            if tensor == value.tensor:
                self.dropped.update(value.sources)
            self._applied[key] = tensor
        return self._applied[key]

    def _port(self, value: Value, target: Shape) -> str:
        """Another view of an input: the host moves the data."""
        port = self.ports[value.tensor]
        rows = self.rows(value)
        index = rows if port.index is None else port.index[rows]
        for name, other in self.ports.items():
            known = np.arange(math.prod(other.shape)) if other.index is None else other.index
            if other.name == port.name and self.shapes[name] == target and np.array_equal(known, index):
                return name
        name = self.free((value.name or self.output), self.shapes)
        self.shapes[name] = target
        self.ports[name] = replace(port, tensor=name, index=index)
        return name

    def _move(self, value: Value, target: Shape) -> str:
        key = (value.tensor, id(value.index))
        if key in self._viewed and self.shapes[self._viewed[key][0]] == target:
            return self._viewed[key][0]
        steps = moves(self.rows(value).reshape(target), self.shapes[value.tensor])
        if steps is None:
            raise Refusal(
                f"it needs {value.name or self.output} rearranged into {target}; needed: an order of channels, a "
                "box of positions, a flatten or a pixel shuffle"
            )
        tensor = value.tensor
        for step in steps:
            tensor = self.emit(step, tensor, name=value.name, sources=())
        self._viewed[key] = (tensor, value.index)
        return tensor
