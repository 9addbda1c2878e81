"""In-simulator tests of the array, each on every configuration; run by the launchers, through ``simulator.py``."""

from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from verif.hw.baseline import extreme_codes
from verif.hw.bench import Bench
from verif.hw.pace import delayed, stalling
from verif.hw.scoreboard import MismatchError
from verif.hw.stimulus import extreme_jobs, random_jobs, trained_jobs

ACTS_FILE, MODEL_FILE = "acts.npz", "model.safetensors"
ALL_CODES_LIMIT, FULL_DEPTH_LIMIT = 6000, 40_000  # tiles


@cocotb.test()
async def random_tiles_random_flags(dut: Any) -> None:
    """Random everything, at paces from rare to heavy stalls on all three streams."""
    bench = await Bench.start(dut, "random_tiles_random_flags")
    for share in (0.0, 0.2, 0.5, 0.8):
        paces = {name: stalling(f"{bench.seed}:{share}:{name}", share) for name in ("tiles", "acts", "sums")}
        await bench.run(random_jobs(bench.config, bench.rng, 12), paces)


@cocotb.test()
async def trained_weights(dut: Any) -> None:
    """A trained network's weights as the quantizer leaves them, with its real activations."""
    bench = await Bench.start(dut, "trained_weights")
    jobs = trained_jobs(bench.config, Path(MODEL_FILE), Path(ACTS_FILE))
    paces = {"tiles": stalling(f"{bench.seed}:tiles", 0.1), "sums": stalling(f"{bench.seed}:sums", 0.2)}
    await bench.run(jobs, paces)


@cocotb.test()
async def extremes_at_full_depth(dut: Any) -> None:
    """Every code as both words of every weight, with the extreme activations, over `depth` inputs: no overflow.

    At a depth at which all codes would take too long, the codes and the activation of the largest sums remain (all
    codes follow at a smaller depth). That the width suffices for every input is shown by integers in test_width.py.
    """
    bench = await Bench.start(dut, "extremes_at_full_depth")
    config, fmt = bench.config, bench.config.format
    tiles_deep = -(-config.depth // config.lanes)
    dots = 2 * -(-len(fmt.codes) // config.pe)
    acts = (fmt.act_max, fmt.act_min)
    if tiles_deep * dots <= ALL_CODES_LIMIT:
        await bench.run(list(extreme_jobs(config, fmt.codes, acts, config.depth)))
        return
    if tiles_deep > FULL_DEPTH_LIMIT:
        raise ValueError(f"depth is {config.depth}; allowed: at most {FULL_DEPTH_LIMIT} tiles, to simulate in time")
    await bench.run(list(extreme_jobs(config, extreme_codes(fmt)[:2], (max(acts, key=abs),), config.depth)))
    await bench.run(list(extreme_jobs(config, fmt.codes, acts, config.lanes * (ALL_CODES_LIMIT // dots))))


@cocotb.test()
async def one_word_two_word_and_alternating(dut: Any) -> None:
    """Only one-word tiles, only two-word tiles, both in turn; without and with stalls."""
    bench = await Bench.start(dut, "one_word_two_word_and_alternating")
    for two_word in ([False], [True], [False, True], [True, False]):
        await bench.run(random_jobs(bench.config, bench.rng, 8, two_word=two_word))
        paces = {"sums": stalling(f"{bench.seed}:{two_word}", 0.4)}
        await bench.run(random_jobs(bench.config, bench.rng, 8, two_word=two_word), paces)


@cocotb.test()
async def one_tile_dot_products(dut: Any) -> None:
    """Each tile a dot product of its own; the sums wait now and then."""
    bench = await Bench.start(dut, "one_tile_dot_products")
    await bench.run(random_jobs(bench.config, bench.rng, 30, tiles=1))
    await bench.run(random_jobs(bench.config, bench.rng, 30, tiles=1), {"sums": stalling(f"{bench.seed}:sums", 0.5)})


@cocotb.test()
async def reset_in_the_middle(dut: Any) -> None:
    """Whatever was under way is gone after a reset: what follows is right from its first sum on."""
    bench = await Bench.start(dut, "reset_in_the_middle")
    for attempt in range(16):
        sums = delayed(1000) if attempt % 4 == 0 else stalling(f"{bench.seed}:{attempt}", 0.3)
        bench.launch(random_jobs(bench.config, bench.rng, 12), {"sums": sums})
        await ClockCycles(dut.clk, int(bench.rng.integers(1, 16 + bench.config.latency_cycles)))
        await bench.reset(int(bench.rng.integers(1, 4)))
        await bench.run(random_jobs(bench.config, bench.rng, 2, tiles=2))


@cocotb.test()
async def cycles_are_beats_plus_latency(dut: Any) -> None:
    """Without stalls: a tiles beat in every cycle, and each dot product's sums `latency_cycles` after its last one."""
    bench = await Bench.start(dut, "cycles_are_beats_plus_latency")
    for tiles in (1, 2, 6):
        await bench.run(random_jobs(bench.config, bench.rng, 10, tiles=tiles))
        check_cycles(bench)


@cocotb.test()
async def one_tile_dot_products_back_to_back(dut: Any) -> None:
    """One-word tiles that each end a dot product: sums in every cycle."""
    bench = await Bench.start(dut, "one_tile_dot_products_back_to_back")
    await bench.run(random_jobs(bench.config, bench.rng, 24, tiles=1, two_word=[False]))
    check_cycles(bench)
    first, last = bench.sums.transfers[0].cycle, bench.sums.transfers[-1].cycle
    if last - first != 23:
        raise MismatchError(f"mismatch: 24 sums in {last - first + 1} cycles, expected one in each")


def check_cycles(bench: Bench) -> None:
    """Transfers of the run that just ended, which had no stalls, must come at the promised clock edges."""
    beats, sums = ([transfer.cycle for transfer in monitor.transfers] for monitor in (bench.tiles, bench.sums))
    latency = bench.config.latency_cycles
    wanted = [beats[end] + latency for end in bench.stimulus.ends]
    if sums != wanted:
        raise MismatchError(f"mismatch: sums at cycles {sums}, expected {wanted}")
    cycles = sums[-1] - beats[0] + 1
    if cycles != len(beats) + latency:
        raise MismatchError(f"mismatch: {cycles} cycles, expected {len(beats)} beats + latency {latency}")


@cocotb.test()
async def stalls_lose_repeat_and_reorder_nothing(dut: Any) -> None:
    """Heavy stalls, on each stream alone, on each two, on all; many short dot products."""
    bench = await Bench.start(dut, "stalls_lose_repeat_and_reorder_nothing")
    for stalled in (("tiles",), ("acts",), ("sums",), ("tiles", "acts"), ("acts", "sums"), ("tiles", "acts", "sums")):
        paces = {name: stalling(f"{bench.seed}:{stalled}:{name}", 0.6) for name in stalled}
        await bench.run(random_jobs(bench.config, bench.rng, 16, tiles=2), paces)


@cocotb.test()
async def sums_wait_until_taken(dut: Any) -> None:
    """A consumer that first does nothing until the array is full, and one that is ready only once valid is seen."""
    bench = await Bench.start(dut, "sums_wait_until_taken")
    for tiles in (1, 3):
        await bench.run(random_jobs(bench.config, bench.rng, 20, tiles=tiles), {"sums": delayed(60)})
        await bench.run(random_jobs(bench.config, bench.rng, 20, tiles=tiles), reluctant=True)


@cocotb.test()
async def acts_early_and_late(dut: Any) -> None:
    """One input stream may run ahead of the other; without its partner nothing comes out."""
    bench = await Bench.start(dut, "acts_early_and_late")
    for late, monitor in (("tiles", bench.tiles), ("acts", bench.acts)):
        jobs = random_jobs(bench.config, bench.rng, 10)
        bench.launch(jobs, {late: delayed(50)})
        await ClockCycles(dut.clk, 49)
        if bench.sums.transfers or monitor.transfers:
            raise MismatchError(f"mismatch: sums {bench.sums.transfers} before the first {late} beat")
        await bench.finish()
        await bench.run(jobs, {late: stalling(f"{bench.seed}:{late}", 0.7)})
