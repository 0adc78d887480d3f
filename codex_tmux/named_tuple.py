"""`typing.NamedTuple` without `typing`, whose import takes as long as the rest of a bare Python start.

Nor by `collections.namedtuple`, which compiles each class from a text of its own: the dozen and a half that a sync
needs took 6 ms so, a third of a bare Python start. A module that uses it must say
`from __future__ import annotations`.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    try:
        from _collections import _tuplegetter as _field  # what `collections.namedtuple` itself uses
    except ImportError:

        def _field(at, doc):
            return property(lambda self: self[at], doc=doc)

    class _Meta(type):
        def __new__(mcls, name, bases, body):
            if bases:
                fields = tuple(body.get("__annotations__", ()))
                defaults = {field: body.pop(field) for field in fields if field in body}
                body |= {field: _field(at, None) for at, field in enumerate(fields)}
                body |= {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
                body["_field_set"] = frozenset(fields)
            return super().__new__(mcls, name, bases, {"__slots__": (), **body})

    class NamedTuple(tuple, metaclass=_Meta):
        def __new__(cls, *args, **kwargs):
            fields = cls._fields
            if kwargs or len(args) != len(fields):
                given = dict(zip(fields, args))
                values = cls._field_defaults | given | kwargs
                wrong = len(args) > len(fields) or len(values) != len(fields)
                if wrong or not (given.keys().isdisjoint(kwargs) and values.keys() >= cls._field_set):
                    raise TypeError(f"{cls.__name__} has the fields {', '.join(fields)}")
                args = map(values.__getitem__, fields)
            return tuple.__new__(cls, args)

        def __repr__(self):
            values = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self):
            return tuple(self)

        def _replace(self, **changes):
            new = tuple.__new__(type(self), map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"{type(self).__name__} has no field {', '.join(changes)}")
            return new

        def _asdict(self):
            return dict(zip(self._fields, self))
