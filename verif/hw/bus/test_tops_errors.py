"""The bus tops around a small engine: everything that can go wrong, and a good run after it."""

from hw.bus.registers import CONTROL, STATUS, Range, RunError
from hw.engine.encoding import Error
from verif.hw.bus.bench import START, register, set_ranges, start
from verif.hw.bus.kits import Kit
from verif.hw.bus.session import Session, Task, on
from verif.hw.bus.test_tops import every_bus


@every_bus
def test_wrong_lengths(kit: Kit) -> None:
    """One word or some, too few or too many: the run ends by itself, and writes nothing outside its range."""

    async def bench(s: Session) -> None:
        for which in Range:
            for words in (-2, -1, 1, 3):
                task = Task(s.memory, (20, 18, 19), 0x2000)
                address, length = task.ranges[which]
                outputs = which == Range.OUTPUTS
                ranges = {**task.ranges, which: (address + 0x4000 * outputs, length + 4 * words)}
                await s.begin(ranges)
                await s.ends(RunError.LENGTH)
                first, size = ranges[Range.OUTPUTS]
                assert all(first <= at < first + size for at in s.memory.writes), (which, words)
                await s.recovers()

    on(kit, bench, latencies=(2, 7))


@every_bus
def test_error_responses(kit: Kit) -> None:
    async def bench(s: Session) -> None:
        for which, error in zip(Range, (RunError.READ, RunError.READ, RunError.WRITE), strict=True):
            task = Task(s.memory, (12, 13, 14), 0x3000)
            s.memory.bad = {task.ranges[which][0] + 20}
            await s.begin(task.ranges)
            await s.ends(error)
            s.memory.bad = set()
            await s.recovers()

    on(kit, bench, latencies=(1, 5), pauses=0.2)


@every_bus
def test_a_refused_program(kit: Kit) -> None:
    async def bench(s: Session) -> None:
        task = Task(s.memory, (12, 3, 4), 0x3000)
        s.memory.words[0x3008] ^= 1
        await s.begin(task.ranges)
        await s.ends(RunError.ENGINE, Error.CHECK)
        await s.recovers()

    on(kit, bench)


@every_bus
def test_writes_during_a_run_have_no_effect(kit: Kit) -> None:
    async def bench(s: Session) -> None:
        for attempt in (register(Range.OUTPUTS, "address_low"), CONTROL):
            task = await s.run((30, 13, 14), 0x3000)
            assert await s.host.write(s.ctx, attempt.address, START)
            await s.ends(RunError.BUSY)
            task.check()

    on(kit, bench, latencies=(9,))


@every_bus
def test_stopping(kit: Kit) -> None:
    """At any time: in the middle of bursts, which end first."""

    async def bench(s: Session) -> None:
        for wait in (1, 5, 20, 40, 70, 100):
            await s.run((30, 23, 24), 0x3000)
            await s.idle(wait)
            await s.stop()
            await s.ends(RunError.STOPPED)
            await s.quiet(30)
        await s.recovers()

    on(kit, bench, latencies=(4, 9), pauses=0.2)


@every_bus
def test_ranges_that_are_refused(kit: Kit) -> None:
    async def bench(s: Session) -> None:
        await start(s.ctx, s.host)
        await s.ends(RunError.RANGE)
        task = Task(s.memory, (5, 6, 7), 0x100)
        for which in Range:
            for part, value in (("address_low", 0x102), ("length", 3), ("length", 0)):
                await set_ranges(s.ctx, s.host, task.ranges)
                assert await s.host.write(s.ctx, register(which, part).address, value)
                await start(s.ctx, s.host)
                await s.ends(RunError.RANGE)
        assert s.memory.reads == []
        await s.recovers()

    on(kit, bench)


@every_bus
def test_ranges_that_leave_the_bus(kit: Kit) -> None:
    """The last word of the address space may be used; the first one does not follow it."""

    async def bench(s: Session) -> None:
        for beyond in (0, 4):
            task = Task(s.memory, (5, 6, 7), 0x100)
            outputs = ((1 << kit.config.address_bits) - 4 * 7 + beyond, 4 * 7)
            await s.begin({**task.ranges, Range.OUTPUTS: outputs})
            await s.ends(RunError.LENGTH if beyond else RunError.NONE)
            assert all(address >= outputs[0] for address in s.memory.writes)

    on(kit, bench)


@every_bus
def test_reset_at_any_time(kit: Kit) -> None:
    async def bench(s: Session) -> None:
        for wait in (3, 10, 30, 60):
            await s.run((30, 23, 24), 0x3000)
            await s.idle(wait)
            await s.reset()
            assert await s.host.read(s.ctx, STATUS.address) == 0
            await start(s.ctx, s.host)
            await s.ends(RunError.RANGE)
            await s.recovers()

    on(kit, bench, latencies=(2, 9), pauses=0.2)
