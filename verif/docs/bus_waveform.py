"""Timing diagrams of a run on a bus as SVG, drawn from what the simulator shows of a top around a stand-in engine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hw.bus.config import Bus
from hw.bus.registers import Range
from verif.docs.waveform import HELD, INK, MOVES, MUTED, swatch, text
from verif.hw.array.bench import dice
from verif.hw.bus.bench import INTERRUPT, Memory, set_ranges, simulate, start
from verif.hw.bus.kits import KITS
from verif.hw.bus.stub import stub_program

SIZES = {Range.PROGRAM: 6, Range.INPUTS: 2, Range.OUTPUTS: 2}
PLACES = {Range.PROGRAM: 0x100, Range.INPUTS: 0x200, Range.OUTPUTS: 0x300}
COLUMN, ROW, LEFT, TOP = 24, 27, 140, 26


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What is offered in a cycle, and whether it is taken."""

    label: str
    taken: bool


Cycle = dict[str, Offer | None]
"""For each row of a diagram what is offered there, if anything."""


def name_of(address: int) -> str:
    """A word of memory: its range's first letter, and its number there."""
    which = max((which for which in Range if PLACES[which] <= address), key=PLACES.__getitem__)
    return f"{which.name[0]}{(address - PLACES[which]) // 4}"


def _wishbone(get: Callable[[Any], int], top: Any) -> Cycle:
    host, bus = top.registers, top.memory
    requests = {
        "registers stb": (host, str),
        "memory stb": (bus, lambda: name_of(4 * get(bus.adr))),
    }
    answers = {"registers ack": host.ack, "memory cyc": bus.cyc, "memory ack": bus.ack}
    rows: Cycle = {
        row: Offer(label=label(), taken=not get(port.stall)) if get(port.cyc) and get(port.stb) else None
        for row, (port, label) in requests.items()
    }
    return rows | {row: Offer(label="", taken=True) if get(signal) else None for row, signal in answers.items()}


def _axi(get: Callable[[Any], int], top: Any) -> Cycle:
    host, bus = top.registers, top.memory
    labels: dict[str, tuple[Any, str, Callable[[], str]]] = {
        "registers AW, W": (host, "aw", str),
        "registers B": (host, "b", str),
        "memory AR": (bus, "ar", lambda: name_of(get(bus.araddr))),
        "memory R": (bus, "r", lambda: f"{Range(get(bus.rid)).name[0]}{'.' * get(bus.rlast)}"),
        "memory AW": (bus, "aw", lambda: name_of(get(bus.awaddr))),
        "memory W": (bus, "w", lambda: f"O{'.' * get(bus.wlast)}"),
        "memory B": (bus, "b", str),
    }
    return {
        row: Offer(label=label(), taken=bool(get(getattr(port, f"{channel}ready"))))
        if get(getattr(port, f"{channel}valid"))
        else None
        for row, (port, channel, label) in labels.items()
    }


ROWS = {Bus.WISHBONE: _wishbone, Bus.AXI: _axi}


def record_run(bus: Bus) -> list[Cycle]:
    """Each cycle from the host's start to the interrupt, with a memory that answers after three."""
    kit, cycles = KITS[bus.value], list[Cycle]()
    memory = Memory(rng=dice("diagram"), latencies=(3,))
    sizes = tuple(SIZES.values())
    memory.fill(PLACES[Range.PROGRAM], stub_program(memory.rng, *sizes))

    async def bench(ctx: Any, top: Any, reset: Any) -> None:
        class Seen:
            """The simulator, whose cycles are kept."""

            get, set = ctx.get, ctx.set

            def tick(self) -> Any:
                offers = ROWS[bus](ctx.get, top)
                cycles.append(offers | {"irq": Offer(label="", taken=True) if ctx.get(top.irq) else None})
                return ctx.tick()

        host, seen = kit.host(top.registers, 0), Seen()
        await set_ranges(ctx, host, {which: (PLACES[which], 4 * SIZES[which]) for which in Range})
        await start(seen, host, INTERRUPT)
        while not ctx.get(top.irq):
            await seen.tick()
        await seen.tick()

    simulate(kit.config, kit.serve(memory), bench)
    return cycles


def draw_run(cycles: Sequence[Cycle]) -> str:
    """The SVG."""
    rows = list(cycles[0])
    width, height = LEFT + COLUMN * len(cycles) + 8, TOP + ROW * len(rows)
    legend = [swatch(LEFT, height + 8, MOVES, "transferred"), swatch(LEFT + 130, height + 8, HELD, "offered, waits")]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + 28}" '
        f'viewBox="0 0 {width} {height + 28}" font-family="monospace" font-size="11">'
    )
    parts = [*_columns(len(cycles), height), *(part for at, row in enumerate(rows) for part in _row(cycles, at, row))]
    background = f'<rect width="{width}" height="{height + 28}" fill="white"/>'
    return "\n".join([head, background, *parts, *legend, "</svg>", ""])


def _columns(count: int, bottom: int) -> Iterator[str]:
    for i in range(count):
        x = LEFT + COLUMN * i
        yield f'<line x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{bottom}" stroke="#e6e6e6"/>'
        yield text(x + COLUMN / 2, TOP - 12, str(i), MUTED)


def _row(cycles: Sequence[Cycle], at: int, row: str) -> Iterator[str]:
    y = TOP + ROW * at
    yield text(LEFT - 8, y + 17, row, INK, "end")
    for i, cycle in enumerate(cycles):
        offer = cycle[row]
        if offer is not None:
            color, x = MOVES if offer.taken else HELD, LEFT + COLUMN * i
            yield f'<rect x="{x + 1}" y="{y + 3}" width="{COLUMN - 2}" height="20" rx="3" fill="{color}"/>'
            yield text(x + COLUMN / 2, y + 17, offer.label, INK)
