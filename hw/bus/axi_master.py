"""From bursts to AXI4."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib.wiring import Out

from hw.bus.axi import INCREMENTING, MODIFIABLE, axi_signature
from hw.bus.config import BusConfig
from hw.bus.master import master_members
from hw.bus.registers import Range
from hw.component import Component


class AxiMaster(Component):
    """Reads and writes by incrementing bursts: several reads at a time, one write.

    The identifier of a read says which range it is for, so the answers of both ranges may come in any order. A burst
    never crosses 4 KiB, because none crosses a multiple of its greatest length.

    Throughput: a word read and a word written in each cycle.

    Members
    -------
    bus : Out(AXI4)
        The port. No output depends on an input of the same cycle.
    As :func:`master_members`.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        members = {"bus": Out(axi_signature(config.address_bits, config.bus_bits)), **master_members(config)}
        super().__init__(members, module=f"{config.name}_master")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus, burst = self._config, self.bus, self.bursts.payload
        writes, moves = burst.range == Range.OUTPUTS, self.bursts.valid & self.bursts.ready
        address, length = Signal.like(burst.address, name="address"), Signal.like(burst.more, name="length")
        which, writing = Signal(name="which"), Signal(name="writing")
        request = {
            "addr": address << config.byte_bits,
            "len": length,
            "id": which,
            "size": config.byte_bits,
            "burst": INCREMENTING,
            "cache": MODIFIABLE,
        }
        for kind in ("ar", "aw"):
            m.d.comb += [getattr(bus, f"{kind}{name}").eq(value) for name, value in request.items()]
            with m.If(getattr(bus, f"{kind}ready")):
                m.d.sync += getattr(bus, f"{kind}valid").eq(0)
        # The next burst replaces one that was taken: its address is no longer needed.
        m.d.comb += self.bursts.ready.eq(~bus.arvalid & ~bus.awvalid & ~(writes & writing))
        with m.If(moves):
            m.d.sync += [address.eq(burst.address), length.eq(burst.more), which.eq(burst.range[0])]
            m.d.sync += [bus.arvalid.eq(~writes), bus.awvalid.eq(writes)]
        under_way = self._read(m, moves & ~writes)
        self._write(m, moves & writes, writing)
        m.d.comb += self.quiet.eq(~under_way & ~writing)
        return m

    def _read(self, m: Module, begins: Value) -> Value:
        """Words as they come: there is room for them.  Whether some are still to come."""
        config, bus = self._config, self.bus
        bursts = Signal(range(config.read_bursts + 2 + 1))
        comes = Signal(name="comes")
        m.d.sync += bursts.eq(bursts + begins - (comes & bus.rlast))
        m.d.comb += [
            bus.rready.eq(1),
            comes.eq(bus.rvalid),
            self.word.eq(bus.rdata),
            self.read.eq(Cat(comes & (bus.rid == Range.PROGRAM), comes & (bus.rid == Range.INPUTS))),
            self.read_failed.eq(comes & bus.rresp[1]),
        ]
        return bursts.any()

    def _write(self, m: Module, begins: Value, writing: Signal) -> None:
        """The words of one burst, then its answer."""
        bus, left, active = self.bus, Signal.like(self.bursts.payload.more, name="left"), Signal(name="active")
        taken = bus.wvalid & bus.wready
        m.d.comb += [
            bus.wvalid.eq(active & self.words.valid),
            bus.wdata.eq(self.words.payload),
            bus.wstrb.eq(~0),
            bus.wlast.eq(left == 0),
            bus.bready.eq(1),
            self.words.ready.eq(active & bus.wready),
            self.write_failed.eq(bus.bvalid & bus.bresp[1]),
        ]
        with m.If(taken):
            m.d.sync += left.eq(left - 1)
            with m.If(bus.wlast):
                m.d.sync += active.eq(0)
        with m.If(bus.bvalid):
            m.d.sync += writing.eq(0)
        with m.If(begins):
            m.d.sync += [writing.eq(1), active.eq(1), left.eq(self.bursts.payload.more)]
