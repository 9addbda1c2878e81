"""The bus tops, each with the host and the memory that fit its bus."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hw.bus.config import Bus, BusConfig
from verif.hw.bus.axi import AxiHost, AxiMemory
from verif.hw.bus.bench import Host, Memory
from verif.hw.bus.wishbone import WishboneHost, WishboneMemory
from verif.hw.engine.bench import CONFIG


@dataclass(frozen=True, kw_only=True)
class Kit:
    """A top's parameters, `host(registers, variant)`, and `serve(memory)` for the simulator."""

    config: BusConfig
    host: Callable[[Any, int], Host]
    serve: Callable[[Memory], Any]


KITS = {
    "wishbone": Kit(
        config=BusConfig(engine=CONFIG, bus=Bus.WISHBONE, burst_words=4),
        host=lambda registers, variant: WishboneHost(registers, classic=variant % 2 == 1),
        serve=lambda memory: WishboneMemory(memory).serve,
    ),
    "axi": Kit(
        config=BusConfig(engine=CONFIG, bus=Bus.AXI, burst_words=4),
        host=lambda registers, variant: AxiHost(registers, late=(0, 2, -2)[variant % 3]),
        serve=lambda memory: AxiMemory(memory).serve,
    ),
}
