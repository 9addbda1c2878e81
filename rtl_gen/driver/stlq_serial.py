"""Runs a network on an STLQ engine behind a UART, from Python.  This file needs numpy and `stlq.py` beside it.

The port is given: one of pyserial, or anything that has `read`, `write` and `send_break` of it.

    with serial.Serial("/dev/ttyUSB1", 1_000_000, timeout=0.1) as port:
        engine = SerialEngine(port, Interface.read("stlq_network.json"))
        (scores,) = engine.infer(image)
"""

import time
from typing import Any, Protocol

import numpy as np

from rtl_gen.driver.stlq import Driver, EngineError, Interface

GREETING = 4  # bytes of the engine's digest, which a board sends after a break
BREAK_SECONDS = 0.01
SILENCE_SECONDS = 5.0  # by then a board has said what it has to say
CHUNK = 4096


class Port(Protocol):
    """A serial line: 8 bits, no parity, a stop bit.

    `read` gives up to `size` bytes: fewer, or none, if no more come within the time-out of the port.
    """

    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> Any: ...
    def send_break(self, duration: float, /) -> Any: ...


class SerialEngine(Driver):
    """A network on a board that has its program: the top `stlq_rom`, or what `stlq board` makes.

    Raises ``ValueError`` for a port that waits for ever or not at all, and :class:`EngineError` if there is no engine,
    or the network is for another one; no input is sent before.
    """

    def __init__(self, port: Port, interface: Interface):
        super().__init__(interface)
        timeout = getattr(port, "timeout", 0.1)
        if not timeout:
            raise ValueError(f"timeout of the port is {timeout}; allowed: seconds, such as 0.1")
        self._port = port
        self._inputs = np.zeros(interface.inputs_bytes, np.uint8)
        self._outputs = np.zeros(interface.outputs_bytes, np.uint8)
        self._restart()

    def _restart(self) -> None:
        """A break resets the board, whatever it was doing.  Nothing follows the digest, so it is what came last."""
        self._port.send_break(BREAK_SECONDS)
        came, end = b"", time.monotonic() + SILENCE_SECONDS
        while part := self._port.read(CHUNK):
            came = (came + part)[-GREETING:]
            if time.monotonic() > end:
                break
        if len(came) < GREETING:
            raise EngineError(f"there is no engine: {len(came)} bytes came after a break; {GREETING} are right")
        self._check_digest("network", self.interface.digest, int.from_bytes(came, "little"))
        self._under_way = False

    def _exchange(self, timeout: float) -> None:
        # An inference that an exception ended has an answer to come, which is not that of the next one.
        if self._under_way:
            self._restart()
        self._under_way = True
        self._port.write(self._inputs.tobytes())
        came, size, end = b"", len(self._outputs), time.monotonic() + timeout
        while len(came) < size and time.monotonic() < end:
            came += self._port.read(size - len(came))
        if len(came) < size:
            self._restart()
            raise EngineError(f"{len(came)} of {size} bytes came in {timeout:g} s; the board was reset")
        self._outputs[:] = np.frombuffer(came, np.uint8)
        self._under_way = False
