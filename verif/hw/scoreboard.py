"""Scoreboard: every sums beat, in order, must equal the golden sums of its dot product."""

from collections import deque
from collections.abc import Sequence


class MismatchError(AssertionError):
    """The hardware's sums are not the golden's: wrong, missing, or too many."""


def unpack_signed(payload: int, count: int, width: int) -> list[int]:
    """The `count` two's complement fields of `width` bits in `payload`, lowest first."""
    sign = 1 << (width - 1)
    fields = (payload >> (width * index) & (2 * sign - 1) for index in range(count))
    return [(field ^ sign) - sign for field in fields]


class Scoreboard:
    """Compares sums with the golden in order of arrival; `width` bits per sum.

    Raises ``MismatchError`` on the first difference.
    """

    def __init__(self, pe: int, width: int) -> None:
        self.pe, self.width = pe, width
        self.restart()

    def restart(self) -> None:
        self.expected: deque[list[int]] = deque()
        self.compared = 0

    def expect(self, sums: Sequence[int]) -> None:
        """One more dot product: its golden sums, one per PE."""
        if len(sums) != self.pe:
            raise ValueError(f"golden has {len(sums)} sums; allowed: {self.pe}, one per PE")
        self.expected.append([int(value) for value in sums])

    def compare(self, payload: int) -> None:
        """Check one sums beat."""
        sums = unpack_signed(payload, self.pe, self.width)
        if not self.expected:
            raise MismatchError(f"mismatch: dot product {self.compared}: sums {sums} that nothing asked for")
        golden = self.expected.popleft()
        for pe, (found, wanted) in enumerate(zip(sums, golden, strict=True)):
            if found != wanted:
                raise MismatchError(f"mismatch: dot product {self.compared}, PE {pe}: {found}, golden {wanted}")
        self.compared += 1

    def finish(self, sent: int) -> None:
        """Nothing may be left over, and every dot product of `sent` must have been compared."""
        if self.expected or self.compared != sent:
            raise MismatchError(
                f"mismatch: {self.compared} of {sent} sums arrived, {len(self.expected)} still expected"
            )
