"""What `--json` prints."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


def document(name: str, rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps({"version": 1, name: [*rows]}, indent=2)
