"""Runners: the same results at every place, each made once and kept."""

import hashlib
import json
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from distributed import LocalCluster

from rtl_gen import work
from rtl_gen.cluster import ALONE
from rtl_gen.errors import UsageError
from rtl_gen.runner import Here, Runner, runner
from rtl_gen.store import Store
from rtl_gen.work import Work, about
from verif.rtl_gen import units

ROWS = "select * from results order by key"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "results.sqlite")
    yield store
    store.close()


def rows(file: Path) -> list[Any]:
    connection = sqlite3.connect(file)
    found = connection.execute(ROWS).fetchall()
    connection.close()
    return found


def test_results_are_in_order_and_made_once(store: Store) -> None:
    running = Runner(store, Here())
    wanted = [{"n": n} for n in (3, 1, 3, 2)]
    assert running.map(units.SQUARED, wanted) == [{"square": n} for n in (9, 1, 9, 4)]
    assert running.done == 3
    assert running.map(units.SQUARED, [{"n": 2}, {"n": 5}]) == [{"square": 4}, {"square": 25}]
    assert running.done == 4


def test_what_was_made_before_an_error_is_kept(store: Store) -> None:
    def unlucky(*, n: int) -> dict[str, int]:
        if n == 2:
            raise UsageError("n is 2; allowed: another one")
        return {"n": n}

    running = Runner(store, Here())
    with pytest.raises(UsageError, match=r"n is 2"):
        running.map(Work(function=unlucky), [{"n": n} for n in (0, 1, 2, 3)])
    assert running.done == 2
    assert running.map(Work(function=unlucky), [{"n": 1}, {"n": 0}]) == [{"n": 1}, {"n": 0}]
    assert running.done == 2


def test_a_scheduler_gives_the_same_bytes(tmp_path: Path) -> None:
    wanted = [{"n": n, "seconds": 0.02} for n in range(6)]
    data = {"digest": b"12345"}
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, **ALONE) as made:
        cluster: Any = made
        for name, place in (("here", None), ("there", cluster.scheduler_address)):
            store = Store(tmp_path / name)
            with runner(store, scheduler=place, contents=data) as running:
                assert running.map(units.SQUARED, wanted) == [{"square": n * n} for n in range(6)]
                assert running.map(units.SIZE, [{"data": "digest"}]) == [{"bytes": 5}]
                with pytest.raises(UsageError, match=r"^n is 1; allowed: none$"):
                    running.map(units.REFUSED, [{"n": 1}])
                assert running.done == 7
            store.close()
    assert len(rows(tmp_path / "here")) == 7
    assert rows(tmp_path / "here") == rows(tmp_path / "there")


def test_a_scheduler_that_is_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtl_gen.cluster.ANSWER", 0.2)
    with (
        pytest.raises(UsageError, match=r"--scheduler is tcp://127.0.0.1:1: .* allowed: the address of a Dask"),
        runner(store, scheduler="tcp://127.0.0.1:1"),
    ):
        pass


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(40)])
def test_a_server_that_is_no_scheduler(answer: bytes, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections, and is silent or speaks as others do.  Dask's own client would wait for ever."""
    monkeypatch.setattr("rtl_gen.cluster.ANSWER", 0.2)
    wrong = "its greeting is not that of Dask" if answer else "no greeting of Dask within 0.4 s"
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=_answer, args=(server, answer))
        thread.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        refused = rf"^--scheduler is {address}: {wrong}; allowed: the address of a Dask scheduler$"
        with pytest.raises(UsageError, match=refused), runner(store, scheduler=address):
            pass
        thread.join()


def _answer(server: socket.socket, answer: bytes) -> None:
    """To the first client, until it goes."""
    client, _ = server.accept()
    with client:
        client.sendall(answer)
        while client.recv(1 << 16):
            pass


def test_the_key_is_of_all_that_a_result_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Work(function=units.squared, sources=("rtl_gen/work.py",), packages=("numpy",))
    key = kind.key({"n": 1})
    assert key == Work(function=units.squared, sources=("rtl_gen/work.py",), packages=("numpy",)).key({"n": 1})
    assert len(kind.versions["sources"]) == 64
    others = [
        kind.key({"n": 2}),
        Work(function=units.size, sources=kind.sources, packages=kind.packages).key({"n": 1}),
        Work(function=units.squared, sources=("rtl_gen/store.py",), packages=kind.packages).key({"n": 1}),
        Work(function=units.squared, sources=kind.sources, packages=("onnx",)).key({"n": 1}),
    ]
    monkeypatch.setattr(work.metadata, "version", lambda name: "0")
    assert len({key, *others, kind.key({"n": 1})}) == 6


def test_the_store_tells_what_a_result_is_about(store: Store) -> None:
    long = "x" * 201
    assert about({"n": 1, "network": long}) == {"n": 1, "network": work.hashlib.sha256(long.encode()).hexdigest()}
    Runner(store, Here()).map(units.SQUARED, [{"n": 4}])
    ((key, kind, arguments, versions, result),) = rows(store.file)
    assert (key, kind) == (units.SQUARED.key({"n": 4}), "verif.rtl_gen.units.squared")
    assert json.loads(arguments) == {"n": 4}
    assert json.loads(versions) == units.SQUARED.versions | {"result": hashlib.sha256(result.encode()).hexdigest()}
    assert json.loads(result) == {"square": 16}


def test_the_first_of_two_writers_wins(store: Store) -> None:
    other = Store(store.file)
    for one, result in ((store, 1), (other, 2)):
        one.add("key", kind="kind", about={}, versions={}, result=result)
    assert (store.get("key"), other.get("key"), store.get("none")) == (1, 1, None)
    other.close()


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (file := tmp_path / "results.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match=r"results .*: file is not a database; allowed: an SQLite file"):
        Store(file)
    with pytest.raises(UsageError, match=r"unable to open"):
        Store(tmp_path / "none" / "results.sqlite")


@pytest.mark.parametrize("spoilt", ["{", "null", b"\x00\xff", b'{"x": 1}', "{}", "[]", '{"x": 2}'])
def test_a_spoilt_row_is_one_line(store: Store, spoilt: object) -> None:
    store.add("a", kind="k", about={}, versions={}, result={"x": 1})
    with sqlite3.connect(store.file) as connection:
        connection.execute("update results set result = ?", (spoilt,))
    with pytest.raises(UsageError, match="row a is spoilt; allowed: as it was written, or no such row"):
        store.get("a")


@pytest.mark.parametrize("spoilt", ["{", "[]", "null", b"\x00"])
def test_versions_that_are_spoilt_are_one_line(store: Store, spoilt: object) -> None:
    store.add("a", kind="k", about={}, versions={}, result={"x": 1})
    with sqlite3.connect(store.file) as connection:
        connection.execute("update results set versions = ?", (spoilt,))
    with pytest.raises(UsageError, match="row a is spoilt; allowed: as it was written, or no such row"):
        store.get("a")


def test_a_row_without_a_digest_is_an_old_one(store: Store) -> None:
    store.add("a", kind="k", about={}, versions={"numpy": "2"}, result={"x": 1})
    with sqlite3.connect(store.file) as connection:
        connection.execute("update results set versions = ?", ('{"numpy": "2"}',))
    assert store.get("a") == {"x": 1}
