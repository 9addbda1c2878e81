"""The rules of the buses, proven for ever in both tops; and the same proof refused to tops that are broken."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hw.bus.axi_master import AxiMaster
from hw.bus.axi_slave import AxiSlave
from hw.bus.config import Bus
from hw.bus.control import Control
from hw.bus.ranges import Ranges
from hw.bus.read_buffer import ReadBuffer
from hw.bus.registers import Range
from hw.bus.verilog import bus_verilog
from hw.bus.wishbone_master import WishboneMaster
from hw.bus.wishbone_slave import WishboneSlave
from sw_ref.files import digest_of
from verif.formal.bus.proof import holds, small
from verif.hw.faults import driven

SUMMARY = "rules of AXI and Wishbone, and no access outside the ranges, by induction"
BROKEN = {
    "an offer withdrawn": (Bus.AXI, driven(AxiMaster, "bus__arvalid", lambda was, at: was & ~at.bus__arvalid)),
    "bursts across pages": (Bus.AXI, driven(AxiMaster, "length", lambda was, at: 1)),
    "all reads for one range": (Bus.AXI, driven(AxiMaster, "which", lambda was, at: 0)),
    "a register answered without end": (Bus.AXI, driven(AxiSlave, "bus__rvalid", lambda was, at: was | at.bus__rvalid)),
    "a range goes on where the one before it ended": (Bus.AXI, driven(Ranges, "fresh", lambda was, at: 0)),
    "words beyond the buffer": (Bus.AXI, driven(ReadBuffer, "room", lambda was, at: 1)),
    "done before all is written": (Bus.AXI, driven(AxiMaster, "quiet", lambda was, at: 1)),
    "bursts after the end": (Bus.WISHBONE, driven(Control, "active", lambda was, at: was | at.active)),
    "a burst longer than what is left": (Bus.WISHBONE, driven(Ranges, "last", lambda was, at: 0)),
    "the next address while stalled": (
        Bus.WISHBONE,
        driven(WishboneMaster, "bus__adr", lambda was, at: was + at.bus__stall),
    ),
    "writes without a limit": (
        Bus.WISHBONE,
        driven(
            WishboneMaster,
            "bursts__ready",
            lambda was, at: was | (~at.active & (at.serves == Range.OUTPUTS) & (at.bursts__payload[:2] == at.serves)),
        ),
    ),
    "a register answered twice": (Bus.WISHBONE, driven(WishboneSlave, "answered", lambda was, at: 0)),
}
COUNT = len(BROKEN)


def run(count: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        found = list[dict[str, Any]]()
        for entry in _proofs(Path(temporary), count):
            found.append(entry)
            print(entry, flush=True)
    verilog = {bus.value: digest_of(bus_verilog(small(bus)).encode()) for bus in Bus}
    ok = all(entry["holds"] == (entry["top"] == "right") for entry in found)
    return {"ok": ok, "proofs": len(Bus), "broken": len(found) - len(Bus), "verilog": verilog, "found": found}


def _proofs(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """Both tops, then the first broken ones."""
    for bus in Bus:
        yield {"bus": bus.value, "top": "right", "holds": holds(folder, bus)}
    for name, (bus, fault) in list(BROKEN.items())[:count]:
        with fault.planted():
            yield {"bus": bus.value, "top": name, "holds": holds(folder, bus)}
