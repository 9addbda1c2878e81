"""Results that were measured before, by a hash of all that they depend on. So a campaign may stop at any time."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sw_ref.files import write_atomically


class Cache:
    """JSON results in a folder, one file each.  If not `measuring`, a missing result stays unknown."""

    def __init__(self, folder: Path, *, measuring: bool = True) -> None:
        self.folder, self.measuring = folder, measuring
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, inputs: Any, measure: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The result for `inputs` (plain data).  If none is kept, `measure` makes it, and it is kept."""
        key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        path = self.folder / f"{key}.json"
        if path.is_file():
            return json.loads(path.read_text())
        if not self.measuring:
            return None
        result = measure()
        write_atomically(path, json.dumps(result).encode())
        return result
