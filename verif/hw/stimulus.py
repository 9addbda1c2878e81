"""What the benches send: quantized tensors with activations, the beats that they become, the golden sums."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from hw.config import BaseArrayConfig
from sw_ref.baseline_tensor import BaselineTensor
from sw_ref.integer import dot
from sw_ref.model import StlqTensor, load_model
from sw_ref.stream import act_beats, pack_fields, tile_stream
from verif.hw.baseline import extreme_codes


@dataclass(frozen=True)
class Job:
    """A weight tensor (O, I) and the activations (pixels, I) that it meets: a sums beat per `pe` output channels."""

    tensor: StlqTensor
    acts: np.ndarray


@dataclass(frozen=True)
class Stimulus:
    """The payloads of both input streams, the golden sums, and per dot product its final `tiles` beat.

    `ignored`: for each `tiles` beat the bits of its payload that the array must not look at, as a mask.
    """

    tiles: list[int]
    ignored: list[int]
    acts: list[int]
    sums: list[list[int]]
    ends: list[int]


def encode(config: BaseArrayConfig, jobs: Sequence[Job], rng: np.random.Generator) -> Stimulus:
    """Beats and golden sums of `jobs`; flags that the array ignores are noise, for simulators that know no X.

    Those are both flags of residual beats, and `two_word` of baselines.
    """
    payloads = Stimulus([], [], [], [], [])
    for job in jobs:
        beats = tile_stream(job.tensor)
        if config.format.residual_beats:
            ignored = 0b11 * np.append(0, beats.two_word[:-1])
        else:
            ignored = np.ones_like(beats.two_word)
        noise = rng.integers(0, 4, len(ignored)) & ignored
        flags_at = beats.words[0].size * config.format.bits
        before = len(payloads.tiles)
        last = np.flatnonzero(beats.last)
        payloads.ends.extend((before + last + beats.two_word[last]).tolist())
        beats_without = beats.payloads(config.format.bits)
        payloads.tiles.extend(
            beat | flags << flags_at for beat, flags in zip(beats_without, noise.tolist(), strict=True)
        )
        payloads.ignored.extend(flags << flags_at for flags in ignored.tolist())
        (acts,) = act_beats(job.tensor, job.acts, config.pixels)
        payloads.acts.extend(pack_fields(beat, config.format.act_bits) for beat in acts)
        weights = job.tensor if config.format.residual_beats else job.tensor.integers()
        golden = np.zeros((config.pixels, len(last) * config.pe), np.int64)
        golden[:, : len(job.tensor.word1)] = dot(weights, job.acts)
        by_row = golden.reshape(config.pixels, len(last), config.pe).swapaxes(0, 1)
        payloads.sums.extend(by_row.reshape(len(last), -1).tolist())
    return payloads


def make_job(
    config: BaseArrayConfig, word1: np.ndarray, word2: np.ndarray, two_word: np.ndarray, acts: np.ndarray
) -> Job:
    """A job of given codes (O, I); `two_word` (tiles of one row,) holds for every row, `word2` only where it is set.

    `acts`: one for each input, the same for all pixels; or (pixels, I). A baseline's weights have `word1` alone.
    """
    acts = np.broadcast_to(acts, (config.pixels, word1.shape[1])).astype(np.int32)
    fmt: Any = config.format
    if not fmt.residual_beats:
        tensor = BaselineTensor(word1.astype(np.int16), fmt, config.tile)
        return Job(cast(StlqTensor, tensor), acts)
    rows = -(-len(word1) // config.pe)
    held = np.repeat(two_word, config.lanes)[: word1.shape[1]]
    tensor = StlqTensor(
        word1=word1.astype(np.int8),
        word2=np.where(held, word2, 0).astype(np.int8),
        two_word=np.tile(two_word.astype(np.uint8), (rows, 1)),
        scale=np.array(1.0, np.float32),
        format=fmt,
        tile=config.tile,
    )
    return Job(tensor, acts)


def random_job(
    config: BaseArrayConfig, rng: np.random.Generator, inputs: int, two_word: Sequence[bool] | None = None
) -> Job:
    """Random codes and activations, extremes more often than not; flags random unless given (repeated as needed)."""
    fmt = config.format
    tiles = -(-inputs // config.lanes)
    flags = rng.random(tiles) < 0.5 if two_word is None else np.resize(np.array(two_word), tiles)
    rows = int(rng.integers(1, config.pe + 1)) if rng.random() < 0.2 else config.pe
    shape = (rows, max(inputs, config.lanes))
    codes = np.array(fmt.codes)
    word1, word2 = (_mixed(rng, shape, codes, np.array(extreme_codes(fmt))) for _ in range(2))
    if inputs < config.lanes:
        # Fewer inputs than lanes lie anywhere among them; the others have zero words, and activations all the same.
        used = rng.permutation(config.lanes) < inputs
        word1, word2 = (np.where(used, words, 0) for words in (word1, word2))
    size = (config.pixels, word1.shape[1])
    acts = _mixed(rng, size, np.arange(fmt.act_min, fmt.act_max + 1), np.array([fmt.act_min, fmt.act_max, 0]))
    return make_job(config, word1, word2, flags, acts)


def _mixed(rng: np.random.Generator, shape: tuple[int, ...], values: np.ndarray, extremes: np.ndarray) -> np.ndarray:
    return np.where(rng.random(shape) < 0.5, rng.choice(values, shape), rng.choice(extremes, shape))


def random_jobs(
    config: BaseArrayConfig,
    rng: np.random.Generator,
    count: int,
    *,
    tiles: int = 6,
    two_word: Sequence[bool] | None = None,
) -> list[Job]:
    """`count` random jobs of up to `tiles` tiles each, as far as the array's depth allows."""
    longest = min(config.depth, tiles * config.lanes)
    return [random_job(config, rng, int(rng.integers(1, longest + 1)), two_word) for _ in range(count)]


def extreme_jobs(config: BaseArrayConfig, codes: Sequence[int], acts: Sequence[int], inputs: int) -> Iterator[Job]:
    """Every code of `codes`, as both words of all weights of a PE, with every activation of `acts`, `inputs` deep."""
    two_word = np.ones(-(-inputs // config.lanes), dtype=bool)
    for first in range(0, len(codes), config.pe):
        words = np.repeat(np.array(codes[first : first + config.pe])[:, None], inputs, axis=1)
        for act in acts:
            yield make_job(config, words, words, two_word, np.full(inputs, act))


def trained_jobs(config: BaseArrayConfig, model: Path, acts: Path) -> list[Job]:
    """The layers of a quantized model with their real activations, given as shares 0..1 of the largest one."""
    jobs = []
    with np.load(acts) as shares:
        for name, tensor in load_model(model).items():
            codes = np.rint(shares[name] * config.format.act_max).astype(np.int32)
            passes = np.resize(codes, (-(-len(codes) // config.pixels), config.pixels, codes.shape[1]))
            jobs.extend(Job(tensor, vectors) for vectors in passes)
    return jobs
