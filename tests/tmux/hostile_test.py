"""Titles, directories and names made to run something: nothing runs, nothing breaks, the session and cwd are exact."""

import os
import re
import shlex
import signal
import subprocess
import time
import unicodedata
from pathlib import Path

import pytest

from codex_tmux.selftest.world import WorldError
from codex_tmux.tmux.versions import MESSAGE_CLIENT
from tests.support.standin import FOCUS_EVENTS_ON, PROMPT_DELAY
from tests.support.terminal import Client
from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import command_line

PWN = "touch pwned"
EVERYTHING = (
    f"a; {PWN}; `{PWN}` $({PWN}) #({PWN}) ##({PWN})#,}} #{{pane_id}} #[fg=red] ' {PWN}; ' \" {PWN}; \" %H%d %1 "
    "$HOME ${x} \\037 \\n a,b:c=d,12:x"
)
DIRECTORIES = {
    "all": EVERYTHING,
    "lines": f"a\n{PWN}\nb",
    "no-text": os.fsdecode(b"caf\xe9-\xff\xfe") + "größe-日本語",
    "controls": "a\tb\x1b[31mc\x07\x7f\u202ed\u2066",
    "spaces": "  a  b  ",
    "semicolon-end": "ends;",
    "backslash-end": "~root\\",
    "toml": '"""\n[[panes]]\nsession_id = "x"\n',
    "dash": "-rf",
}
IN_A_SHELL = ("all", "no-text", "toml", "dash")


ASKED = "start a new session"


def rename(world: Sandbox, command: str, target: str, name: str) -> None:
    """Give a window or tmux session a name; tmux 3.7 takes none with control characters."""
    try:
        world.tmux(command, "-t", target, "--", name)
    except WorldError:
        world.tmux(command, "-t", target, "--", "".join(c for c in name if unicodedata.category(c) != "Cc"))


@pytest.fixture(autouse=True)
def inside(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tmux runs what a format makes it run: what is made there is found."""
    monkeypatch.chdir(sandbox.root)


def no_harm(sandbox: Sandbox) -> None:
    found = [p for root in (sandbox.root, sandbox.short) for p in root.rglob("pwned*")]
    found += [p for p in (Path("/pwned"), Path.home() / "pwned") if p.exists()]
    assert not found
    modes = set(sandbox.tmux("list-panes", "-a", "-F", "#{pane_in_mode}").split())
    assert modes == {"0"}, "no pane in view mode"


def bound(sandbox: Sandbox, pane: str, timeout: float = 20) -> str:
    """The session bound to a pane."""

    def session() -> str:
        # Only with a turn behind it there is something to resume.
        found = sandbox.format(pane, "#{@codex_session}")
        turns = [r for r in sandbox.model.requests if r.session_id == found]
        return found if turns and len(found) == 36 else ""

    return sandbox.wait_for(session, timeout, f"a session bound to {pane}")


def kill(sandbox: Sandbox, pane: str) -> int:
    pid = sandbox.codex_pid(pane)
    os.kill(pid, signal.SIGKILL)
    sandbox.wait_dead(pane)
    return pid


def make_directory(sandbox: Sandbox, name: str) -> Path:
    directory = sandbox.root / "dirs" / name
    directory.mkdir(parents=True)
    return directory


def wait_resumed(sandbox: Sandbox, pane: str, session: str) -> None:
    """Wait until the pane's Codex was told to resume this session."""
    sandbox.wait_for(lambda: session in command_line(sandbox, pane), 20, f"{session} back in {pane}")


def start_in(world: Sandbox, name: str, shell: bool) -> tuple[str, Path]:
    """A pane whose Codex was asked something in this directory, as the pane's command or from a shell."""
    directory = make_directory(world, f"{shell}/{DIRECTORIES[name]}")
    # tmux expands -c as a format, and cannot be told a path that is no UTF-8: the shell goes there itself.
    go = b"cd -- " + os.fsencode(shlex.quote(str(directory)))
    script = world.root / f"start-{name}-{shell}.sh"
    if not shell:
        script.write_bytes(go + b" && exec codex -m x " + f"'in {name}, False.'".encode())
        return world.new_pane(f". {script}", name="codex"), directory
    script.write_bytes(go + b"\n")
    pane = world.pane_by("new-window", "-d", "-t", "main:", "bash --norc")
    world.enter(pane, f". {script}; PS1='$ '; clear; {world.bin}/codex -m x 'in {name}, True.'")
    return pane, directory


def test_directories(world: Sandbox) -> None:
    kinds = [(name, False) for name in DIRECTORIES] + [(name, True) for name in IN_A_SHELL]
    panes = {kind: start_in(world, *kind) for kind in kinds}
    sessions = {}
    for (name, shell), (pane, _) in panes.items():
        sessions[name, shell] = bound(world, pane)
        assert sessions[name, shell] == world.model.turns_with(f"in {name}, {shell}.")[0].session_id
    listed = world.rows("--all")
    for kind, (pane, directory) in panes.items():
        assert os.fsencode(str(listed[pane]["cwd"])) == os.fsencode(directory), kind
        assert listed[pane]["session_id"] == sessions[kind]
    client = world.attach()
    for number, ((name, shell), (pane, _)) in enumerate(panes.items()):
        if shell:
            world.kill(pane)
            world.wait_format(pane, "#{pane_current_command}", "bash")
            world.helper("respawn", "-t", pane)
            continue
        kill(world, pane)
        if number % 2:
            world.respawn(pane)
        else:
            world.tmux("select-window", "-t", pane)
            client.send(b"\x02R")
        # What started it is a script, which knows nothing of its session.
        world.wait_text(pane, "go on without it")
        world.tmux("send-keys", "-t", pane, "Enter")
        wait_resumed(world, pane, sessions[name, shell])
    for (name, shell), (pane, directory) in panes.items():
        wait_resumed(world, pane, sessions[name, shell])
        link = os.readlink(f"/proc/{world.codex_pid(pane)}/cwd")
        assert os.fsencode(link) == os.fsencode(directory), name
        assert world.ask(pane, f"on in {name}").messages == (f"in {name}, {shell}.", f"on in {name}")
    world.helper("list", "--all")
    no_harm(world)
    assert "crashed" not in world.log_text()


ID = "01a201da-7561-7551-a7df-a07aa"
TITLES = {
    "substitution": f"$({PWN}) | {ID}...",
    "backticks": f"`{PWN}` | {ID}...",
    "job": f"#({PWN}) | {ID}...",
    "format": f"#{{pane_id}}#{{?x,#({PWN}),}} | {ID}...",
    "open-format": f"#{{#{{ }} ,, | {ID}...",
    "percent": f"%H %% %1 | {ID}...",
    "quotes": f"'; {PWN}; ' \"; {PWN}; \" | {ID}...",
    "semicolon": f"; {PWN} ; | {ID}...;",
    "rtl": f"\u202e\u2066 x | {ID}...",
    "after": f"{ID} '; {PWN}; '$({PWN})#({PWN})",
    "long": f"{'x' * 20_000} | {ID}...",
    "id-long": f"{ID}{'a' * 20_000}",
    "id-then-shell": f"{ID}$({PWN})",
    "newlines": f"a\r\nb\tc {ID}",
    "many-ids": " ".join([ID] * 50),
    "braces": f"}} {{ }} | {ID}",
    "option": f"-t %0 | {ID}",
}


def test_titles(world: Sandbox) -> None:
    """A title of any program's, in a pane with Codex and in one without."""
    world.attach()
    without = world.new_pane("cat", name="cat")
    pane = world.new_pane("codex 'hello'")
    session = bound(world, pane)
    for number, (name, title) in enumerate(TITLES.items()):
        # Each names a session of its own, that no store has.
        title = title.replace(ID, f"{ID[:-2]}{number:02}")
        for target in (pane, without):
            tty = world.format(target, "#{pane_tty}")
            # As any program in the pane would write it. `cat` echoes nothing of what is written to its terminal.
            written = b"\x1b]0;" + title.encode() + b"\x07"
            subprocess.run(["sh", "-c", f"exec cat > {tty}"], input=written, check=True)
            if "long" not in name:
                # tmux itself expands this one as a format.
                plain = title.replace("#", "##").replace("%", "%%").removesuffix(";")
                world.tmux("select-pane", "-t", target, "-T", plain)
            world.tmux("select-window", "-t", target)
        world.tmux("display-message", "#{@codex_status} #{@codex_title_id} #{@codex_session}")
        world.helper("sync")
    world.quiet()
    listed = world.rows("--all")
    assert pane in listed
    assert without not in listed, "a title alone proves nothing"
    kill(world, pane)
    world.respawn(pane)
    world.wait_for(
        lambda: ASKED in world.capture(pane) or world.input_line(pane) is not None, 20, "the pane to be back"
    )
    if ASKED in world.capture(pane):
        world.start_anew(pane)  # no store has the session that the title speaks of
    world.wait_ready(pane)
    time.sleep(PROMPT_DELAY + 0.5)  # as long as a prompt would take
    assert len(world.model.requests) == 1, "no prompt is sent again"
    log = world.log_text()
    assert "crashed" not in log
    assert all(line.isprintable() for line in log.splitlines())
    assert session in {row["session_id"] for row in world.listed("--all")}, "the record is kept"
    no_harm(world)


def test_options_that_hold_commands(world: Sandbox) -> None:
    """The hint of a sleeping pane names the key as the user wrote it."""
    world.attach()
    world.tmux("set-option", "-g", "@codex-respawn-key", f"#({PWN})$({PWN})';{PWN};'#{{pane_id}}")
    world.load()
    pane = world.new_pane("codex 'hello there'")
    bound(world, pane)
    world.kill_codex(pane)
    world.tmux("select-window", "-t", pane)
    world.wait_hint(pane, "brings it back")
    no_harm(world)


def test_a_model_that_speaks_escapes_and_formats(world: Sandbox) -> None:
    """What stands on the screen is drawn again as it was, and run by nobody."""
    text = f"$({PWN}) `{PWN}` #({PWN}) #{{pane_id}} %H \\033]0;x\\007"
    pane = world.new_pane("codex " + shlex.quote(text))
    bound(world, pane)
    world.wait_text(pane, "turn 1 |")
    before = [line for line in world.capture(pane).splitlines() if "turn 1" in line]
    world.kill_codex(pane)
    assert [line for line in world.capture(pane).splitlines() if "turn 1" in line] == before
    no_harm(world)


OWNED = "OWNED"
EVIL = (
    f"\x1b]0;{OWNED}\x07\x1b]52;c;{OWNED}\x07\x1bP{OWNED}\x1b\\\x1b[45;7m{OWNED}\x1b[2J\x9b31m\x9d0;{OWNED}\x9c"
    f"\u202e{OWNED}\u2066\u200f \r\b\x07 #({PWN}) $({PWN}) `{PWN}` #{{pane_id}} #[fg=red] %H '; {PWN}; ' "
)
"""What a terminal, a shell or tmux would act on, in one text."""
NO_STATUS_LINE = "set-option -g status off"
"""tmux's own line shows the names as they are."""
NOT_OURS = re.compile(
    f"\x1b[]P^_X][^\x1b\x07]*{OWNED}|\x1b\\[45;7m|\x1b\\[7;45m|[\x80-\x9f\u200f\u202a-\u202e\u2066-\u2069]"
)


def assert_harmless(text: str, where: str) -> None:
    """Nothing of EVIL that a terminal obeys is left in what it was sent."""
    found = NOT_OURS.search(text)
    assert found is None, f"{where}: {text[max(0, found.start() - 60) : found.end() + 60]!r}"


def on_a_terminal(sandbox: Sandbox, *args: str) -> str:
    """What `codex-tmux` sends to a terminal."""
    client = Client([str(sandbox.bin / "codex-tmux"), *args], sandbox.inside, 100, 40)
    try:
        client.process.wait(20)
        sandbox.wait_for(client.drained, 20, f"the output of {args}")
    finally:
        client.close()
    return client.output.decode(errors="surrogateescape")


@pytest.fixture
def evil_world(world: Sandbox) -> tuple[Sandbox, str, str]:
    """A world in which all that others may name is named EVIL; a dead pane with its session."""
    directory = make_directory(world, EVIL.replace("/", "")[:200])
    script = world.root / "start.sh"
    script.write_text(f"cd {shlex.quote(str(directory))} && exec codex -m x {shlex.quote(EVIL)}")
    pane = world.new_pane(f". {script}")
    session = bound(world, pane)
    doubled = EVIL.replace("#", "##").replace("%", "%%")
    rename(world, "rename-window", pane, doubled)
    rename(world, "rename-session", "main", doubled)
    world.tmux("select-pane", "-t", pane, "-T", doubled + ID)
    tmux_session = world.tmux("list-sessions", "-F", "#{session_id}")
    world.wait_for(
        lambda: world.rows("--all")[pane]["tmux_session"] == world.format(pane, "#{session_name}"),
        20,
        "the names",
    )
    assert OWNED in str(world.rows("--all")[pane]["title"]), "Codex calls it so"
    world.kill_codex(pane)
    return world, session, tmux_session


def test_nothing_of_theirs_reaches_a_terminal(evil_world: tuple[Sandbox, str, str]) -> None:
    world, session, tmux_session = evil_world
    world.tmux(*NO_STATUS_LINE.split())
    client = world.attach(target=tmux_session)
    # A program that calls itself so is named when a shell is busy with it.
    busy = world.pane_by("new-window", "bash --norc")
    world.wait_for(lambda: world.capture(busy).strip(), 20, "the shell")
    world.enter(busy, f"exec -a {shlex.quote(chr(27) + ']0;' + OWNED + chr(7))} sleep 1000")
    for args in (
        ["list"],
        ["list", "--all"],
        ["log"],
        ["status"],
        ["pick", "--preview", session],
        ["doctor"],
        ["respawn", "-t", busy],
        ["respawn", "-t", EVIL],
        ["adopt", "-t", busy, EVIL],
        ["adopt", "-t", busy, session],
        ["forget", EVIL],
        ["forget", "-y", "-t", busy],
        ["restore", "--dry-run"],
    ):
        shown = on_a_terminal(world, *args)
        assert shown, args
        assert_harmless(shown, " ".join(args[:2]))
        assert_harmless(world.helper_result(*args).stdout, f"{args[:2]} into a pipe")
    to = ("-c", client_name(world)) if world.version >= MESSAGE_CLIENT else ()
    for option in ("@codex_status", "@codex_message", "@codex_hint"):
        world.tmux("display-message", *to, f"#{{{option}}}")
    world.tmux("select-window", "-t", world.format(busy, "#{window_id}"))
    client.send(b"\x02P")
    # fzf draws in a popup, tmux its menu; either shows the title.
    world.wait_for(lambda: client.output.count(OWNED.encode()) > 2, 20, "the picker")
    time.sleep(0.5)
    assert_harmless(client.output.decode(errors="surrogateescape"), "the user's terminal")
    no_harm(world)


def client_name(sandbox: Sandbox) -> str:
    """The tmux client that is attached."""
    return sandbox.tmux("list-clients", "-F", "#{client_name}").splitlines()[0]


def test_what_was_lost_is_restored_and_nothing_of_it_obeyed(evil_world: tuple[Sandbox, str, str]) -> None:
    world, session, _ = evil_world
    world.quiet()
    world.end_server()
    world.start_server(load_plugin=True, config="set -g @codex-restore off\n" + NO_STATUS_LINE)
    client = world.attach()
    for args in (["restore", "--dry-run"], ["restore"], ["list"]):
        shown = on_a_terminal(world, *args)
        assert_harmless(shown, " ".join(args))
        print(shown)
    pane = world.sessions()[session]
    shown = world.capture(pane)
    assert OWNED in shown, "the title is drawn"
    assert_harmless(world.tmux("capture-pane", "-p", "-e", "-t", pane), "the sleeping pane")
    world.tmux("switch-client", "-t", pane)
    # It was started by a script, `.`: nobody is there to be asked, so it goes on sleeping until it is respawned.
    world.wait_text(pane, "Codex was started by .")
    world.wait_asleep(pane)
    world.respawn(pane)
    world.wait_text(pane, "without it")
    world.wait_for(lambda: b"without" in client.output, 20, "the question on the terminal")
    asked = len(client.output)
    drawn = world.root / "drawn"
    drawn.touch()
    world.tmux("pipe-pane", "-t", pane, f"cat >>{drawn}")
    world.tmux("send-keys", "-t", pane, "Enter")
    wait_resumed(world, pane, session)
    assert_harmless(client.output[:asked].decode(errors="surrogateescape"), "the user's terminal")
    # From there on the stand-in draws what was typed as it is.
    begins = FOCUS_EVENTS_ON.encode()
    world.wait_for(lambda: begins in drawn.read_bytes(), 20, "the stand-in")
    assert_harmless(drawn.read_bytes().partition(begins)[0].decode(errors="surrogateescape"), "the pane")
    no_harm(world)
