"""What `simulate` makes of what the Verilog did: the verdict, to each number and word, without a simulator."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hw.config import ArrayConfig
from rtl_gen import simulate
from rtl_gen.manifest import Build
from rtl_gen.options import FOLDER
from rtl_gen.simulator import Outcome
from rtl_gen.testbench import Amounts, Stalls
from sw_ref.format import StlqFormat
from sw_ref.integer import dot
from sw_ref.model import StlqTensor, save_model
from verif.rtl_gen.conftest import Ran, Run
from verif.sw_ref.random_model import random_tensor

CONFIG = ArrayConfig(format=StlqFormat(act_bits=4), pe=4, lanes=3)
LATENCY = CONFIG.latency_cycles
TENSORS = {"conv": random_tensor(CONFIG.format, (5, 6, 3), seed=1), "fc": random_tensor(CONFIG.format, (10, 7), seed=2)}
Change = Callable[[Outcome], Outcome]


class Bench:
    """In place of the simulator: does what the golden says, but for `changes`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.changes: dict[tuple[int, ...], Change] = {}
        self.compiled: list[dict[str, Any]] = []
        self.runs: list[tuple[NDArray[Any], dict[str, Any]]] = []

    @contextmanager
    def simulation(self, build: Build, room: Amounts, **options: Any) -> Iterator[Callable[..., Outcome]]:
        self.compiled.append({"build": build, "room": room, **options})
        yield self.run

    def run(self, tensor: StlqTensor, acts: NDArray[Any], **options: Any) -> Outcome:
        self.runs.append((acts, options))
        beats = int(tensor.tiling.count + tensor.two_word.sum()) * len(acts)
        outcome = Outcome(sums=dot(tensor, acts), cycles=beats + LATENCY, beats=beats)
        return self.changes.get(tensor.shape, lambda same: same)(outcome)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setattr(simulate, "simulation", made.simulation)
    monkeypatch.setattr(simulate, "load_build", lambda folder: Build(Path(folder), CONFIG, "", "stlq_array.v"))
    return made


@pytest.fixture
def judged(run: Run, bench: Bench, tmp_path: Path) -> Callable[..., Ran]:
    """Runs `simulate` on both tensors, with more options."""
    save_model(tmp_path / "q", TENSORS)
    return lambda *options: run("simulate", "build", "--model", tmp_path / "q", *options)


def wrong_at(*places: tuple[int, int]) -> Change:
    """Sums that are 1, 2, ... too much at (vector, channel)."""

    def change(outcome: Outcome) -> Outcome:
        sums = outcome.sums.copy()
        for number, place in enumerate(places):
            sums[place] += number + 1
        return replace(outcome, sums=sums)

    return change


def test_a_good_model(judged: Callable[..., Ran], bench: Bench) -> None:
    """Every number of the verdict, from the shapes alone: tiles, beats, cycles with R as it is, 0 and 100%."""
    ran = judged("--vectors", 6, "--seed", 3, "--json")
    assert ran.status == 0, ran
    found = json.loads(ran.out)
    assert {key: found[key] for key in ("ok", "sim", "seed", "stalls")} == {
        "ok": True, "sim": "icarus", "seed": 3, "stalls": 0,
    }  # fmt: skip
    assert list(found["tensors"]) == ["conv", "fc"]
    for name, channels, tiles in (("conv", 5, 2 * 2 * 3), ("fc", 10, 3 * 3)):
        beats = 6 * (tiles + int(TENSORS[name].two_word.sum()))
        assert 6 * tiles < beats < 12 * tiles
        assert found["tensors"][name] == {
            "vectors": 6,
            "sums": 6 * channels,
            "mismatches": 0,
            "first_mismatches": [],
            "beats": beats,
            "cycles": beats + LATENCY,
            "cycles_expected": beats + LATENCY,
            "cycles_one_word": 6 * tiles + LATENCY,
            "cycles_two_words": 12 * tiles + LATENCY,
            "ok": True,
        }


def test_a_good_model_in_words(judged: Callable[..., Ran]) -> None:
    ran = judged("--vectors", 1000)
    title, _, head, _, conv, fc, *_, verdict = ran.out.splitlines()
    assert (ran.status, title) == (0, "build in icarus")
    names = ["tensor", "vectors", "sums", "mismatches", "beats", "cycles", "cycles R=0", "cycles R=100%"]
    assert [name.strip() for name in head.split("   ") if name.strip()] == names
    for line, name, channels, tiles in ((conv, "conv", 5, 12), (fc, "fc", 10, 9)):
        beats = 1000 * (tiles + int(TENSORS[name].two_word.sum()))
        numbers = (1000, 1000 * channels, 0, beats, beats + LATENCY, 1000 * tiles + LATENCY, 2000 * tiles + LATENCY)
        assert line.split() == [name, *(f"{number:,}" for number in numbers)]
    assert verdict == "pass: 15,000 sums compared, 0 mismatches (seed 1, stalls 0 %)"


@pytest.mark.parametrize("shape", [(5, 6, 3), (10, 7)])
def test_one_wrong_sum_of_one_tensor_fails(judged: Callable[..., Ran], bench: Bench, shape: tuple[int, ...]) -> None:
    bench.changes[shape] = wrong_at((2, 4))
    found = json.loads((ran := judged("--json")).out)
    name, other = ("conv", "fc") if shape == (5, 6, 3) else ("fc", "conv")
    assert (ran.status, found["ok"], found["tensors"][name]["ok"], found["tensors"][other]["ok"]) == (
        1,
        False,
        False,
        True,
    )
    (miss,) = found["tensors"][name]["first_mismatches"]
    assert (miss["vector"], miss["channel"], miss["verilog"] - miss["golden"]) == (2, 4, 1)
    acts = simulate.random_acts(CONFIG, TENSORS[name].act_shape, 4, 1)
    assert miss["golden"] == dot(TENSORS[name], acts)[2, 4]
    assert f"tensor {name}: vector 2, channel 4: golden {miss['golden']}, Verilog {miss['verilog']}\n" in judged().out


def test_the_first_five_wrong_sums_are_shown_and_all_are_counted(judged: Callable[..., Ran], bench: Bench) -> None:
    bench.changes[10, 7] = wrong_at(*((1, channel) for channel in range(3, 10)))
    ran = judged()
    assert [line.split(": golden")[0] for line in ran.out.splitlines() if "golden" in line] == [
        f"tensor fc: vector 1, channel {channel}" for channel in range(3, 8)
    ]
    assert ran.out.endswith("FAIL: 60 sums compared, 7 mismatches (seed 1, stalls 0 %)\n")


@pytest.mark.parametrize("more", [-1, 1])
def test_cycles_are_part_of_the_verdict_unless_streams_stall(
    judged: Callable[..., Ran], bench: Bench, more: int
) -> None:
    bench.changes[10, 7] = lambda outcome: replace(outcome, cycles=outcome.cycles + more)
    ran = judged()
    right = 4 * (9 + int(TENSORS["fc"].two_word.sum())) + LATENCY
    assert ran.status == 1
    assert f"tensor fc: {right + more} cycles; beats + latency are {right}\nFAIL: 60 sums compared, 0 mis" in ran.out
    assert "tensor conv:" not in ran.out
    found = json.loads(judged("--json").out)
    assert (found["ok"], found["tensors"]["conv"]["ok"], found["tensors"]["fc"]["ok"]) == (False, True, False)
    # One stall in a hundred cycles is enough.
    stalled = json.loads((ran := judged("--stalls", 1, "--json")).out)
    assert (ran.status, stalled["ok"], stalled["stalls"]) == (0, True, 1)
    assert stalled["tensors"]["fc"]["cycles_expected"] is None
    bench.changes[10, 7] = wrong_at((0, 0))
    assert judged("--stalls", 1).status == 1


def test_what_the_simulator_is_asked(judged: Callable[..., Ran], bench: Bench, tmp_path: Path) -> None:
    """One compiled bench with room for every tensor; the same stalls; seeded activations, or the given ones."""
    options = ("--sim", "verilator", "--seed", 7, "--stalls", 20, "--timeout", 9, "--keep", tmp_path / "k")
    assert judged(*options).status == 0
    (compiled,) = bench.compiled
    assert compiled.pop("build").config == CONFIG
    amounts = [Amounts.of(tensor, 4, 1) for tensor in TENSORS.values()]
    assert compiled == {
        "room": Amounts.most(amounts), "sim": "verilator", "stalls": Stalls(percent=20, seed=7), "waves": False,
        "timeout": 9,
    }  # fmt: skip
    for (acts, asked), (name, tensor) in zip(bench.runs, TENSORS.items(), strict=True):
        assert np.array_equal(acts, simulate.random_acts(CONFIG, tensor.act_shape, 4, 7))
        assert asked == {"waves": None, "keep": tmp_path / "k" / name}


def test_waves_of_one_tensor_are_kept_where_they_are_asked_for(
    judged: Callable[..., Ran], bench: Bench, tmp_path: Path
) -> None:
    waves = tmp_path / "w.VCD"
    assert judged("--tensor", "fc", "--waves", waves, "--keep", tmp_path / "k").status == 0
    assert bench.compiled[0]["waves"] is True
    ((_, asked),) = bench.runs
    assert asked == {"waves": waves, "keep": tmp_path / "k"}
    assert judged("--tensor", "conv").status == 0
    assert (bench.compiled[1]["waves"], bench.runs[1][1]) == (False, {"waves": None, "keep": None})


def test_given_activations_are_sent_as_they_are(judged: Callable[..., Ran], bench: Bench, tmp_path: Path) -> None:
    acts = np.arange(-8, 6, dtype=np.int8).reshape(2, 7)
    np.save(tmp_path / "a.npy", acts)
    ran = judged("--tensor", "fc", "--acts", tmp_path / "a.npy", "--json")
    assert json.loads(ran.out)["tensors"]["fc"]["vectors"] == 2
    assert bench.compiled[0]["room"] == Amounts.of(TENSORS["fc"], 2, 1)
    sent = bench.runs[0][0]
    assert sent.dtype == np.int64
    assert sent.tolist() == acts.tolist()
    highest = np.full((1, 7), 7, np.uint8)
    np.save(tmp_path / "a.npy", highest)
    assert judged("--tensor", "fc", "--acts", tmp_path / "a.npy").status == 0


@pytest.mark.parametrize(
    ("acts", "message"),
    [
        (np.zeros((2, 7)), "holds float64 (2, 7); allowed: integers, not empty"),
        (np.zeros((0, 7), int), "holds int64 (0, 7); allowed: integers, not empty"),
        (np.zeros((2, 6), int), "has shape (2, 6); allowed for fc: (vectors, 7)"),
        (np.zeros((2, 7, 1), int), "has shape (2, 7, 1); allowed for fc: (vectors, 7)"),
        (np.zeros(7, int), "has shape (7,); allowed for fc: (vectors, 7)"),
        (np.array([[0] * 6 + [8]]), "holds 0 to 8; allowed: -8 to 7"),
        (np.array([[0] * 6 + [-9]]), "holds -9 to 0; allowed: -8 to 7"),
    ],
)
def test_bad_activations(judged: Callable[..., Ran], tmp_path: Path, acts: NDArray[Any], message: str) -> None:
    path = tmp_path / "a.npy"
    np.save(path, acts)
    ran = judged("--tensor", "fc", "--acts", path)
    assert (ran.status, ran.out, ran.err) == (2, "", f"stlq: --acts {path} {message}\n")


def test_bad_activations_of_one_of_several_tensors(judged: Callable[..., Ran], tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 7), int))
    assert judged("--acts", path).err == f"stlq: --acts {path} has shape (2, 7); allowed for conv: (vectors, 6, 3)\n"


def test_activations_that_cannot_be_read(judged: Callable[..., Ran], tmp_path: Path) -> None:
    allowed = "allowed: a .npy file of integers\n"
    assert judged("--acts", tmp_path).err == f"stlq: --acts is {tmp_path}: not a regular file; {allowed}"
    none, damaged = tmp_path / "none.npy", tmp_path / "a.npy"
    ran = judged("--acts", none)
    assert (ran.status, ran.err) == (2, f"stlq: --acts is {none}: no such file; {allowed}")
    damaged.write_bytes(b"\x93NUMPY")
    ran = judged("--acts", damaged)
    assert (ran.status, ran.err.startswith(f"stlq: --acts {damaged} is damaged: ")) == (2, True)


def test_bad_models(run: Run, judged: Callable[..., Ran], tmp_path: Path) -> None:
    def said(*options: object) -> str:
        ran = judged(*options)
        assert (ran.status, ran.out) == (2, ""), ran
        return ran.err.removeprefix("stlq: ").rstrip("\n")

    assert said("--tensor", "none") == "--tensor is 'none'; allowed: conv, fc"
    waves = ("--waves", tmp_path / "w.vcd")
    assert said(*waves) == "--waves needs one tensor; name it with --tensor: conv, fc"
    waves = ("--waves", tmp_path / "w.fst")
    assert said("--tensor", "fc", *waves) == f"--waves is {waves[1]}; allowed: a name that ends in .vcd"
    file = tmp_path / "q"
    waves = ("--waves", file / "deep" / "w.vcd")
    assert said("--tensor", "fc", *waves) == f"--waves is {waves[1]}: {file} is no folder; allowed: a file in a folder"
    assert said("--keep", file) == f"--keep is {file}: a file; allowed: a folder"
    assert said("--keep", file / "deep") == f"--keep is {file / 'deep'}; allowed: {FOLDER}"
    (tmp_path / "manifest.json").touch()
    assert said("--keep", tmp_path) == f"--keep is {tmp_path}: a build; allowed: another folder"
    assert "'' is no path; allowed: the name of a file or folder" in said("--model", "")
    none = tmp_path / "none"
    assert said("--model", none) == (
        f"--model is {none}: No such file or directory; allowed: a file that `stlq quantize` wrote"
    )
    (tmp_path / "short").write_bytes((tmp_path / "q").read_bytes()[:-1])
    assert said("--model", tmp_path / "short").startswith(f"--model {tmp_path / 'short'}: ")
    long = {"long": random_tensor(CONFIG.format, (4, CONFIG.depth + 1), seed=3), **TENSORS}
    save_model(tmp_path / "long", long)
    assert said("--model", tmp_path / "long") == (
        f"long adds up {CONFIG.depth + 1} inputs; allowed by the build: at most its depth, {CONFIG.depth}"
    )
    # Only what is asked for has to fit.
    assert judged("--model", tmp_path / "long", "--tensor", "fc").status == 0


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("conv.1", "conv.1"),
        ("a/b", "a%2Fb"),
        (".", "%2E"),
        ("..", "%2E."),
        ("", "%~e3b0c44298fc1c14"),
        ("x" * 199, "x" * 199),
        ("x" * 200, "x" * 180 + "%~aa20c23e32018340"),
    ],
)
def test_a_folder_for_each_name(name: str, folder: str) -> None:
    assert simulate.folder_name(name) == folder


@pytest.mark.parametrize("vectors", range(1, 6))
def test_activations_are_extremes_and_then_random(vectors: int) -> None:
    """All lowest, all highest, a mixture; the last one always is random. Other seeds, others; all values come up."""
    acts = simulate.random_acts(CONFIG, (50, 2), vectors, 1)
    assert (acts.shape, acts.dtype) == ((vectors, 50, 2), np.int64)
    kinds = [{-8}, {7}, {-8, 7}]
    assert [set(vector.flat) for vector in acts[: min(vectors - 1, 3)]] == kinds[: vectors - 1]
    assert set(acts[-1].flat) == set(range(-8, 8))
    assert np.array_equal(acts, simulate.random_acts(CONFIG, (50, 2), vectors, 1))
    assert not np.array_equal(acts, simulate.random_acts(CONFIG, (50, 2), vectors, 2))
