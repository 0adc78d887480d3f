"""What a pane runs to be somewhere else: `ssh host`, `docker exec -it box`, `distrobox enter box`, a tmux in a tmux.

Pure reading of command lines: which words reach the far end, and which are the command that runs there. What is in
that command is read by `remote_command`.
"""

from __future__ import annotations

import os

from codex_tmux.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SSH, MOSH, DISTROBOX, TOOLBOX, TMUX = "ssh", "mosh", "distrobox", "toolbox", "tmux"
SHARES_HOME = (DISTROBOX, TOOLBOX)
"""Their boxes have the user's own home, and with it Codex's own store."""


class Transport(NamedTuple):
    """One command line that reaches a far end.

    `connect` is everything before the command for the far end, `remote` that command (empty: a shell of the far
    end's, or something that cannot be rebuilt). `by_shell`: a shell there reads the command as one text, as for
    ssh; else it is executed word by word.
    """

    kind: str
    target: str
    connect: tuple[str, ...]
    remote: tuple[str, ...] = ()
    by_shell: bool = False
    terminal: bool = True
    """It has a terminal at the far end, so that a Codex can be there."""

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.connect, *self.remote)

    @property
    def name(self) -> str:
        """What a person calls it: `ssh host`."""
        return f"{self.kind} {self.target}".rstrip()


class Grammar(NamedTuple):
    """The options of a program: the one-letter ones and the words that take a value of their own."""

    letters: str
    words: frozenset[str]


def words(text: str) -> frozenset[str]:
    """Option words, written as they are on a command line."""
    return frozenset(text.split())


# OpenSSH 9.9's getopt string; autossh adds -M.
_SSH = Grammar("BbcDEeFIiJLlmOopQRSwW", frozenset())
_SSH_NO_TERMINAL = frozenset("NTWfOQGVs")
_SUDO = Grammar("ugphCTUDRrt", words("--user --group --prompt --host --chdir --chroot --role --type"))
_ENV = Grammar("uCS", words("--unset --chdir --split-string"))
_EXEC = Grammar(
    "euw", words("--env --env-file --user --workdir --detach-keys --cidfile --preserve-fds --index --cwd")
)
_ENGINE = Grammar(
    "cHlfp",
    words(
        "--context --config --host --log-level --tlscacert --tlscert --tlskey --connection --url --identity "
        "--root --runroot --runtime --storage-driver --storage-opt --namespace --address --file --project-name "
        "--profile --project-directory --env-file --ansi --progress --parallel"
    ),
)
_KUBECTL = Grammar(
    "nscfv",
    words(
        "--namespace --context --cluster --kubeconfig --user --server --token --as --as-group --request-timeout "
        "--container --filename --pod-running-timeout --cache-dir --certificate-authority --client-certificate "
        "--client-key --tls-server-name"
    ),
)
_LXC = Grammar("", words("--env --cwd --user --group --mode --project"))
_DISTROBOX = Grammar("na", words("--name --additional-flags"))
_TOOLBOX = Grammar("cdr", words("--container --distro --release --preserve-fds --log-level"))
_MOSH = Grammar(
    "p", words("--client --server --predict --family --port --bind-server --ssh --experimental-remote-ip")
)
_TMUX = Grammar("cfLST", frozenset())

_SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh", "busybox")
_SCRIPT_HOSTS = (*_SHELLS, "perl", "python3", "python", "env")
_TMUX_CLIENTS = (
    "attach-session",
    "attach-sessio",
    "attach-sess",
    "attach-s",
    "attach",
    "attac",
    "a",
    "at",
    "new-session",
    "new",
)


def of_argv(argv: Sequence[str]) -> Transport | None:
    """The transport that a process with these words is; None where it is none.

    A script's own interpreter may stand before it, and `sudo`, `doas`, `env` or `exec` with their options.
    """
    rest = list(argv)
    before: list[str] = []
    while rest:
        name = os.path.basename(rest[0]).removeprefix("-")
        if name in ("sudo", "doas", "env"):
            at, _ = options(rest, 1, _ENV if name == "env" else _SUDO)
            while at < len(rest) and "=" in rest[at]:
                at += 1
            before, rest = [*before, *rest[:at]], rest[at:]
        elif name in _SCRIPT_HOSTS and len(rest) > 1 and os.path.basename(rest[1]) in _SCRIPTS:
            rest = rest[1:]  # executed by its own first line again
        else:
            break
    if not rest:
        return None
    name = os.path.basename(rest[0])
    read = _PROGRAMS.get(name)
    if name == "mosh-client" and len(rest) > 1 and rest[1].startswith("-# "):
        # What mosh (1.4) becomes; its own words are only there to be read, joined by blanks.
        return _mosh(["mosh", *rest[1][3:].removesuffix("|").split()], [])
    return read(rest, before) if read else None


def options(argv: Sequence[str], at: int, grammar: Grammar) -> tuple[int, list[tuple[str, str]]]:
    """Where the options that begin at `argv[at]` end, and these: name and value. A `--` ends them and counts to them.

    One-letter options may stand together, a value right behind its letter.
    """
    found: list[tuple[str, str]] = []
    while at < len(argv):
        word = argv[at]
        if word == "--":
            return at + 1, [*found, ("--", "")]
        if not word.startswith("-") or word == "-":
            break
        at += 1
        if word.startswith("--"):
            name, given, value = word.partition("=")
            if not given and name in grammar.words and at < len(argv):
                value = argv[at]
                at += 1
            found.append((name, value))
            continue
        for n, letter in enumerate(word[1:], 2):
            if letter in grammar.letters:
                value = word[n:]
                if not value and at < len(argv):
                    value = argv[at]
                    at += 1
                found.append((f"-{letter}", value))
                break
            found.append((f"-{letter}", ""))
    return at, found


def _has(found: list[tuple[str, str]], *names: str) -> bool:
    return any(name in names and value != "false" for name, value in found)


def _made(
    kind: str,
    target: str,
    argv: Sequence[str],
    at: int,
    before: list[str],
    *,
    by_shell: bool = False,
    terminal: bool = True,
) -> Transport:
    connect = (*before, *argv[:at])
    return Transport(kind, target, connect, tuple(argv[at:]), by_shell, terminal)


def _ssh(argv: list[str], before: list[str]) -> Transport | None:
    grammar = _SSH._replace(letters=_SSH.letters + "M") if argv[0].endswith("autossh") else _SSH
    at, found = options(argv, 1, grammar)
    if at >= len(argv):
        return None
    target = argv[at]
    at += 1
    if not _has(found, "--"):
        # ssh takes options behind the host too.
        at, more = options(argv, at, grammar)
        found += more
    # What has no terminal shows no Codex: a forwarding, or git's and rsync's own use of ssh.
    wants = [value.replace(" ", "=").lower() for name, value in found if name == "-o"]
    tty = _has(found, "-t") or any(w in ("requesttty=yes", "requesttty=force") for w in wants)
    refused = any(name[1:] in _SSH_NO_TERMINAL for name, _ in found if name != "--")
    terminal = not refused and (tty or at >= len(argv))
    return _made(SSH, target, argv, at, before, by_shell=True, terminal=terminal)


def _mosh(argv: list[str], before: list[str]) -> Transport | None:
    at, _ = options(argv, 1, _MOSH)
    if at >= len(argv):
        return None
    target = argv[at]
    at += 1
    if argv[at : at + 1] == ["--"]:
        at += 1
    return _made(MOSH, target, argv, at, before)


def _engine(argv: list[str], before: list[str]) -> Transport | None:
    """docker, podman, nerdctl, and compose in both of its forms: `exec`; else a container of its own."""
    kind = os.path.basename(argv[0])
    at, _ = options(argv, 1, _ENGINE)
    compose = kind in ("docker-compose", "podman-compose")
    while at < len(argv) and argv[at] in ("compose", "container"):
        compose = compose or argv[at] == "compose"
        at, _ = options(argv, at + 1, _ENGINE)
    if at >= len(argv):
        return None
    verb, verb_at = argv[at], at
    at, found = options(argv, at + 1, _EXEC)
    if verb in ("run", "attach", "start"):
        # A container of its own ends with its command: nothing is there to go back to.
        return Transport(kind, " ".join(argv[verb_at:][-1:]), (*before, *argv))
    if verb != "exec" or at >= len(argv):
        return None
    terminal = not _has(found, "-T", "--no-TTY") if compose else _has(found, "-t", "--tty")
    return _made(
        kind, argv[at], argv, at + 1, before, terminal=terminal and not _has(found, "-d", "--detach")
    )


def _kubectl(argv: list[str], before: list[str]) -> Transport | None:
    at, _ = options(argv, 1, _KUBECTL)
    if argv[at : at + 1] != ["exec"]:
        return None
    at, found = options(argv, at + 1, _KUBECTL)
    target = ""
    while at < len(argv) and not _has(found, "--"):
        target = target or argv[at]
        at, more = options(argv, at + 1, _KUBECTL)
        found += more
    if not _has(found, "--"):
        at = len(argv)
    return _made(os.path.basename(argv[0]), target, argv, at, before, terminal=_has(found, "-t", "--tty"))


def _lxc(argv: list[str], before: list[str]) -> Transport | None:
    at, _ = options(argv, 1, _LXC)
    if argv[at : at + 1] != ["exec"]:
        return None
    at, found = options(argv, at + 1, _LXC)
    if at >= len(argv):
        return None
    target = argv[at]
    at, more = options(argv, at + 1, _LXC)
    terminal = not _has(found + more, "-T", "--disable-stdin")
    return _made(os.path.basename(argv[0]), target, argv, at, before, terminal=terminal)


def _distrobox(argv: list[str], before: list[str]) -> Transport | None:
    at = 1
    if os.path.basename(argv[0]) == DISTROBOX:
        if argv[1:2] != ["enter"]:
            return None
        at = 2
    target = ""
    tty = True
    while at < len(argv):
        word = argv[at]
        # `-e` and `--exec` are `--` in older words; `-nw` is one option.
        if word in ("--", "-e", "--exec"):
            at += 1
            break
        if word in ("-T", "-H", "--no-tty"):
            tty = False
        if word in ("-n", "--name"):
            target, at = "".join(argv[at + 1 : at + 2]), at + 2
        elif word in ("-a", "--additional-flags"):
            at += 2
        elif word.startswith("-"):
            at += 1
        elif not target:
            target, at = word, at + 1
        else:
            break
    return _made(DISTROBOX, target, argv, at, before, terminal=tty)


def _toolbox(argv: list[str], before: list[str]) -> Transport | None:
    at, _ = options(argv, 1, _TOOLBOX)
    verb = argv[at] if at < len(argv) else ""
    if verb not in ("enter", "run"):
        return None
    at, found = options(argv, at + 1, _TOOLBOX)
    target = next((value for name, value in found if name in ("-c", "--container")), "")
    if verb == "enter":
        target, at = target or "".join(argv[at : at + 1]), len(argv)
    return _made(TOOLBOX, target, argv, at, before)


def _tmux(argv: list[str], before: list[str]) -> Transport | None:
    at, found = options(argv, 1, _TMUX)
    if at < len(argv) and argv[at] not in _TMUX_CLIENTS:
        return None
    target = next((value for name, value in found if name in ("-L", "-S")), "")
    return Transport(TMUX, target, (*before, *argv))


_PROGRAMS = {
    "ssh": _ssh,
    "autossh": _ssh,
    "mosh": _mosh,
    "docker": _engine,
    "podman": _engine,
    "nerdctl": _engine,
    "docker-compose": _engine,
    "podman-compose": _engine,
    "kubectl": _kubectl,
    "oc": _kubectl,
    "lxc": _lxc,
    "incus": _lxc,
    "distrobox": _distrobox,
    "distrobox-enter": _distrobox,
    "toolbox": _toolbox,
    "tmux": _tmux,
}
_SCRIPTS = ("mosh", "distrobox", "distrobox-enter", "docker-compose", "podman-compose", "docker", "podman")


def question(transport: Transport, script: tuple[str, ...]) -> tuple[str, ...] | None:
    """The command line that runs the words `script` at the same far end, without a terminal and without asking the
    user anything; None where that cannot be.

    The user's own options stay, but for those that ask for a terminal or forward ports.
    """
    before, argv = _split_before(transport)
    name = os.path.basename(argv[0])
    if transport.kind == SSH:
        return _ssh_question(before, argv, transport.target, script)
    if transport.kind == MOSH:
        _, found = options(argv, 1, _MOSH)
        ssh = next((value for name, value in found if name == "--ssh"), "ssh").split()
        return _ssh_question(before, [*ssh, transport.target], transport.target, script)
    if transport.kind == TMUX or name not in _PROGRAMS:
        return None
    if transport.kind == DISTROBOX:
        named = ["--name", transport.target] if transport.target else []
        enter = [argv[0], *(["enter"] if name == DISTROBOX else [])]
        return (*before, *enter, "--no-tty", *named, "--", *script)
    if transport.kind == TOOLBOX:
        named = ["--container", transport.target] if transport.target else []
        return (*before, argv[0], "run", *named, *script)
    if "exec" not in argv:
        return None
    kept = _without_terminal(argv)
    if kept and kept[-1] == transport.target and name in ("kubectl", "oc", "lxc", "incus"):
        kept.append("--")
    if "compose" in argv or name.endswith("-compose"):
        kept.insert(kept.index("exec") + 1, "-T")
    return (*before, *kept, *script)


def _split_before(transport: Transport) -> tuple[list[str], list[str]]:
    """The words before the transport's own program, and from that on."""
    for at, word in enumerate(transport.connect):
        if os.path.basename(word) in _PROGRAMS:
            return list(transport.connect[:at]), list(transport.connect[at:])
    return [], list(transport.connect)


def _without_terminal(argv: list[str]) -> list[str]:
    """The words of an `exec` without those that ask for a terminal; `-it` may stand together with others."""
    kept: list[str] = []
    for word in argv:
        if word.partition("=")[0] in ("--tty", "--interactive", "--stdin"):
            continue
        if word.startswith("-") and word[1:].isalpha():
            valued = next((n for n, letter in enumerate(word) if letter in "cefnsuwvH"), len(word))
            word = "".join(c for c in word[:valued] if c not in "it") + word[valued:]
            if word == "-":
                continue
        kept.append(word)
    return kept


_SSH_QUIET = (
    *("-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "ClearAllForwardings=yes"),
    *("-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no", "-T"),
)
"""ssh takes the first value it is given: these stand before the user's own."""


def _ssh_question(
    before: list[str], argv: list[str], target: str, script: tuple[str, ...]
) -> tuple[str, ...] | None:
    grammar = _SSH._replace(letters=_SSH.letters + "M") if argv[0].endswith("autossh") else _SSH
    at, found = options(argv, 1, grammar)
    at, more = options(argv, at + 1, grammar)
    kept: list[str] = []
    for name, value in found + more:
        # -t asks for a terminal, -M and -f would stay behind, forwardings exist already.
        if name in ("-t", "-L", "-R", "-D", "-f", "-M", "-n", "-y", "-E", "-v", "--", "-e"):
            continue
        kept += [name, value] if name[1:] in _SSH.letters else [name]
    ssh = "ssh" if os.path.basename(argv[0]) == "autossh" else argv[0]
    return (*before, ssh, *_SSH_QUIET, *kept, "--", target, *script)
