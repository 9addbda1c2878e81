"""AXI4 and AXI4-Lite: the signals between a master and a slave."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

OKAY, SLVERR = 0, 2
INCREMENTING = 1  # the kind of burst
MODIFIABLE = 0b0011  # normal memory, as bridges to narrower ones need it


def axi_lite_signature(address_bits: int, data_bits: int) -> wiring.Signature:
    """AXI4-Lite as the master sees it."""
    return wiring.Signature(
        {
            **_channel("aw", {"addr": address_bits, "prot": 3}),
            **_channel("w", {"data": data_bits, "strb": data_bits // 8}),
            **_channel("b", {"resp": 2}, back=True),
            **_channel("ar", {"addr": address_bits, "prot": 3}),
            **_channel("r", {"data": data_bits, "resp": 2}, back=True),
        }
    )


def axi_signature(address_bits: int, data_bits: int) -> wiring.Signature:
    """AXI4 as the master sees it, with identifiers of one bit."""
    request = {"id": 1, "addr": address_bits, "len": 8, "size": 3, "burst": 2, "cache": 4, "prot": 3}
    return wiring.Signature(
        {
            **_channel("aw", request),
            **_channel("w", {"data": data_bits, "strb": data_bits // 8, "last": 1}),
            **_channel("b", {"id": 1, "resp": 2}, back=True),
            **_channel("ar", request),
            **_channel("r", {"id": 1, "data": data_bits, "resp": 2, "last": 1}, back=True),
        }
    )


def _channel(name: str, signals: dict[str, int], *, back: bool = False) -> dict[str, wiring.Member]:
    """The signals of a channel, and its handshake; `back`: from the slave to the master."""
    there, other = (In, Out) if back else (Out, In)
    members = {f"{name}{signal}": there(bits) for signal, bits in signals.items()}
    return members | {f"{name}valid": there(1), f"{name}ready": other(1)}
