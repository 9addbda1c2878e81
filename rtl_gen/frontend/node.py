"""A node of an ONNX file, and which tensors it reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rtl_gen.errors import UsageError
from rtl_gen.frontend.source import DAMAGE, library
from sw_ref.messages import counted


@dataclass(frozen=True)
class Node:
    """A node of the file, with its attributes as Python values."""

    proto: Any
    label: str
    attributes: dict[str, Any]

    @classmethod
    def of(cls, proto: Any, position: int) -> "Node":
        read = library("onnx.helper").get_attribute_value
        try:
            attributes = {item.name: read(item) for item in proto.attribute}
        except DAMAGE as error:
            raise UsageError(f"node {proto.name or proto.op_type} is damaged: {error}") from error
        label = proto.name or next(filter(None, proto.output), "") or f"{proto.op_type}_{position}"
        return cls(proto, label, attributes)

    @property
    def op(self) -> str:
        """The operator's type; other domains than ONNX's own are part of it."""
        return (
            self.proto.op_type if self.proto.domain in ("", "ai.onnx") else f"{self.proto.domain}.{self.proto.op_type}"
        )

    @property
    def inputs(self) -> list[str]:
        return list(self.proto.input)

    @property
    def outputs(self) -> list[str]:
        return list(self.proto.output)

    def get(self, name: str, default: Any) -> Any:
        """An attribute, strings as `str`."""
        value = self.attributes.get(name, default)
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    def misuse(self, opset: int) -> str:
        """What ONNX's own operator of that opset does not take: attributes that it has not, too few or many inputs."""
        onnx = library("onnx")
        try:
            schema = onnx.defs.get_schema(self.proto.op_type, opset, "")
        except onnx.defs.SchemaError:
            return ""
        unknown = [name for name in self.attributes if name not in schema.attributes]
        if unknown:
            known = ", ".join(sorted(schema.attributes)) or "none"
            return f"it has attribute {unknown[0]}; needed in opset {opset}: {known}"
        count = len(self.inputs)
        if not schema.min_input <= count <= schema.max_input:
            needed = f"{schema.min_input} to {schema.max_input}"
            return f"it has {counted(count, 'input')}; needed in opset {opset}: {needed}"
        return ""


def live_nodes(nodes: list[Node], outputs: set[str]) -> set[int]:
    """Positions of the nodes that something at the end depends on."""
    wanted, live = set(outputs), set()
    for position in range(len(nodes) - 1, -1, -1):
        if wanted & set(nodes[position].outputs) - {""}:
            live.add(position)
            wanted.update(names_read(nodes[position].proto))
    return live


def names_read(proto: Any) -> Iterator[str]:
    """The tensors that a node reads, those of its branches too."""
    yield from filter(None, proto.input)
    for attribute in proto.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from names_read(inner)
            yield from (output.name for output in attribute.g.output)
