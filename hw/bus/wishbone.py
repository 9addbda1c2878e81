"""Wishbone B4: the signals between a master and a slave."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def wishbone_signature(address_bits: int, data_bits: int) -> wiring.Signature:
    """As the master sees it; `adr` counts words of `data_bits` bits."""
    return wiring.Signature(
        {
            **dict.fromkeys(("cyc", "stb", "we"), Out(1)),
            "adr": Out(address_bits),
            "dat_w": Out(data_bits),
            "sel": Out(data_bits // 8),
            "dat_r": In(data_bits),
            **dict.fromkeys(("stall", "ack", "err"), In(1)),
        }
    )
