"""How much memory this process holds, as Linux says it."""

import re
from pathlib import Path


def held_mib(field: str) -> float | None:
    """A figure of `/proc/self/status` in MiB: ``VmRSS`` is what is held now, ``VmHWM`` the most so far.

    None where there is no such figure.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 2**10 if found else None
