"""The Verilog top `stlq_wishbone`: an engine on Wishbone."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.config import HOST_ADDRESS_BITS, BusConfig
from hw.bus.core import FROM_CORE, FROM_MASTER, TO_CORE, Core
from hw.bus.registers import REGISTER_BITS
from hw.bus.wishbone import wishbone_signature
from hw.bus.wishbone_master import WishboneMaster
from hw.bus.wishbone_slave import WishboneSlave
from hw.component import Component, instantiate


def wishbone_top_signature(config: BusConfig) -> wiring.Signature:
    """The members of :class:`StlqWishbone`."""
    return wiring.Signature(
        {
            "registers": In(wishbone_signature(HOST_ADDRESS_BITS, REGISTER_BITS)),
            "memory": Out(wishbone_signature(config.word_address_bits, config.bus_bits)),
            "irq": Out(1),
        }
    )


class StlqWishbone(Component):
    """An engine that a host controls through registers, and that reads and writes memory by itself.

    Members
    -------
    registers : In(Wishbone)
        The registers of :mod:`hw.bus.registers`; `adr` counts words of 32 bits.
    memory : Out(Wishbone)
        Program, inputs and outputs; `adr` counts bus words.
    irq : Out(1)
        1 while the last run has ended and the host wants to know.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        super().__init__(wishbone_top_signature(config), module=config.name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        core = instantiate(m, platform, "core", Core, self._config)
        slave = instantiate(m, platform, "slave", WishboneSlave, self._config)
        master = instantiate(m, platform, "master", WishboneMaster, self._config)
        connect(m, flipped(self.registers), slave.bus)
        connect(m, master.bus, flipped(self.memory))
        connect(m, core.bursts, master.bursts)
        connect(m, core.words, master.words)
        m.d.comb += [
            core.read_address.eq(slave.address),
            core.write_address.eq(slave.address),
            self.irq.eq(core.irq),
        ]
        m.d.comb += [getattr(core, name).eq(getattr(slave, name)) for name in TO_CORE]
        m.d.comb += [getattr(slave, name).eq(getattr(core, name)) for name in FROM_CORE]
        m.d.comb += [getattr(core, name).eq(getattr(master, name)) for name in FROM_MASTER]
        return m
