"""Where units of work are done: in this process, in some on this machine, or on any cluster of Dask."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rtl_gen import work
from rtl_gen.errors import CheckError
from rtl_gen.store import Store
from rtl_gen.work import Work

INSTALL = "pip install 'stlq[explore]'"
Arguments = Mapping[str, Any]


class Place(Protocol):
    """Does units of work, given by key, and has their results in any order."""

    def results(self, kind: Work, units: Mapping[str, Arguments]) -> Iterator[tuple[str, Any]]: ...


class Here:
    """This process, one unit after the other."""

    def results(self, kind: Work, units: Mapping[str, Arguments]) -> Iterator[tuple[str, Any]]:
        yield from ((key, kind.function(**arguments)) for key, arguments in units.items())


class Runner:
    """Has units of work done at a place, each once: what `store` holds is not done again."""

    def __init__(self, store: Store, place: Place) -> None:
        self._store, self._place = store, place
        self.done = 0
        """How many units were done, not found."""

    def map(self, kind: Work, arguments: Sequence[Arguments]) -> list[Any]:
        """The results in the order of the arguments, whoever made them, and in whichever order they came.

        Each is kept as soon as it is there.  Raises what a unit raises; the results of units that others are doing
        then are lost.
        """
        keys = [kind.key(values) for values in arguments]
        found = {key: self._store.get(key) for key in keys}
        missing = {key: values for key, values in zip(keys, arguments, strict=True) if found[key] is None}
        for key, result in self._place.results(kind, missing):
            about = work.about(missing[key])
            self._store.add(key, kind=kind.name, about=about, versions=kind.versions, result=result)
            # What is kept is what later runs find: the result as JSON has it, and that of whoever was first.
            found[key] = self._store.get(key)
            self.done += 1
        return [found[key] for key in keys]


@contextmanager
def runner(
    store: Store, *, workers: int = 1, scheduler: str | None = None, contents: Mapping[str, bytes] | None = None
) -> Iterator[Runner]:
    """A runner with `workers` processes on this machine, or the workers that a `scheduler`, by address, has and gets.

    `contents`: large inputs by their digest, for all processes.
    Raises :class:`UsageError` for a scheduler that does not answer, :class:`CheckError` if Dask is not installed.
    """
    work.contents.update(contents or {})
    if scheduler is None and workers == 1:
        yield Runner(store, Here())
        return
    try:
        from rtl_gen import cluster
    except ModuleNotFoundError as error:
        raise CheckError(f"{error.name} is not installed; to install it: {INSTALL}") from None
    with cluster.opened(workers, scheduler, dict(contents or {})) as place:
        yield Runner(store, place)
