"""Float execution of a network: as a small ONNX model that onnxruntime runs, every tensor on demand."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.constants import evaluate
from rtl_gen.frontend.graph import FloatNetwork, FloatNode, Port
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.source import library
from sw_ref.network import AveragePool, Conv, ConvTranspose, MaxPool, Pad, Permute, PixelShuffle, Resize, Slice

OPSET = 20


class Runner:
    """A network made ready to run, in float32, on batches of any size."""

    def __init__(self, network: FloatNetwork, *, threads: int = 0) -> None:
        self.network = network
        self._threads = threads
        self._sessions: dict[tuple[str, ...], Any] = {}

    def tensors(self, inputs: Mapping[str, NDArray[Any]], names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Tensors of the network, (batch, C, H, W), for arrays of the file's inputs, (batch, *shape).

        Raises :class:`UsageError` for an input that is missing or of another shape.
        """
        wanted = tuple(dict.fromkeys(names))
        feeds = {port.tensor: self.feed(port, inputs) for port in self.network.inputs}
        made = tuple(name for name in wanted if name not in feeds)
        results = dict(zip(made, self._session(made).run(list(made), feeds), strict=True)) if made else {}
        return {name: results[name] if name in results else feeds[name] for name in wanted}

    def outputs(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """The network's outputs as the file has them, (batch, *shape), before the host's part."""
        ports = self.network.outputs
        tensors = self.tensors(inputs, (port.tensor for port in ports))
        return {port.name: leave(port, tensors[port.tensor]) for port in ports}

    def results(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The outputs of the file, after the host's part."""
        return self.finish(self.outputs(inputs))

    def finish(self, outputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The host's part: the file's own outputs from the network's."""
        known: dict[str, Any] = {**self.network.host.constants, **outputs}
        for node in self.network.host.nodes:
            made = evaluate(Node.of(node, 0), [known.get(name) for name in node.input], self.network.host.opset)
            if made is None:
                raise UsageError(f"the host's node {node.op_type} {node.name} cannot be computed; allowed: ONNX's own")
            known |= dict(zip(node.output, made, strict=True))
        return {name: known[name] for name in self.network.host.results}

    def feed(self, port: Port, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The tensor (batch, C, H, W) of an input's array, (batch, *shape); :class:`UsageError` as `tensors`."""
        if port.name not in inputs:
            raise UsageError(f"input {port.name} is missing; given: {', '.join(inputs) or 'none'}")
        array = np.asarray(inputs[port.name])
        if array.shape[1:] != port.shape or array.ndim < 1 or array.dtype.kind not in "fiubV":
            raise UsageError(f"input {port.name} is {array.dtype} {array.shape}; needed: numbers (batch, {port.shape})")
        flat = array.reshape(len(array), -1).astype(np.float32, copy=False)
        flat = flat if port.index is None else flat[:, port.index]
        return np.ascontiguousarray(flat.reshape(len(array), *self.network.shapes[port.tensor]))

    def _session(self, names: tuple[str, ...]) -> Any:
        if names not in self._sessions:
            runtime = library("onnxruntime")
            options = runtime.SessionOptions()
            options.intra_op_num_threads = self._threads
            options.log_severity_level = 3
            model = to_onnx(self.network, names).SerializeToString()
            self._sessions[names] = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return self._sessions[names]


def leave(port: Port, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array (batch, *shape) of an output, from its tensor (batch, C, H, W)."""
    flat = tensor.reshape(len(tensor), -1)
    return (flat if port.index is None else flat[:, port.index]).reshape(len(tensor), *port.shape)


def to_onnx(network: FloatNetwork, outputs: Iterable[str]) -> Any:
    """A network as an ONNX model whose tensors are (batch, C, H, W)."""
    onnx = library("onnx")
    emitter = Emitter(network)
    for node in network.nodes:
        emitter.node(node)
    floats = onnx.TensorProto.FLOAT
    inputs = [
        onnx.helper.make_tensor_value_info(port.tensor, floats, ["N", *network.shapes[port.tensor]])
        for port in network.inputs
    ]
    ends = [onnx.helper.make_tensor_value_info(name, floats, None) for name in outputs]
    graph = onnx.helper.make_graph(emitter.protos, "float", inputs, ends, emitter.tensors)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=9)


class Emitter:
    """Nodes and constants of the ONNX model while it is made."""

    def __init__(self, network: FloatNetwork) -> None:
        self.network = network
        self.protos: list[Any] = []
        self.tensors: list[Any] = []

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """One ONNX node; returns its output."""
        self.protos.append(library("onnx").helper.make_node(op, inputs, [output], **attributes))
        return output

    def array(self, values: Any, dtype: Any = np.float32) -> str:
        """A constant; returns its name."""
        name = f"constant {len(self.tensors)}"
        while name in self.network.shapes:
            name += "'"
        self.tensors.append(library("onnx").numpy_helper.from_array(np.array(values, dtype, order="C"), name))
        return name

    def node(self, node: FloatNode) -> None:
        """The ONNX nodes of one node: operator, sum, function."""
        tensor = self._operator(node)
        if node.added is not None:
            tensor = self.add("Add", [tensor, node.added], self._name(node, "sum"))
        self.add("Identity", [self._function(node, tensor)], node.output)

    def _name(self, node: FloatNode, part: str) -> str:
        name = f"{node.output} {part} {len(self.protos)}"
        while name in self.network.shapes:
            name += "'"
        return name

    def _function(self, node: FloatNode, tensor: str) -> str:
        values = [tensor]
        for step in node.function.steps:
            operands = [values[at] if isinstance(at, int) else self.array(at) for at in step.operands]
            values.append(self.add(step.op, operands, self._name(node, step.op), **dict(step.parameters)))
        return values[-1]

    def _operator(self, node: FloatNode) -> str:
        """The node's operator alone."""
        options, first, name = node.options, node.inputs[0], self._name(node, node.op)
        if node.weight is not None:
            return self._layer(node, node.weight, name)
        if isinstance(options, (MaxPool, AveragePool)):
            return self._pool(options, first, name)
        if isinstance(options, Pad):
            top, left, bottom, right = options.padding
            pads = self.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            return self.add("Pad", [first, pads], name, mode={"zero": "constant"}.get(options.mode, options.mode))
        if isinstance(options, Slice):
            starts, ends, axes = (self.array(v, np.int64) for v in (options.start, options.stop, (1, 2, 3)))
            return self.add("Slice", [first, starts, ends, axes], name)
        if isinstance(options, Permute):
            return self.add("Gather", [first, self.array(options.order, np.int64)], name, axis=1)
        if isinstance(options, PixelShuffle):
            return self.add("DepthToSpace", [first], name, blocksize=options.block, mode=options.order)
        if isinstance(options, Resize):
            scales = self.array([1, 1, *options.factor])
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            return self.add("Resize", [first, "", scales], name, **how)
        if node.op == "flatten":
            return self.add("Reshape", [first, self.array([0, -1, 1, 1], np.int64)], name)
        if node.op == "concat":
            return self.add("Concat", list(node.inputs), name, axis=1)
        return self.add("Add", list(node.inputs), name) if node.op == "add" else first

    def _layer(self, node: FloatNode, weight: NDArray[np.float32], name: str) -> str:
        options = node.options
        if node.op == "affine":
            scaled = self.add("Mul", [node.inputs[0], self.array(weight[:, None, None])], self._name(node, "mul"))
            return (
                scaled if node.bias is None else self.add("Add", [scaled, self.array(node.bias[:, None, None])], name)
            )
        bias = [] if node.bias is None else [self.array(node.bias)]
        if isinstance(options, ConvTranspose):
            attributes = {
                **{"strides": options.stride, "dilations": options.dilation, "pads": options.padding},
                **{"group": options.groups, "output_padding": options.output_padding},
            }
            inputs = [node.inputs[0], self.array(turned(weight, options.groups)), *bias]
            return self.add("ConvTranspose", inputs, name, **attributes)
        kernel = weight[:, :, None, None] if weight.ndim == 2 else weight
        attributes = {}
        if isinstance(options, Conv):
            attributes = {"strides": options.stride, "dilations": options.dilation, "pads": options.padding}
            attributes["group"] = options.groups
        return self.add("Conv", [node.inputs[0], self.array(kernel), *bias], name, **attributes)

    def _pool(self, options: MaxPool | AveragePool, first: str, name: str) -> str:
        attributes: dict[str, Any] = {
            **{"kernel_shape": options.kernel, "strides": options.stride, "dilations": options.dilation},
            "pads": options.padding,
        }
        if isinstance(options, MaxPool):
            return self.add("MaxPool", [first], name, **attributes)
        return self.add("AveragePool", [first], name, **attributes, count_include_pad=int(options.count_padding))


def turned(weight: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    """A weight (O, I / groups, *kernel) as ConvTranspose has it: (I, O / groups, *kernel)."""
    outputs, inputs, *kernel = weight.shape
    cut = np.swapaxes(weight.reshape(groups, outputs // groups, inputs, *kernel), 1, 2)
    return np.ascontiguousarray(cut).reshape(groups * inputs, outputs // groups, *kernel)
