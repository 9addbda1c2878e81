"""`compile` and `run`: a small network's build, its inferences through Icarus Verilog, and what is refused."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen import tools
from rtl_gen.cli import main
from rtl_gen.compare import compare_writes
from rtl_gen.compile import COLUMNS
from rtl_gen.compiler.layers import Layer, layers_of
from rtl_gen.compiler.lower import compile_network
from rtl_gen.compiler.picture import COLORS, draw_program, parts_of, peak_of, spans_of
from rtl_gen.compiler.program import decode
from rtl_gen.compiler.writes import expected_writes
from rtl_gen.engine_build import load_engine
from rtl_gen.engine_simulator import EngineRun
from sw_ref.format import StlqFormat
from sw_ref.network import Conv, Network, execute, load_network, save_network
from verif.rtl_gen.compiler.networks import convolution_network, depthwise_network, random_network
from verif.sw_ref.network.random_network import random_network as any_network

SEED = 5
CONFIG = EngineConfig(array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4))
STREAMS = ("program", "inputs", "outputs")
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network(CONFIG, np.random.default_rng(SEED))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, network: Network) -> Path:
    path = tmp_path_factory.mktemp("network") / "net.safetensors"
    save_network(path, network)
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Path:
    folder = tmp_path_factory.mktemp("original")
    assert main(["compile", str(file), "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def built(tmp_path: Path, original: Path) -> Path:
    return shutil.copytree(original, tmp_path / "engine")


def test_files_and_manifest(built, file, network):
    manifest = json.loads((built / "manifest.json").read_text())
    assert list(manifest) == ["schema", "config", "derived", "ports", "files", "tools"]
    names = ["stlq_engine.v", "program.bin", "program.hex", "network.safetensors", "stlq_engine.core"]
    names += ["bench/bench.v", "bench/inputs.hex", "bench/outputs.hex"]
    assert list(manifest["files"]) == names
    for name in names:
        assert manifest["files"][name] == hashlib.sha256((built / name).read_bytes()).hexdigest()
    assert (built / "network.safetensors").read_bytes() == file.read_bytes()
    words = np.fromfile(built / "program.bin", "<u4").tolist()
    assert [int(line, 16) for line in (built / "program.hex").read_text().split()] == words
    build = load_engine(built)
    assert len(list(decode(build.config, words))) == len(compile_network(network, build.config).jobs)
    assert words[2:4] == [build.config.digest, 4 * len(words)]
    assert {port["name"] for port in manifest["ports"]} >= {"clk", "rst", "program__payload", "busy", "error"}


def test_the_header(run, built, file, tmp_path):
    """Its command makes the same build again, its ports are in order, and Verilator finds nothing but what it says."""
    text = load_engine(built).text
    header, _, rest = text.partition("\nmodule")
    (command,) = re.findall(r"^//   (stlq .*)$", header, re.M)
    arguments = command.replace("NETWORK", str(file)).replace("FOLDER", str(tmp_path / "again")).split()
    assert run(*arguments[1:]).status == 0
    for name in ("stlq_engine.v", "program.bin", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (built / name).read_bytes()
    streams = [f"{name}__{signal}" for name in STREAMS for signal in ("valid", "ready", "payload")]
    assert f"stlq_engine({', '.join(['clk', 'rst', *streams, 'busy', 'error'])});" in rest
    assert "outputs__payload  output     33 bits" in header
    assert "What the generator writes belongs to whoever runs it." in header
    verilator, env = tools.verilator_command()
    lint = [verilator, "--lint-only", "--quiet", "-Wall", "--top-module", "stlq_engine", "stlq_engine.v"]
    done = subprocess.run(lint, cwd=built, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_tensor_and_cycle_through_icarus(run, built, tmp_path, network):
    shape = network.tensors["in"].shape
    codes = np.random.default_rng(SEED).integers(0, 256, (3, *shape))
    np.save(tmp_path / "x.npy", codes)
    np.save(tmp_path / "labels.npy", np.zeros(3, int))
    files = ("--input", tmp_path / "x.npy", "--out", tmp_path / "y.npy", "--labels", tmp_path / "labels.npy")
    ran = run("run", built, "--codes", *files, "--json")
    assert ran.status == 0, ran
    data = json.loads(ran.out)
    golden = execute(network, {"in": codes})["c"]
    assert np.array_equal(np.load(tmp_path / "y.npy"), golden)
    # Every tensor, the word of the input's zero point and those of others, and the output once more from its port.
    made = sum(int(np.prod(info.shape)) for info in network.tensors.values()) + int(np.prod(golden.shape[1:]))
    assert data["codes"] - 3 * made in range(3, 13)
    assert (data["mismatches"], data["writes_astray"], data["array_stopped"]) == (0, 0, 0)
    assert all(cycles["predicted"] == cycles["simulated"] > 0 for cycles in (data["before_layers"], *data["layers"]))
    assert data["accuracy"] == np.mean(golden.reshape(3, -1).argmax(axis=1) == 0)
    stalled = run("run", built, "--codes", "--input", tmp_path / "x.npy", "--stalls", 30)
    assert stalled.status == 0, stalled
    assert "pass: 3 images" in stalled.out


def test_waves_of_a_layer(run, refused: Refused, built, tmp_path, network):
    codes = np.zeros((1, *network.tensors["in"].shape), int)
    np.save(tmp_path / "x.npy", codes)
    command = ("run", built, "--codes", "--input", tmp_path / "x.npy", "--waves")
    ran = run(*command, "conv_b", "--json")
    assert ran.status == 0, ran
    data = json.loads(ran.out)
    assert data["waves"] == str(built / "conv_b.vcd")
    times = [int(time) for time in re.findall(r"^#(\d+)$", (built / "conv_b.vcd").read_text(), re.M)]
    # 10 ns a cycle: from about the layer's start to the start of the job after the next one.
    cycles = {layer["name"]: layer["simulated"] for layer in data["layers"]}
    names = list(cycles)
    before = sum(cycles[name] for name in names[: names.index("conv_b")])
    assert 0 < times[0] / 10000 - before < 60
    assert times[-1] - times[0] >= 10000 * cycles["conv_b"]
    assert "--waves is 'none'; allowed: zero point" in refused(*command, "none")
    assert "--waves is given with --sim golden" in refused(*command, "conv_b", "--sim", "golden")


def test_the_picture_is_the_same_each_time(run, refused: Refused, file, tmp_path, network):
    compiled = compile_network(network, CONFIG)
    layers = layers_of(network, compiled, CONFIG)
    drawn = [draw_program(Path("p.svg"), layers, compiled, CONFIG) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0].startswith(b"<?xml")
    spans = spans_of(compiled, CONFIG)
    assert (spans[0][0], spans[-1][1]) == (0, layers[-1].start + layers[-1].cycles)
    assert all(start < end for start, end in spans)
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    own = {layer.name: (layer.start, layer.start + layer.cycles) for layer in layers}
    assert spans[compiled.steps.index("conv_b")] == own["conv_b"]
    assert peak_of(compiled)["words"] == max(layer.memory for layer in layers)
    out = ("--picture", tmp_path / "p.txt", "--out", tmp_path / "no")
    assert "allowed: a name that ends in .png or .svg" in refused("compile", file, *out)


def test_the_picture_shows_no_two_tensors_in_one_place():
    """A layer of several passes frees its input before its last one, which writes the result there."""
    options = Conv(padding=(2, 2, 2, 2))
    compiled = compile_network(
        convolution_network(CONFIG, np.random.default_rng(SEED), (3, 12, 16), (32, 3, 5, 5), options), CONFIG
    )
    spans, bases = spans_of(compiled, CONFIG), compiled.placement.bases
    assert compiled.steps == ["inputs", *["conv_a"] * 5, "outputs"]
    begin, *copies, last, end = [start for start, _ in spans]
    assert begin == 0 < copies[0] < copies[1] < copies[2] < copies[3] < last < end
    drawn = {b.name: (spans[b.first][0], spans[b.last][1], bases[b.name]) for b in compiled.placement.buffers}
    assert drawn == {"in": (0, last, 1), "conv_a (copy 2)": (copies[0], end, 1537), "a": (last, spans[-1][1], 1)}


@pytest.mark.parametrize("name", ["input in", "output c", "zero point", "inputs", "outputs"])
@pytest.mark.parametrize("node", ["conv_a", "conv_b", "conv_c"])
def test_a_node_may_be_called_as_another_layer_is(network, node, name):
    """Its row, and all others, are what they are under any name."""
    layers = layers_of(network, compile_network(network, CONFIG), CONFIG)
    name = next((layer.name for layer in layers if layer.name.startswith(name)), name)
    nodes = [replace(one, name=name) if one.name == node else one for one in network.nodes]
    called = replace(network, nodes=nodes)
    expected = [replace(layer, name=name) if layer.name == node else layer for layer in layers]
    assert layers_of(called, compile_network(called, CONFIG), CONFIG) == expected


@pytest.mark.parametrize("ports", [1, 2])
def test_the_picture_has_the_parts_of_the_table(network, ports):
    """They make up the layer, and one of them is what the table says; beats need no weights."""
    config = replace(CONFIG, memory_ports=ports)
    layers = layers_of(network, compile_network(network, config), config)
    for layer in layers:
        parts = parts_of(layer)
        assert list(parts) == list(COLORS)
        assert sum(parts.values()) == layer.cycles
        assert parts["array" if layer.bound == "beats" else layer.bound] == max(parts.values())
    assert any(parts_of(layer)["memory"] for layer in layers) == (ports == 1)


def test_a_wrong_code_is_found_and_named(network):
    compiled = compile_network(network, CONFIG)
    writes = list(expected_writes(compiled))
    inputs = {"in": np.random.default_rng(SEED).integers(0, 256, (1, *network.tensors["in"].shape))}
    golden = execute(network, inputs, keep=network.tensors)
    words = []
    for one in writes:
        codes = np.full((len(one.codes), 4), one.fill)
        if one.tensor:
            codes = golden[one.tensor][0].reshape(-1)[one.codes].astype(int)
        words.append(codes)
    run = EngineRun(
        begins=[0],
        ends=[0],
        starts=[],
        addresses=np.concatenate([one.addresses for one in writes]),
        masks=np.ones((sum(map(len, words)), 4), np.int64),
        words=np.concatenate(words),
        outputs=np.empty((0, 4), np.int64),
        lasts=np.empty(0, np.int64),
        stopped=0,
    )
    assert compare_writes(writes, golden, run, 0).mismatches == 0
    # The last layer's very last word, of channels 4 and 5: the first channel's code.
    run.words[-1, 0] ^= 1
    found = compare_writes(writes, golden, run, 7)
    assert (found.mismatches, found.astray) == (1, 0)
    _, rows, columns = network.tensors["c"].shape
    right = int(golden["c"][0, 4, -1, -1])
    assert str(found.first) == (
        f"conv_c: image 7, tensor c, channel 4, row {rows - 1}, column {columns - 1}: "
        f"golden {right}, Verilog {right ^ 1}"
    )
    run.masks[-1, 0] = 0
    assert compare_writes(writes, golden, run, 0).astray == 1
    run.masks[-1, 0] = 1
    missing = replace(run, addresses=run.addresses[:-1], masks=run.masks[:-1], words=run.words[:-1])
    assert compare_writes(writes, golden, missing, 0).astray == 1


def test_what_does_not_fit_is_refused(refused: Refused, file, built, tmp_path):
    out = ("--out", tmp_path / "no")
    assert "words of activation memory; the engine has 16: --memory-words" in refused(
        "compile", file, "--memory-words", 16, *out
    )
    groups = refused("compile", file, "--group-beats", 16, *out)
    assert "layer conv_a has groups of" in groups
    assert "the engine has 16: --group-beats" in groups
    assert "sums need a depth of" in refused("compile", file, "--depth", 1, *out)
    assert "--memory-words is given with --engine" in refused(
        "compile", file, "--engine", built, "--memory-words", 64, *out
    )
    for option, value in (("--for", "xilinx"), ("--optimize", "area")):
        message = f"{option} is given with --engine; allowed: one of them"
        assert message in refused("compile", file, "--engine", built, option, value, *out)
    for mhz in ("0", "nan", "1e308"):
        assert "allowed: above 0, at most 100000" in refused("compile", file, "--mhz", mhz, *out)
    assert not (tmp_path / "no").exists()


def test_what_engines_take_of_an_array_is_said_and_enforced(refused: Refused, file, tmp_path, capsys):
    said = {}
    for command in ("generate", "compile"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        said[command] = " ".join(capsys.readouterr().out.split())
    assert "input channels per tile; an engine takes the value of --pe alone; 1 to 64 lanes" in said["compile"]
    assert "with a sum each; an engine takes 1 alone; 1 to 8 pixels" in said["compile"]
    assert "an engine" not in said["generate"]
    compile_with = ("compile", file, "--out", tmp_path / "no")
    assert "--pixels is 2; allowed in an engine: 1" in refused(*compile_with, "--pixels", 2)
    assert "--pe is 4 and lanes 2; allowed in an engine" in refused(*compile_with, "--pe", 4, "--lanes", 2)


def test_an_engine_for_tiles_that_are_not_square(run, refused: Refused, tmp_path):
    """The options decide: nobody is told of one that was not given."""
    save_network(tmp_path / "net.safetensors", any_network(SEED, tile=(4, 2), nodes=1, ops=("conv",)))
    command = ("compile", tmp_path / "net.safetensors", "--out", tmp_path / "e")
    assert refused(*command).endswith(
        "the network's tile is 4x2; allowed without --pe: as many PEs as lanes, as in 8x8\n"
    )
    assert run(*command, "--pe", 4, "--tables").out.startswith("stlq_engine.v: 4 x 4 array, 4 requantizer lanes, ")


def test_a_window_that_serves_no_layer_is_noted(run, file, tmp_path):
    """Not where a layer uses it.  The table tells how a depthwise layer is read, if there is one."""
    config = replace(CONFIG, depthwise=True)
    save_network(tmp_path / "dw.safetensors", depthwise_network(config, np.random.default_rng(SEED)))
    networks = (file, tmp_path / "dw.safetensors")
    none, some = (run("compile", network, "--depthwise", "--out", tmp_path / "e").out for network in networks)
    assert "note: --depthwise serves no layer of this network" in none
    assert "depthwise\n" not in none
    assert "note:" not in some
    assert "memory words   depthwise\n" in some
    assert re.search(r"^ conv_b .* window$", some, re.M)
    assert "note:" not in run("compile", file, "--out", tmp_path / "e").out


def test_the_manual_explains_each_column_and_bound():
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    table, _, below = text.partition("| column | says |\n")[2].partition("\n\n")
    assert re.findall(r"^\| ([a-z ]+) \|", table, re.M) == [*COLUMNS, "depthwise"]
    bounds = re.findall(r"^- `([a-z]+)`: ", below.partition("\n\n")[2].partition("\n\n")[0], re.M)
    rest = dict.fromkeys(("jobs", "start", "beats", "idle", "program", "port", "macs", "memory"), 0)
    layer = Layer(name="a", cycles=9, shape=None, **rest)
    losses = [replace(layer, **{name: 9}).bound for name in ("idle", "program", "port")]
    assert bounds == [replace(layer, beats=9, macs=1).bound, replace(layer, beats=9).bound, *losses, layer.bound]


def test_an_engine_is_reused(run, built, file, tmp_path):
    assert run("compile", file, "--engine", built, "--out", tmp_path / "other").status == 0
    for name in ("stlq_engine.v", "program.bin", "manifest.json"):
        assert (tmp_path / "other" / name).read_bytes() == (built / name).read_bytes()


def test_bad_builds_and_inputs(refused: Refused, built, tmp_path, build):
    np.save(tmp_path / "x.npy", np.zeros((1, 5, 6, 7)))
    assert "it is an array" in refused("run", build, "--input", tmp_path / "x.npy")
    stalls = ("--input", tmp_path / "x.npy", "--sim", "golden", "--stalls", 5)
    assert "--stalls is given with --sim golden; allowed: with a simulator" in refused("run", built, *stalls)
    over = ("--input", tmp_path / "x.npy", "--sim", "golden", "--out", tmp_path / "x.npy")
    assert "x.npy: the inputs themselves; allowed: another file" in refused("run", built, *over)
    np.save(tmp_path / "small.npy", np.zeros((1, 5, 6, 6)))
    assert "shape (1, 5, 6, 6); allowed: (images, 5, 6, 7)" in refused("run", built, "--input", tmp_path / "small.npy")
    assert "is float64; allowed with --codes: integers" in refused(
        "run", built, "--codes", "--input", tmp_path / "x.npy"
    )
    with (built / "program.bin").open("r+b") as program:
        program.seek(40)
        program.write(b"\x55")
    assert "program.bin has checksum" in refused("run", built, "--input", tmp_path / "x.npy")


def test_tables_are_refused(refused: Refused, tmp_path):
    drawn = [any_network(seed, tile=(4, 4), ops=("conv",)) for seed in range(6)]
    tables = [[node.requantizer and node.requantizer.table is not None for node in one.nodes] for one in drawn]
    network = next(one for one, has in zip(drawn, tables, strict=True) if any(has))
    save_network(tmp_path / "t.safetensors", network)
    assert load_network(tmp_path / "t.safetensors").nodes
    assert "its function is a table; the engine has none: --tables" in refused(
        "compile", tmp_path / "t.safetensors", "--out", tmp_path / "no"
    )


def test_real_numbers_through_the_golden(run, built, tmp_path, network):
    reals = np.random.default_rng(SEED).normal(size=(2, *network.tensors["in"].shape))
    np.save(tmp_path / "x.npy", reals)
    ran: Any = run("run", built, "--sim", "golden", "--input", tmp_path / "x.npy", "--out", tmp_path / "y.npz")
    assert ran.status == 0, ran
    codes = np.clip(np.rint(reals / network.tensors["in"].step) + network.tensors["in"].zero, 0, 255).astype(int)
    golden = execute(network, {"in": codes})["c"]
    assert np.array_equal(np.load(tmp_path / "y.npz")["c"], golden)
    assert ran.out == (
        f"c: {' x '.join(map(str, golden.shape))} codes from {golden.min()} to {golden.max()}\n"
        f"the codes are in {tmp_path / 'y.npz'}\n"
    )
