"""The measurements, the most important first. So a campaign that is stopped early has the figures that matter."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.array.designs import BUFFERED, STLQ_FORM, Design, baseline, stlq
from rtl_gen.simulator import SIMULATORS
from rtl_gen.targets import FPGAS

TARGETS = tuple(FPGAS)
INTEGERS = ("int3", "int4", "int8", "int2", "int5", "int6", "int7")
OTHERS = ("apot3", "apot4", "two3")
WORD_BITS = (3, 4, 2, 5)
ACT_BITS = (8, 4, 6)
CLOCKED = (STLQ_FORM, BUFFERED, "product", "rows4", "apot", "two_word")
SIZES = (4, 16, 32)  # besides 8
PIXELS = (2, 4, 8)  # besides 1


@dataclass(frozen=True)
class Task:
    """One measurement: `section` of the results, a design, and its target or simulator ("" for generation)."""

    section: str
    design: Design
    tool: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.section, self.design.label, self.tool)))


def tasks() -> list[Task]:
    """All measurements, each once."""
    return list(dict.fromkeys(_tasks()))


def _tasks() -> Iterator[Task]:
    head = [
        stlq(),
        stlq(pipeline=4, choices=1),
        *(design for kind in (*INTEGERS[:3], *OTHERS) for design in baseline(kind)),
    ]
    for target in TARGETS[:2]:
        yield from (Task("area", design, target) for design in head)
    yield from (Task("generation", stlq(pe=size, lanes=size)) for size in (4, 8, 16, 32, 64))
    yield from (Task("simulation", stlq(), sim) for sim in SIMULATORS)
    yield from (Task("area", stlq(pe=size, lanes=size), target) for size in SIZES[:2] for target in TARGETS)
    yield from (Task("area", design, TARGETS[2]) for design in head)
    yield from (Task("clock", design, "ecp5") for design in head if design.form in CLOCKED)
    yield from (Task("area", stlq(bits), target) for bits in WORD_BITS for target in TARGETS)
    for act_bits in ACT_BITS:
        designs = [stlq(bits, act_bits) for bits in WORD_BITS]
        designs += [design for kind in (*INTEGERS, *OTHERS[:2]) for design in baseline(kind, act_bits)]
        designs += [design for bits in WORD_BITS for design in baseline(f"two{bits}", act_bits)]
        yield from (Task("area", design, target) for target in TARGETS for design in designs)
    yield from (Task("area", stlq(pixels=pixels), target) for pixels in PIXELS for target in TARGETS)
    for size in SIZES:
        for values in ({"pe": size}, {"lanes": size}, {"pe": size, "lanes": size}):
            yield from (Task("area", stlq(**values), target) for target in TARGETS)
