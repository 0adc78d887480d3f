"""Rows as tmux prints them: values separated by tabs, a row a line.

What people or programs chose may hold anything, a newline too. tmux itself writes the four characters that matter here
in another way, see ESCAPE. So each backslash it prints is of its own making: 3.4 and 3.5a print control characters as
octal or in C's way, and 3.4 puts one before the `$` of a name.
"""

import re
from typing import TypeAlias

from codex_tmux.errors import TmuxError

Names: TypeAlias = tuple[str, ...] | list[str]

ESCAPE = r"s/=/=e/;s/[\]/=b/;s/" + "\t/=t/;s/\n/=n/"
WRITTEN = {b"=e": b"=", b"=b": b"\\", b"=t": b"\t", b"=n": b"\n", b"\\$": b"$"}
WRITTEN |= {b"\\a": b"\a", b"\\b": b"\b", b"\\v": b"\v", b"\\f": b"\f", b"\\r": b"\r"}
ESCAPED = re.compile(rb"\\[0-7]{3}|[=\\].?", re.DOTALL)
# Panes that codex-tmux never touched have none of its options: asking for each took half of the whole call.
TOUCHED = "#{||:#{?@codex_pane,1,0},#{||:#{?@codex_title_id,1,0},#{?@codex_session,1,0}}}"


def row_format(plain: Names, chosen: Names, options: Names = ()) -> str:
    """The tmux format that prints one row: plain values, then those that people or programs chose.

    `options` are chosen too. A pane that codex-tmux has not touched leaves them out.
    """
    values = [*(f"#{{{name}}}" for name in plain), *(f"#{{{ESCAPE}:{name}}}" for name in chosen)]
    more = "".join(f"\t#{{{ESCAPE}:{name}}}" for name in options)
    return "\t".join(values) + (f"#{{?{TOUCHED},{more},}}" if options else "")


def parse_rows(data: bytes, names: Names, options: Names = ()) -> list[dict[str, str]]:
    """The rows that `row_format` printed, as dictionaries by name.

    Raises TmuxError when the bytes do not fit the format: a half-understood pane is worse than none.
    """
    *lines, rest = data.split(b"\n")
    if rest:
        raise TmuxError("tmux printed half a row")
    rows = []
    for line in lines:
        values = [value_of(printed) for printed in line.split(b"\t")]
        if len(values) not in (len(names), len(names) + len(options)):
            raise TmuxError(f"tmux printed a row of {len(values)} values, not {len(names)}")
        rows.append({**dict.fromkeys(options, ""), **dict(zip((*names, *options), values))})
    return rows


def value_of(printed: bytes) -> str:
    r"""A value as it is, of what tmux printed.

    >>> value_of(rb"a=eb=b033 \033 \$HOME=n")
    'a=b\\033 \x1b $HOME\n'
    """
    return ESCAPED.sub(unescaped, printed).decode("utf-8", "surrogateescape")


def unescaped(found: re.Match[bytes]) -> bytes:
    if len(found[0]) == 4:
        return bytes([int(found[0][1:], 8) & 0xFF])
    if found[0] not in WRITTEN:
        raise TmuxError(f"tmux printed {found[0]!r}, which is no escape of its own")
    return WRITTEN[found[0]]
