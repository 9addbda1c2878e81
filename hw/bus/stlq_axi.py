"""The Verilog top `stlq_axi`: an engine on AXI."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import axi_lite_signature, axi_signature
from hw.bus.axi_master import AxiMaster
from hw.bus.axi_slave import AxiSlave
from hw.bus.config import HOST_ADDRESS_BITS, BusConfig
from hw.bus.core import FROM_CORE, FROM_MASTER, TO_CORE, Core
from hw.bus.registers import REGISTER_BITS
from hw.component import Component, instantiate


def axi_top_signature(config: BusConfig) -> wiring.Signature:
    """The members of :class:`StlqAxi`."""
    return wiring.Signature(
        {
            "registers": In(axi_lite_signature(HOST_ADDRESS_BITS + 2, REGISTER_BITS)),
            "memory": Out(axi_signature(config.address_bits, config.bus_bits)),
            "irq": Out(1),
        }
    )


class StlqAxi(Component):
    """An engine that a host controls through registers, and that reads and writes memory by itself.

    Members
    -------
    registers : In(AXI4-Lite)
        The registers of :mod:`hw.bus.registers`.
    memory : Out(AXI4)
        Program, inputs and outputs.
    irq : Out(1)
        1 while the last run has ended and the host wants to know.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        super().__init__(axi_top_signature(config), module=config.name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        core = instantiate(m, platform, "core", Core, self._config)
        slave = instantiate(m, platform, "slave", AxiSlave, self._config)
        master = instantiate(m, platform, "master", AxiMaster, self._config)
        connect(m, flipped(self.registers), slave.bus)
        connect(m, master.bus, flipped(self.memory))
        connect(m, core.bursts, master.bursts)
        connect(m, core.words, master.words)
        m.d.comb += [
            core.read_address.eq(slave.read_address),
            core.write_address.eq(slave.write_address),
            self.irq.eq(core.irq),
        ]
        m.d.comb += [getattr(core, name).eq(getattr(slave, name)) for name in TO_CORE]
        m.d.comb += [getattr(slave, name).eq(getattr(core, name)) for name in FROM_CORE]
        m.d.comb += [getattr(core, name).eq(getattr(master, name)) for name in FROM_MASTER]
        return m
