"""Where units of work are done: in this process, in some on this machine, or on any cluster of Dask."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rtl_gen import work
from rtl_gen.errors import UsageError
from rtl_gen.extras import missing
from rtl_gen.options import add_whole
from rtl_gen.store import Store
from rtl_gen.work import Work

WORKERS = range(1, 257)
"""Processes on this machine."""
Arguments = Mapping[str, Any]


class Place(Protocol):
    """Does units of work, given by key, and has their results in any order."""

    def results(self, kind: Work, units: Mapping[str, Arguments]) -> Iterator[tuple[str, Any]]: ...


class Here:
    """This process, one unit after the other."""

    def results(self, kind: Work, units: Mapping[str, Arguments]) -> Iterator[tuple[str, Any]]:
        yield from ((key, kind.function(**arguments)) for key, arguments in units.items())


class Nowhere:
    """No place: nothing is done, and only what is kept is found."""

    def results(self, kind: Work, units: Mapping[str, Arguments]) -> Iterator[tuple[str, Any]]:
        yield from ()


class Runner:
    """Has units of work done at a place, each once: what `store` holds is not done again."""

    def __init__(self, store: Store, place: Place) -> None:
        self._store, self._place = store, place
        self.done = 0
        """How many units were done, not found."""

    def alone(self) -> "Runner":
        """One that does units in this process, one after the other, for what is timed; none if this does none."""
        return Runner(self._store, self._place if isinstance(self._place, Nowhere) else Here())

    def map(self, kind: Work, arguments: Sequence[Arguments]) -> list[Any]:
        """The results in the order of the arguments; None for a unit that nobody did, at :class:`Nowhere`.

        Raises as :meth:`each` does.
        """
        found = dict(self.each(kind, arguments))
        return [found.get(number) for number in range(len(arguments))]

    def each(self, kind: Work, arguments: Sequence[Arguments]) -> Iterator[tuple[int, Any]]:
        """The number of each of the arguments and its result: those that are kept first, others as they come.

        Each is kept as soon as it is there.  Raises what a unit raises; the results of units that others are doing
        then are lost.
        """
        keys = [kind.key(values) for values in arguments]
        units = dict(zip(keys, arguments, strict=True))
        numbers: dict[str, list[int]] = {key: [] for key in units}
        for number, key in enumerate(keys):
            numbers[key].append(number)
        missing = {}
        for key, values in units.items():
            if (result := self._store.get(key)) is None:
                missing[key] = values
            else:
                yield from ((number, result) for number in numbers[key])
        for key, made in self._place.results(kind, missing):
            about = work.about(missing[key])
            self._store.add(key, kind=kind.name, about=about, versions=kind.versions, result=made)
            self.done += 1
            # What is kept is what later runs find: the result as JSON has it, and that of whoever was first.
            result = self._store.get(key)
            yield from ((number, result) for number in numbers[key])


@contextmanager
def runner(
    store: Store, *, workers: int = 1, scheduler: str | None = None, contents: Mapping[str, bytes] | None = None
) -> Iterator[Runner]:
    """A runner whose units are done at :func:`place`."""
    with place(workers=workers, scheduler=scheduler, contents=contents) as found:
        yield Runner(store, found)


@contextmanager
def place(
    *, workers: int = 1, scheduler: str | None = None, contents: Mapping[str, bytes] | None = None
) -> Iterator[Place]:
    """`workers` processes on this machine, or the workers that a `scheduler`, by address, has and gets.

    `contents`: large inputs by their digest, for all processes.
    Raises :class:`UsageError` for a scheduler that does not answer, :class:`CheckError` if Dask is not installed.
    """
    work.contents.update(contents or {})
    if scheduler is None and workers == 1:
        yield Here()
        return
    try:
        from rtl_gen import cluster
    except ModuleNotFoundError as error:
        raise missing(error.name or str(error)) from None
    with cluster.opened(workers, scheduler, dict(contents or {})) as found:
        yield found


def add_place_options(group: Any) -> None:
    """The options that say where units are done."""
    add_whole(group, "--workers", WORKERS, None, help="processes on this machine", shown="one per core")
    group.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, instead (default: none)")


def check_place(args: argparse.Namespace) -> None:
    """Raise :class:`UsageError` for options that do not go together."""
    if args.workers is not None and args.scheduler is not None:
        raise UsageError("--workers is given with --scheduler; allowed: one of them, as a scheduler has its own")


def workers_of(args: argparse.Namespace) -> int:
    """The processes on this machine that the options ask for."""
    return min(os.cpu_count() or 1, WORKERS[-1]) if args.workers is None else args.workers
