"""What a pane runs to be somewhere else: `ssh host`, `docker exec -it box`, `distrobox enter box`.

Pure reading of command lines, by one table row a program: which words reach the far end, and which are the command
that runs there. What is in that command is read by `remote_command`; what of it may run again, `run_again` says.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

SSH, MOSH, DISTROBOX, TOOLBOX = "ssh", "mosh", "distrobox", "toolbox"
SHARES_HOME = (DISTROBOX, TOOLBOX)
"""Their boxes have the user's own home, and with it Codex's own store."""


class Transport(NamedTuple):
    """One command line that reaches a far end.

    `connect` is everything before the command for the far end, `remote` that command (empty: a shell of the far
    end's). `asking` reaches the same far end without a terminal, for a question; empty where that cannot be.
    """

    kind: str
    target: str
    connect: tuple[str, ...]
    remote: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()
    terminal: bool = True
    """It has a terminal at the far end, so that a Codex can be there."""
    before: int = 0
    """How many words of `connect` stand before its program: `sudo -u me`."""
    goes_back: bool = True
    """`connect` leads back to the same place; not so `docker run`, whose container ends with its command."""

    @property
    def by_shell(self) -> bool:
        """Whether a shell there reads the command as one text; else it is executed word by word."""
        return self.kind == SSH

    @property
    def shell(self) -> tuple[str, ...]:
        """The command for the far end that only opens a shell there."""
        has_one = self.kind in (SSH, MOSH, DISTROBOX) or (self.kind == TOOLBOX and "enter" in self.connect)
        return () if has_one or not self.asking else ("sh",)

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.connect, *self.remote)

    @property
    def name(self) -> str:
        """What a person calls it: `ssh host`."""
        return f"{self.kind} {self.target}".rstrip()


def words(text: str) -> frozenset[str]:
    """Option words, written as they are on a command line."""
    return frozenset(text.split())


class Program(NamedTuple):
    """How the command line of one program is read.

    `letters` and `valued` are the options that take a value of their own. `verbs` stand before the target, `once` in
    the place of one of them for what ends with its command; `attaches` leads to what runs there already.
    `behind`: options may stand behind the target too.
    `needs_tty`: there is a terminal only where one is asked for. To ask a question, `drop` is left out and `quiet`
    stands behind the program (`quiet_verb`: behind the verb).
    """

    kind: str
    letters: str = ""
    valued: frozenset[str] = frozenset()
    verbs: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    attaches: tuple[str, ...] = ()
    target_options: frozenset[str] = frozenset()
    separators: frozenset[str] = frozenset(["--"])
    behind: bool = False
    needs_separator: bool = False
    needs_tty: bool = False
    no_tty: frozenset[str] = frozenset()
    drop: frozenset[str] = words("-t --tty -i --interactive --stdin")
    quiet: tuple[str, ...] = ()
    quiet_verb: tuple[str, ...] = ()


_SSH = Program(
    SSH,
    "BbcDEeFIiJLlmOopQRSwW",  # OpenSSH 9.9's getopt string
    behind=True,
    needs_tty=True,
    no_tty=words("-N -T -W -f -O -Q -G -V -s"),
    # -M and -f would stay behind, forwardings exist already.
    drop=words("-t -L -R -D -f -M -n -y -E -v -e --"),
    # ssh takes the first value it is given: these stand before the user's own.
    quiet=(
        *("-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "ClearAllForwardings=yes"),
        *("-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no", "-T"),
    ),
)
_MOSH = Program(
    MOSH,
    "p",
    words("--client --server --predict --family --port --bind-server --ssh --experimental-remote-ip"),
)
_ENGINE = Program(
    "",
    "cHlfpeuw",
    words(
        "--context --config --host --log-level --tlscacert --tlscert --tlskey --connection --url --identity "
        "--root --runroot --runtime --storage-driver --storage-opt --namespace --address --file --project-name "
        "--profile --project-directory --env-file --ansi --progress --parallel --env --user --workdir "
        "--detach-keys --cidfile --preserve-fds --index"
    ),
    verbs=("exec",),
    once=("run", "start"),
    attaches=("attach",),
    needs_tty=True,
    no_tty=words("-d --detach"),
)
_COMPOSE = _ENGINE._replace(needs_tty=False, no_tty=words("-T --no-TTY -d --detach"), quiet_verb=("-T",))
_KUBECTL = Program(
    "kubectl",
    "nscfv",
    words(
        "--namespace --context --cluster --kubeconfig --user --server --token --as --as-group --request-timeout "
        "--container --filename --pod-running-timeout --cache-dir --certificate-authority --client-certificate "
        "--client-key --tls-server-name"
    ),
    verbs=("exec",),
    behind=True,
    needs_separator=True,
    needs_tty=True,
)
_LXC = Program(
    "lxc",
    valued=words("--env --cwd --user --group --mode --project"),
    verbs=("exec",),
    behind=True,
    no_tty=words("-T --disable-stdin"),
)
_DISTROBOX = Program(
    DISTROBOX,
    "na",
    words("--name --additional-flags"),
    verbs=("enter",),
    target_options=words("-n --name"),
    separators=words("-- -e --exec"),
    behind=True,
    no_tty=words("-T -H --no-tty"),
    quiet_verb=("--no-tty",),
)
_TOOLBOX = Program(
    TOOLBOX,
    "cdr",
    words("--container --distro --release --preserve-fds --log-level"),
    verbs=("enter", "run"),
    target_options=words("-c --container"),
)

PROGRAMS = {
    "ssh": _SSH,
    "autossh": _SSH._replace(letters=_SSH.letters + "M"),
    "mosh": _MOSH,
    **{name: _ENGINE._replace(kind=name) for name in ("docker", "podman", "nerdctl")},
    **{name: _COMPOSE._replace(kind=name) for name in ("docker-compose", "podman-compose")},
    **{name: _KUBECTL._replace(kind=name) for name in ("kubectl", "oc")},
    **{name: _LXC._replace(kind=name) for name in ("lxc", "incus")},
    "distrobox": _DISTROBOX,
    "distrobox-enter": _DISTROBOX._replace(verbs=(), quiet=("--no-tty",)),
    "toolbox": _TOOLBOX,
}
_BEFORE = {
    "env": Program("", "uCS", words("--unset --chdir --split-string")),
    **dict.fromkeys(
        ("sudo", "doas"),
        Program("", "ugphCTUDRrt", words("--user --group --prompt --host --chdir --chroot --role --type")),
    ),
}
"""What may stand before a transport."""
_SCRIPT_HOSTS = words("sh bash dash ash zsh ksh busybox perl python3 python env")
_SCRIPTS = words("mosh distrobox distrobox-enter docker-compose podman-compose docker podman")
_WITHOUT_BLANKS = words(
    "-4 -6 -a -n -p --port --bind-server --family --predict --predict-overwrite --local --no-init --no-ssh-pty"
)
"""mosh's options whose values hold no blanks: what stands behind them is no rest of theirs."""


class Option(NamedTuple):
    """An option as it was found: its name, its value, and its own words."""

    name: str
    value: str
    words: tuple[str, ...]


def of_argv(argv: Sequence[str]) -> Transport | None:
    """The transport that a process with these words is; None where it is none.

    A script's own interpreter may stand before it, and `sudo`, `doas` or `env` with their options.
    """
    rest = list(argv)
    before: list[str] = []
    while rest:
        name = os.path.basename(rest[0]).removeprefix("-")
        if name in _BEFORE:
            at, _ = options(rest, 1, _BEFORE[name])
            while at < len(rest) and "=" in rest[at]:
                at += 1
            before, rest = [*before, *rest[:at]], rest[at:]
        elif name in _SCRIPT_HOSTS and len(rest) > 1 and os.path.basename(rest[1]) in _SCRIPTS:
            rest = rest[1:]  # executed by its own first line again
        else:
            break
    if not rest:
        return None
    if (split := split_words(rest)) is not None:
        return _of_split(split)
    program = PROGRAMS.get(os.path.basename(rest[0]))
    return _read(program, rest, before) if program else None


def _read(program: Program, argv: list[str], before: list[str]) -> Transport | None:
    """The transport that begins at `argv[0]`, a program of the table."""
    at, found = options(argv, 1, program)
    asking = [*before, argv[0].replace("autossh", "ssh"), *program.quiet]
    verb = ""
    if program.verbs:
        asking += _kept(program, found)
        program, at, passed = _to_verb(program, argv, at)
        verb = argv[at] if at < len(argv) else ""
        if verb not in program.verbs:
            return _without_command(program, verb, (*before, *argv), len(before) + at)
        asking += [*passed, "run" if program.kind == TOOLBOX else verb, *program.quiet_verb]
        at, found = options(argv, at + 1, program)
    separated = _has(found, program.separators)
    target = next((o.value for o in found if o.name in program.target_options), "")
    positional: list[str] = []
    if not target and verb != "run" and (not separated or program.kind == SSH):
        positional = argv[at : at + 1]
        target = "".join(positional)
        at += len(positional)
    if not target and not program.target_options:
        # What a process list shows of mosh may be no more than its name.
        return Transport(MOSH, "", (*before, *argv), goes_back=False) if program.kind == MOSH else None
    if program.behind and not separated:
        at, more = options(argv, at, program)
        separated = _has(more, program.separators)
        found += more
    if verb == "enter" and program.kind == TOOLBOX:
        at = len(argv)
        positional = ["--container", *positional] if positional else []
    elif program.needs_separator and not separated:
        at = len(argv)  # no command can be there
    elif program.kind == MOSH and argv[at : at + 1] == ["--"]:
        at += 1
    dashes = ["--"] if program.behind and program.kind != SSH else []
    asking += [*_kept(program, found), *positional, *dashes]
    return Transport(
        program.kind,
        target,
        connect=(*before, *argv[:at]),
        remote=tuple(argv[at:]),
        asking=tuple(_mosh_asks(found, target) if program.kind == MOSH else asking),
        terminal=_has_terminal(program, found, at < len(argv)),
        before=len(before),
    )


def _to_verb(program: Program, argv: list[str], at: int) -> tuple[Program, int, list[str]]:
    """Where the verb stands, behind `compose` or `container`; that program, and the words passed."""
    passed: list[str] = []
    while argv[at : at + 1] in (["compose"], ["container"]):
        if argv[at] == "compose":
            program = _COMPOSE._replace(kind=program.kind)
        passed.append(argv[at])
        at, found = options(argv, at + 1, program)
        passed += _kept(program, found)
    return program, at, passed


def _without_command(program: Program, verb: str, argv: tuple[str, ...], at: int) -> Transport | None:
    """The transport of a verb that takes one to no command of one's own."""
    if verb in program.once:
        # A container of its own ends with its command: nothing is there to go back to.
        return Transport(f"{program.kind} {verb}", "", argv[: at + 1], goes_back=False)
    return Transport(program.kind, argv[-1], argv) if verb in program.attaches else None


def _has_terminal(program: Program, found: list[Option], has_remote: bool) -> bool:
    # What has no terminal shows no Codex: a forwarding, or git's and rsync's own use of ssh.
    if _has(found, program.no_tty):
        return False
    if program.kind == SSH and not has_remote:
        return True
    wants = (o.value.replace(" ", "=").lower() for o in found if o.name == "-o")
    forced = any(w in ("requesttty=yes", "requesttty=force") for w in wants)
    return forced or not program.needs_tty or _has(found, words("-t --tty"))


def _has(found: list[Option], names: frozenset[str]) -> bool:
    return any(o.name in names and o.value != "false" for o in found)


def _kept(program: Program, found: list[Option]) -> list[str]:
    """The words of the options that a question is asked with too."""
    gone = program.drop | program.separators
    return [word for o in found if o.name not in gone for word in o.words]


def _mosh_asks(found: list[Option], target: str) -> list[str]:
    """mosh reaches its host by ssh: so is that asked."""
    ssh = next((o.value for o in found if o.name == "--ssh"), "ssh").split()
    by_ssh = _read(_SSH, [*ssh, target], []) if ssh else None
    return list(by_ssh.asking) if by_ssh else []


def options(argv: Sequence[str], at: int, program: Program) -> tuple[int, list[Option]]:
    """Where the options that begin at `argv[at]` end, and these. A separator ends them and counts to them.

    One-letter options may stand together, a value right behind its letter.
    """
    found: list[Option] = []
    while at < len(argv):
        word = argv[at]
        if word in program.separators:
            return at + 1, [*found, Option(word, "", (word,))]
        if not word.startswith("-") or word == "-":
            break
        at += 1
        if word.startswith("--") or word == "-nw":  # distrobox's --no-workdir
            name, given, value = word.partition("=")
            behind: tuple[str, ...] = ()
            if not given and name in program.valued and at < len(argv):
                value, behind = argv[at], (argv[at],)
                at += 1
            found.append(Option(name, value, (word, *behind)))
            continue
        for n, letter in enumerate(word[1:], 2):
            if letter not in program.letters:
                found.append(Option(f"-{letter}", "", (f"-{letter}",)))
                continue
            value = word[n:]
            if not value and at < len(argv):
                value = argv[at]
                at += 1
            found.append(Option(f"-{letter}", value, (f"-{letter}", value)))
            break
    return at, found


def split_words(argv: Sequence[str]) -> list[str] | None:
    """mosh's own words as a process list shows them once it has become `mosh-client`: joined by blanks, so that one
    word with a blank reads as two. None where this is no such process."""
    if os.path.basename(argv[0]) != "mosh-client" or len(argv) < 2 or not argv[1].startswith("-# "):
        return None
    return argv[1][3:].removesuffix("|").split()


def _of_split(seen: list[str]) -> Transport:
    """What of mosh's words is certain where they may have been split: the host, behind options that hold no blank.

    Never its remote command: `--add-dir '/tmp/a b'` would make another directory writable than the user said.
    """
    argv = ["mosh", *seen]
    at, found = options(argv, 1, _MOSH)
    if at >= len(argv) or any(o.name not in _WITHOUT_BLANKS for o in found):
        return Transport(MOSH, "", ("mosh",), goes_back=False)
    return Transport(MOSH, argv[at], tuple(argv[: at + 1]), asking=tuple(_mosh_asks(found, argv[at])))
