"""Ports as plain data, for manifests and tools that do not know Amaranth."""

from collections.abc import Iterator
from typing import Any

from amaranth import Shape
from amaranth.lib import data, wiring

from hw.config import BaseArrayConfig
from hw.layouts import array_signature


def array_ports(config: BaseArrayConfig) -> list[dict[str, Any]]:
    """Every Verilog port of an array."""
    return ports_of(array_signature(config))


def ports_of(signature: Any) -> list[dict[str, Any]]:
    """Every Verilog port: name, direction, width, and the fields of a payload (name, offset, width, signed).

    `signature`: a top module's, of Amaranth; its stubs know neither `flatten` nor what it yields.
    """
    ports: list[dict[str, Any]] = [
        {"name": name, "direction": "input", "width": 1, "fields": []} for name in ("clk", "rst")
    ]
    for path, member, _ in signature.flatten(signature.create()):
        ports.append(
            {
                "name": "__".join(map(str, path)),
                "direction": "input" if member.flow is wiring.In else "output",
                "width": Shape.cast(member.shape).width,
                "fields": list(_fields(str(path[0]), 0, member.shape)) if path[-1] == "payload" else [],
            }
        )
    return ports


def _fields(name: str, offset: int, shape: Any) -> Iterator[dict[str, Any]]:
    """The leaves of a layout, lowest bit first; `name` is that of the whole, which named members drop."""
    if isinstance(shape, data.Layout):
        for key, field in shape:
            label = f"{name}[{key}]" if isinstance(key, int) else str(key)
            yield from _fields(label, offset + field.offset, field.shape)
    else:
        cast = Shape.cast(shape)
        yield {"name": name, "offset": offset, "width": cast.width, "signed": cast.signed}
