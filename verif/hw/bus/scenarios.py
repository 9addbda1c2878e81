"""Random and hostile hosts, memories and programs on a bus top, one after the other: what must hold in each."""

import random
from collections.abc import Callable
from dataclasses import replace

from hw.bus.config import Bus
from hw.bus.registers import CONTROL, STATUS, Part, Range, RunError
from hw.engine.encoding import JOB
from rtl_gen.compiler.program import encode, to_bytes
from verif.hw.bus.bench import INTERRUPT, START, STOP
from verif.hw.bus.case import WORD, Case, Task
from verif.hw.bus.verilated import FAR, Bench, Settings
from verif.hw.engine.bench import CONFIG

ANY = frozenset(RunError) - {RunError.NONE}


def good(case: Case) -> None:
    """Nothing is wrong."""
    case.begin()
    case.finish(frozenset({RunError.NONE}))
    case.right()


def lengths(case: Case) -> None:
    """A range is shorter or longer than it should be."""
    which = case.rng.choice(list(Range))
    change = case.rng.choice([-3, -2, -1, 1, 2, 5, 1000, 1 << 20]) * WORD
    case.spans[which][1] = max(0, case.spans[which][1] + change)
    case.begin()
    # Behind the end of the memory a read gets an error response.
    error = case.finish(frozenset({RunError.LENGTH, RunError.RANGE, RunError.READ}))
    assert case.valid == (error != RunError.RANGE)


def addresses(case: Case) -> None:
    """A range is anywhere, at the end of the address space too; or its address is not aligned, or its length is 0."""
    span, end = case.rng.choice(case.spans), FAR if case.bus is Bus.AXI else 0xFFFFFFFF
    anywhere = case.rng.getrandbits(64) & end
    span[case.rng.random() < 0.2] = case.rng.choice([anywhere, anywhere & ~7, end + 1 - WORD, end - 63, 0, 1])
    span[1] &= 0xFFFFFFFF
    case.begin()
    error = case.finish(ANY | {RunError.NONE}, waits=True)
    assert case.valid == (error != RunError.RANGE)


def programs(case: Case) -> None:
    """A program that was damaged: it is refused, or never ends."""
    address, length = case.spans[Range.PROGRAM]
    at = address + case.rng.randrange(length)
    case.bench.put(at, bytes([case.bench.take(at, 1)[0] ^ 1 << case.rng.randrange(8)]))
    case.begin()
    case.finish(ANY, waits=True)


def hostile_programs(case: Case) -> None:
    """A program with right checks whose jobs are nonsense, but as long as they say."""
    jobs = list(case.task.jobs)
    at = case.rng.randrange(len(jobs))
    names = case.rng.sample(sorted(set(JOB) - {"kind", "table", "add_terms"}), 3)
    values = {name: case.rng.choice(JOB[name].span) for name in names}
    jobs[at] = replace(jobs[at], fields={**jobs[at].fields, **values})
    data = to_bytes(CONFIG, encode(CONFIG, jobs))
    assert len(data) == case.spans[Range.PROGRAM][1]
    case.bench.put(case.spans[Range.PROGRAM][0], data)
    case.begin()
    case.finish(ANY | {RunError.NONE}, waits=True)


def responses(case: Case) -> None:
    """A word gets an error response; in a word that no run needs, it may go unnoticed."""
    which = case.rng.choice(list(Range))
    address, length = case.spans[which]
    at = address + WORD * case.rng.randrange(length // WORD)
    case.settings = replace(case.settings, bad=(at, at + WORD - 1))
    case.begin()
    case.finish(frozenset({RunError.WRITE if which == Range.OUTPUTS else RunError.READ}))


def stops(case: Case) -> None:
    """The host stops the run at any time, or just after its end."""
    case.begin()
    case.bench.wait(case.rng.randrange(1500))
    case.bench.write(CONTROL.address, STOP | INTERRUPT)
    case.finish(frozenset({RunError.STOPPED, RunError.NONE}))


def intrusions(case: Case) -> None:
    """During the run the host writes to the ranges, and starts again: without effect."""
    case.settings = replace(case.settings, latency=60)
    case.begin()
    for _ in range(case.rng.randrange(1, 4)):
        case.write(case.rng.choice(list(Range)), case.rng.choice(list(Part)), case.rng.getrandbits(32))
    case.bench.write(CONTROL.address, START | INTERRUPT)
    case.finish(frozenset({RunError.BUSY}))
    case.right()


def resets(case: Case) -> None:
    """A reset at any time."""
    case.begin()
    case.bench.wait(case.rng.randrange(1000))
    case.bench.restart()
    assert case.bench.read(STATUS.address) == 0
    case.settings = replace(case.settings, allowed=((1, 0),) * 3)
    case.bench.settings(case.settings)
    case.bench.write(CONTROL.address, START | INTERRUPT)
    case.finish(frozenset({RunError.RANGE}))


def registers(case: Case) -> None:
    """Anything is written to any register, but for a start; and all are read."""
    for _ in range(20):
        offset, value = 4 * case.rng.randrange(32), case.rng.getrandbits(32)
        case.bench.write(offset, value & ~START if offset == CONTROL.address else value)
        case.bench.read(4 * case.rng.randrange(32))
    assert case.bench.accesses == 0
    good(case)


KINDS: tuple[Callable[[Case], None], ...] = (
    *(good, lengths, addresses, programs, hostile_programs),
    *(responses, stops, intrusions, resets, registers),
)


def random_settings(rng: random.Random, bus: Bus) -> Settings:
    """Any memory; a multiple of 4 KiB, and sometimes of 4 GiB, is in its middle."""
    page = rng.randrange(1, 1 << 20) << (12 if bus is Bus.WISHBONE else rng.choice([12, 32, 44]))
    return Settings(
        base=page - WORD * rng.randrange(1, 200),
        latency=rng.choice([0, 1, 5, 30, 100]),
        jitter=rng.choice([0, 3, 40]),
        pace=rng.choice([1, 1, 2, 4]),
        outstanding=rng.choice([1, 2, 4, 64]),
        pauses=rng.choice([0, 10, 50]),
        seed=rng.getrandbits(32),
    )


def try_case(bench: Bench, bus: Bus, found: list[Task], seed: str) -> tuple[str, str]:
    """The kind of a case, and what is wrong, if anything."""
    rng = random.Random(seed)
    kind = rng.choice(KINDS)
    try:
        case = Case(bench=bench, bus=bus, task=rng.choice(found), rng=rng, settings=random_settings(rng, bus))
        kind(case)
        case.recover()
    except AssertionError as error:
        return kind.__name__, str(error) or "wrong"
    return kind.__name__, ""
