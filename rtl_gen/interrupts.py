"""Requests to end (Ctrl-C, SIGTERM, SIGHUP): they interrupt the work, so that it cleans up and ends what it started."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_request() -> None:
    """Every request raises ``KeyboardInterrupt``, as Ctrl-C does, but for those that `nohup` has ignored."""
    _handle(signal.default_int_handler)


@contextmanager
def delayed() -> Iterator[None]:
    """A request that comes within the block counts at its end: what the block makes has a name by then."""
    late: list[int] = []
    before = _handle(lambda number, _: late.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if late:
        raise KeyboardInterrupt


@contextmanager
def unshared() -> Iterator[None]:
    """Processes that start within the block get no Ctrl-C from the terminal: this one ends them.

    A request that comes within the block counts at its end.
    """
    with delayed():
        # Python's tracker of shared memory takes the mask away from whatever thread starts it.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handle(handler: Callable[[int, Any], Any]) -> dict[signal.Signals, Any]:
    """Give the requests a handler, where they are not ignored; returns what they had. Other threads get none."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    taken = {number: signal.getsignal(number) for number in REQUESTS}
    taken = {number: before for number, before in taken.items() if before not in (signal.SIG_IGN, None)}
    for number in taken:
        signal.signal(number, handler)
    return taken
