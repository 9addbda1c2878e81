"""Block diagrams as SVG: the array, one PE and two lanes, with the widths of a configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hw.array.decoder import last_shifts, last_step
from hw.config import ArrayConfig
from verif.docs.waveform import HELD, INK, MOVES, MUTED

PLAIN = "#eef2f5"
GIVEN = "#cfd9f2"
Point = tuple[float, float]


@dataclass
class Sheet:
    """A picture under construction; later parts lie over earlier ones."""

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def box(self, at: Point, size: Point, lines: Sequence[str], fill: str = PLAIN) -> None:
        """A block with its name on the first line, in bold, and notes below."""
        (x, y), (width, height) = at, size
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" fill="{fill}" stroke="{INK}"/>'
        )
        top = y + height / 2 - 7 * (len(lines) - 1) + 4
        for number, line in enumerate(lines):
            self.text((x + width / 2, top + 14 * number), line, bold=number == 0)

    def register(self, x: float, top: float, bottom: float) -> None:
        """A register: a bar across the wires that it holds."""
        self.parts.append(
            f'<rect x="{x - 4:g}" y="{top:g}" width="8" height="{bottom - top:g}" fill="{HELD}" stroke="{INK}"/>'
        )

    def arrow(self, *points: Point, label: str = "", bus: bool = True) -> None:
        """A wire through `points`; `label` stands above its first piece."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="{2 if bus else 1}" '
            'marker-end="url(#head)"/>'
        )
        if label:
            (x0, y0), (x1, _) = points[:2]
            self.text(((x0 + x1) / 2, y0 - 6), label)

    def text(self, at: Point, text: str, *, color: str = INK, bold: bool = False, anchor: str = "middle") -> None:
        weight = ' font-weight="bold"' if bold else ""
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" fill="{color}" text-anchor="{anchor}"{weight}>{text}</text>'
        )

    def svg(self) -> str:
        """The picture."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" font-family="monospace" font-size="11">'
        )
        marker = (
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{INK}"/></marker></defs>'
        )
        ground = f'<rect width="{self.width}" height="{self.height}" fill="white"/>'
        return "\n".join([head, marker, ground, *self.parts, "</svg>", ""])


def array_diagram(config: ArrayConfig) -> str:
    """The array: three streams, operand alignment, PEs in step, one control."""
    sheet = Sheet(860, 396)
    words = config.lanes * config.format.bits
    sheet.arrow((20, 80), (150, 80), label=f"tiles, {config.payload_bits['tiles']} bits")
    sheet.arrow((20, 150), (150, 150), label=f"acts, {config.payload_bits['acts']} bits")
    notes = ["one register", "for each input", "stream; pairs", "a tile's beats", "with its acts"]
    sheet.box((150, 40), (150, 150), ["operand alignment", *notes])
    for number, y in enumerate((40, 118, 228)):
        sheet.arrow((300, 60), (410, 60), (410, y + 20), (510, y + 20), label="" if number else f"{words} bits per PE")
        sheet.arrow((300, 170), (450, 170), (450, y + 40), (510, y + 40))
        sheet.arrow((660, y + 30), (715, y + 30))
        name = f"PE {number if number < 2 else config.pe - 1}"
        sheet.box((510, y), (150, 60), [name, "one output channel"], MOVES)
    sheet.text((340, 188), "same acts")
    sheet.text((345, 202), "for all PEs")
    sheet.text((585, 208), "...", bold=True)
    sheet.box((715, 40), (12, 248), [""])
    sheet.text((721, 32), "side by side", color=MUTED)
    sheet.arrow((727, 160), (850, 160), label=f"sums, {config.payload_bits['sums']} bits")
    sheet.text((788, 178), f"{config.pe} x {config.acc_bits} bits", color=MUTED)
    sheet.box((150, 326), (510, 56), ["control", "delays the three bits of each beat: valid, first word, ends"])
    sheet.arrow((200, 190), (200, 326), bus=False)
    sheet.text((207, 248), "three", anchor="start")
    sheet.text((207, 262), "bits", anchor="start")
    sheet.arrow((260, 326), (260, 190), bus=False)
    sheet.text((267, 262), "enable", anchor="start")
    sheet.arrow((585, 326), (585, 288), bus=False)
    sheet.text((592, 312), "enable, three bits", anchor="start")
    sheet.arrow((660, 342), (850, 342), label="sums__valid", bus=False)
    sheet.arrow((850, 366), (660, 366), bus=False)
    sheet.text((755, 382), "sums__ready")
    return sheet.svg()


def pe_diagram(config: ArrayConfig) -> str:
    """One PE: lanes, adder chains and tree, residual shift, accumulator, sum."""
    chains = config.schedule.chains
    sheet = Sheet(1100, 110 + 110 * len(chains))
    middle, bottom = 20 + 55 * len(chains), 20 + 110 * len(chains)
    for number, lanes in enumerate(chains):
        y = 20 + 110 * number
        sheet.arrow((10, y + 25), (60, y + 25), label="words")
        sheet.arrow((10, y + 65), (60, y + 65), label="acts")
        notes = ["decode the word,", "load the act into", f"one of {_options(config)} registers*"]
        sheet.box((60, y), (150, 90), [f"lanes {lanes[0]} to {lanes[-1]}", *notes], MOVES)
        for option in range(_options(config)):
            wire = y + 45 + 18 * (option - (_options(config) - 1) / 2)
            sheet.arrow((210, wire), (322, wire))
            sheet.register(266, wire - 7, wire + 7)
        sheet.text((266, y + 6), "one-hot")
        notes = ["OR of the registers,", "flip if negative, add:", f"{config.schedule.chain_levels} adders, each"]
        sheet.box((322, y + 5), (170, 80), ["adder chain", *notes, "with a register"])
        sheet.arrow((492, y + 45), (508, y + 45), (508, middle - 5), (524, middle - 5))
    _accumulator(sheet, config, middle - 5)
    controls = (710, "first word", middle + 35), (801, "valid", middle + 15)
    for x, name, tip in (*controls, (920, "ends: clear", middle - 45), (1008, "ends: load", middle + 35)):
        sheet.arrow((x, bottom + 40), (x, tip), bus=False)
        sheet.text((x + 6, bottom + 34), name, anchor="start")
    sheet.text((640, bottom + 34), "control:", color=MUTED)
    sheet.register(14, bottom + 24, bottom + 40)
    skews = " ".join(str(config.schedule.skew(lane)) for lane in chains[0])
    lines = (
        ("register", 26, 36),
        (f"words: {config.format.bits} bits, acts: {config.format.act_bits} bits", 120, 36),
        (f"skew of the lanes of a chain, in cycles: {skews}", 120, 54),
        ("* the first lane of a chain has one register", 120, 72),
    )
    for line, x, y in lines:
        sheet.text((x, bottom + y), line, anchor="start")
    return sheet.svg()


def _options(config: ArrayConfig) -> int:
    """Registers of a lane's one-hot operand select."""
    return min(config.choices, last_shifts(config.format))


def _accumulator(sheet: Sheet, config: ArrayConfig, middle: float) -> None:
    """The second half of a PE, around the line `middle`."""
    top, width = middle - 40, config.acc_bits
    sheet.box((524, top), (94, 80), ["adder tree", "the operand", "of the beat"])
    sheet.arrow((618, middle), (650, middle))
    sheet.register(632, middle - 30, middle + 30)
    notes = [f"times {1 << config.format.residual_shift} in a", "first-word beat"]
    sheet.box((650, top), (120, 80), ["residual shift", *notes])
    sheet.arrow((770, middle), (788, middle))
    sheet.box((788, middle - 20), (26, 40), ["+"])
    sheet.arrow((814, middle), (835, middle), (835, middle - 65), (850, middle - 65))
    sheet.box((850, middle - 90), (100, 50), ["accumulator", f"{width} bits"], HELD)
    sheet.arrow((900, middle - 90), (900, middle - 102), (801, middle - 102), (801, middle - 20))
    sheet.arrow((835, middle), (970, middle))
    sheet.box((970, top), (76, 80), ["sum", f"{width} bits"], HELD)
    sheet.arrow((1046, middle), (1076, middle))
    sheet.text((874, middle - 6), "sum so far")


def lane_diagram(config: ArrayConfig) -> str:
    """The first two lanes of a chain and the adder between them: one register, and a one-hot operand select."""
    sheet, options = Sheet(960, 370), _options(config)
    sheet.text((20, 22), "lane 0, the first of its chain", bold=True, anchor="start")
    sheet.arrow((20, 60), (90, 60), label="word")
    sheet.box((90, 40), (110, 40), ["decoder"])
    sheet.arrow((20, 110), (230, 110), label="act")
    sheet.arrow((200, 60), (300, 60), (300, 85), bus=False)
    sheet.text((250, 56), "places, sign")
    sheet.box((230, 85), (140, 50), ["shift", "and flip the bits"], MOVES)
    sheet.arrow((370, 110), (740, 110), (740, 190))
    sheet.register(400, 85, 135)
    sheet.text((400, 78), "product")
    sheet.arrow((145, 80), (145, 150), (400, 150), (400, 135), bus=False)
    sheet.text((272, 164), "clear if the word is zero")

    top = 215
    sheet.text((20, 200), "lane 1: one-hot operand select", bold=True, anchor="start")
    sheet.arrow((20, 330), (90, 330), label="word")
    sheet.box((90, 310), (110, 40), ["decoder"])
    sheet.text((125, 218), "act")
    sheet.text((206, 358), "clear all but one; clear all if the word is zero", anchor="start")
    places = last_step(config.format) * last_shifts(config.format) // options
    for option in range(options):
        y = top + 25 * option
        sheet.arrow((20, top + 10), (230, top + 10), (230, y + 10), (500, y + 10))
        sheet.register(320, y, y + 20)
        sheet.text((310, y + 6), f"times {1 << places * option}", anchor="end")
    for option in reversed(range(options)):
        sheet.arrow((200, 330), (340, 330), (340, top + 25 * option + 15), (325, top + 25 * option + 15), bus=False)
    height = 25 * options - 5
    sheet.box((500, top), (60, height), ["OR"])
    sheet.arrow((560, top + height / 2), (595, top + height / 2))
    sheet.box((595, top + height / 2 - 25), (100, 50), ["XOR", "flip the bits"])
    sheet.arrow((695, top + height / 2), (715, top + height / 2), (715, 215), (722, 215))
    sheet.box((722, 190), (36, 50), ["+"])
    sheet.arrow((758, 215), (920, 215))
    sheet.register(800, 190, 240)
    sheet.text((868, 208), "to the next adder")
    sheet.arrow((200, 44), (570, 44), (570, 150), (748, 150), (748, 190), bus=False)
    sheet.register(570, 65, 85)
    sheet.text((580, 60), "sign of lane 0", anchor="start")
    sheet.text((756, 178), "carry in", anchor="start")
    sheet.arrow((200, 340), (645, 340), (645, top + height / 2 + 25), bus=False)
    sheet.register(560, 330, 350)
    sheet.text((652, 334), "sign", anchor="start")
    return sheet.svg()


def flow_diagram(config: ArrayConfig) -> str:
    """A two-word tile A and a one-word tile B that ends the dot product, stage by stage and cycle by cycle.

    The stages are those of the schedule; accumulator and sum, the last ones, are drawn apart. The sums are those of
    the example in docs/architecture.md.
    """
    rows = config.schedule.rows()
    stages, done = rows[: -1 - config.schedule.buffered], rows[-1][1]
    added = done - config.schedule.buffered  # when the accumulator has the first operand
    left, column, row, top = 240, 62, 30, 30
    cycles = done + 3
    beats = ("A1", MOVES), ("A2", MOVES), ("B", HELD)
    passed = {name: [(first + late, *beat) for late, beat in enumerate(beats)] for name, first in stages}
    sums = [(added, "-48", PLAIN), (added + 1, "-24", PLAIN), (done + 2, "0", PLAIN)]
    if config.schedule.buffered:
        sums.insert(2, (added + 2, "296", PLAIN))
    table = {
        "acts__ready": [(0, "1", PLAIN), (1, "0", PLAIN), *((cycle, "1", PLAIN) for cycle in range(2, cycles))],
        "transfer of the acts": [(0, "a", MOVES), (2, "b", HELD)],
        "acts in their input register": [(1, "a", MOVES), (2, "a", MOVES), (3, "b", HELD)],
        **passed,
        "accumulator": sums,
        "transfer of the sum": [(done + 2, "296", GIVEN)],
    }
    sheet = Sheet(left + column * cycles + 10, top + row * len(table))
    sheet.text((left - 10, top - 10), "cycle", color=MUTED, anchor="end")
    for cycle in range(cycles):
        sheet.text((left + column * (cycle + 0.5), top - 10), str(cycle), color=MUTED)
    for level, (stage, cells) in enumerate(table.items()):
        sheet.text((left - 10, top + row * level + 19), stage, anchor="end")
        for cycle, label, fill in cells:
            sheet.box((left + column * cycle + 2, top + row * level + 4), (58, 22), [label], fill)
    return sheet.svg()
