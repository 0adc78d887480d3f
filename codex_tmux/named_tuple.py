"""`typing.NamedTuple` without `typing`, whose import takes as long as the rest of a bare Python start.

A module that uses it must say `from __future__ import annotations`.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import namedtuple

    _OF_THE_CLASS_STATEMENT = ("__annotations__", "__module__", "__qualname__", "__firstlineno__")

    class _Meta(type):
        def __new__(mcls, name, bases, body):
            if not bases:
                return super().__new__(mcls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = [body[field] for field in fields if field in body]
            record = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for key, value in body.items():
                if key not in fields and key not in _OF_THE_CLASS_STATEMENT:
                    setattr(record, key, value)
            return record

    class NamedTuple(metaclass=_Meta):
        pass
