"""The words and operators of a shell's command line, as far as they are certain without a shell."""

import re

# As text: few of the hooks that import this come to read a command line.
TOKEN = r"""(?xs)[ \t]*(?:
        (?P<operator> && | \|\| | [;|&<>\n] )
      | (?P<word> (?: [^\s'"\\`$;|&<>()] | \\. | '[^']*' | \$\([^()]*\) | \$(?!\()
            | "(?: [^"\\`$] | \\. | \$\([^()]*\) | \$(?!\() )*" )+ )
    )"""
QUOTED = r"""(?xs)
    '(?P<single>[^']*)' | \\(?P<escaped>.) | "(?P<double>(?: [^"\\$] | \\. | \$\([^()]*\) | \$(?!\() )*)" """


class Token(str):
    """A word as the shell understands it, or one of its operators; `raw` is how it is written, quotes and all."""

    raw: str
    start: int
    is_operator: bool

    def __new__(cls, raw: str, start: int = 0, is_operator: bool = False) -> "Token":
        token = super().__new__(cls, raw if is_operator else re.sub(QUOTED, _unquoted, raw))
        token.raw, token.start, token.is_operator = raw, start, is_operator
        return token

    @property
    def end(self) -> int:
        return self.start + len(self.raw)

    @property
    def bare(self) -> str:
        """What of it stands outside quotes."""
        return re.sub(QUOTED, "", self.raw)

    @property
    def unsettled(self) -> str:
        """What of it a shell may put something else for: also what stands in double quotes."""
        return re.sub(QUOTED, lambda found: re.sub(r"(?s)\\.", "", found["double"] or ""), self.raw)


def _unquoted(found: re.Match[str]) -> str:
    if found["double"] is not None:
        return re.sub(r'\\([$`"\\])', r"\1", found["double"])
    return found["single"] or found["escaped"] or ""


def tokens(text: str) -> list[Token] | None:
    """The words and operators of a text; None where it holds what only a shell can understand.

    >>> tokens("cd /src && codex -m 'a b'")
    ['cd', '/src', '&&', 'codex', '-m', 'a b']
    """
    found: list[Token] = []
    token = re.compile(TOKEN)
    at, end = 0, len(text.rstrip(" \t"))
    while at < end:
        match = token.match(text, at)
        if match is None:
            return None
        kind = "operator" if match["operator"] else "word"
        found.append(Token(match[kind], match.start(kind), kind == "operator"))
        at = match.end()
    return found
