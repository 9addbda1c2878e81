"""Units of work for the tests of runners, and for processes that know nothing of pytest."""

import time
from typing import Any

from rtl_gen.errors import UsageError
from rtl_gen.work import Work, contents


def squared(*, n: int, seconds: float = 0.0) -> dict[str, Any]:
    """The larger `n`, the sooner it is done."""
    time.sleep(seconds / (1 + n))
    return {"square": n * n}


def size(*, data: str) -> dict[str, Any]:
    return {"bytes": len(contents[data])}


def refused(*, n: int) -> dict[str, Any]:
    raise UsageError(f"n is {n}; allowed: none")


SQUARED, SIZE, REFUSED = Work(function=squared), Work(function=size), Work(function=refused)
