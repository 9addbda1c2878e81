"""The Verilog text of a bus top."""

from types import SimpleNamespace
from typing import Any

from hw.bus.config import BusConfig
from hw.bus.top import Top, top_signature
from hw.component import Component, Modules
from hw.engine.engine import Engine
from hw.engine.layouts import engine_signature
from hw.ports import ports_of
from hw.verilog import verilog


class _AroundEngine(Modules):
    """All modules but those of the engine, whose Verilog is a file of its own."""

    def add(self, kind: type[Component], *parameters: Any) -> Any:
        if kind is not Engine:
            return super().add(kind, *parameters)
        (config,) = parameters
        return SimpleNamespace(signature=engine_signature(config), module=config.name, clocked=True)


def bus_ports(config: BusConfig) -> list[dict[str, Any]]:
    """Every port of a top; see :func:`hw.ports.ports_of`."""
    return ports_of(top_signature(config))


def bus_verilog(config: BusConfig) -> str:
    """Plain Verilog-2005 of the top and its parts, without the engine, which it instantiates by its name.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    modules = _AroundEngine()
    modules.add(Top, config)
    return verilog(modules)
