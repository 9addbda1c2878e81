"""Small arrays, proven for ever; and the same proof refused to devices that are broken."""

from dataclasses import replace
from pathlib import Path

import pytest
from amaranth import Shape

from hw.array.decoder import last_step, shifted_shape
from hw.array.product import sum_limits
from hw.config import ArrayConfig
from hw.verilog import array_verilog
from sw_ref.format import StlqFormat
from verif.formal import device
from verif.formal.device import device_wires
from verif.formal.sby import prove
from verif.formal.terms import times_term
from verif.hw.mutants import MUTANTS

DEVICE = "  // What the device holds: wires that device.py puts here, named after the path without `pe0`.\n"
PROOF = Path(__file__).with_name("array_proof.sv").read_text()
# Of the broken designs that the benches reject, those that can be made of a small array too.
WRONG_SUMS = (
    "residual shift on the wrong word",
    "wrong sign",
    "zero word counts",
    "second word dropped",
    "sum not cleared for the next",
    "sum survives reset",
)
BROKEN_STREAMS = (
    "two_word read from the second beat",
    "last read from the second beat",
    "activations let go after one word",
    "beat lost under stall",
    "ready whether or not there is room",
    "waiting sum overwritten",
    "valid falls before the transfer",
    "sums repeated",
    "sums never come",
    "nothing is ever worked off",
    "residual state survives reset",
    "ready in reset",
)
# Those that are quick to refuse; the benches reject the others.
BROKEN_BUFFERS = (
    "operand added to both",
    "accumulator not cleared for its next turn",
    "sums offered in the wrong order",
)
BROKEN_PIXELS = ("one pixel not accumulated", "sign of another lane in one pixel")
SMALL = ArrayConfig(format=StlqFormat(bits=3, act_bits=2, residual_shift=2), pe=1, lanes=2, depth=6)
CONFIGS = {
    "direct": SMALL,
    "skewed": replace(SMALL, lanes=3),
    "buffered": replace(SMALL, pipeline=4, choices=1),
    "pixels": replace(SMALL, pixels=2),
}
CASES = {f"{name}-{pixel}": (config, pixel) for name, config in CONFIGS.items() for pixel in range(config.pixels)}


def sources(
    verilog: str, *flags: str, config: ArrayConfig = SMALL, pixel: int = 0, extra_tiles: int = 0
) -> dict[str, str]:
    """The proof of a pixel around `verilog`, which is of `config`; of dot products longer than the depth allows."""
    fmt = config.format
    low, high = sum_limits(fmt, fmt.term_max, config.lanes)
    act_most = max(fmt.act_max, -fmt.act_min)
    constants = {
        "BITS": fmt.bits,
        "TILES": config.payload_bits["tiles"],
        "ACTS": config.payload_bits["acts"],
        "PAYLOAD": config.payload_bits["sums"],
        "SUMS": config.acc_bits,
        "PIXEL": pixel,
        "ACTS_AT": pixel * config.lanes * fmt.act_bits,
        # The largest magnitudes that the first words of a tile, and a tile, can add; and the tiles of a dot product.
        "FIRST_MOST": config.lanes * act_most * (fmt.term_max << fmt.residual_shift),
        "TILE_MOST": config.lanes * act_most * fmt.weight_max,
        "TILES_MOST": config.depth // config.lanes + extra_tiles,
        "PRODUCT": fmt.act_bits + fmt.levels - 1,
        "ACT": fmt.act_bits,
        "VALUE": Shape.cast(range(low, high + 1)).width,
        "SHIFTED": shifted_shape(fmt).width,
        "STEP": last_step(fmt),
        "LATENCY": config.latency_cycles,
        "SHIFT": fmt.residual_shift,
        **dict.fromkeys([*flags, *_shape(config)], 1),
    }
    defines = "".join(f"`define {name} {value}\n" for name, value in constants.items())
    proof = PROOF.replace(DEVICE, DEVICE + device_wires(config, pixel))
    return {
        "array.v": verilog,
        "array_proof.sv": defines + proof.replace("endmodule", times_term(fmt, config.acc_bits) + "endmodule"),
    }


def _shape(config: ArrayConfig) -> list[str]:
    """What the proof must know of the registers between inputs and sums."""
    stages = [f"STAGE{index}" for index in range(config.schedule.stages)]
    lanes = [f"LANE{index}" for index in range(config.lanes)]
    return [*stages, *lanes, *(["BUFFERED"] if config.buffered else [])]


@pytest.mark.parametrize(("config", "pixel"), CASES.values(), ids=CASES)
def test_streams_and_sums_are_right_for_ever(config: ArrayConfig, pixel: int, tmp_path: Path) -> None:
    files = sources(array_verilog(config), "OVERFLOW", config=config, pixel=pixel)
    assert prove(tmp_path, files, "array_proof", mode="prove", depth=2) == "PASS"


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_sums_come_in_time_for_ever(config: ArrayConfig, tmp_path: Path) -> None:
    files = sources(array_verilog(config), "PROGRESS", config=config)
    assert prove(tmp_path, files, "array_proof", mode="prove", depth=config.latency_cycles + 6) == "PASS"


@pytest.mark.parametrize("name", WRONG_SUMS)
def test_wrong_sums_are_refused(name: str, tmp_path: Path) -> None:
    broken = MUTANTS[name].fault.verilog(SMALL)
    assert prove(tmp_path, sources(broken), "array_proof", mode="bmc", depth=10) == "FAIL"


@pytest.mark.parametrize("name", BROKEN_STREAMS)
def test_broken_streams_are_refused(name: str, tmp_path: Path) -> None:
    broken = MUTANTS[name].fault.verilog(SMALL)
    assert prove(tmp_path, sources(broken, "PROGRESS"), "array_proof", mode="bmc", depth=12) == "FAIL"


@pytest.mark.parametrize("name", BROKEN_BUFFERS)
def test_broken_buffers_are_refused(name: str, tmp_path: Path) -> None:
    config = CONFIGS["buffered"]
    broken = MUTANTS[name].fault.verilog(config)
    assert prove(tmp_path, sources(broken, config=config), "array_proof", mode="bmc", depth=14) == "FAIL"


@pytest.mark.parametrize("name", BROKEN_PIXELS)
def test_a_broken_pixel_is_refused(name: str, tmp_path: Path) -> None:
    config = CONFIGS["pixels"]
    broken = MUTANTS[name].fault.verilog(config)
    assert prove(tmp_path, sources(broken, config=config, pixel=1), "array_proof", mode="bmc", depth=10) == "FAIL"


def test_one_tile_more_than_the_depth_overflows(tmp_path: Path) -> None:
    files = sources(array_verilog(SMALL), "OVERFLOW", extra_tiles=1)
    assert prove(tmp_path, files, "array_proof", mode="bmc", depth=14) == "FAIL"


def test_a_signal_that_was_renamed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(device.ALWAYS, "alignment", "tile_fill")
    with pytest.raises(AttributeError, match=r"'tile_fill' names 0 things inside; there are: .*tile_full, "):
        device.device_wires(SMALL, 0)
