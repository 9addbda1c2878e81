"""Parts of `stlq_rom`: the program from block RAM, and bytes as bus words."""

from typing import Any

from hw.bus.rom_config import RomConfig
from hw.bus.rom_memory import RomMemory
from hw.bus.uart_codes import WORDS, UartCodes
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG

CONFIG_ROM = RomConfig(engine=CONFIG, program=tuple(range(100, 107)), clock_hz=4_000_000)


def test_the_program_comes_again_and_again_with_any_pauses() -> None:
    part: Any = RomMemory(CONFIG_ROM)
    rng, got = dice("rom"), []

    async def take(ctx: Any) -> None:
        waits = 0
        for cycle in range(200):
            ready = cycle < 50 or rng.random() < 0.5
            ctx.set(part.words.ready, ready)
            _, _, valid, word = await ctx.tick().sample(part.words.valid, part.words.payload)
            if valid and ready:
                got.append(word)
            waits += cycle < 50 and not valid
        # A word a cycle, but for the first one.
        assert waits == 1

    simulate(part, take)
    assert len(got) > 100
    assert got == [CONFIG_ROM.program[at % len(CONFIG_ROM.program)] for at in range(len(got))]


def test_bytes_become_words_until_there_is_no_room() -> None:
    part: Any = UartCodes(CONFIG_ROM)

    async def send(ctx: Any) -> None:
        words = list(range(0x01020300, 0x01020300 + WORDS + 5))
        for number, word in enumerate(words):
            for data in word.to_bytes(4, "little"):
                ctx.set(part.data, data)
                ctx.set(part.valid, 1)
                await ctx.tick()
                ctx.set(part.valid, 0)
            await ctx.tick().repeat(2)
            assert ctx.get(part.overrun) == (number >= WORDS), number
        for word in words[:WORDS]:
            assert (ctx.get(part.inputs.valid), ctx.get(part.inputs.payload)) == (1, word)
            ctx.set(part.inputs.ready, 1)
            await ctx.tick()
        assert (ctx.get(part.inputs.valid), ctx.get(part.overrun)) == (0, 1)

    simulate(part, send)
