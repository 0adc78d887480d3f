"""A wrapper of Codex, against a script that has other work as well."""

import pytest

from codex_tmux.codex.script import starts_one_program

WRAPPERS = [
    'codex "$@"\n',
    'CODEX_HOME=/x codex "$@"\n',
    '#!/bin/sh\n# As npx does\nshift 2\n"$@"\n',
    "codex; exec bash",
    "codex; bash -l",
    "codex; exec $SHELL",
    "codex -m x; exit $?",
    "clear; codex -m x; read",
    "echo starting; codex",
    "codex 2>/dev/null",
    "if [ -f .env ]; then . ./.env; fi\ncodex",
    "export X=$(pass show x)\nexec codex",
    'real=$(command -v codex)\n"$real" "$@"',
    "cd 'a b' && codex 'x & y; z | w > v'",
    'sh -c \'"$@"\' sh "$@"',
    "source venv/bin/activate && nice codex",
]


@pytest.mark.parametrize("text", WRAPPERS)
def test_a_wrapper(text: str) -> None:
    assert starts_one_program(text)


MORE = [
    "",
    "echo 'half a line",
    "#!/bin/sh\necho STEP1 >> log\ncodex exec 'hi'\necho STEP2 >> log\n",
    "echo one; codex exec 'hi'; echo two",
    "make\ncodex exec 'x'",
    "codex exec 'x'\nmake",
    "codex; codex exec 'y'",
    "codex; bash deploy.sh",
    "codex && git push",
    "while true; do codex; done",
    "for i in 1 2; do codex; done",
    "codex &",
    "server & codex",
    "codex exec x | tee log",
    "codex exec x > log",
    "(cd x; codex)",
    "case $1 in x) codex;; esac",
    "run() { codex; }; run; run",
]


@pytest.mark.parametrize("text", MORE)
def test_more_than_a_wrapper(text: str) -> None:
    assert not starts_one_program(text)
