"""Files appear whole or not at all, one by one or together."""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

LOCK_SECONDS = 60.0


def write_atomically(path: str | Path, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Write `data` (bytes, or chunks of them) to `path` so that readers see the old file or the new one.

    The bytes go to a new file in the same folder, are flushed to the disk, and take the name at the end. A file that
    is replaced keeps its permissions. What a killed writer left behind is removed by the next one.
    Raises ``OSError``; what was written until then is removed.
    """
    target = _target(path)
    _remove_abandoned(target)
    with _part_of(target, data) as part:
        os.replace(part, target)


Listing = Callable[[Path], Mapping[str, str]]
"""Reads the SHA-256 of files by name from the file that tells them; empty where there is no such file."""


def write_together(folder: Path, files: Mapping[str, bytes], *, commit: str, listing: Listing) -> None:
    """Write several files of a folder as if at one moment: when the file `commit` appears, which tells their SHA-256.

    Until then the old files are whole. From then on :func:`settle` finishes what an interruption left. Writers wait
    for each other, and first finish what the last one left. What only the old `commit` lists is removed, unless
    somebody changed it. Folders between `folder` and the files are made.
    Raises ``OSError``; if nothing was committed until then, nothing is changed.
    """
    with locked(folder):
        old = listing(folder / commit)
        for name, digest in old.items():
            settle(folder / name, digest)
        with _parents_of(folder / name for name in files):
            _write_and_commit(folder, files, commit)
        for name in old.keys() - files.keys():
            if _holds(folder / name, old[name]):
                (folder / name).unlink()


def _write_and_commit(folder: Path, files: Mapping[str, bytes], commit: str) -> None:
    """All bytes are on the disk before `commit` is, and take their names after it."""
    others = {_target(folder / name): data for name, data in files.items() if name != commit}
    parts: dict[Path, Path] = {}
    try:
        for target, data in others.items():
            _remove_abandoned(target)
            with _part_of(target, data) as parts[target]:
                pass
        write_atomically(folder / commit, files[commit])
    except BaseException:
        if not _holds(folder / commit, digest_of(files[commit])):
            for part in parts.values():
                part.unlink(missing_ok=True)
        raise
    for target, part in parts.items():
        os.replace(part, target)


def settle(path: Path, digest: str) -> None:
    """Let the contents with this `digest` take the name `path`, if an interrupted :func:`write_together` left them.

    Call it under the folder's lock. Raises ``OSError``.
    """
    target = Path(os.path.realpath(path))
    for part in _parts_of(target):
        if digest_of(part.read_bytes()) == digest:
            os.replace(part, target)
            return


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others who ask for it out of the folder; they wait. A lock ends with its process.

    Raises ``OSError``, also if another process keeps it locked for LOCK_SECONDS.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps it locked", str(path)) from None
            time.sleep(0.01)
            continue
        except OSError:
            pass  # some file systems have no locks
        return


def _target(path: str | Path) -> Path:
    # What a link points to is replaced, not the link; devices and pipes are nothing that could be replaced.
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return target


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and digest_of(path.read_bytes()) == digest


@contextmanager
def _parents_of(paths: Iterable[Path]) -> Iterator[None]:
    """The folders of `paths`; those that had to be made go again if what follows fails and leaves them empty."""
    made = [folder for folder in {path.parent for path in paths} if not folder.is_dir()]
    try:
        for folder in made:
            folder.mkdir()
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def _part_of(target: Path, data: bytes | Iterable[bytes | memoryview]) -> Iterator[Path]:
    """`data` in a new file beside `target`, on the disk, locked until the end; removed if that is an error."""
    part, file = _create_part(target)
    try:
        with file:
            for chunk in [data] if isinstance(data, bytes) else data:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            yield part
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(target)  # what writes bytes does not know where to
        raise


def _create_part(target: Path) -> tuple[Path, BinaryIO]:
    """A new file beside `target`, with its permissions, locked while its writer lives."""
    mode = target.stat().st_mode & 0o777 if target.exists() else None
    while True:
        part = target.with_name(f".{_stem(target)}.{secrets.token_hex(6)}.part")
        # Nobody else may read it before it has its permissions; a new file's are the system's default.
        opener = partial(os.open, mode=0o666 if mode is None else 0o600)
        try:
            file = open(part, "xb", opener=opener)  # noqa: SIM115
        except OSError as error:
            error.filename = str(target)  # nobody asked for the part
            raise
        _lock(file.fileno(), part)
        # Another writer may have taken it for abandoned before it was locked.
        if part.exists():
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            return part, file
        file.close()


def _stem(target: Path) -> str:
    # A name has at most 255 bytes.
    return os.fsdecode(os.fsencode(target.name)[:200])


def _parts_of(target: Path) -> list[Path]:
    name = re.compile(rf"\.{re.escape(_stem(target))}\.[0-9a-f]{{12}}\.part")
    return [path for path in target.parent.glob(".*.part") if name.fullmatch(path.name) and path.is_file()]


def _remove_abandoned(target: Path) -> None:
    """Remove what writers of `target` left who were killed: what nobody has locked."""
    for part in _parts_of(target):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
