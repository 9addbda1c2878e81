"""`explore`: a whole exploration of a small network with tools that answer at once, and every bad option."""

import json
import re
import shlex
import shutil
import socket
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from rtl_gen.cli import main
from rtl_gen.explore import exploration
from rtl_gen.explore.front_format import check_front
from rtl_gen.work import Work
from verif.rtl_gen.frontend.models import write_model

ENGINES = 4
SCHEDULER = "the address of a Dask scheduler"
PLACED = f"select arguments from results where kind = '{__name__}.clock'"
SPACE = ("--side", "4,2", "--act-bits", "6,8", "--ratio", "0,0.3")


def area(*, config: dict[str, Any], target: str) -> dict[str, Any]:
    """An engine's LUTs or gates; what has one port of memory is refused."""
    if config["memory_ports"] == 1:
        return {"refused": "memory falls apart"}
    array = config["array"]
    luts = 1000 + 10 * array["pe"] ** 2 * array["bits"] + 20 * config["requant_lanes"] * array["act_bits"]
    return {"resources": {"gates" if target == "generic" else "luts": luts, "memories": 3, "dsp": 0}}


def clock(*, config: dict[str, Any], target: str, device: str) -> dict[str, Any]:
    return {"mhz": 150.0 - config["array"]["pe"], "utilisation": {}}


def no_clock(*, config: dict[str, Any], target: str, device: str) -> dict[str, Any]:
    return {"refused": "it fills 120% of the device"}


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Tools that answer at once, and small rounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exploration, "AREA", Work(function=area))
        patch.setattr(exploration, "clock_of", lambda target: Work(function=clock))
        for name, value in (("FIRST", 3), ("TRIED", 3), ("MEASURED", 2)):
            patch.setattr(exploration, name, value)
        yield


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("network"), np.random.default_rng(0)
    weight = random.normal(size=(12, 5)).astype(np.float32)
    np.save(folder / "data.npy", random.normal(size=(40, 12)).astype(np.float32))
    np.save(folder / "labels.npy", np.arange(40) % 5)
    nodes = [helper.make_node("Gemm", ["x", "b"], ["y"], name="last")]
    return write_model(folder / "net.onnx", nodes, {"b": weight}, inputs={"x": [1, 12]})


@pytest.fixture(scope="module")
def options(network: Path) -> tuple[str, ...]:
    data = ("--calibrate", str(network.parent / "data.npy"), "--labels", str(network.parent / "labels.npy"))
    return ("explore", str(network), *data, *SPACE, "--workers", "1", "--engines", str(ENGINES))


@pytest.fixture(scope="module")
def whole(options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an exploration that came to its end."""
    folder = tmp_path_factory.mktemp("whole")
    assert main([*options, "--out", str(folder)]) == 0
    return folder


def found_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "front.json").read_text())


def test_gates_are_called_gates(options: tuple[str, ...], tmp_path: Path) -> None:
    assert main([*options, "--target", "generic", "--engines", "1", "--out", str(tmp_path)]) == 0
    table = (tmp_path / "front.txt").read_text()
    assert found_in(tmp_path)["logic"] == "gates"
    assert " gates " in table
    assert "LUTs" not in table


def units(folder: Path, change: str = "") -> int:
    """How many results are kept, after a change to them."""
    connection = sqlite3.connect(folder / "results.sqlite", isolation_level=None)
    connection.execute(change)
    ((found,),) = connection.execute("select count(*) from results")
    connection.close()
    return found


def test_front(whole: Path) -> None:
    found = found_in(whole)
    assert found["layers"] == ["inputs", "last", "outputs"]
    front = [point for point in found["points"] if point["front"]]
    assert len(front) >= 2
    for point in found["points"]:
        config = point["config"]
        assert sum(point["layer_cycles"]) == point["cycles"]
        assert len(point["layer_sqnr_db"]) == len(found["layers"])
        assert point["measured"] or not point["front"]
        assert config["memory_ports"] == 2 or not point["measured"]
        if point["measured"]:
            made = area(config={**config, "array": config}, target="ecp5")
            assert point["luts"] == made["resources"]["luts"]
            assert point["mhz"] == 150 - config["pe"]
            assert point["inferences_per_second"] == round(point["mhz"] * 1e6 / point["cycles"], 2)
    check_front(found)
    assert "<html" in (whole / "report.html").read_text()
    assert len({point["id"] for point in found["points"]}) == len(found["points"])
    text = (whole / "front.txt").read_text()
    assert all(point["build_command"] in text for point in front)
    assert text.startswith(found["command"])


def test_an_engine_is_measured_once_for_all_its_points(whole: Path) -> None:
    connection = sqlite3.connect(whole / "results.sqlite")
    placed = [json.loads(text)["config"] for (text,) in connection.execute(PLACED)]
    connection.close()
    shared = defaultdict(list)
    for point in found_in(whole)["points"]:
        network = ("ratio", "budget")
        shared[str({name: value for name, value in point["config"].items() if name not in network})].append(point)
    measured = [points for points in shared.values() if points[0]["measured"]]
    assert len(measured) == len(placed) == ENGINES
    for points in measured:
        assert all(point["measured"] for point in points)
        assert {point["config"]["ratio"] for point in points} == {0.0, 0.3}


def test_the_command_of_a_point_builds_it(run, whole, tmp_path, monkeypatch) -> None:
    point = found_in(whole)["points"][0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtl_gen.compile.engine_text", lambda config: "// its Verilog takes seconds")
    convert, compile_ = (shlex.split(part)[1:] for part in point["build_command"].split(" && "))
    converted, built = run(*convert, "--json"), run(*compile_, "--json")
    assert (converted.status, built.status) == (0, 0), (converted, built)
    agreement, made = json.loads(converted.out)["agreement"], json.loads(built.out)
    assert round(agreement["output_sqnr"], 4) == point["sqnr_db"]
    assert round(agreement["accuracy"][1], 4) == point["accuracy"]
    assert made["cycles"] == point["cycles"]
    flat = {**made["config"]["array"], **made["config"]}
    known = {name: value for name, value in point["config"].items() if name in flat}
    assert known == {name: flat[name] for name in known}
    assert len(known) >= 11


def test_a_network_with_depthwise_layers_is_tried_with_a_window(run, tmp_path, monkeypatch) -> None:
    """And without one, unless `--depthwise` says otherwise; the commands of a point with a window build it."""
    random = np.random.default_rng(0)
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="dw", group=4, pads=[1, 1, 1, 1])]
    weights = {"w": random.normal(size=(4, 1, 3, 3)).astype(np.float32)}
    network = write_model(tmp_path / "dw.onnx", nodes, weights, inputs={"x": [1, 4, 6, 6]})
    explored = ("explore", network, "--side", "4", "--bits", "3", "--ratio", "0", "--workers", "1", "--engines", "4")
    found = {}
    for asked, options in {"none": (), "no": ("--depthwise", "no"), "yes": ("--depthwise", "yes")}.items():
        assert run(*explored, *options, "--out", tmp_path / asked).status == 0
        found[asked] = found_in(tmp_path / asked)
    windows = {asked: {p["config"].get("depthwise", False) for p in made["points"]} for asked, made in found.items()}
    assert windows == {"none": {False, True}, "no": {False}, "yes": {True}}
    assert "--depthwise yes" in found["yes"]["command"]
    assert "--depthwise" not in found["none"]["command"]
    point = next(point for point in found["yes"]["points"] if point["front"])
    assert re.search(rf"^ {point['id']} +4x4\+dw ", (tmp_path / "yes" / "front.txt").read_text(), re.M)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtl_gen.compile.engine_text", lambda config: "// its Verilog takes seconds")
    convert, compile_ = (shlex.split(part)[1:] for part in point["build_command"].split(" && "))
    assert run(*convert).status == 0
    made = json.loads(run(*compile_, "--json").out)
    assert (made["config"]["depthwise"], made["cycles"]) == (True, point["cycles"])


def test_a_stopped_exploration_goes_on(run, options, whole, tmp_path, monkeypatch) -> None:
    shutil.copytree(whole, stopped := tmp_path / "stopped")
    (stopped / "front.json").unlink()
    everything = units(stopped)
    lost = everything - units(stopped, "delete from results where key > '8'")
    assert 0 < lost < everything
    monkeypatch.setattr("rtl_gen.explore.plots._svg", lambda draw, size: b"<svg/>")  # to draw takes a second
    ran = run(*options, "--out", stopped, "--plots")
    assert ran.status == 0, ran
    front = [point["id"] for point in found_in(whole)["points"] if point["front"]]
    plots = {"front-by-cost.svg", "front-by-rate.svg", *(f"layers-{point_id}.svg" for point_id in front)}
    assert {path.name for path in stopped.glob("*.svg")} == plots
    assert f"; {lost} units of work done now" in ran.out
    for name in ("front.json", "front.txt", "report.html"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()
    assert "; 0 units of work done now" in run(*options, "--out", stopped).out
    assert units(stopped) == everything


def test_limits(run, options, whole, tmp_path) -> None:
    shutil.copytree(whole, tmp_path / "a")
    ran = run(*options, "--budget-luts", 1500, "--min-accuracy", 1, "--out", tmp_path / "a", "--json")
    assert ran.status == 0, ran
    result = json.loads(ran.out)
    front = [point for point in result["points"] if point["front"]]
    assert front
    assert {line["reason"] for line in result["refused"]} == {"memory falls apart"}
    assert (result["inputs"], result["target"], result["device"]) == (40, "ecp5", "25k")
    assert max(point["luts"] for point in front) <= 1500
    assert max(point["luts"] for point in found_in(whole)["points"] if point["front"]) > 1500


@pytest.mark.parametrize(
    ("limit", "nearest"),
    [
        (("--budget-luts", "10"), r"about 1,[0-9]{3} LUTs, accuracy [0-9.]+%"),
        (("--min-accuracy", "100"), r"(about )?[0-9],[0-9]{3} LUTs, accuracy [0-9.]+%"),
    ],
)
def test_limits_that_nothing_keeps(run, options, tmp_path, limit, nearest) -> None:
    ran = run(*options, *limit, "--plots", "--out", tmp_path / "a")
    assert ran.status == 0, ran
    assert re.search(rf"no point that was tried keeps the limits; the nearest has {nearest}", ran.out)
    points = found_in(tmp_path / "a")["points"]
    assert points
    assert not any(point["front"] or point["measured"] for point in points)


def test_engines_that_no_device_holds(refused, options, tmp_path, monkeypatch) -> None:
    """All that is synthesized, but nothing that is placed: one line, with the reason."""
    refusing = Work(function=no_clock)
    monkeypatch.setattr(exploration, "clock_of", lambda target: refusing)
    one = (
        "--side",
        "4",
        "--act-bits",
        "8",
        "--ratio",
        "0",
        "--bits",
        "3",
        "--optimize",
        "area",
        "--requant-lanes",
        "1",
    )
    message = refused(*options, *one, "--memory-ports", "2", "--out", tmp_path / "a")
    assert "no engine of the space runs the network: it fills 120% of the device" in message


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--side", "0"), "--side is 0; allowed: 1, 2, 4, 8, 16, 32, 64"),
        (("--side", "2,3"), "--side is 3; allowed: 1, 2, 4, 8, 16, 32, 64"),
        (("--scheduler", "nowhere"), "--scheduler is nowhere: missing port number"),
        (("--side", "8,x"), "argument --side: 'x' is not a whole number"),
        (("--bits", "3,9"), "--bits is 9; allowed: a whole number from 2 to 5"),
        (("--act-bits", "1"), "--act-bits is 1; allowed: a whole number from 2 to 16"),
        (("--ratio", "0,2"), "--ratio is 2.0; allowed: a number from 0 to 1"),
        (("--budget", "all"), "argument --budget: 'all' is unknown; allowed: layer, network"),
        (("--requant-lanes", "3"), "--requant-lanes is 3; allowed: 1, 2, 4, 8, 16, 32 or 64"),
        (("--memory-ports", "3"), "--memory-ports is 3; allowed: 1 or 2"),
        (("--optimize", "size"), "argument --optimize: 'size' is unknown; allowed: area, speed"),
        (("--depthwise", "yes,1"), "argument --depthwise: '1' is unknown; allowed: no, yes"),
        (("--device", "99k"), "--device is '99k'; allowed for ecp5: 25k, 85k"),
        (("--target", "xilinx", "--device", "25k"), "--device is '25k'; allowed for xilinx: none"),
        (("--budget-luts", "0"), "--budget-luts is 0; allowed: 1 or more"),
        (("--min-accuracy", "90"), "--min-accuracy is given without --labels"),
        (("--residual-shift", "9"), "--residual-shift is 9; allowed: a whole number from 0 to 4"),
        (("--bus-bits", "48"), "--bus-bits is 48; allowed: 16, 32, 64, 128, 256 or 512"),
        (("--engines", "0"), "--engines is 0; allowed: a whole number from 1 to 1000"),
        (("--workers", "0"), "--workers is 0; allowed: a whole number from 1 to 256"),
        (("--workers", "2", "--scheduler", "tcp://a:1"), "--workers is given with --scheduler; allowed: one of them"),
        (("--mean", "1"), "of --mean and --std one is given"),
        (("--calibrate", "a\nb.npy"), r"--calibrate 'a\nb.npy'"),
    ],
)
def test_bad_options(refused, network, tmp_path, wrong, message) -> None:
    assert message in refused("explore", network, "--out", tmp_path / "a", *wrong)
    assert not (tmp_path / "a").exists()


def test_a_scheduler_that_is_silent_is_refused(refused, network, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("rtl_gen.cluster.ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # the system takes its connections
        address = "127.0.0.1:{1}".format(*server.getsockname())
        message = refused("explore", network, "--out", tmp_path / "a", "--scheduler", address)
    assert message == f"stlq: --scheduler is {address}: no greeting of Dask within 0.4 s; allowed: {SCHEDULER}\n"
    assert not (tmp_path / "a").exists()


def test_bad_files(refused, network, tmp_path) -> None:
    out, folder = tmp_path / "a", network.parent
    assert "no such file" in refused("explore", tmp_path / "none.onnx", "--out", out)
    assert "--min-accuracy is 101" in refused(
        *("explore", network, "--out", out, "--calibrate", folder / "data.npy"),
        *("--labels", folder / "labels.npy", "--min-accuracy", 101),
    )
    (tmp_path / "file").write_text("")
    assert "--out is" in refused("explore", network, "--out", tmp_path / "file")
    assert not out.exists()
    out.mkdir()
    (out / "results.sqlite").write_bytes(b"no database" * 100)
    assert "file is not a database" in refused("explore", network, "--out", out)
