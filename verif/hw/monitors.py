"""Monitor of one stream: collects its transfers, and checks its rules at every clock edge outside reset."""

from dataclasses import dataclass
from typing import NamedTuple

from verif.hw.drivers import Port


class Transfer(NamedTuple):
    cycle: int
    payload: int


class StreamRuleError(AssertionError):
    """A stream broke its rules."""


@dataclass
class Monitor:
    """Transfers of `port` since the last reset, oldest first.

    Raises ``StreamRuleError`` when valid or ready is X, the payload of a valid beat is X, or a beat that was
    offered changes or goes before it was taken. Of a port that the bench `drives`, X counts as 0.
    """

    port: Port
    drives: bool = False

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything, as the device does in reset."""
        self.transfers: list[Transfer] = []
        self._offered: int | None = None

    def sample(self, cycle: int) -> Transfer | None:
        """Look at the signals as they were just before the clock edge `cycle`; returns what was transferred."""
        valid, ready = self._bit("valid"), self._bit("ready")
        if self._offered is not None and not valid:
            raise self._error(cycle, "valid fell before the transfer")
        if not valid:
            return None
        bits = str(self.port.payload.value)
        if self.drives:
            bits = bits.replace("X", "0")
        try:
            payload = int(bits, 2)
        except ValueError:
            raise self._error(cycle, f"payload of a valid beat holds X or Z: {bits}") from None
        if self._offered is not None and payload != self._offered:
            raise self._error(cycle, f"payload changed before the transfer, from {self._offered:#x} to {payload:#x}")
        self._offered = None if ready else payload
        if not ready:
            return None
        self.transfers.append(Transfer(cycle, payload))
        return self.transfers[-1]

    def _bit(self, name: str) -> bool:
        value = getattr(self.port, name).value
        if not value.is_resolvable:
            raise StreamRuleError(f"stream rule: {self.port.name}: {name} is {value}")
        return bool(value)

    def _error(self, cycle: int, what: str) -> StreamRuleError:
        return StreamRuleError(f"stream rule: {self.port.name}: cycle {cycle}: {what}")
