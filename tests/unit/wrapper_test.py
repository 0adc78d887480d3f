"""What stands before Codex in a pane's command: kept, dropped, or not understood."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from codex_tmux.elsewhere.wrapper import (
    PROGRAM,
    UNKNOWN,
    is_unknown,
    of_command,
    of_words,
    prefixed,
    storable,
)
from codex_tmux.tracking.wrapper_of import wrapper_of
from tests.unit.rules_test import pane

ARGS = ("-m", "x", "the old prompt")
SAID = shlex.join(ARGS)
SHELL = ("$SHELL", "-c")


def text(command: str) -> str:
    """As tmux shows a command that was given in one word."""
    return '"' + command.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


NONE = [
    "codex @",
    "exec codex @",
    "command codex @",
    "/opt/codex/bin/codex @",
    "node /usr/lib/node_modules/@openai/codex/bin/codex.js @",
    "cd sub && codex @",
    "cd 'a b'; exec codex @",
    'cd "a b" && exec codex @',
    "cd $HOME && codex @",
    "npx codex @",
    "npx @openai/codex@latest @",
    "npm exec codex -- @",
    "bunx codex @",
    "sh -c 'codex -m x'",
    "bash -c 'exec codex -m x'",
    'codex -m x "$P"',
    'codex -m x "$(cat task.md)"',
    "codex $FLAGS",
    "bash",
    "bash --norc -i",
    "-zsh",
]


@pytest.mark.parametrize("command", NONE)
def test_none(command: str) -> None:
    args = ("-m", "x") if "-m x" in command else ARGS
    assert (
        of_command(text(command.removesuffix("@") + SAID if command.endswith(" @") else command), args) == ()
    )


KEPT = {
    "nice codex @": ("nice", PROGRAM),
    "nice -n 1 codex @": ("nice", "-n", "1", PROGRAM),
    "env -u FOO BAR=1 codex @": ("env", "-u", "FOO", "BAR=1", PROGRAM),
    "exec unshare -u codex @": ("unshare", "-u", PROGRAM),
    "bwrap --ro-bind / / --dev /dev -- codex @": ("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--", PROGRAM),
    "firejail --net=none codex @": ("firejail", "--net=none", PROGRAM),
    "systemd-run --user --scope -p MemoryMax=1G codex @": (
        "systemd-run", "--user", "--scope", "-p", "MemoryMax=1G", PROGRAM,
    ),
    "direnv exec . codex @": ("direnv", "exec", ".", PROGRAM),
    "op run --env-file=.env -- codex @": ("op", "run", "--env-file=.env", "--", PROGRAM),
    "doppler run -- npx codex @": ("doppler", "run", "--", PROGRAM),
    "mise exec -- codex @": ("mise", "exec", "--", PROGRAM),
    # A script that takes Codex's own arguments.
    "my-codex @": ("my-codex",),
    "bash ./my-codex @": ("bash", "./my-codex"),
    "A=1 exec my-codex @": (*SHELL, 'A=1 exec my-codex "$@"', "sh"),
    # A shell's own work before it, and after.
    "API=secret codex @": (*SHELL, 'API=secret "$@"', "sh", PROGRAM),
    "umask 077; API=secret codex @": (*SHELL, 'umask 077; API=secret "$@"', "sh", PROGRAM),
    "sh -c 'umask 077; codex -m x'": ("sh", "-c", 'umask 077; "$@"', "sh", PROGRAM),
    "cd sub && . ./env && nice codex @": (*SHELL, '. ./env && nice "$@"', "sh", PROGRAM),
    "export A=1; npx codex @": (*SHELL, 'export A=1; "$@"', "sh", PROGRAM),
    "codex @; exec zsh": (*SHELL, '"$@"; exec zsh', "sh", PROGRAM),
    'A=1 codex -m x "$P"': (*SHELL, 'A=1 "$@"', "sh", PROGRAM),
    "bash -lc 'codex -m x'": ("bash", "-lc", '"$@"', "sh", PROGRAM),
    "zsh -ic 'exec codex -m x'": ("zsh", "-ic", 'exec "$@"', "sh", PROGRAM),
}  # fmt: skip


@pytest.mark.parametrize("command", KEPT)
def test_kept(command: str) -> None:
    args = ("-m", "x") if "-m x" in command and "$P" not in command else ARGS
    assert of_command(text(command.replace("@", SAID)), args) == KEPT[command]


UNKNOWNS = {
    "./start.sh": "start.sh",
    "./start.sh api": "start.sh",
    "bash start.sh api": "start.sh",
    "tool codex --more @": "tool",  # it adds or takes arguments of its own
    "make && codex @": "make",
    "git pull; codex @": "git",
    "codex @; make deploy": "codex",
    "codex exec hello; codex @": "codex",
    "umask 077; cd sub && codex @": "umask",
    "codex() { command codex -m x; }; codex": "codex()",
    "cat task | codex @": "cat",
    "for i in 1 2; do codex @; done": "for",
    "sh -c 'codex \"$@\"' sh @": "sh",
    "codex @ 2>err.log": "codex",
    "API=s3; codex @": "API",  # the name is shown, and logged
    "API=s3 codex @ | tee log": "API",
}


@pytest.mark.parametrize("command", UNKNOWNS)
def test_not_understood(command: str) -> None:
    written = command.replace("$@", "ARGUMENTS").replace("@", SAID).replace("ARGUMENTS", "$@")
    assert of_command(text(written), ARGS) == (UNKNOWN, UNKNOWNS[command])


def test_words_are_taken_as_they_are() -> None:
    """A command given in several words, of which no shell has read anything."""
    assert of_command(f"nice -n 5 codex {SAID}", ARGS) == ("nice", "-n", "5", PROGRAM)
    assert of_command('codex "a;b \\$x"', ("a;b $x",)) == ()
    assert of_words(["bwrap", "--bind", "/a b", "/", "codex", *ARGS], ARGS)[2] == "/a b"


@pytest.mark.parametrize(("passed", "found"), [('"$@"', True), ("", False)])
def test_a_script_without_arguments_tells_by_its_text(tmp_path: Path, passed: str, found: bool) -> None:
    script = tmp_path / "my-codex"
    script.write_text(f"#!/bin/sh\nA=1 codex {passed}\n")
    script.chmod(0o700)
    codex = SimpleNamespace(
        root=True, args=(), cwd=str(tmp_path), path=str(tmp_path), program=("/bin/codex",)
    )
    wrapper = wrapper_of(pane(1)._replace(start_command="my-codex"), codex)  # type: ignore[arg-type]
    assert wrapper == ((str(script),) if found else (UNKNOWN, "my-codex"))


@pytest.mark.parametrize(
    ("wrapper", "names", "kept"),
    [
        (("nice", "-n", "1", PROGRAM), (), True),
        (("systemd-run", "-p", "MemoryMax=1G", PROGRAM), (), False),
        (("systemd-run", "-p", "Environment=A=1", PROGRAM), (), False),
        (("systemd-run", "-E", "A=1", PROGRAM), (), False),
        (("env", "A=1", PROGRAM), (), False),
        (("env", "A=1", PROGRAM), ("A",), True),
        (("env", "CODEX_HOME=/h", PROGRAM), (), True),
        ((*SHELL, 'CODEX_HOME=/h A=s3 "$@"', "sh", PROGRAM), (), False),
        (("env", "A=1", "B=2", PROGRAM), ("A",), False),
        (("bwrap", "--setenv", "A", "s3", PROGRAM), (), False),
        (("firejail", "--env=A=s3", PROGRAM), (), False),
        ((*SHELL, 'umask 077; "$@"', "sh", PROGRAM), (), True),
        ((*SHELL, 'umask 077; A=s3 "$@"', "sh", PROGRAM), (), False),
        ((*SHELL, 'export A=s3;"$@"', "sh", PROGRAM), (), False),
        (("doppler", "run", "--token", "s3", "--", PROGRAM), (), False),
        (("op", "run", "--env-file=.env", "--", PROGRAM), (), True),
        ((UNKNOWN, "start.sh"), (), True),
        ((), (), True),
    ],
)
def test_no_value_of_a_variable_is_stored(
    wrapper: tuple[str, ...], names: tuple[str, ...], kept: bool
) -> None:
    found = storable(wrapper, names)
    assert found == wrapper if kept else is_unknown(found)
    assert "s3" not in str(found)


@pytest.mark.parametrize(
    ("wrapper", "shell", "words"),
    [
        ((), "/bin/zsh", ["/codex"]),
        (("nice", PROGRAM), "/bin/zsh", ["nice", "/codex"]),
        (("my-codex",), "/bin/zsh", ["my-codex"]),
        ((*SHELL, 'A=1 "$@"', "sh", PROGRAM), "/bin/zsh", ["/bin/zsh", "-c", 'A=1 "$@"', "sh", "/codex"]),
        ((*SHELL, 'A=1 "$@"', "sh", PROGRAM), "/bin/fish", ["/bin/fish", "-c", "A=1 $argv", "/codex"]),
        (("fish", "-c", 'A=1 "$@"', "sh", PROGRAM), "/bin/sh", ["fish", "-c", "A=1 $argv", "/codex"]),
        ((*SHELL, 'A=1 "$@"', "sh", PROGRAM), "/bin/tcsh", None),
        (("nice", PROGRAM), "/bin/tcsh", ["nice", "/codex"]),
    ],
)
def test_what_is_executed(wrapper: tuple[str, ...], shell: str, words: list[str] | None) -> None:
    assert prefixed(wrapper, ["/codex"], shell) == words
