"""Files appear whole or not at all."""

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: str | Path, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Write `data` (bytes, or chunks of them) to `path` so that readers see the old file or the new one.

    The bytes go to a new file in the same folder, are flushed to the disk, and take the name at the end.
    Raises ``OSError``; what was written until then is removed.
    """
    # What a link points to is replaced, not the link; devices and pipes are nothing that could be replaced.
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")
    chunks = [data] if isinstance(data, bytes) else data
    try:
        with temporary.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
