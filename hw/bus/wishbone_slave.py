"""From Wishbone to registers."""

from amaranth import Module, Signal
from amaranth.lib.wiring import In, Out

from hw.bus.config import HOST_ADDRESS_BITS, BusConfig
from hw.bus.registers import REGISTER_BITS
from hw.bus.wishbone import wishbone_signature
from hw.component import Component


class WishboneSlave(Component):
    """Reads and writes registers for a master, pipelined or classic.

    A register that may not be accessed so, or a write of single bytes, is answered by `err`.

    Latency: 1 cycle. Throughput: an access every two cycles.

    Members
    -------
    bus : In(Wishbone)
        The port; every output is a register.
    read_address, value, read_known, write_address, data, write, write_known : Out, In
        The access, whether it is allowed, and what is read: as of :class:`AxiSlave`, at one address.
    """

    def __init__(self, config: BusConfig):
        members = {
            "bus": In(wishbone_signature(HOST_ADDRESS_BITS, REGISTER_BITS)),
            "read_address": Out(HOST_ADDRESS_BITS),
            "write_address": Out(HOST_ADDRESS_BITS),
            "data": Out(REGISTER_BITS),
            "write": Out(1),
            "read_known": In(1),
            "write_known": In(1),
            "value": In(REGISTER_BITS),
        }
        super().__init__(members, module=f"{config.name}_slave")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        answered, whole = Signal(name="answered"), Signal(name="whole")
        # A classic master holds its request until it sees the answer; a pipelined one is stalled meanwhile.
        asked = bus.cyc & bus.stb & ~answered
        good = (bus.we & self.write_known & whole) | (~bus.we & self.read_known)
        m.d.comb += [
            whole.eq(bus.sel.all()),
            self.read_address.eq(bus.adr),
            self.write_address.eq(bus.adr),
            self.data.eq(bus.dat_w),
            self.write.eq(asked & bus.we & whole),
            bus.stall.eq(answered),
        ]
        m.d.sync += [answered.eq(asked), bus.ack.eq(asked & good), bus.err.eq(asked & ~good)]
        with m.If(asked):
            m.d.sync += bus.dat_r.eq(self.value)
        return m
