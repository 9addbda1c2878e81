"""Faults: edits of a component, or of a function of the hardware, that hold while an array is made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

from amaranth import Cat, Fragment, Signal, Value
from amaranth.hdl import ValueLike

from hw.array.operand import Operand, Operands
from hw.component import Component
from hw.config import BaseArrayConfig
from hw.verilog import array_verilog
from verif.hw.inside import Inside

UNKNOWN = "unknown_bit"
UNKNOWN_MODULE = f"module {UNKNOWN}(output value);\n  assign value = 1'bx;\nendmodule\n"


@dataclass(frozen=True)
class Fault:
    """A function that stands in for another one: `name` of `owner`, a class or a module of the hardware.

    `wrong` is called with the right function before its arguments. While a fault is planted, whatever is made of the
    hardware has it: Verilog, and components for Amaranth's simulator.
    """

    owner: Any
    name: str
    wrong: Callable[..., Any]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Plant the fault. Raises ``ValueError`` in the end if nothing came of it."""
        right, calls = getattr(self.owner, self.name), []

        def wrong(*args: Any, **options: Any) -> Any:
            calls.append(args)
            return self.wrong(right, *args, **options)

        with patch.object(self.owner, self.name, wrong):
            yield
        if not calls:
            raise ValueError(f"nothing calls {self.name} of {self.owner.__name__}: the fault is not in this design")

    def verilog(self, config: BaseArrayConfig, operand: Operands = Operand) -> str:
        """The Verilog of an array with the fault. Raises ``ValueError`` if it is that of the right one."""
        with self.planted():
            text = array_verilog(config, operand)
        if text == right_verilog(config, operand):
            raise ValueError(f"{self.name} of {self.owner.__name__}: the fault changes nothing")
        return text + UNKNOWN_MODULE if f"{UNKNOWN} " in text else text


@cache
def right_verilog(config: BaseArrayConfig, operand: Operands) -> str:
    """The Verilog of an array without a fault."""
    return array_verilog(config, operand)


def edited(kind: type[Component], edit: Callable[[Inside], None]) -> Fault:
    """Components of a kind whose inside is edited."""

    def elaborate(right: Callable[..., Any], component: Component, platform: object) -> Fragment:
        fragment = Fragment.get(right(component, platform), platform)
        edit(Inside(component, fragment))
        return fragment

    return Fault(kind, "elaborate", elaborate)


def driven(kind: type[Component], name: str, wrong: Callable[[Signal, Inside], ValueLike]) -> Fault:
    """Components of a kind in which a signal has another value: `wrong` of the right one, and of the inside."""
    return edited(kind, lambda inside: inside.drive(name, lambda was: wrong(was, inside)))


def surviving(kind: type[Component], name: str) -> Fault:
    """Components of a kind of which a register has no reset."""
    return edited(kind, lambda inside: inside.survives_reset(name))


def unknown(inside: Inside, width: int) -> Value:
    """Bits that are X in a simulator of Verilog."""
    bit = Signal(name=UNKNOWN)
    inside.instance(UNKNOWN, UNKNOWN, o_value=bit)
    return Cat(bit.replicate(width))
