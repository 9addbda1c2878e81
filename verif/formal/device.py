"""What the proof of an array sees of its inside: wires that are found through the components."""

from collections.abc import Iterator
from operator import attrgetter

from hw.array.adder_tree import pixel_name
from hw.array.array import Array
from hw.config import ArrayConfig
from verif.hw.inside import Inside

ALIGNMENT = "tile_full acts_full residual issue two_word last words activations"
PING_PONG = "last switch turn read add move ended done full"
# By part: what every array has; what a PE has besides of a pixel of its own.
ALWAYS = {"alignment": ALIGNMENT, "control": "enable beat0 ends", "pe0.accumulators": "enable beat"}
OPERAND = "values carry product0_carry"
BUFFERED = {
    "control": "pe__beat",
    "control.ping_pong": PING_PONG,
    "pe0.accumulators": "operand_carry reset",
    "pe0.accumulators.ping_pong": PING_PONG,
    "pe0.operands": f"{OPERAND} product1_carry "
    + " ".join(f"{name}{lane}_late0" for lane in range(2) for name in ("shifted", "select", "zero", "negative")),
}
BUFFERED_PIXEL = {
    "pe0.operands": "product0 product1",
    "pe0.accumulators": "operand accumulator0 accumulator1 sum0 sum1",
}
SINGLE = {"control": "beat1", "pe0.operands": f"{OPERAND} negative1"}
SINGLE_PIXEL = {
    "pe0.operands": "product0 option1_0 option1_1 option1_2 option1_3",
    "pe0.accumulators": "accumulator",
}
# The third lane, which is one register behind.
SKEWED = {"control": "beat2", "pe0.operands": "negative2 partial0_0_carry", "pe0.operands.decoder2": "word"}
SKEWED_PIXEL = {"pe0.operands": "partial0_0 option2_0 option2_1 option2_2 option2_3"}


def device_wires(config: ArrayConfig, pixel: int) -> str:
    """The wires, each with the path of its signal as its name, without the PE's.

    Raises ``AttributeError`` with all names that there are, if a component has no such signal.
    """
    inside = Inside.of(Array(config))
    return "".join(f"{wire(inside, path, name)}\n" for path, name in _paths(config, pixel))


def wire(inside: Inside, path: str, name: str = "") -> str:
    """The wire of a signal in the instance `dut`, under its own name, or another one."""
    shape = attrgetter(path)(inside).shape()
    kind = f"{'signed ' if shape.signed else ''}[{shape.width - 1}:0]"
    return f"  (* hierconn *) wire {kind} \\dut.{path} ;\n  wire {kind} {name or path} = \\dut.{path} ;"


def _paths(config: ArrayConfig, pixel: int) -> Iterator[tuple[str, str]]:
    """The path of each signal, and the name of its wire; wires are named alike for every pixel."""
    skewed = config.schedule.stages > 2
    tables = (BUFFERED, BUFFERED_PIXEL) if config.buffered else (SINGLE, SINGLE_PIXEL)
    shared, own = [ALWAYS, tables[0]], [tables[1]]
    if skewed and not config.buffered:
        shared.append(SKEWED)
        own.append(SKEWED_PIXEL)
        yield pixel_name("act2_late0", pixel), "act2_late0"
    for group, number in ((shared, 0), (own, pixel)):
        for table in group:
            for part, names in table.items():
                prefix = part.removeprefix("pe0.").replace(".", "_")
                for name in names.split():
                    yield f"{part}.{pixel_name(name, number)}", f"{prefix}_{name}"
