"""A serial port whose other end is `stlq_rom` in Icarus Verilog: the simulation goes on while the host waits."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rtl_gen import tools

BENCH = [Path(__file__).with_name(name) for name in ("uart_host.v", "uart_reader.v")]


@dataclass(frozen=True, kw_only=True)
class SerialLine:
    """What pyserial's `Serial` has; `patience`: cycles without a byte until a read ends.  `sent`: bytes, and breaks."""

    process: subprocess.Popen[str]
    patience: int
    sent: list[int | str]
    timeout: float = 0.1

    def read(self, size: int) -> bytes:
        """Bytes until there are so many, or no more come."""
        made = bytearray()
        while len(made) < size and (byte := self._ask(f"read {self.patience:x}")) != "none":
            made.append(int(byte, 16))
        return bytes(made)

    def write(self, data: bytes) -> None:
        """All bytes, one right behind the other."""
        self.sent.extend(data)
        self._say("".join(f"send {byte:x}\n" for byte in data))

    def send_break(self, duration: float) -> None:
        """A break of 30 bits."""
        assert duration > 0
        self.sent.append("break")
        self._say("break 0\n")

    def _ask(self, line: str) -> str:
        self._say(f"{line}\n")
        assert self.process.stdout
        answer = self.process.stdout.readline().strip()
        assert answer, "the simulation has ended"
        return answer

    def _say(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text)
        self.process.stdin.flush()


def compile_line(folder: Path, divisor: int, *sources: str) -> list[str]:
    """The command that simulates `stlq_rom` of a folder with a bit of so many cycles."""
    files = [*map(str, BENCH), *sources]
    options = ["-g2005", "-o", "line", "-s", "uart_host", "-P", f"uart_host.DIVISOR={divisor}"]
    tools.run([tools.find("iverilog"), *options, *files], folder=folder)
    return [tools.find("vvp"), "-n", "line"]


@contextmanager
def serial_line(command: list[str], folder: Path, patience: int = 120) -> Iterator[SerialLine]:
    """A board that has just been switched on."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            yield SerialLine(process=process, patience=patience, sent=[])
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(60)
