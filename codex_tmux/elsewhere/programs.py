"""The programs that lead to a Codex elsewhere, one row each: how their command lines are read.

To add one, add a row here, and a line to tests/unit/transports.txt.
"""

from typing import NamedTuple

SSH, MOSH = "ssh", "mosh"
NO_REMOTE_COMMAND = ("-o", "RemoteCommand=none")
"""So that ssh starts no command that its configuration names."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Program(NamedTuple):
    """One row. To ask the far end a question, the options in `drop` are left out, `quiet` stands behind the verb
    (behind the program where it has none), and `announces` before the question.
    """

    letters: str = ""  # options of one letter that take a value
    valued: frozenset[str] = frozenset()  # long options that take a value as a word of its own
    whole: frozenset[str] = frozenset()  # options of several letters behind one dash
    verbs: tuple[
        str, ...
    ] = ()  # subcommands behind which the target stands; else it stands behind the program
    once: tuple[str, ...] = ()  # verbs of what ends with its command, so that there is nothing to go back to
    attaches: tuple[str, ...] = ()  # verbs that lead to what runs there already
    shell_verb: str = ""  # takes no command; beside it, other verbs name their target by an option alone
    opens_shell: bool = True  # without a command
    takes_target: bool = True  # as a word
    target_options: frozenset[str] = frozenset()  # else it is there without being named
    separators: frozenset[str] = frozenset(["--"])
    behind: bool = False  # options may stand behind the target too
    needs_separator: bool = False  # a command only stands behind a separator
    needs_tty: bool = False  # there is a terminal only where one is asked for
    no_tty: frozenset[str] = frozenset()  # options with which there is none
    drop: frozenset[str] = words("-t --tty -i --interactive --stdin")
    quiet: tuple[str, ...] = ()
    asking_verb: str = ""  # the verb to ask with, where it is another one
    names_target: tuple[str, ...] = ()  # its option, where that verb takes no word
    announces: tuple[str, ...] = ()
    shares_home: bool = False  # the user's own home is there, and with it Codex's own store
    kind: str = ""  # what it is called; "" for its own name

    def of_verb(self, verb: str) -> "Program":
        """The row behind one of its verbs."""
        opens_shell = verb == (self.shell_verb or "enter")
        return self._replace(opens_shell=opens_shell, takes_target=self.shell_verb in ("", verb))

    @property
    def takes_command(self) -> bool:
        return not (self.shell_verb and self.opens_shell)


_SSH = Program(
    "BbcDEeFIiJLlmOopQRSwW",  # OpenSSH 9.9's getopt string
    behind=True,
    needs_tty=True,
    no_tty=words("-N -T -W -f -O -Q -G -V -s"),
    # -M and -f would stay behind, forwardings exist already.
    drop=words("-t -L -R -D -f -M -n -y -E -v -e --"),
    # ssh takes the first value it is given: these stand before the user's own.
    quiet=(
        *("-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "ClearAllForwardings=yes"),
        *(*NO_REMOTE_COMMAND, "-o", "PermitLocalCommand=no", "-T"),
    ),
    kind=SSH,
)
_ENGINE = Program(
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
COMPOSE = _ENGINE._replace(needs_tty=False, no_tty=words("-T --no-TTY -d --detach"), quiet=("-T",))
_DISTROBOX = Program(
    "na",
    words("--name --additional-flags"),
    whole=words("-nw"),
    verbs=("enter",),
    target_options=words("-n --name"),
    separators=words("-- -e --exec"),
    behind=True,
    no_tty=words("-T -H --no-tty"),
    quiet=("--no-tty",),
    announces=("--",),
    shares_home=True,
    kind="distrobox",
)
_ROWS = {
    "ssh": _SSH,
    "autossh": _SSH._replace(letters=_SSH.letters + "M"),
    "mosh": Program(
        "p",
        words("--client --server --predict --family --port --bind-server --ssh --experimental-remote-ip"),
    ),
    "docker podman nerdctl": _ENGINE,
    "docker-compose podman-compose": COMPOSE,
    "kubectl oc": Program(
        "nscfv",
        words(
            "--namespace --context --cluster --kubeconfig --user --server --token --as --as-group --container "
            "--request-timeout --filename --pod-running-timeout --cache-dir --certificate-authority "
            "--client-certificate --client-key --tls-server-name"
        ),
        verbs=("exec",),
        behind=True,
        needs_separator=True,
        needs_tty=True,
        announces=("--",),
    ),
    "lxc incus": Program(
        valued=words("--env --cwd --user --group --mode --project"),
        verbs=("exec",),
        behind=True,
        no_tty=words("-T --disable-stdin"),
        announces=("--",),
    ),
    "distrobox": _DISTROBOX,
    "distrobox-enter": _DISTROBOX._replace(verbs=()),
    "toolbox": Program(
        "cdr",
        words("--container --distro --release --preserve-fds --log-level"),
        verbs=("enter", "run"),
        shell_verb="enter",
        target_options=words("-c --container"),
        asking_verb="run",
        names_target=("--container",),
        shares_home=True,
    ),
}
PROGRAMS = {
    name: row._replace(kind=row.kind or name) for names, row in _ROWS.items() for name in names.split()
}
_SUDO = Program("ugphCTUDRrt", words("--user --group --prompt --host --chdir --chroot --role --type"))
BEFORE = {
    "env": Program("uCS", words("--unset --chdir --split-string")),
    "sudo": _SUDO,
    "doas": _SUDO,
}
"""What may stand before one of them."""
SCRIPT_HOSTS = words("sh bash dash ash zsh ksh busybox perl python3 python env")
SCRIPTS = words("mosh distrobox distrobox-enter docker-compose podman-compose docker podman")
"""Those that may be scripts: a process list shows their interpreter before them."""
WITHOUT_BLANKS = words(
    "-4 -6 -a -n -p --port --bind-server --family --predict --predict-overwrite --local --no-init --no-ssh-pty"
)
"""mosh's options whose values hold no blanks: what stands behind them is no rest of theirs."""
TMUX = Program("cfLST")
