"""Units of work on Dask: processes of this machine, or the workers of a scheduler, wherever they are."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dask.config
import psutil
from distributed import Client, KilledWorker, LocalCluster, Security, Worker, WorkerPlugin, as_completed
from distributed.comm.core import connect

from rtl_gen import work
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.interrupts import unshared
from rtl_gen.work import Work

ANSWER = 10
"""Seconds in which a scheduler must answer."""
LOSSES = 10
"""Workers that may be lost over one unit before it is given up."""
SETTINGS = {"distributed.scheduler.allowed-failures": LOSSES, "distributed.worker.daemon": True}
ALONE: dict[str, Any] = {"dashboard_address": ":0", "silence_logs": logging.CRITICAL, "memory_limit": 0}
"""A cluster that meets no other one on this machine, and ends no worker for its memory; its errors are raised."""
ERRORS = {kind.__name__: kind for kind in (UsageError, CheckError)}


class Cluster:
    """Does units of work on the workers of a client's scheduler.  A lost worker costs what it was doing."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def results(self, kind: Work, units: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Each unit's key and result, as they come.  Raises what a unit raises."""
        # With a name of ours Dask would hand out what another session made of it, its errors too.
        futures = {
            self._client.submit(_call, kind.function, dict(arguments), pure=False): key
            for key, arguments in units.items()
        }
        try:
            for future in as_completed(futures):
                yield futures[future], _result_of(future)
        finally:
            self._client.cancel(list(futures))


class Contents(WorkerPlugin):
    """Gives large inputs to each worker, to those that come later, too; ends programs that a worker leaves behind."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = dict(contents)

    def setup(self, worker: Worker) -> None:
        work.contents.update(self._contents)

    def teardown(self, worker: Worker) -> None:
        # A worker without a nanny may be part of a process that has other children.
        for child in psutil.Process().children(recursive=True) if worker.nanny else []:
            child.kill()


@contextmanager
def opened(workers: int, scheduler: str | None, contents: Mapping[str, bytes]) -> Iterator[Cluster]:
    """So many processes on this machine, or what a scheduler has.

    Raises :class:`UsageError` for a scheduler that does not answer.
    """
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with dask.config.set(SETTINGS), _client(workers, scheduler) as client:
        client.register_plugin(Contents(contents), name="stlq contents")
        yield Cluster(client)


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Client]:
    if scheduler is not None:
        try:
            asyncio.run(_greet(scheduler))
            client = Client(scheduler, timeout=ANSWER)
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"--scheduler is {scheduler}: {error}; allowed: the address of a Dask scheduler") from None
        with client:
            yield client
        return
    with unshared():
        started = LocalCluster(n_workers=workers, threads_per_worker=1, **ALONE)
    with started as cluster, Client(cluster) as client:
        yield client


async def _greet(scheduler: str) -> None:
    """Meet a scheduler, as a client would wait for its greeting for ever.

    Raises ``OSError``, ``ValueError`` or ``TypeError`` if none is there, or its address wants what Dask is not told.
    """
    made = connect(scheduler, timeout=ANSWER, **Security().get_connection_args("client"))
    try:
        comm = await asyncio.wait_for(made, 2 * ANSWER)
    except TimeoutError:
        raise OSError(f"no greeting of Dask within {2 * ANSWER} s") from None
    except (OSError, ValueError, TypeError):
        raise
    except Exception:  # Dask raises whatever it makes of bytes that are not its own
        raise OSError("its greeting is not that of Dask") from None
    await comm.close()


def _call(function: Any, arguments: dict[str, Any]) -> tuple[str, Any]:
    """What a worker does.  An error that users are told of travels as its text: a process cannot make it anew."""
    try:
        return "", function(**arguments)
    except (UsageError, CheckError) as error:
        return type(error).__name__, str(error)


def _result_of(future: Any) -> Any:
    try:
        error, result = future.result()
    except KilledWorker as lost:
        raise CheckError(f"a unit of work was lost with {LOSSES} workers: {lost}") from None
    if error:
        raise ERRORS[error](result)
    return result
