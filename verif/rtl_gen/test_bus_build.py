"""`compile --bus`: the top beside the engine, its header, and the register map for drivers."""

import functools
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.bus.config import Bus
from rtl_gen import tools
from rtl_gen.cli import main
from rtl_gen.compile import engine_text
from rtl_gen.driver.c_header import c_header
from rtl_gen.driver.stlq import Interface
from rtl_gen.engine_build import EngineBuild, load_engine, save_engine
from sw_ref.network import save_network
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network


@pytest.fixture(scope="module", autouse=True)
def engine_once() -> Iterator[None]:
    """All builds have the same engine, and what is tested here is around it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rtl_gen.compile.engine_text", functools.cache(engine_text))
        yield


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "net.safetensors"
    save_network(path, pointwise_network(CONFIG, np.random.default_rng(1), groups=1, size=(2, 2)))
    return path


@pytest.mark.parametrize("bus", [bus.value for bus in Bus])
def test_the_top_is_beside_the_engine(
    network: Path, tmp_path: Path, bus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All is in the manifest; Verilator finds nothing; the ports are in order; the cycles over the bus are said."""
    made = tmp_path / "b"
    assert main(["compile", str(network), "--bus", bus, "--out", str(made)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(rf"stlq_{bus}.v: the engine on .* about [\d,]+ cycles over the bus, with a memory that", said)
    top = f"stlq_{bus}.v"
    build = load_engine(made)
    names = ("stlq.c", "stlq.h", "stlq.py", "stlq_network.h", "stlq_network.json", "stlq_registers.h")
    driver = {f"driver/{name}" for name in (*names, "example.c", "example.py")}
    assert {top, "stlq_engine.v"} | driver <= set(build.contents)
    assert b"#define STLQ_INPUTS_BYTES 16u" in build.contents["driver/stlq_network.h"]
    interface = Interface.read(made / "driver/stlq_network.json")
    assert (interface.digest, interface.program_bytes) == (build.config.digest, len(build.contents["program.bin"]))
    assert build.contents["driver/stlq_registers.h"] == c_header().encode()

    verilator, env = tools.verilator_command()
    command = [verilator, "--lint-only", "--quiet", "-Wall", "--top-module", f"stlq_{bus}", top, "stlq_engine.v"]
    done = subprocess.run(command, cwd=made, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")

    text = build.contents[top].decode()
    (ports,) = re.findall(rf"^module stlq_{bus}\((.*)\);$", text, re.M)
    assert re.findall(r"^//   (\w+) +(?:in|out)put", text, re.M) == ports.split(", ")
    assert "module stlq_engine" not in text


def test_the_command_in_the_header_makes_the_same_file_again(network: Path, tmp_path: Path) -> None:
    made, again = tmp_path / "b", tmp_path / "again"
    assert main(["compile", str(network), "--bus", "wishbone", "--out", str(made)]) == 0
    text = (made / "stlq_wishbone.v").read_text()
    (line,) = re.findall(r"^//   (stlq .*)$", text, re.M)
    program, *arguments = shlex.split(line.replace("FOLDER", str(again)).replace("NETWORK", str(network)))
    assert (program, main(arguments)) == ("stlq", 0)
    assert (again / "stlq_wishbone.v").read_text() == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--bus", "ram"), "--bus: invalid choice: 'ram' (choose from"),
        (("--bus", "axi", "--bus-bits", 16), "--bus-bits is 16; allowed with axi: 32, 64, 128, 256 or 512"),
        (("--bus", "wishbone", "--bus-bits", 128), "--bus-bits is 128; allowed with wishbone: 32 or 64"),
        (("--name", "stlq_bench"), "--name is 'stlq_bench', as the build's test bench is; allowed: another one"),
        (("--name", "memory"), "--name is 'memory', as a part of the engine is; allowed: another one"),
        (("--name", "sequencer"), "--name is 'sequencer', as a part of the engine is; allowed: another one"),
        (("--name", "array"), "--name is 'array', as a part of the engine is; allowed: another one"),
    ],
)
def test_what_is_refused(
    network: Path, tmp_path: Path, refused: Callable[..., str], options: tuple[Any, ...], message: str
) -> None:
    assert message in refused("compile", network, *options, "--out", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_what_only_the_build_before_had_is_removed(tmp_path: Path) -> None:
    """But for what somebody changed, and what is not the build's."""
    before = {"stlq_axi.core": b"a", "driver/stlq.c": b"b", "driver/stlq.h": b"c", "program.bin": b"d"}
    save_engine(EngineBuild(folder=tmp_path, config=CONFIG, contents=before))
    (tmp_path / "driver/stlq.h").write_bytes(b"mine")
    (tmp_path / "note").write_bytes(b"mine")
    save_engine(EngineBuild(folder=tmp_path, config=CONFIG, contents={"program.bin": b"e", "stlq_rom.core": b"f"}))
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"driver/stlq.h", "note", "program.bin", "stlq_rom.core", "manifest.json"}
    (tmp_path / "manifest.json").write_text("{")
    save_engine(EngineBuild(folder=tmp_path, config=CONFIG, contents={"program.bin": b"g"}))
    assert (tmp_path / "stlq_rom.core").exists()


@pytest.mark.parametrize("inside", ["", "a/b"])
def test_a_file_is_no_folder_for_a_build(
    network: Path, tmp_path: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    """Which is said before any work is done; so it is of a folder that may not be written."""
    monkeypatch.setattr("rtl_gen.compile.read_network", None)
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / inside
    said = f"--out is {out}; allowed: a folder that can be made and written"
    assert said in refused("compile", network, "--bus", "axi", "--out", out)
    assert (tmp_path / "file").read_text() == "mine"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert f"--out is {tmp_path / 'new'}; allowed" in refused("compile", network, "--out", tmp_path / "new")
