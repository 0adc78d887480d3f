"""`datetime` by its half in C alone: the module of that name reads and runs the other half first (1.5 ms)."""

from __future__ import annotations

__all__ = ["datetime", "timedelta", "timezone"]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from datetime import datetime, timedelta, timezone
else:
    try:
        from _datetime import datetime, timedelta, timezone
    except ImportError:
        from datetime import datetime, timedelta, timezone
