"""What builds have for other flows: FuseSoC runs the core's targets, and the bench finds a wrong word."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hw.bus.config import Bus, BusConfig
from hw.bus.rom_config import Codes, RomConfig
from rtl_gen import tools
from rtl_gen.bus_build import bus_files
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode
from rtl_gen.cores.files import core_files
from rtl_gen.engine_build import engine_ports
from rtl_gen.engine_simulator import hex_lines
from rtl_gen.header import engine_subject, headed
from rtl_gen.rom_build import rom_files
from sw_ref.network import Network
from verif.hw.bus.bench import small_engine
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network

FORMS = ("stream", "wishbone", "axi", "rom", "uart")
CYCLES = 200
RIGHT = "pass: 4 words of outputs are the golden's"


@pytest.fixture(scope="module")
def network() -> Network:
    return pointwise_network(CONFIG, np.random.default_rng(1), groups=1, size=(2, 2))


def write_build(folder: Path, network: Network, form: str) -> str:
    """What `compile` would write of Verilog, program and core; the top's name."""
    program = encode(CONFIG, lower(network, CONFIG))
    top: BusConfig | RomConfig | None = None
    made = {
        "stlq_engine.v": headed(small_engine, engine_subject(CONFIG), engine_ports(CONFIG)).encode(),
        "program.hex": hex_lines(CONFIG, program).encode(),
    }
    if form in ("wishbone", "axi"):
        top = BusConfig(engine=CONFIG, bus=Bus(form))
        made |= bus_files(top, network, 4 * len(program))
    elif form != "stream":
        codes = Codes.UART if form == "uart" else Codes.STREAM
        top = RomConfig(engine=CONFIG, program=tuple(program), codes=codes)
        made |= rom_files(top, network)
    for name, data in (made | core_files(CONFIG, top, network, len(program), CYCLES)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return CONFIG.name if top is None else top.name


def fusesoc(folder: Path, target: str, top: str) -> subprocess.CompletedProcess[str]:
    """A target of the core, with the tools of the tests."""
    _, env = tools.verilator_command()
    paths = [env["PATH"], str(Path(tools.find("iverilog")).parent)]
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", ".", "run", "--target", target, top]
    where = env | {"PATH": os.pathsep.join(paths), "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=where, capture_output=True, text=True, check=False)


def test_fusesoc_lints_and_simulates(network: Network, tmp_path: Path) -> None:
    top = write_build(tmp_path / "b", network, "axi")
    for target, said in (("lint", "Verilation Report"), ("sim", RIGHT)):
        done = fusesoc(tmp_path / "b", target, top)
        assert done.returncode == 0, done.stdout + done.stderr
        assert said.replace(" ", "") in done.stdout.replace(" ", "")
    expected = tmp_path / "b" / "bench" / "outputs.hex"
    expected.write_text(wrong(expected.read_text()))
    done = fusesoc(tmp_path / "b", "sim", top)
    assert done.returncode != 0
    assert "fail: 1 words are wrong" in done.stdout + done.stderr


def wrong(text: str) -> str:
    """Words in hexadecimal with another last digit."""
    return f"{text[:-2]}{int(text[-2], 16) ^ 1:x}\n"


@pytest.mark.parametrize("form", FORMS)
def test_the_bench_of_each_top(network: Network, tmp_path: Path, form: str) -> None:
    """In a folder with the bench's files and the program, as the core says; once with a wrong word."""
    folder = tmp_path / "b"
    top = write_build(folder, network, form)
    core = (folder / f"{top}.core").read_text()
    files = [line.split(":")[0].removeprefix("      - ") for line in core.splitlines() if line.startswith("      - ")]
    assert len(files) == len(set(files))
    assert all((folder / file).is_file() for file in files)
    assert {"bench/bench.v", "bench/inputs.hex", "bench/outputs.hex", "program.hex", f"{top}.v"} <= set(files)
    verilog = [file for file in files if file.endswith(".v")]
    tools.run([tools.find("iverilog"), "-g2012", "-s", "stlq_bench", "-o", "bench.vvp", *verilog], folder=folder)
    for file in files:
        if file.endswith(".hex"):
            (folder / file).rename(folder / Path(file).name)
    command = [tools.find("vvp"), "-n", "bench.vvp"]
    assert RIGHT in tools.run(command, folder=folder)
    outputs = folder / "outputs.hex"
    outputs.write_text(wrong(outputs.read_text()))
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "fail: 1 words are wrong" in done.stdout


def test_the_script_for_vivado(network: Network) -> None:
    """It names the Verilog, says that it was not run, and its braces are in pairs; only AXI has one."""
    made = {bus: core_files(CONFIG, BusConfig(engine=CONFIG, bus=bus), network, 128, CYCLES) for bus in Bus}
    scripts = {bus: [name for name in found if name.endswith(".tcl")] for bus, found in made.items()}
    assert scripts == {Bus.WISHBONE: [], Bus.AXI: ["stlq_axi.tcl"]}
    text = made[Bus.AXI]["stlq_axi.tcl"].decode()
    assert "foreach file {stlq_engine.v stlq_axi.v} {" in text
    assert "# NOT TESTED" in text
    for left, right in ("{}", "[]"):
        assert text.count(left) == text.count(right)
