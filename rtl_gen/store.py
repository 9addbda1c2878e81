"""Results that were measured before, in one SQLite file, by a digest of all that they depend on."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rtl_gen.errors import UsageError
from sw_ref.files import digest_of

WAIT = 60.0
"""Seconds for which another process may be writing."""
DIGEST = "result"
"""Beside the versions: the SHA-256 of the result itself, so that nobody takes a changed one.  Old rows have none."""
TABLE = """
create table if not exists results (
    key text primary key, kind text not null, arguments text not null, versions text not null, result text not null
) without rowid
"""


class Store:
    """JSON results by key.  Each is there whole as soon as :meth:`add` returns, whatever happens to this process.

    Several processes may use one file.  Raises :class:`UsageError` for a file that is no such store.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with self._named():
            self._connection = sqlite3.connect(file, timeout=WAIT, isolation_level=None)
            self._connection.execute(TABLE)

    def get(self, key: str) -> Any:
        """The result that is kept for a key; None: there is none.  Raises :class:`UsageError` if it is spoilt."""
        with self._named():
            row = self._connection.execute("select result, versions from results where key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            result, kept = json.loads(row[0]), json.loads(row[1]).get(DIGEST)
            if result is not None and kept in (None, digest_of(row[0].encode())):
                return result
        except (TypeError, ValueError, AttributeError):
            pass
        raise UsageError(f"results {self.file}: row {key} is spoilt; allowed: as it was written, or no such row")

    def add(self, key: str, *, kind: str, about: Mapping[str, Any], versions: Mapping[str, str], result: Any) -> None:
        """Keep a result, unless another process was first; `about`: what people want to know of its arguments."""
        text = json.dumps(result, sort_keys=True)
        kept = {**versions, DIGEST: digest_of(text.encode())}
        texts = [*(json.dumps(value, sort_keys=True) for value in (about, kept)), text]
        with self._named():
            self._connection.execute("insert or ignore into results values (?, ?, ?, ?, ?)", (key, kind, *texts))

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UsageError(f"results {self.file}: {error}; allowed: an SQLite file that can be written") from error
