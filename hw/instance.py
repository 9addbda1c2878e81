"""Instances of components that are emitted as Verilog modules of their own."""

from typing import Any

from amaranth import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring


def place(m: Module, label: str, module: str, signature: wiring.Signature, *, clocked: bool = True) -> Any:
    """Put an instance of the Verilog `module`, which has the ports of `signature`, into `m`.

    Returns the interface that stands for it. Each kind of component is thus one module, however often it is used:
    the text stays short and readable, and a 64 x 64 array takes no longer to write than its wiring.
    """
    interface: Any = signature.create(path=(label,))
    ports = {
        f"{'i' if member.flow is wiring.In else 'o'}_{'__'.join(map(str, path))}": value
        for path, member, value in interface.signature.flatten(interface)
    }
    clock = {"i_clk": ClockSignal(), "i_rst": ResetSignal()} if clocked else {}
    m.submodules[label] = Instance(module, **clock, **ports)
    return interface
