"""Real processes on a real pty. Python, called `node` or `codex`, stands in for Codex."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from codex_tmux.codex.commandline import is_app_server
from codex_tmux.codex.processes import find, table
from codex_tmux.codex.processes.find import CodexProcess, find_codex
from codex_tmux.codex.processes.held import lock_owner, sessions_held
from codex_tmux.codex.processes.other import groups_of
from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.processes.terminal import jobs_of, shell_is_idle
from codex_tmux.codex.shells import is_typed_into

linux = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")

ID = "01a201da-7561-7551-a7df-a07aa6f38cdb"
OTHER = "01a201da-7999-7551-a7df-a07aa6f38cdb"
PYTHON = os.path.realpath(sys.executable)

SLEEPER = "import time\nprint('started', flush=True)\ntime.sleep(60)\n"
# A native binary below npm's wrapper, a daemon below that, and a tool.
WRAPPER = """
import os, subprocess, sys, time
home = os.environ["CODEX_HOME"]
def hold(name):
    os.makedirs(home + "/thread-writer-locks", exist_ok=True)
    return os.open(f"{home}/thread-writer-locks/{name}.lock", os.O_RDWR | os.O_CREAT)
def start(argv, executable, *fds):
    return subprocess.Popen(argv, executable=executable, pass_fds=fds, stdin=subprocess.PIPE)
own, daemons = hold("@ID"), hold("@OTHER")
native = start(["codex", *sys.argv[1:]], "/bin/sh", own)
daemon = start(["codex", "app-server"], os.environ["PYTHON"], daemons)
tool = start(["codex", "exec"], os.environ["PYTHON"], daemons)
os.close(own), os.close(daemons)
print("started", native.pid, flush=True)
time.sleep(60)
""".replace("@ID", ID).replace("@OTHER", OTHER)


class Pane:
    def __init__(self, pid: int, master: int) -> None:
        self.pid, self.master = pid, master
        self.tty = os.readlink(f"/proc/{pid}/fd/2") if os.path.exists("/proc/self/stat") else ""
        self.seen = b""

    def read_until(self, text: str) -> None:
        deadline = time.monotonic() + 10
        os.set_blocking(self.master, False)
        while text.encode() not in self.seen:
            assert time.monotonic() < deadline, self.seen
            try:
                self.seen += os.read(self.master, 4096)
            except BlockingIOError:
                time.sleep(0.01)
        self.seen = self.seen.partition(text.encode())[2]

    def type(self, line: str, until: str = "") -> None:
        os.write(self.master, line.encode())
        if until:
            self.read_until(until)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a `node`, an npm Codex, and scripts that make `codex resume …` run in our Python."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/node").symlink_to(PYTHON)
    script = tmp_path / "bin/codex"
    script.write_text(WRAPPER)
    script.chmod(0o755)
    for name in ("resume", "exec", "app-server", "sandbox"):
        (tmp_path / name).write_text(SLEEPER)
    yield tmp_path
    # Also what has left its terminal.
    for pid in psutil.pids():
        with suppress(psutil.Error):
            if Path(psutil.Process(pid).cwd()) == tmp_path:
                psutil.Process(pid).kill()


@pytest.fixture
def start(place: Path) -> Iterator[Callable[..., Pane]]:
    panes: list[Pane] = []

    def start(*argv: str, executable: str = "", ready: str = "started", **more: str) -> Pane:
        environ = {
            "PATH": f"{place}/bin:/usr/bin:/bin",
            "HOME": str(place),
            "PYTHON": PYTHON,
            "PS1": "ready$ ",
        }
        environ |= {"CODEX_HOME": f"{place}/home", "TERM": "xterm", "PYTHONHOME": sys.base_prefix} | more
        path = executable or shutil.which(argv[0], path=environ["PATH"]) or argv[0]
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(place)
            os.execve(path, argv, environ)
        time.sleep(0.05)
        panes.append(Pane(pid, master))
        if ready:
            panes[-1].read_until(ready)
        return panes[-1]

    yield start
    for pane in panes:
        for pid in psutil.pids():  # what a shell has left in the background is no child of it any more
            with suppress(ProcessLookupError):
                if os.getsid(pid) == pane.pid:
                    os.kill(pid, signal.SIGKILL)
        os.waitpid(pane.pid, 0)
        os.close(pane.master)


def codex_of(pane: Pane) -> CodexProcess:
    """The Codex of a pane, which there is."""
    found = find_codex(Processes(), pane.pid)
    assert found is not None
    return found


def soon(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(params=[pytest.param("proc", marks=linux), "psutil"], autouse=True)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "psutil":
        monkeypatch.setenv("CODEX_TMUX_PROCESSES", "psutil")
    return str(request.param)


def settled(pid: int) -> bool:
    process = Processes().get(pid)
    return process is not None and process.state == "S"


def test_processes(system: str, place: Path) -> None:
    before = time.time()
    child = subprocess.Popen(["sleep", "60"], cwd=place, env={"A": "1", "SECRET": "2"})
    table = Processes()
    process = table.get(child.pid)
    assert process is not None
    assert (process.ppid, process.pgrp) == (os.getpid(), os.getpgrp())
    assert abs(table.started_at(process.start) - before) < 1
    assert 0 <= table.age(process.start) < time.time() - before + 1
    soon(lambda: Processes().argv(child.pid) == ["sleep", "60"] and settled(child.pid))
    assert child.pid in table.children(os.getpid())
    assert child.pid in table.descendants(os.getppid())
    assert table.get(child.pid) == process._replace(state="S")
    assert table.argv(child.pid) == ["sleep", "60"]
    assert table.environ(child.pid, ("A", "B")) == {"A": "1"}
    assert table.cwd(child.pid) == str(place)
    assert os.path.basename(table.exe(child.pid)) in ("sleep", "coreutils", "busybox")
    child.kill()
    child.wait()
    gone = Processes()
    assert gone.get(child.pid) is None
    assert (gone.argv(child.pid), gone.environ(child.pid, ("A",)), gone.open_files(child.pid)) == ([], {}, [])
    assert (gone.cwd(child.pid), gone.exe(child.pid), gone.children(child.pid)) == ("", "", [])


def test_open_files(system: str, place: Path) -> None:
    with (place / "a file").open("w"):
        assert str(place / "a file") in Processes().open_files(os.getpid())


@linux
def test_a_name_with_parentheses() -> None:
    code = "open('/proc/self/comm', 'w').write(') S 1 (x'); print(flush=True); input()"
    child = subprocess.Popen([PYTHON, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    process = Processes().get(child.pid)
    assert process is not None
    assert process.ppid == os.getpid()
    child.communicate()


@linux
def test_other_peoples_processes_are_no_error() -> None:
    table = Processes()
    for pid in (1, 2, 0, -1, 2**22 + 1):
        table.environ(pid, ("HOME",)), table.cwd(pid), table.exe(pid), table.open_files(pid), table.argv(pid)


def test_npm_codex_as_root(system: str, place: Path, start: Callable[..., Pane]) -> None:
    pane = start("node", f"{place}/bin/codex", "-s", "read-only")
    soon(lambda: len(Processes().children(pane.pid)) == 3)
    table = Processes()
    codex = find_codex(table, pane.pid)
    assert codex is not None
    assert codex.pid == pane.pid
    assert codex.program == (f"{place}/bin/codex",)
    assert codex.command.flags == ("-s", "read-only")
    assert (codex.cwd, codex.codex_home, codex.sqlite_home) == (str(place), f"{place}/home", None)
    assert (codex.root, codex.foreground) == (True, True)
    assert len(codex.pids) == 2
    assert codex.pids[0] == pane.pid
    assert table.argv(codex.pids[1])[0] == "codex"
    assert sessions_held(table, codex.pids) == [ID]


@pytest.mark.parametrize("question", ["get", "cwd", "environ", "exe"])
def test_a_codex_that_ends_while_it_is_looked_at_is_none(
    monkeypatch: pytest.MonkeyPatch, start: Callable[..., Pane], question: str
) -> None:
    """What is read of it from then on is empty: a pane would remember no directory and somebody else's CODEX_HOME."""
    pane = start("node", "bin/codex", "-s", "x", LISTED="1")
    codex = find_codex(Processes(), pane.pid, ("LISTED", "UNSET"))
    assert codex is not None
    assert codex.environ == (("LISTED", "1"),)
    processes = Processes()
    ask, asked = getattr(processes, question), []

    def asked_too_late(pid: int, *args: object) -> object:
        if pid == pane.pid:
            asked.append(pid)
            os.kill(pid, signal.SIGKILL)
            soon(lambda: (process := Processes().get(pid)) is None or process.state in "ZX")
        return ask(pid, *args)

    monkeypatch.setattr(processes, question, asked_too_late)
    assert find_codex(processes, pane.pid) is None
    assert asked


@linux
def test_a_script_that_cannot_run_alone(place: Path, start: Callable[..., Pane]) -> None:
    (place / "bin/codex").chmod(0o644)
    pane = start("node", "-B", "bin/codex", "-s", "x", CODEX_HOME="rel", CODEX_SQLITE_HOME="/db")
    codex = codex_of(pane)
    assert codex.program == (f"{place}/bin/node", "-B", f"{place}/bin/codex")
    assert (codex.codex_home, codex.sqlite_home) == (f"{place}/rel", "/db")


@linux
def test_native_codex_found_by_its_path(place: Path, start: Callable[..., Pane]) -> None:
    (place / "bin/codex").unlink()
    (place / "bin/codex").symlink_to(PYTHON)
    pane = start("codex", "resume", ID, CODEX_HOME="")
    codex = codex_of(pane)
    assert codex.program == (f"{place}/bin/codex",)
    assert codex.command.session_id == ID
    assert codex.codex_home == f"{place}/.codex"
    (place / "bin/codex").unlink()
    codex = codex_of(pane)
    assert codex.program == (PYTHON,)


@linux
def test_an_updated_binary(place: Path, start: Callable[..., Pane]) -> None:
    binary = place / "bin/real"
    shutil.copy(shutil.which("sleep") or "", binary)
    child = subprocess.Popen([str(binary), "60"])
    soon(lambda: Processes().argv(child.pid)[:1] == [str(binary)])
    binary.unlink()
    assert Processes().exe(child.pid) == str(binary)
    child.kill()
    child.wait()


@linux
@pytest.mark.parametrize("argv", [["codex", "app-server"], ["codex", "sandbox"]])
def test_what_is_no_conversation(start: Callable[..., Pane], argv: list[str]) -> None:
    assert find_codex(Processes(), start(*argv, executable=PYTHON).pid) is None


def test_is_app_server() -> None:
    assert is_app_server(["/x/codex", "-c", "a=b", "app-server", "daemon", "pid-update-loop"])
    assert not is_app_server(["codex", "--", "app-server"])
    assert not is_app_server([])


@linux
def test_codexes_of_an_interactive_shell(start: Callable[..., Pane]) -> None:
    pane = start("bash", "--norc", "--noediting", ready="ready$ ")
    assert find_codex(Processes(), pane.pid) is None
    pane.type("node resume\n", "started")  # a node that is no Codex
    assert find_codex(Processes(), pane.pid) is None
    pane.type("\x03", "ready$ ")
    pane.type("node bin/codex -m first\n", "started")
    codex = codex_of(pane)
    assert (codex.command.flags, codex.root, codex.foreground) == (("-m", "first"), False, True)
    pane.type("\x1a", "ready$ ")
    stopped = codex_of(pane)
    assert (stopped.pid, stopped.foreground) == (codex.pid, False)
    pane.type("node bin/codex -m second\n", "started")
    pane.type("\x1a", "ready$ ")
    stopped = codex_of(pane)
    assert stopped.command.flags == ("-m", "second")
    pane.type("fg %1\n", "codex -m first")
    soon(lambda: (found := find_codex(Processes(), pane.pid)) is not None and found.foreground)
    back = codex_of(pane)
    assert back.pid == codex.pid


@linux
def test_a_codex_without_a_tty_is_not_the_panes(place: Path, start: Callable[..., Pane]) -> None:
    pane = start("bash", "--norc", "--noediting", ready="ready$ ")
    pane.type("setsid -w node bin/codex -m x &\n", "started")
    assert find_codex(Processes(), pane.pid) is None


@linux
@pytest.mark.parametrize(
    ("script", "step"), [("node bin/codex -m x\n", False), ("node bin/codex\nmake\n", True)]
)
def test_a_codex_below_a_script(place: Path, start: Callable[..., Pane], script: str, step: bool) -> None:
    (place / "nightly").write_text(script)
    for pane in (start("sh", "nightly"), start("bash", "-c", f"{script}exit 0")):
        codex = codex_of(pane)
        assert (codex.root, codex.step, codex.inside) == (True, step, False)


@linux
def test_what_else_lives_on_a_shells_terminal(start: Callable[..., Pane]) -> None:
    pane = start("bash", "--norc", "--noediting", ready="ready$ ")
    assert jobs_of(Processes(), pane.pid) == ()
    pane.type("(setsid sleep 61 &)\n", "ready$ ")
    pane.type("(exec -a gitstatusd-linux sleep 62) &\n", "ready$ ")
    pane.type("(exec -a codex $PYTHON app-server > /dev/null &)\n", "ready$ ")
    assert jobs_of(Processes(), pane.pid) == (), (
        "another terminal, a prompt's helper, Codex's background server"
    )
    pane.type("node bin/codex -m x\n", "started")
    pane.type("\x1a", "ready$ ")
    pane.type("(sleep 63 &)\n", "ready$ ")
    soon(lambda: "sleep" in jobs_of(Processes(), pane.pid))
    codex = codex_of(pane)
    assert codex.stopped
    assert jobs_of(Processes(), pane.pid, codex.pid) == ("sleep",), "not what is the Codex's own"
    assert set(jobs_of(Processes(), pane.pid)) > {"sleep", "node"}


SLEEP = "sh -c 'echo star\"\"ted; exec sleep 60'"
"""A command that says so once it runs as itself, no longer as the fork of its shell, in which a Ctrl-C may be lost."""


def idle(pane: Pane) -> bool:
    return shell_is_idle(Processes(), pane.pid, pane.tty)


@linux
def test_bash_is_idle_only_at_its_prompt(place: Path, start: Callable[..., Pane]) -> None:
    (place / "rc").write_text("PS1='ready$ '\necho reading\nread -t 2 < /dev/tty\n")
    pane = start("bash", "--rcfile", "rc", ready="reading")
    assert not idle(pane)
    pane.read_until("ready$ ")
    soon(lambda: idle(pane))
    for command, interrupt in (
        (f"{SLEEP}\n", "\x03"),
        ("echo star''ted; read x\n", "\n"),
        ("echo star''ted; while :; do :; done\n", "\x03"),
        (f"{SLEEP} | cat\n", "\x03"),
    ):
        pane.type(command, "started")
        time.sleep(0.05)
        assert not idle(pane), command
        pane.type(interrupt, "ready$ ")
        soon(lambda: idle(pane))
    pane.type("sleep 60 &\n", "ready$ ")
    soon(lambda: idle(pane))
    pane.type("half a line", "half a line")
    soon(lambda: idle(pane))  # bash draws it before it waits again


@linux
def test_no_shell_is_never_idle(start: Callable[..., Pane]) -> None:
    pane = start("node", "resume")
    assert not idle(pane)
    assert not shell_is_idle(Processes(), 2**22 + 1, pane.tty)
    assert not shell_is_idle(Processes(), start("bash", ready="").pid, "/nonexistent")


HOLDER = """
import fcntl, os, sys
f = open(sys.argv[1], "r+")
fcntl.flock(f, fcntl.LOCK_EX)
if len(sys.argv) > 2 and os.fork():
    os._exit(0)
print(os.getpid(), flush=True)
sys.stdin.read()
"""


def hold(path: Path, *more: str) -> tuple[subprocess.Popen[str], int]:
    argv = ["codex", "-c", HOLDER, str(path), *more]
    pipe = subprocess.PIPE
    child = subprocess.Popen(argv, executable=PYTHON, stdin=pipe, stdout=pipe, text=True)
    assert child.stdout is not None
    return child, int(child.stdout.readline())


def test_lock_owner(system: str, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lock_owner(str(path)) is None
    assert not path.exists()
    path.touch()
    assert lock_owner(str(path)) is None
    child, pid = hold(path)
    assert lock_owner(str(path)) == pid
    waiter = subprocess.Popen(["flock", str(path), "true"])
    soon(lambda: len(Path("/proc/locks").read_text().split("->")) > 1 if system == "proc" else True)
    assert lock_owner(str(path)) == pid
    child.communicate("")
    assert waiter.wait() == 0
    soon(lambda: lock_owner(str(path)) is None)


@linux
def test_lock_owner_whose_parent_took_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    child, pid = hold(path, "fork")
    child.wait()
    assert pid != child.pid
    assert lock_owner(str(path)) == pid
    child.communicate("")


@linux
@pytest.mark.parametrize(
    ("locks", "found"),
    [
        ("1: FLOCK  ADVISORY  WRITE {pid} 00:ff:{inode} 0 EOF", True),  # btrfs tells another device than stat
        ("1: OFDLCK ADVISORY  WRITE -1 00:ff:{inode} 0 EOF", True),  # an open file description's lock
        ("", True),  # the kernel does not tell of locks
        ("1: FLOCK  ADVISORY  WRITE {pid} 00:ff:1{inode} 0 EOF", False),
        ("1: -> FLOCK  ADVISORY  WRITE {pid} 00:ff:{inode} 0 EOF", False),
    ],
)
def test_lock_owner_by_who_has_it_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, locks: str, found: bool
) -> None:
    """psutil knows nothing of locks: there who has it open is taken for who holds it."""
    read = table.content
    with (tmp_path / "lock").open("w") as file:
        told = locks.format(pid=os.getpid(), inode=os.fstat(file.fileno()).st_ino).encode()
        monkeypatch.setattr(table, "content", lambda path: told if path == "/proc/locks" else read(path))
        assert lock_owner(file.name) == (os.getpid() if found or system == "psutil" else None)


def test_a_native_codex_of_another_name(place: Path, start: Callable[..., Pane]) -> None:
    (place / "bin/codex").unlink()
    shutil.copy(shutil.which("sleep") or "", place / "bin/codex")
    (place / "bin/cx").symlink_to("codex")
    pane = start("sh", "-c", "exec cx 60", ready="")
    soon(lambda: find_codex(Processes(), pane.pid) is not None)
    codex = codex_of(pane)
    assert codex.program == (f"{place}/bin/cx",), "as it was called: the link outlives a version"
    # Codex starts itself under the names of its tools too.
    (place / "bin/apply_patch").symlink_to("codex")
    tool = start("sh", "-c", "exec apply_patch 60", ready="")
    soon(lambda: Processes().argv(tool.pid)[:1] == ["apply_patch"])
    assert find_codex(Processes(), tool.pid) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_elses_codex_is_not_ours(place: Path, start: Callable[..., Pane], tmp_path: Path) -> None:
    became = "import os, sys, time; os.setuid(65534); print('started', flush=True); time.sleep(60)"
    pane = start("codex", "-c", became, executable=PYTHON)
    assert Processes().uid(pane.pid) == 65534
    assert find_codex(Processes(), pane.pid) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bash", True),
        ("-zsh", True),
        ("bash --norc -i", True),
        ("bash --rcfile script", True),
        ("fish -C script", True),
        ("python3 /usr/bin/xonsh", True),
        ("zsh -o script", True),
        ("sh -c codex", False),
        ("bash -lc codex", False),
        ("bash script --flag", False),
        ("sh ./script", False),
        ("bash not-there", True),
        ("node codex", False),
        ("env codex", False),
    ],
)
def test_a_shell_that_people_type_into(tmp_path: Path, line: str, expected: bool) -> None:
    (tmp_path / "script").touch()
    assert is_typed_into(line.split(), str(tmp_path)) is expected


def test_what_ps_says_elsewhere() -> None:
    """By the manual pages of macOS and FreeBSD, and the sources of their ps: nobody has run this there."""
    macos = """    1     1      0 Ss   ??
  501   501    733 S    ttys003
  733   733    733 S+   ttys003
  740   733    733 U+   ttys003
  800   800      0 I    ??
  801   801      0 Z    ??
"""
    assert groups_of(macos) == {
        1: (1, -1, "S", ""),
        501: (501, 733, "S", "/dev/ttys003"),
        733: (733, 733, "S", "/dev/ttys003"),
        740: (733, 733, "D", "/dev/ttys003"),
        800: (800, -1, "S", ""),
        801: (801, -1, "Z", ""),
    }
    freebsd = "  77  77  -1 Is -\n  78  78  78 S+ pts/0\n"
    assert groups_of(freebsd) == {77: (77, -1, "S", ""), 78: (78, 78, "S", "/dev/pts/0")}
    assert groups_of("ps: illegal option -- o\nusage: ps [-AaCcEefhjlMmrSTvwXx]\n") == {}
    assert groups_of("") == {}


def test_a_program_in_a_directory_of_one_shell(tmp_path: Path) -> None:
    version = tmp_path / "node-versions/v22/installation"
    (version / "bin").mkdir(parents=True)
    (version / "bin/codex").touch(0o755)
    shell = tmp_path / "fnm_multishells/1_2"
    shell.parent.mkdir()
    shell.symlink_to(version)
    (tmp_path / "nvm").symlink_to(version)
    assert find._program(["codex"], "/", f"/nowhere:{shell}/bin", "") == (str(version / "bin/codex"),)
    links = find._program(["codex"], "/", f"{tmp_path}/nvm/bin", "")
    assert links == (f"{tmp_path}/nvm/bin/codex",), "links stay"
