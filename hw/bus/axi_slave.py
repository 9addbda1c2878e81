"""From AXI4-Lite to registers."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.bus.axi import OKAY, SLVERR, axi_lite_signature
from hw.bus.config import HOST_ADDRESS_BITS, BusConfig
from hw.bus.registers import REGISTER_BITS
from hw.component import Component


class AxiSlave(Component):
    """Reads and writes registers for a master.

    A register that may not be accessed so, or a write of single bytes, is answered by SLVERR.

    Latency: 1 cycle for reads, 2 for writes. Throughput: an access every three cycles, of each kind.

    Members
    -------
    bus : In(AXI4-Lite)
        The port; every output is a register.
    read_address, value, read_known : Out, In
        What is read, and whether it may be.
    write_address, data, write, write_known : Out, In
        What is written, and whether it may be.
    """

    def __init__(self, config: BusConfig):
        members = {
            "bus": In(axi_lite_signature(HOST_ADDRESS_BITS + 2, REGISTER_BITS)),
            "read_address": Out(HOST_ADDRESS_BITS),
            "value": In(REGISTER_BITS),
            "read_known": In(1),
            "write_address": Out(HOST_ADDRESS_BITS),
            "data": Out(REGISTER_BITS),
            "write": Out(1),
            "write_known": In(1),
        }
        super().__init__(members, module=f"{config.name}_slave")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._reads(m)
        self._writes(m)
        return m

    def _reads(self, m: Module) -> None:
        bus = self.bus
        m.d.comb += self.read_address.eq(bus.araddr[2:])
        with m.If(bus.rvalid), m.If(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.Elif(bus.arready & bus.arvalid):
            m.d.sync += [bus.arready.eq(0), bus.rvalid.eq(1)]
            m.d.sync += [bus.rdata.eq(self.value), bus.rresp.eq(Mux(self.read_known, OKAY, SLVERR))]
        with m.Else():
            m.d.sync += bus.arready.eq(1)

    def _writes(self, m: Module) -> None:
        """Address and data are taken in the same cycle, when both are there."""
        bus, taken, whole = self.bus, Signal(name="taken"), Signal(name="whole")
        m.d.comb += [
            bus.awready.eq(taken),
            bus.wready.eq(taken),
            whole.eq(bus.wstrb.all()),
            self.write_address.eq(bus.awaddr[2:]),
            self.data.eq(bus.wdata),
            self.write.eq(taken & whole),
        ]
        m.d.sync += taken.eq(bus.awvalid & bus.wvalid & ~taken & ~bus.bvalid)
        with m.If(taken):
            m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(Mux(self.write_known & whole, OKAY, SLVERR))]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
