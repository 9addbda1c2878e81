"""`compile --bus rom`: the top beside the engine, its header, and options that do not fit."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen import tools
from rtl_gen.cli import main
from rtl_gen.engine_build import load_engine
from sw_ref.network import save_network
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "net.safetensors"
    save_network(path, pointwise_network(CONFIG, np.random.default_rng(1), groups=1, size=(2, 2)))
    return path


FORMS = {
    "ram": ("", ["inputs__payload", "outputs__payload"]),
    "flash": (
        "--program-in flash --codes-over uart --baud 2000000 --mhz 24.000001",
        ["flash__cs_n", "rx", "tx", "overrun"],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_top_is_beside_the_engine(network: Path, tmp_path: Path, form: str) -> None:
    """Verilator finds nothing; the header has the ports in order, and the command with the form's options."""
    options, ports = FORMS[form]
    assert main(["compile", str(network), "--bus", "rom", *options.split(), "--out", str(tmp_path)]) == 0
    contents = load_engine(tmp_path).contents
    text = contents["stlq_rom.v"].decode()
    names = {"stlq.py", "stlq_serial.py", "example_serial.py", "stlq_network.json"} if "uart" in options else set()
    assert {name for name in contents if name.startswith("driver/")} == {f"driver/{name}" for name in names}
    (found,) = re.findall(r"^module stlq_rom\((.*)\);$", text, re.M)
    assert re.findall(r"^//   (\w+) +(?:in|out)put", text, re.M) == found.split(", ")
    assert set(ports) <= set(found.split(", "))
    (line,) = re.findall(r"^//   (stlq compile .*)$", text, re.M)
    assert options in line.replace("--program-in ram --codes-over stream ", "")
    assert ('$readmemh("program.hex", words)' in text) == (form == "ram")

    verilator, env = tools.verilator_command()
    command = [verilator, "--lint-only", "--quiet", "-Wall", "--top-module", "stlq_rom", "stlq_rom.v", "stlq_engine.v"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--baud", 9600), "--baud is given with --bus stream; allowed: with --bus rom"),
        (("--bus", "axi", "--program-in", "flash"), "--program-in is given with --bus axi; allowed: with --bus rom"),
        (
            ("--bus", "rom", "--codes-over", "uart", "--mhz", 12, "--baud", 4_000_000),
            "--baud is 4000000; allowed at 12000000 Hz: a rate of which a bit takes 4 cycles or more, within 2%",
        ),
        (
            ("--bus", "rom", "--baud", "1e6"),
            "'1e6' is not a whole number; allowed: a whole number from 1200 to 50000000",
        ),
        (("--bus", "rom", "--mhz", 0.5), "--mhz is 0.5; allowed with --bus rom: 1 to 200"),
        (("--bus", "rom", "--baud", 9600), "--baud is given without a UART; allowed: with --codes-over uart"),
    ],
)
def test_what_is_refused(
    network: Path, tmp_path: Path, refused: Callable[..., str], options: tuple[Any, ...], message: str
) -> None:
    assert message in refused("compile", network, *options, "--out", tmp_path / "b")
    assert not (tmp_path / "b").exists()
