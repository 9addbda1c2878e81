"""The verdicts of random scenarios, on a model of a top; `python -m verif.campaign bus` has thousands on real ones."""

from typing import Any

import numpy as np
import pytest

from hw.bus.config import Bus
from hw.bus.registers import CONTROL, CYCLES, RANGES, STATUS, Range, RunError
from verif.hw.bus import scenarios
from verif.hw.bus.bench import START, STOP
from verif.hw.bus.case import Task, tasks
from verif.hw.bus.scenarios import KINDS
from verif.hw.bus.verilated import Settings

TASK = tasks()[0]


class Model:
    """A top that runs one task as it should, but for what `broken` names."""

    def __init__(self, broken: str = ""):
        self.broken, self.problem, self.pending, self.accesses = broken, "", False, 0

    def reset(self, settings: Settings, size: int) -> None:
        self.base, self.bytes = settings.base, np.zeros(size, np.uint8)
        self.settings(settings)
        self.restart()

    def restart(self) -> None:
        self.registers, self.ended = dict[int, int](), True

    def settings(self, settings: Settings) -> None:
        self.memory = settings

    def put(self, address: int, data: bytes) -> None:
        self.bytes[address - self.base :][: len(data)] = np.frombuffer(data, np.uint8)

    def take(self, address: int, size: int) -> bytes:
        return self.bytes[address - self.base :][:size].tobytes()

    def read(self, offset: int) -> int:
        error = self.registers.get(STATUS.address, 0)
        return {STATUS.address: 2 | error << 4, CYCLES.address: 1}.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        if offset == CONTROL.address and value & START:
            self.registers[STATUS.address] = self._run()
            self.ended = self.broken != "hangs"
        elif offset == CONTROL.address and value & STOP and self.broken != "stops never":
            self.registers[STATUS.address], self.ended = RunError.STOPPED, True
        elif offset >= RANGES:
            self.registers[offset] = value

    def wait(self, cycles: int) -> None:
        self.accesses += self.broken == "reads on"

    def until_irq(self, cycles: int) -> bool:
        return self.ended

    def _run(self) -> RunError:
        spans = [tuple(self.registers.get(RANGES + 16 * which + 4 * part, 0) for part in range(3)) for which in Range]
        if any(low % 4 or length % 4 or not length for low, _, length in spans):
            return RunError.NONE if self.broken == "accepts anything" else RunError.RANGE
        if any(not 0 <= low + (high << 32) - self.base <= len(self.bytes) - length for low, high, length in spans):
            return RunError.READ
        program, inputs, outputs = (low + (high << 32) for low, high, _ in spans)
        sizes = [length for *_, length in spans]
        if sizes != [len(data) for data in TASK.ranges]:
            return RunError.LENGTH
        first, _ = self.memory.allowed[Range.OUTPUTS]
        if self.broken == "writes elsewhere" or outputs < first:
            self.problem = "a write outside its range"
        if self.take(program, sizes[0]) != TASK.ranges[0]:
            return RunError.NONE if self.broken == "runs anything" else RunError.ENGINE
        if self.broken != "writes nothing" and self.take(inputs, sizes[1]) == TASK.ranges[1]:
            self.put(outputs, TASK.ranges[2])
        return RunError.NONE


def problems(broken: str, kind: Any, monkeypatch: pytest.MonkeyPatch, tries: int = 8) -> set[str]:
    """What is found in some cases of a kind."""
    monkeypatch.setattr(scenarios, "KINDS", (kind,))
    model: Any = Model(broken)
    found: list[Task] = [TASK]
    return {scenarios.try_case(model, Bus.AXI, found, f"{kind.__name__} {at}")[1] for at in range(tries)}


@pytest.mark.parametrize(
    "kind", [scenarios.good, scenarios.lengths, scenarios.programs, scenarios.stops, scenarios.registers]
)
def test_a_good_top_passes(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems("", kind, monkeypatch) == {""}


@pytest.mark.parametrize(
    ("broken", "kind", "problem"),
    [
        ("hangs", scenarios.good, "the run does not end"),
        ("writes nothing", scenarios.good, "wrong codes"),
        ("writes elsewhere", scenarios.good, "a write outside its range"),
        ("reads on", scenarios.good, "wrong"),
        ("runs anything", scenarios.programs, "error 0 is none of"),
        ("accepts anything", scenarios.addresses, "wrong"),
    ],
)
def test_a_broken_one_is_found(broken: str, kind: Any, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(text.startswith(problem) for text in problems(broken, kind, monkeypatch))


def test_all_kinds_are_drawn() -> None:
    names = {kind.__name__ for kind in KINDS}
    assert len(names) == len(KINDS) == 10
    model: Any = Model()
    assert {scenarios.try_case(model, Bus.AXI, [TASK], str(seed))[0] for seed in range(100)} == names
