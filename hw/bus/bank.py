"""The registers of the host: what is read and written where."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus import registers
from hw.bus.config import HOST_ADDRESS_BITS, Bus, BusConfig
from hw.bus.layouts import LOAD
from hw.bus.registers import (
    CONTROL,
    CYCLES,
    ENGINE,
    RANGES,
    REGISTER_BITS,
    STATUS,
    VERSION,
    Access,
    Part,
    Range,
    Register,
    field_of,
)
from hw.component import Component
from hw.engine import encoding


def host_members() -> dict[str, wiring.Member]:
    """The members of what holds the registers, towards an adapter of a bus.

    Members
    -------
    read_address : In, value : Out(32), read_known : Out(1)
        The register at a word address, and whether the host may read there.
    write_address : In, data : In(32), write : In(1), write_known : Out(1)
        What is written; nothing happens where the host may not write.
    irq : Out(1)
        The port.
    """
    return {
        "read_address": In(HOST_ADDRESS_BITS),
        "value": Out(REGISTER_BITS),
        "read_known": Out(1),
        "write_address": In(HOST_ADDRESS_BITS),
        "data": In(REGISTER_BITS),
        "write": In(1),
        "write_known": Out(1),
        "irq": Out(1),
    }


class RegisterBank(Component):
    """The register map of :mod:`hw.bus.registers`; adapters connect it to a bus.

    Latency: 0 cycles. Throughput: a read and a write a cycle.

    Members
    -------
    As :func:`host_members`, and
    start, stop, intrusion : Out(1)
        The host wants a run to start or to end; it wrote to a range during a run, in vain.
    given : Out(1)
        Every register of the ranges has a value that is allowed.
    load : Out(LOAD)
        What is written to a range.
    busy, done, error, engine_error, cycles : In
        What the host reads.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        members = {
            **host_members(),
            "load": Out(LOAD),
            "error": In(field_of(STATUS, "error").bits),
            "engine_error": In(field_of(STATUS, "engine_error").bits),
            "cycles": In(REGISTER_BITS),
            **dict.fromkeys(("start", "stop", "intrusion", "given"), Out(1)),
            **dict.fromkeys(("busy", "done"), In(1)),
        }
        super().__init__(members, module=f"{config.name}_registers")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        enabled = Signal()
        m.d.comb += [
            self.read_known.eq(_allowed(self.read_address, Access.READ)),
            self.write_known.eq(_allowed(self.write_address, Access.WRITE)),
            self.irq.eq(enabled & self.done),
        ]
        self._read(m, enabled)
        with m.If(self.write & _at(self.write_address, CONTROL)):
            m.d.comb += [self.start.eq(_of(self.data, "start")), self.stop.eq(_of(self.data, "stop"))]
            m.d.sync += enabled.eq(_of(self.data, "interrupt"))
        self._ranges(m)
        return m

    def _read(self, m: Module, enabled: Signal) -> None:
        config = self._config
        version = {"map": registers.MAP_VERSION, "program": encoding.VERSION, "bus_bytes": config.word_bytes}
        values: dict[Register, dict[str, Value | int]] = {
            VERSION: dict(version),
            ENGINE: {"digest": config.engine.digest},
            CONTROL: {"interrupt": enabled},
            STATUS: {name: getattr(self, name) for name in ("busy", "done", "error", "engine_error")},
            CYCLES: {"count": self.cycles},
        }
        for register, fields in values.items():
            with m.If(_at(self.read_address, register)):
                for name, value in fields.items():
                    place = field_of(register, name)
                    m.d.comb += self.value[place.bit : place.bit + place.bits].eq(value)

    def _ranges(self, m: Module) -> None:
        """Addresses and lengths pass through; what is kept is whether they are allowed."""
        zero, aligned = ~self.data.any(), ~self.data[: self._config.byte_bits].any()
        good = {
            Part.LOW: aligned,
            Part.HIGH: zero if self._config.bus is Bus.WISHBONE else 1,
            Part.LENGTH: aligned & ~zero,
        }
        given = Signal(len(Range) * len(Part), name="allowed")
        m.d.comb += [
            self.given.eq(given.all()),
            self.load.range.eq(self.write_address[2:4]),
            self.load.value.eq(self.data),
        ]
        for at, (which, part) in enumerate((which, part) for which in Range for part in Part):
            address = (RANGES + which * registers.RANGE_BYTES) // 4 + part
            with m.If(self.write & (self.write_address == address)):
                m.d.comb += [self.load.part[part].eq(~self.busy), self.intrusion.eq(self.busy)]
                with m.If(~self.busy):
                    m.d.sync += given[at].eq(good[part])


def _at(address: Value, register: Register) -> Value:
    return address == register.address // 4


def _allowed(address: Value, access: Access) -> Value:
    """Whether the register at a word address may be accessed so."""
    found = [_at(address, r) for r in registers.REGISTERS if r.access in (access, Access.READ_WRITE)]
    return Cat(found).any()


def _of(data: Value, name: str) -> Value:
    """A field of the control register."""
    place = field_of(CONTROL, name)
    return data[place.bit : place.bit + place.bits]
