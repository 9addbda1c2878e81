"""Programs as bytes: encoder and disassembler.  docs/program.md is the reference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.encoding import (
    ADD_TERMS,
    FLAGS_PER_WORD,
    GROUP,
    HEADER,
    JOB,
    LOOPS,
    STEP,
    TERM,
    Field,
    Kind,
    pack,
    unpack,
    width,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """The data of `pe` output channels: the tiles of one position, in the order of the loops, and the parameters.

    `tiles`: elements of a position; in a convolution its tiles.  `idle`: cycles before each position.  `two_word`:
    (tiles,).  `word1`, `word2`: codes (tiles, pe, lanes).  `scales`, `offsets`: of each of `pe` channels, the fields of
    its terms and of its offset.
    """

    tiles: int
    idle: int = 0
    two_word: NDArray[np.uint8] | None = None
    word1: NDArray[np.int8] | None = None
    word2: NDArray[np.int8] | None = None
    scales: Sequence[Sequence[Mapping[str, int]]] = ()
    offsets: Sequence[Mapping[str, int]] = ()

    def same(self, other: "Group") -> bool:
        """Whether the other group's program words are the same."""
        one, two = ([g.tiles, g.idle, list(g.scales), list(g.offsets)] for g in (self, other))
        words = [[None if a is None else a.tobytes() for a in (g.two_word, g.word1, g.word2)] for g in (self, other)]
        return one == two and words[0] == words[1]

    @property
    def beats(self) -> int:
        """Beats, or elements, of a position."""
        return self.tiles + (int(self.two_word.sum()) if self.two_word is not None else 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A job: its fields, the step of each loop (innermost first), its groups, its table if it has one; `layer` is for
    people."""

    layer: str
    fields: Mapping[str, int]
    steps: Sequence[Mapping[str, int]]
    groups: Sequence[Group]
    table: Sequence[int] = ()

    @property
    def kind(self) -> Kind:
        return Kind(self.fields["kind"])


@dataclass
class _Writer:
    """Bus words so far, and their running check."""

    bus_bits: int
    words: list[int] = field(default_factory=list)
    check: int = 0

    def bits(self, value: int, bits: int) -> None:
        for _ in range(-(-bits // self.bus_bits)):
            self.word(value & ((1 << self.bus_bits) - 1))
            value >>= self.bus_bits

    def word(self, word: int) -> None:
        self.words.append(word)
        self.check = encoding.checked(self.check, word, self.bus_bits)

    def section(self, layout: Mapping[str, Field], values: Mapping[str, int]) -> None:
        self.bits(pack(layout, values), width(layout))

    def end_check(self) -> None:
        bits = encoding.check_bits(self.bus_bits)
        self.word(((self.check << 1) | (self.check >> (bits - 1))) & ((1 << bits) - 1))


def encode(config: EngineConfig, jobs: Sequence[Job]) -> list[int]:
    """The bus words of a program: header, jobs, end.  Raises ``ValueError`` for a field out of range."""
    body = _Writer(config.bus_bits)
    for job in jobs:
        _encode_job(body, config, job)
    end = Job(layer="", fields=dict.fromkeys(JOB, 0), steps=(), groups=())
    _encode_job(body, config, end)
    header = _Writer(config.bus_bits)
    length = (config.slots(width(HEADER)) + 1 + len(body.words)) * config.bus_bits // 8
    values = {"magic": encoding.MAGIC, "version": encoding.VERSION, "reserved": 0, "engine": config.digest}
    header.section(HEADER, {**values, "length": length})
    header.end_check()
    return header.words + body.words


def to_bytes(config: EngineConfig, words: Sequence[int]) -> bytes:
    """A program's file: each bus word in little-endian order."""
    return b"".join(word.to_bytes(config.bus_bits // 8, "little") for word in words)


def to_words(config: EngineConfig, data: bytes) -> list[int]:
    """The bus words of whole words of bytes: undoes :func:`to_bytes`."""
    size = config.bus_bits // 8
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]


def _encode_job(out: _Writer, config: EngineConfig, job: Job) -> None:
    out.section(JOB, job.fields)
    for step in job.steps:
        out.section(STEP, step)
    for code in job.table:
        out.bits(code, config.code_bits)
    out.end_check()
    for group in job.groups:
        out.section(GROUP, {"tiles": group.tiles, "idle": group.idle})
        if group.two_word is not None:
            _encode_tiles(out, config, group)
            _encode_parameters(out, config, group, 1 + job.fields["add_terms"])


def _encode_tiles(out: _Writer, config: EngineConfig, group: Group) -> None:
    assert group.two_word is not None
    assert group.word1 is not None
    assert group.word2 is not None
    bits = config.array.format.bits
    flags = group.two_word.astype(int).tolist()
    for index, flag in enumerate(flags):
        if index % FLAGS_PER_WORD == 0:
            block = flags[index : index + FLAGS_PER_WORD]
            out.bits(sum(bit << at for at, bit in enumerate(block)), FLAGS_PER_WORD)
        for words in (group.word1[index], group.word2[index])[: 1 + flag]:
            codes = words.astype(int).reshape(-1).tolist()
            out.bits(sum((code & ((1 << bits) - 1)) << (at * bits) for at, code in enumerate(codes)), config.beat_bits)


def _encode_parameters(out: _Writer, config: EngineConfig, group: Group, terms: int) -> None:
    lanes = config.requant_lanes
    for first in range(0, config.array.pe, lanes):
        for term in range(terms):
            _encode_channels(out, TERM, [scale[term] for scale in group.scales[first : first + lanes]])
    for first in range(0, config.array.pe, lanes):
        _encode_channels(out, config.offset, group.offsets[first : first + lanes])


def _encode_channels(out: _Writer, layout: Mapping[str, Field], channels: Sequence[Mapping[str, int]]) -> None:
    size = width(layout)
    out.bits(sum(pack(layout, channel) << (at * size) for at, channel in enumerate(channels)), size * len(channels))


class ProgramError(ValueError):
    """Words that are no program."""


@dataclass
class _Reader:
    bus_bits: int
    words: Sequence[int]
    at: int = 0
    check: int = 0

    def bits(self, bits: int) -> int:
        value = 0
        for index in range(-(-bits // self.bus_bits)):
            if self.at == len(self.words):
                raise ProgramError(f"program ends after {self.at} words; allowed: an end job at its end")
            word = self.words[self.at]
            value |= word << (index * self.bus_bits)
            self.check = encoding.checked(self.check, word, self.bus_bits)
            self.at += 1
        return value

    def section(self, layout: Mapping[str, Field]) -> dict[str, int]:
        return unpack(layout, self.bits(width(layout)))

    def end_check(self) -> None:
        self.bits(encoding.check_bits(self.bus_bits))
        if self.check:
            raise ProgramError(f"check before word {self.at} is wrong")


def decode(config: EngineConfig, words: Sequence[int]) -> Iterator[Job]:
    """The jobs of a program, the inverse of :func:`encode` but for the layers' names.

    Raises :class:`ProgramError` where the engine would report an error.
    """
    reader = _Reader(config.bus_bits, words)
    header = reader.section(HEADER)
    for name, right in (("magic", encoding.MAGIC), ("version", encoding.VERSION), ("engine", config.digest)):
        if header[name] != right:
            raise ProgramError(f"{name} is {header[name]:#x}; allowed: {right:#x}")
    reader.end_check()
    while True:
        fields = reader.section(JOB)
        if fields["kind"] not in list(Kind):
            raise ProgramError(f"kind is {fields['kind']}; allowed: 0 to {max(Kind)}")
        steps = [reader.section(STEP) for _ in LOOPS] if fields["kind"] != Kind.END else []
        table = [reader.bits(config.code_bits) for _ in range(fields["table"] << config.code_bits)]
        reader.end_check()
        if fields["kind"] == Kind.END:
            return
        groups = [_decode_group(reader, config, fields) for _ in range(fields["trips_group"] + 1)]
        yield Job(layer="", fields=fields, steps=steps, groups=groups, table=table)


def _decode_group(reader: _Reader, config: EngineConfig, job: Mapping[str, int]) -> Group:
    values = reader.section(GROUP)
    if job["kind"] != Kind.CONV:
        return Group(tiles=values["tiles"], idle=values["idle"])
    words: tuple[list[Any], list[Any]] = ([], [])
    flags: list[int] = []
    block = 0
    for index in range(values["tiles"]):
        if index % FLAGS_PER_WORD == 0:
            block = reader.bits(FLAGS_PER_WORD)
        flags.append((block >> index % FLAGS_PER_WORD) & 1)
        for number in (0, 1):
            words[number].append(_codes(reader.bits(config.beat_bits) if number <= flags[-1] else 0, config))
    scales = _decode_scales(reader, config, 1 + job["add_terms"])
    chunks = range(config.requant_steps)
    offsets = [offset for _ in chunks for offset in _decode_channels(reader, config, config.offset)]
    return Group(
        tiles=values["tiles"],
        idle=values["idle"],
        two_word=np.array(flags, np.uint8),
        word1=np.array(words[0], np.int8),
        word2=np.array(words[1], np.int8),
        scales=scales,
        offsets=offsets,
    )


def _codes(beat: int, config: EngineConfig) -> NDArray[np.int8]:
    bits = config.array.format.bits
    values = [(beat >> (at * bits)) & ((1 << bits) - 1) for at in range(config.array.words_per_beat)]
    signs = [value - (1 << bits) if value >> (bits - 1) else value for value in values]
    return np.array(signs, np.int8).reshape(config.array.tile)


def _decode_scales(reader: _Reader, config: EngineConfig, terms: int) -> list[list[dict[str, int]]]:
    """The terms of each channel; those that the job has not are 0."""
    absent = [dict.fromkeys(TERM, 0)] * (1 + ADD_TERMS - terms)
    scales: list[list[dict[str, int]]] = []
    for _ in range(config.requant_steps):
        found = [_decode_channels(reader, config, TERM) for _ in range(terms)]
        scales += [[*own, *absent] for own in zip(*found, strict=True)]
    return scales


def _decode_channels(reader: _Reader, config: EngineConfig, layout: Mapping[str, Field]) -> list[dict[str, int]]:
    size = width(layout)
    bits = reader.bits(size * config.requant_lanes)
    return [unpack(layout, bits >> (at * size)) for at in range(config.requant_lanes)]
