"""Jobs that move codes: from the input port, to the output port, and one code to many words."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hw.engine.encoding import Kind
from rtl_gen.compiler.jobs import make_job
from rtl_gen.compiler.loops import Loop
from rtl_gen.compiler.program import Group, Job
from rtl_gen.compiler.views import View


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Channels that fill `lanes` lanes of each of `words` words, from slot `slot` on."""

    slot: int
    words: int
    lanes: int


def fill_job(layer: str, code: int, address: int, words: int = 1) -> Job:
    """Write a code to all lanes of some words."""
    trips = max(n for n in range(1, min(words, 4096) + 1) if words % n == 0)
    loops = {"x": Loop(trips=trips, address=1), "y": Loop(trips=words // trips, address=trips)}
    return make_job(layer, Kind.FILL, loops, [Group(tiles=1)], address=address, low=code, width=1, height=1, wait=1)


def transfer_jobs(kind: Kind, name: str, view: View, base: int, *, pairs: bool = False) -> list[Job]:
    """The jobs that take or give a tensor's codes in the order of its file: x, then y, then channel.

    `pairs`: two codes at a time, where all come in pairs for neighbouring lanes.
    """
    name = f"{kind.name.lower()} {name}"
    if view.folded:
        jobs = list(_folded(kind, name, view, base, 1 + (pairs and folded_pairs(view.fold, view.phase))))
    else:
        jobs = list(_plain(kind, name, view, base, 1 + (pairs and _channel_pairs(view))))
    last = jobs[-1]
    return [*jobs[:-1], replace(last, fields={**last.fields, "last": 1})]


def folded_pairs(fold: tuple[int, int], phase: tuple[int, int]) -> bool:
    """Whether two codes that follow each other are in neighbouring lanes, the first of which is even."""
    return fold[1] % 2 == 0 and not phase[1]


def _channel_pairs(view: View) -> bool:
    """The same of a view that is not folded: its channels follow each other where it has one pixel."""
    return view.shape[1:] == (1, 1) and not any(part.slot % 2 or part.lanes % 2 for part in stretches(view))


def _plain(kind: Kind, name: str, view: View, base: int, count: int) -> Iterator[Job]:
    """x of the address generator stands for the lane; `count`: codes at a time."""
    _, height, width = view.shape
    steps = view.word_steps
    for part in stretches(view):
        word, lane = divmod(part.slot, view.lanes)
        loops = {
            "pool_x": Loop(trips=width, address=view.column),
            "pool_y": Loop(trips=height, address=view.row),
            "x": Loop(trips=part.lanes // count, x=count),
            "y": Loop(trips=part.words, address=int(steps[1]) if part.words > 1 else 0),
        }
        address = base + view.offset + int(steps[word])
        yield _transfer(kind, name, view, loops, address, lane, count)


def stretches(view: View) -> Iterator[Stretch]:
    """A view's channels in order: as many at once as loops can follow."""
    breaks = np.flatnonzero(np.diff(view.slots) != 1) + 1
    for run in np.split(view.slots, breaks):
        slot, left = int(run[0]), len(run)
        while left:
            lanes = min(view.lanes - slot % view.lanes, left)
            words = max(left // view.lanes, 1) if lanes == view.lanes and len(view.words) == 1 else 1
            yield Stretch(slot=slot, words=words, lanes=lanes)
            slot, left = slot + words * lanes, left - words * lanes


def _folded(kind: Kind, name: str, view: View, base: int, count: int) -> Iterator[Job]:
    """The pixels of a word one after the other; rows that do not fill words have jobs of their own."""
    channels, height, width = view.shape
    rows, columns = view.fold
    address = base + view.offset
    whole, rest = divmod(height, rows) if not view.phase[0] else (height // 2, 0)
    parts = [(0, channels)] if not rest else [(channel, 1) for channel in range(channels)]
    x, lane_x = _axis(columns, view.phase[1], width // columns, view.column, 1, count)
    for channel, turns in parts:
        for first, outer, inner in ((0, whole, rows), (whole, 1, rest)):
            if outer and inner:
                y, lane_y = _axis(inner, view.phase[0], outer, view.row, channels * columns)
                group = Loop(trips=turns, x=columns)
                loops = {"pool_x": x[0], "pool_y": x[1], "x": y[0], "y": y[1], "group": group}
                lane = channel * columns + lane_x + lane_y
                yield _transfer(kind, name, view, loops, address + first * view.row, lane, count)


def _axis(fold: int, phase: int, words: int, step: int, lanes: int, count: int = 1) -> tuple[list[Loop], int]:
    """The loops over the pixels of a word, `count` at a time, and over words, and the first pixel's lane."""
    # With a pixel before the first one: the second pixel of a word, then the first one of the next.
    inner = Loop(trips=2, address=step, x=-lanes) if phase else Loop(trips=fold // count, x=count * lanes)
    return [inner, Loop(trips=words, address=step)], phase * lanes


def _transfer(kind: Kind, name: str, view: View, loops: dict[str, Loop], address: int, lane: int, count: int) -> Job:
    groups = [Group(tiles=1)] * loops.get("group", Loop()).trips
    fields = {"address": address, "x": lane, "width": view.lanes, "height": 1, "wait": 1, "pairs": count - 1}
    return make_job(name, kind, loops, groups, **fields)
