"""A model of the registers, for drivers: what they read and write."""

from hw.bus.registers import CYCLES, ENGINE, MAP_VERSION, STATUS, VERSION

DIGEST = 0x12345678


class Registers:
    """A run ends when the status was read `polls` times, with an error."""

    def __init__(self, polls: int = 3, error: int = 0, digest: int = DIGEST):
        self.values = {VERSION.address: MAP_VERSION | 0x40200, ENGINE.address: digest, CYCLES.address: 99}
        self.written: list[tuple[int, int]] = []
        self.polls, self.error = polls, error

    def read(self, address: int) -> int:
        """A register."""
        if address == STATUS.address:
            self.polls -= 1
            return 1 if self.polls > 0 else 2 | self.error << 4 | 4 << 8
        return self.values[address]

    def write(self, address: int, value: int) -> None:
        """A register."""
        self.written.append((address, value))
