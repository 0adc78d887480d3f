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
    """One row. To ask the far end a question, the options in `drop` are left out and those in `quiet` added."""

    letters: str  # options of one letter that take a value
    valued: frozenset[str] = frozenset()  # long options that take a value as a word of its own
    verb: str = ""  # the subcommand behind which the target stands; else it stands behind the program
    once: tuple[str, ...] = ()  # verbs of what ends with its command, so that there is nothing to go back to
    target_options: frozenset[str] = frozenset()  # they name the target too
    behind: bool = False  # options may stand behind the target
    opens_shell: bool = False  # without a command
    drop: frozenset[str] = words("-t --tty -i --interactive --stdin")
    quiet: tuple[str, ...] = ()
    shares_home: bool = False  # the user's own home is there, and with it Codex's own store
    kind: str = ""  # what it is called; "" for its own name


_ENGINE = Program(
    "cHlfpeuw",
    words(
        "--context --config --host --log-level --connection --url --root --runroot --namespace --file "
        "--project-name --profile --project-directory --env-file --env --user --workdir --detach-keys --index"
    ),
    verb="exec",
    once=("run", "start"),
)
COMPOSE = _ENGINE._replace(quiet=("-T",))
_DISTROBOX = Program(
    "na",
    words("--name --additional-flags"),
    verb="enter",
    target_options=words("-n --name"),
    behind=True,
    opens_shell=True,
    drop=words("-e --exec"),  # old words for `--`, which a question needs
    quiet=("--no-tty",),
    shares_home=True,
    kind="distrobox",
)
_ROWS = {
    "ssh": Program(
        "BbcDEeFIiJLlmOopQRSwW",  # OpenSSH 9.9's getopt string
        behind=True,
        opens_shell=True,
        drop=words("-t -M -f"),
        # ssh takes the first value it is given: these stand before the user's own.
        quiet=(
            *("-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "ClearAllForwardings=yes"),
            *(*NO_REMOTE_COMMAND, "-o", "PermitLocalCommand=no", "-T"),
        ),
    ),
    "mosh": Program(
        "p",
        words("--client --server --predict --family --port --bind-server --ssh --experimental-remote-ip"),
        opens_shell=True,
    ),
    "docker podman nerdctl": _ENGINE,
    "docker-compose podman-compose": COMPOSE,
    "kubectl oc": Program(
        "nscfv",
        words(
            "--namespace --context --cluster --kubeconfig --user --server --token --as --as-group --container "
            "--request-timeout --filename --pod-running-timeout"
        ),
        verb="exec",
        behind=True,
    ),
    "distrobox": _DISTROBOX,
    "distrobox-enter": _DISTROBOX._replace(verb=""),
}
PROGRAMS = {
    name: row._replace(kind=row.kind or name) for names, row in _ROWS.items() for name in names.split()
}
BEFORE = Program("ugphCTUDRrt", words("--user --group --prompt --host --chdir --chroot --role --type"))
"""`sudo` and `doas`, which may stand before one of them."""
