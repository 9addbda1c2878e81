"""Passes to jobs: tiles, groups, and the loops that walk over them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from hw.engine.encoding import ADDRESS_BITS, JOB, Kind
from rtl_gen.compiler.channels import Formula, added_terms, reach, with_kept_codes
from rtl_gen.compiler.loops import Loop, steps_of, trips_of, walk_of
from rtl_gen.compiler.passes import Axis, Channel, Pass
from rtl_gen.compiler.program import Group, Job
from rtl_gen.compiler.views import View
from rtl_gen.compiler.window import Slide, slides_of
from rtl_gen.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Run:
    """Some of a pass's groups, one after the other: each reads `words` words, from `start` + `step` * group on."""

    groups: range
    start: int
    step: int
    words: int


def make_job(layer: str, kind: Kind, loops: Mapping[str, Loop], groups: Sequence[Group], **fields: int) -> Job:
    """A job; fields that are not given are 0."""
    values = {**dict.fromkeys(JOB, 0), **trips_of(loops), **fields, "kind": int(kind)}
    for name, field in JOB.items():
        if values[name] not in field.span:
            allowed = f"{field.span[0]} to {field.span[-1]}"
            raise UsageError(f"{layer}: {name} is {values[name]}; allowed in an engine: {allowed}")
    return Job(layer=layer, fields=values, steps=steps_of(loops), groups=groups)


def pass_jobs(whole: Pass, config: EngineConfig, bases: Mapping[str, int], pads: Mapping[int, int]) -> Iterator[Job]:
    """The jobs of a pass, none of which needs what another one writes.

    `bases`: address of each buffer; `pads`: address of a word of each zero point.
    Raises :class:`UsageError` for what does not fit a program's fields.
    """
    source = whole.source
    for run in _runs(_words_read(whole, config)):
        slide, groups = _form(whole, config, run)
        order = slide.order if slide else _order(whole, groups)
        groups = groups if len(order) == 3 else groups[:1]
        turns = {
            "columns": _turns(whole.columns, slide, "x", source.column),
            "rows": _turns(whole.rows, slide, "y", source.row),
            "words": Loop(trips=len(run.groups), address=run.step * _distance(source)),
        }
        loops = {name: turns[what] for name, what in zip(("x", "y", "group"), order, strict=False)}
        loops |= _pool_loops(whole)
        at = source.offset + _origin(whole.rows, source.row) + _origin(whole.columns, source.column)
        fields = {
            "add_terms": max(added_terms(scale) for group in groups for scale in group.scales),
            "address": (bases[source.buffer] + at + run.start * _distance(source)) % (1 << ADDRESS_BITS),
            "x": whole.columns.window.origin,
            "y": whole.rows.window.origin,
            "width": source.shape[2],
            "height": source.shape[1],
            "pad_address": pads[whole.zero] if whole.pads else 0,
            "low": whole.low,
            "high": whole.high,
            **(slide.fields if slide else {}),
            **_walk("write", whole, whole.target, run, order, bases),
        }
        if whole.added is not None:
            fields |= _walk("add", whole, whole.added, run, order, bases)
        tile_loops = _tile_loops(whole, run)
        loops |= slide.loops(tile_loops) if slide else tile_loops
        job = make_job(whole.layer, Kind.CONV, loops, groups, **fields)
        yield replace(job, fields={**job.fields, "table": int(bool(whole.table))}, table=whole.table)


def _form(whole: Pass, config: EngineConfig, run: Run) -> tuple[Slide | None, list[Group]]:
    """The groups of a run, and how a window slides: in the form that takes fewest cycles, without one if they tie."""
    best: tuple[Slide | None, list[Group]] | None = None
    least = 0
    for slide in [None, *(slides_of(whole, config) if run.words == 1 else [])]:
        groups = [_group(whole, config, number, run, slide) for number in run.groups]
        positions = whole.rows.window.outputs * whole.columns.window.outputs
        if slide:
            positions = positions // slide.along.window.outputs * slide.reads
        cycles = positions * sum(group.beats + group.idle for group in groups)
        if best is None or cycles < least:
            best, least = (slide, groups), cycles
    assert best is not None
    return best


def _turns(axis: Axis, slide: Slide | None, coordinate: str, size: int) -> Loop:
    """The loop over an axis: by the outputs' stride, or by the columns that a window reads."""
    if slide and slide.along is axis:
        return Loop(trips=slide.reads, address=size, **{coordinate: 1})
    return Loop(trips=axis.window.outputs, **_moves(axis, "stride", coordinate, size))


def _pool_loops(whole: Pass) -> dict[str, Loop]:
    """The positions of a window of which the greatest code is written."""
    if whole.pool is None:
        return {}
    rows, columns = (Axis(window=window) for window in whole.pool)
    return {
        "pool_x": Loop(trips=columns.window.taps, **_moves(columns, "dilation", "x", whole.source.column)),
        "pool_y": Loop(trips=rows.window.taps, **_moves(rows, "dilation", "y", whole.source.row)),
    }


def _order(whole: Pass, groups: Sequence[Group]) -> tuple[str, ...]:
    """The positions and groups that the loops x, y and group walk over.

    Groups that are all the same are one group, whose positions are the words, if a row or a column of them is free.
    """
    if all(group.same(groups[0]) for group in groups[1:]):
        if whole.columns.window.outputs == 1:
            return ("words", "rows")
        if whole.rows.window.outputs == 1:
            return ("columns", "words")
    return ("columns", "rows", "words")


def _distance(source: View) -> int:
    """From a word that a group reads to that of the next group."""
    steps = source.word_steps
    return int(steps[1]) if len(steps) > 1 else 0


def _moves(axis: Axis, what: str, coordinate: str, size: int) -> dict[str, int]:
    """How a loop moves along an axis: positions and words."""
    distance = getattr(axis.window, what)
    return {"address": distance * size, coordinate: distance}


def _origin(axis: Axis, size: int) -> int:
    return axis.window.origin * size


def _tile_loops(whole: Pass, run: Run) -> dict[str, Loop]:
    source = whole.source
    if len(source.words) == 1:
        columns, rows = whole.columns, whole.rows
        return {
            "channel": Loop(trips=run.words, address=source.word_step),
            "kernel_x": Loop(trips=columns.window.taps, **_moves(columns, "dilation", "x", source.column)),
            "kernel_y": Loop(trips=rows.window.taps, **_moves(rows, "dilation", "y", source.row)),
        }
    if whole.taps > 1 or len(source.words) > 3:
        raise UsageError(f"{whole.layer}: reads a flattened tensor with a kernel; allowed in an engine: 1 x 1")
    names = ("channel", "kernel_x", "kernel_y")
    return {name: Loop(trips=trips, address=step) for name, (trips, step) in zip(names, source.words, strict=False)}


def _words_read(whole: Pass, config: EngineConfig) -> list[tuple[int, int]]:
    """For each group, the first and the last of the source's words that it reads."""
    count = -(-(int(whole.target.slots.max()) + 1) // config.array.pe)
    if len(whole.source.words) > 1:
        return [(0, whole.source.word_count - 1)] * count
    words = whole.source.slots[whole.inputs] // config.array.lanes
    group = whole.target.slots // config.array.pe
    reads = []
    for number in range(count):
        own = words[group == number]
        reads.append((int(own.min()), int(own.max())) if own.size else (0, 0))
    return reads


def _runs(reads: Sequence[tuple[int, int]]) -> Iterator[Run]:
    """Groups whose first words follow each other at one distance, each with as many."""
    start = 0
    while start < len(reads):
        first, last = reads[start]
        words, end, step = last - first + 1, start + 1, 0
        while end < len(reads) and reads[end][1] - reads[end][0] + 1 == words:
            distance = reads[end][0] - reads[end - 1][0]
            if end > start + 1 and distance != step:
                break
            step, end = distance, end + 1
        yield Run(groups=range(start, end), start=first, step=step, words=words)
        start = end


def _walk(
    stream: str, whole: Pass, view: View, run: Run, order: Sequence[str], bases: Mapping[str, int]
) -> dict[str, int]:
    """How words are written, or those to add are read: x, y, group."""
    rows, columns = whole.rows, whole.columns
    turns = {
        "columns": Loop(trips=columns.window.outputs, address=columns.step * view.column),
        "rows": Loop(trips=rows.window.outputs, address=rows.step * view.row),
        "words": Loop(trips=len(run.groups), address=view.word_step),
    }
    names = (f"{stream}_step_x", f"{stream}_step_y", f"{stream}_step_group")
    steps = [*walk_of([turns[what] for what in order]), 0]
    at = view.offset + rows.first * view.row + columns.first * view.column + run.groups.start * view.word_step
    return {f"{stream}_address": bases[view.buffer] + at, **dict(zip(names, steps, strict=False))}


def _group(whole: Pass, config: EngineConfig, number: int, run: Run, slide: Slide | None) -> Group:
    """The tiles of one group, in the order of the loops, and its channels' parameters."""
    pe = config.array.pe
    channels = np.flatnonzero(whole.target.slots // pe == number)
    if slide is None:
        tiles = _tiles(whole, config, run, run.start + run.step * (number - run.groups.start), channels)
    else:
        own = whole.target.slots[channels] % pe
        tiles = [slide.tiles(words[channels, 0], own, config) for words in (whole.word1, whole.word2)]
    two_word = np.asarray(tiles[1].any(axis=(1, 2)), np.uint8)
    parameters: list[Channel] = [Formula().parameters()] * pe
    for channel in channels.tolist():
        parameters[int(whole.target.slots[channel] % pe)] = _parameters(whole, config, channel)
    terms = max(added_terms(scale) for scale, _ in whole.channels)
    beats, steps = len(two_word) + int(two_word.sum()), config.requant_steps * (1 + terms)
    return Group(
        tiles=len(two_word),
        idle=slide.idle(beats, steps) if slide else max(steps - beats, 0),
        two_word=two_word,
        word1=tiles[0],
        word2=tiles[1],
        scales=[scale for scale, _ in parameters],
        offsets=[offset for _, offset in parameters],
    )


def _tiles(whole: Pass, config: EngineConfig, run: Run, first: int, channels: NDArray[Any]) -> list[NDArray[np.int8]]:
    """Both words of the tiles of one group's `channels`, whose memory words begin with `first`: (tiles, pe, lanes).

    Tiles come by kernel row and column, then words.
    """
    pe, lanes = config.array.tile
    word, lane = np.divmod(whole.source.slots[whole.inputs[channels]], lanes)
    own = (whole.target.slots[channels] % pe)[:, None]
    tiles = []
    for words in (whole.word1[channels], whole.word2[channels]):
        made = np.zeros((whole.taps, run.words, pe, lanes), np.int8)
        made[:, word - first, own, lane] = np.moveaxis(words.reshape(*word.shape, -1), 2, 0)
        tiles.append(made.reshape(-1, pe, lanes))
    return tiles


def _parameters(whole: Pass, config: EngineConfig, channel: int) -> Channel:
    """A channel's parameters. Raises :class:`UsageError` if a sum or what becomes of it could overflow."""
    fmt = config.core.format
    terms = np.array([fmt.term(q) for q in range(-fmt.levels, fmt.levels)])
    one, two = (terms[words[channel].reshape(-1) + fmt.levels] for words in (whole.word1, whole.word2))
    weights = (one << fmt.residual_shift) + two
    size = int((np.abs(one) << fmt.residual_shift).sum() + np.abs(two).sum())
    sums = size * -fmt.act_min
    if sums >= 1 << (config.core.acc_bits - 1):
        raise UsageError(
            f"{whole.layer}, channel {channel}: sums need a depth of {-(-size // fmt.weight_max)}; the engine has "
            f"{config.array.depth}: --depth"
        )
    scale, offset = with_kept_codes(whole.channels[channel], int(weights.sum()), fmt.act_bits)
    if reach(scale, offset, sums, config.array.format.act_max) >= 1 << (config.product_bits - 1):
        raise UsageError(
            f"{whole.layer}, channel {channel}: sum, bias and what is added need more than "
            f"{config.product_bits} bits; allowed: a larger --depth, or smaller shifts"
        )
    return scale, offset
