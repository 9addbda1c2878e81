"""A run of nextpnr: a netlist is packed, placed and routed, with the placer that suits its size."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtl_gen import tools
from rtl_gen.errors import CheckError, FitError
from rtl_gen.targets import Target

NETLIST, LOG, REPORT = "netlist.json", "nextpnr.log", "report.json"
NO_PLACE = "Unable to find legal placement"
"""The message of nextpnr about a device that is too full."""
CELLS = ("ICESTORM_LC", "TRELLIS_COMB", "TRELLIS_FF")
FULL = 0.75
"""Share of a device's cells from which the "static" placer is not used."""


@dataclass(frozen=True, kw_only=True)
class Nextpnr:
    """nextpnr for a `device` of a `target`. `kind`: what messages call the design. `speed`: grade, of an ECP5 alone."""

    target: Target
    device: str
    speed: int
    kind: str

    @property
    def name(self) -> str:
        """The program, which is also the name of its package."""
        return f"yowasp-nextpnr-{self.target.name}"

    def run(self, program: str, folder: Path, *, freq: float, seed: int) -> dict[str, Any]:
        """Place and route the netlist in `folder`; returns nextpnr's report. `program`: the path of :attr:`name`.

        Raises :class:`FitError`, or :class:`CheckError` if the program fails.
        """
        options = [*self.target.devices[self.device].options, "--json", NETLIST, "--quiet", "--log", LOG]
        options += [*self.target.place_options, *(["--speed", str(self.speed)] if self.target.speeds else [])]
        command = [program, *options]
        tools.run([*command, "--pack-only"], folder=folder, log=LOG)
        placer = choose_placer((folder / LOG).read_text(errors="replace"), self.device, self.kind)
        aim = ["--freq", str(freq), "--seed", str(seed), "--timing-allow-fail", "--report", REPORT]
        try:
            tools.run([*command, "--placer", placer, *aim], folder=folder, log=LOG)
        except CheckError as error:
            if NO_PLACE not in str(error):
                raise
            message = f"the {self.kind} failed to fit: nextpnr found no place for all of its cells on an {self.device}"
            raise FitError(message) from None
        try:
            return json.loads((folder / REPORT).read_text())
        except (OSError, ValueError):
            raise CheckError(f"nextpnr-{self.target.name} stopped without a report") from None


def choose_placer(log: str, device: str, kind: str) -> str:
    """The placer for a design of the size that `log`, of packing, gives; `kind`: what messages call the design.

    "static" gives the higher clock, and finds a place for the last registers where "heap" does not; but on a nearly
    full device it never ends.

    Raises :class:`FitError` if the design is larger than the device.
    """
    shares = []
    for name, used, available in re.findall(rf"({'|'.join(CELLS)}): +(\d+)/ *(\d+) +\d+%", log):
        if int(used) > int(available):
            raise FitError(f"the {kind} failed to fit: it needs {used} {name} of {available} of an {device}")
        shares.append(int(used) / int(available))
    return "static" if max(shares) < FULL else "heap"
