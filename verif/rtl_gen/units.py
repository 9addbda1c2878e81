"""Units of work for the tests of runners, and for processes that know nothing of pytest."""

import os
import time
from typing import Any

from rtl_gen.errors import UsageError
from rtl_gen.work import Work, contents


def squared(*, n: int, seconds: float = 0.0) -> dict[str, Any]:
    """Waits first: the larger `n`, the shorter."""
    time.sleep(seconds / (1 + n % 4))
    return {"square": n * n}


def of_process(*, n: int, seconds: float = 0.0) -> dict[str, Any]:
    """What no unit may be: its result depends on where it is done."""
    return {"process": os.getpid()}


def size(*, data: str) -> dict[str, Any]:
    return {"bytes": len(contents[data])}


def refused(*, n: int) -> dict[str, Any]:
    raise UsageError(f"n is {n}; allowed: none")


SQUARED, SIZE, REFUSED = Work(function=squared), Work(function=size), Work(function=refused)
PROCESS = Work(function=of_process)
