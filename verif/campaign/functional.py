"""Functional coverage of a trace: words x activations x flags x stalls, as the array meets them."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from hw.config import ArrayConfig
from verif.hw.scoreboard import unpack_signed
from verif.hw.trace import Cycle, Trace

BEATS = ("only word", "first word", "residual word")


class Bin(NamedTuple):
    """What one lane meets: a word's code, a kind of activation, a kind of beat, and stalls.

    `waited`: the beat was not taken when it was first offered.  `sums_wait`: a sum is offered and not taken.
    """

    code: int
    act: str
    beat: str
    last: bool
    waited: bool
    sums_wait: bool


def all_bins(config: ArrayConfig) -> set[Bin]:
    """All bins.  Unsigned activations have none for a negative extreme."""
    fmt = config.format
    kinds = {_kind(config, act) for act in (fmt.act_min, 0, fmt.act_max)} | {"other"}
    flags = (False, True)
    return {Bin(*values) for values in product(fmt.codes, kinds, BEATS, flags, flags, flags)}


def bins_of(trace: Trace) -> set[Bin]:
    """The bins that the trace reaches."""
    found: set[Bin] = set()
    part: list[Cycle] = []
    for cycle in trace.cycles:
        if cycle.rst:
            found.update(_part(trace.config, part))
            part = []
        else:
            part.append(cycle)
    return found | set(_part(trace.config, part))


def _part(config: ArrayConfig, cycles: list[Cycle]) -> Iterator[Bin]:
    """The bins of the cycles between two resets: every tiles beat with the activations that it meets."""
    fmt, size = config.format, config.words_per_beat
    acts = [cycle.acts for cycle in cycles if cycle.acts_valid and cycle.acts_ready]
    used, flags, residual, waited = 0, 0, False, False
    for cycle in cycles:
        if not (cycle.tiles_valid and cycle.tiles_ready):
            waited = cycle.tiles_valid
            continue
        flags = flags if residual else cycle.tiles >> size * fmt.bits
        if used == len(acts):
            return
        kind = BEATS[2] if residual else BEATS[flags & 1]
        sums_wait = cycle.sums is not None and not cycle.sums_ready
        values = unpack_acts(config, acts[used])
        for index, code in enumerate(unpack_signed(cycle.tiles, size, fmt.bits)):
            for act in values[index % config.lanes :: config.lanes]:
                yield Bin(code, _kind(config, act), kind, bool(flags & 2), waited, sums_wait)
        residual = bool(flags & 1) and not residual
        used += not residual
        waited = False


def unpack_acts(config: ArrayConfig, payload: int) -> list[int]:
    """The activations of an `acts` beat: those of the first pixel from lane 0 up, then those of the next."""
    fmt = config.format
    if fmt.act_signed:
        return unpack_signed(payload, config.acts_per_beat, fmt.act_bits)
    return [payload >> fmt.act_bits * index & fmt.act_max for index in range(config.acts_per_beat)]


def _kind(config: ArrayConfig, act: int) -> str:
    return {config.format.act_max: "max", 0: "zero", config.format.act_min: "min" if act else "zero"}.get(act, "other")
