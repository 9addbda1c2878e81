"""The Verilog tops `stlq_wishbone` and `stlq_axi`: an engine on a bus."""

from typing import NamedTuple

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import axi_lite_signature, axi_signature
from hw.bus.axi_master import AxiMaster
from hw.bus.axi_slave import AxiSlave
from hw.bus.config import HOST_ADDRESS_BITS, Bus, BusConfig
from hw.bus.core import FROM_CORE, FROM_MASTER, TO_CORE, Core
from hw.bus.registers import REGISTER_BITS
from hw.bus.wishbone import wishbone_signature
from hw.bus.wishbone_master import WishboneMaster
from hw.bus.wishbone_slave import WishboneSlave
from hw.component import Component, instantiate


class Adapters(NamedTuple):
    """The two adapters of a bus: of the host's registers, and of memory."""

    slave: type[Component]
    master: type[Component]


ADAPTERS = {Bus.WISHBONE: Adapters(WishboneSlave, WishboneMaster), Bus.AXI: Adapters(AxiSlave, AxiMaster)}


def top_signature(config: BusConfig) -> wiring.Signature:
    """The members of :class:`Top`."""
    if config.bus is Bus.WISHBONE:
        registers = wishbone_signature(HOST_ADDRESS_BITS, REGISTER_BITS)
        memory = wishbone_signature(config.word_address_bits, config.bus_bits)
    else:
        registers = axi_lite_signature(HOST_ADDRESS_BITS + 2, REGISTER_BITS)
        memory = axi_signature(config.address_bits, config.bus_bits)
    return wiring.Signature({"registers": In(registers), "memory": Out(memory), "irq": Out(1)})


class Top(Component):
    """An engine that a host controls through registers, and that reads and writes memory by itself.

    Members
    -------
    registers : In(Wishbone or AXI4-Lite)
        The registers of :mod:`hw.bus.registers`; Wishbone's `adr` counts words of 32 bits.
    memory : Out(Wishbone or AXI4)
        Program, inputs and outputs; Wishbone's `adr` counts bus words.
    irq : Out(1)
        1 while the last run has ended and the host wants to know.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        super().__init__(top_signature(config), module=config.name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        adapters = ADAPTERS[self._config.bus]
        core = instantiate(m, platform, "core", Core, self._config)
        slave = instantiate(m, platform, "slave", adapters.slave, self._config)
        master = instantiate(m, platform, "master", adapters.master, self._config)
        connect(m, flipped(self.registers), slave.bus)
        connect(m, master.bus, flipped(self.memory))
        connect(m, core.bursts, master.bursts)
        connect(m, core.words, master.words)
        m.d.comb += self.irq.eq(core.irq)
        m.d.comb += [getattr(core, name).eq(getattr(slave, name)) for name in TO_CORE]
        m.d.comb += [getattr(slave, name).eq(getattr(core, name)) for name in FROM_CORE]
        m.d.comb += [getattr(core, name).eq(getattr(master, name)) for name in FROM_MASTER]
        return m
