"""Timing diagrams as SVG, drawn from what a simulator recorded of a small array."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from vcd.reader import ScopeDecl, TokenKind, VarDecl, tokenize

from hw.config import ArrayConfig
from rtl_gen.manifest import Build
from rtl_gen.simulator import simulate_tensor
from rtl_gen.testbench import Stalls
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor

CONFIG = ArrayConfig(pe=1, lanes=1, depth=3)
STREAMS = ("tiles", "acts", "sums")
COLUMN, ROW, LEFT, TOP = 58, 26, 112, 26
INK, MUTED, MOVES, HELD = "#222222", "#8a8a8a", "#bfe3c6", "#f6ddb5"

Cycle = dict[str, int]
"""What each of the array's ports was at one rising clock edge."""


def example() -> tuple[StlqTensor, np.ndarray]:
    """A dot product of three tiles, the second with two words, and two vectors of activations for it."""
    tensor = StlqTensor(
        word1=np.array([[1, -2, 3]], np.int8),
        word2=np.array([[0, 1, 0]], np.int8),
        two_word=np.array([[0, 1, 0]], np.uint8),
        scale=np.array(1, np.float32),
        format=StlqFormat(),
        tile=(1, 1),
    )
    return tensor, np.array([[10, 3, -7], [1, 2, 3]])


def record(build: Build, folder: Path, stalls: Stalls) -> list[Cycle]:
    """The ports in every cycle from the first to the last in which a transfer was possible."""
    waves = folder / "waves.vcd"
    simulate_tensor(build, *example(), stalls=stalls, waves=waves)
    cycles = list(_sample(waves, CONFIG.name))
    busy = [i for i, cycle in enumerate(cycles) if any(cycle[f"{s}__valid"] for s in STREAMS)]
    return cycles[busy[0] : busy[-1] + 2]


def _sample(path: Path, name: str) -> Iterator[Cycle]:
    scopes: list[str] = []
    ports: dict[str, list[str]] = {}
    now: Cycle = {}
    pending: Cycle = {}
    with path.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE and isinstance(token.data, ScopeDecl):
                scopes.append(token.data.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR and isinstance(token.data, VarDecl):
                if scopes == ["testbench", "array"]:
                    ports.setdefault(token.data.id_code, []).append(token.data.reference)
            elif token.kind in (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR):
                value = token.scalar_change if token.kind is TokenKind.CHANGE_SCALAR else token.vector_change
                pending |= dict.fromkeys(ports.get(value.id_code, ()), _known(value.value))
            elif token.kind is TokenKind.CHANGE_TIME:
                # What changes with the edge was not yet there at the edge.
                if pending.get("clk") == 1 and now.get("clk") == 0 and not now.get("rst"):
                    yield dict(now)
                now |= pending
                pending = {}


def _known(value: int | str) -> int:
    """A value of the waves; a text has unknown bits, which never count: 0 stands for them."""
    return value if isinstance(value, int) else int(re.sub("[^01]", "0", value), 2)


@dataclass(frozen=True)
class Drawing:
    """An SVG of `cycles`, and the cycles in which a stream moves."""

    cycles: Sequence[Cycle]

    def svg(self) -> str:
        """The picture."""
        parts: list[str] = []
        row = 0.0
        for stream in STREAMS:
            for signal in ("valid", "ready"):
                parts += self._wire(row, f"{stream}__{signal}")
                row += 1
            parts += self._payload(row, stream)
            row += 1.6
        parts = [*self._columns(TOP + ROW * (row - 0.6)), *parts]
        width, height = LEFT + COLUMN * len(self.cycles) + 8, int(TOP + ROW * row)
        parts += [
            swatch(LEFT, height, MOVES, "transferred"),
            swatch(LEFT + 130, height, HELD, "valid, waits for ready"),
        ]
        height += 22
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="11">'
        )
        return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""])

    def moves(self, stream: str) -> list[int]:
        """The cycles in which `stream` transfers a beat."""
        return [i for i, c in enumerate(self.cycles) if c[f"{stream}__valid"] and c[f"{stream}__ready"]]

    def _columns(self, bottom: float) -> Iterator[str]:
        for i in range(len(self.cycles)):
            x = LEFT + COLUMN * i
            yield f'<line x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{bottom:g}" stroke="#e6e6e6"/>'
            yield text(x + COLUMN / 2, TOP - 12, str(i), MUTED)

    def _wire(self, row: float, name: str) -> list[str]:
        low, high = TOP + ROW * row + 19, TOP + ROW * row + 5
        points = []
        for i, cycle in enumerate(self.cycles):
            y = high if cycle[name] else low
            points += [f"{LEFT + COLUMN * i},{y:g}", f"{LEFT + COLUMN * (i + 1)},{y:g}"]
        line = f'<polyline points="{" ".join(points)}" fill="none" stroke="{INK}" stroke-width="1.5"/>'
        return [text(LEFT - 8, low - 2, name, INK, "end"), line]

    def _payload(self, row: float, stream: str) -> list[str]:
        y = TOP + ROW * row + 2
        parts = [text(LEFT - 8, y + 15, f"{stream}__payload", INK, "end")]
        residual = False
        for i, cycle in enumerate(self.cycles):
            if not cycle[f"{stream}__valid"]:
                continue
            label, two_word = _label(stream, cycle[f"{stream}__payload"], residual)
            moves = i in self.moves(stream)
            residual = two_word and not residual if moves else residual
            parts.append(
                f'<rect x="{LEFT + COLUMN * i + 1.5}" y="{y:g}" width="{COLUMN - 3}" height="20" rx="3" '
                f'fill="{MOVES if moves else HELD}"/>'
            )
            parts.append(text(LEFT + COLUMN * (i + 0.5), y + 14, label, INK))
        return parts


def _label(stream: str, payload: int, residual: bool) -> tuple[str, bool]:
    """What a payload says, and whether its two_word flag is set."""
    if stream == "sums":
        return str(_signed(payload, CONFIG.acc_bits)), False
    if stream == "acts":
        return f"a={_signed(payload, CONFIG.format.act_bits)}", False
    bits = CONFIG.format.bits
    word, two_word, last = _signed(payload & ((1 << bits) - 1), bits), payload >> bits & 1, payload >> (bits + 1)
    note = " res" if residual else " two" if two_word else " last" if last else ""
    return f"{word}{note}", bool(two_word)


def _signed(value: int, bits: int) -> int:
    return value - (value >> (bits - 1) << bits)


def swatch(x: float, y: float, color: str, meaning: str) -> str:
    """A color of a legend."""
    return f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" fill="{color}"/>' + text(
        x + 18, y + 10, meaning, INK, "start"
    )


def text(x: float, y: float, words: str, color: str, anchor: str = "middle") -> str:
    """Text at its base line."""
    return f'<text x="{x:g}" y="{y:g}" fill="{color}" text-anchor="{anchor}">{words}</text>'
