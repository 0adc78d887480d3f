"""The plugin inside tmux: which events start a process and which do not, and what it leaves of the user's own."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from codex_tmux.tmux import server as tmux
from codex_tmux.tmux import versions as tmux_versions
from codex_tmux.tmux.hooks import OURS, missing
from codex_tmux.tmux.server import Server
from codex_tmux.tracking import pass_once
from tests.support.standin import LINGER
from tests.support.world import Sandbox, plugin_file
from tests.tmux.respawn_routes_test import command_line

ID = "01a201da-7561-7551-a7df-a07aa"
PLUGIN = plugin_file()


class Counted:
    """A sandbox whose helper writes down each time it is started."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.calls = sandbox.root / "calls"
        self.helper = sandbox.root / "counting" / "codex-tmux"
        self.helper.parent.mkdir()
        self.helper.write_text(f'#!/bin/sh\necho "$*" >> {self.calls}\nexec {sandbox.bin}/codex-tmux "$@"\n')
        self.helper.chmod(0o700)
        self.config = f"set -g @codex-tmux-bin {self.helper}"

    def started(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def settled(self, quiet: float = 0.4) -> list[str]:
        """The calls so far, once no helper is at work or due, and there were no more for `quiet` seconds."""
        while True:
            before = self.started()
            time.sleep(quiet)
            self.sandbox.quiet()
            if self.started() == before:
                return before


@pytest.fixture
def counted(sandbox: Sandbox) -> Counted:
    made = Counted(sandbox)
    sandbox.start_server(load_plugin=True, config=made.config)
    made.settled()
    return made


def end_the_timer(sandbox: Sandbox) -> None:
    """It ends where it finds no Codex pane; a sync that is still under way may say again that there is one."""

    def no_panes() -> None:
        sandbox.tmux("set-option", "-gu", "@codex_panes")

    sandbox.wait_for(lambda: not sandbox.option("@codex_ticking"), 20, "the timer to end", no_panes)


def test_the_timer_that_reaps_starts_though_it_was_just_ending(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync reads that it runs, without any Codex pane; until the sync writes that there is one, it has ended."""
    sandbox.start_server(load_plugin=True)
    if sandbox.version >= tmux_versions.REAPS:
        pytest.skip("this tmux needs no timer")
    pane = sandbox.new_pane()
    sandbox.bound(pane)
    end_the_timer(sandbox)
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    answer = tmux.read

    def as_it_was(server: tmux.Server) -> tmux.Reading:
        reading = answer(server)
        reading.server["@codex_ticking"] = "-"
        return reading

    monkeypatch.setattr(tmux, "read", as_it_was)
    pass_once.sync_once(tmux.Server(str(sandbox.socket)))
    assert sandbox.option("@codex_panes") == f" {pane} "
    sandbox.wait_for(lambda: sandbox.option("@codex_ticking"), 20, "the timer to run")


def test_the_timer_that_reaps_outlives_the_client_it_ran_for(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    if sandbox.version >= tmux_versions.REAPS:
        pytest.skip("this tmux needs no timer")
    sandbox.attach()
    sandbox.talk("hello")

    def runs_for_the_client() -> str:
        listed = sandbox.tmux("list-clients", "-F", "#{client_pid}.#{client_created}")
        return listed if listed == sandbox.option("@codex_ticking") else ""

    # Its process alone does not tell: by `detach-client -E` it may become another client.
    sandbox.wait_for(runs_for_the_client, 20, "the timer to run for the client")
    sandbox.tmux("detach-client", "-s", "main")
    sandbox.wait_for(lambda: sandbox.option("@codex_ticking") == "-", 20, "the timer to run for nobody")
    end_the_timer(sandbox)


def set_titles(sandbox: Sandbox, pane: str, titles: list[str]) -> None:
    """Write titles to a pane's terminal as a program in it would."""
    with open(sandbox.format(pane, "#{pane_tty}"), "wb", buffering=0) as tty:
        for at in range(0, len(titles), 20):
            tty.write(b"".join(b"\x1b]0;" + t.encode() + b"\x07" for t in titles[at : at + 20]))
            time.sleep(0.002)
    last = titles[-1]
    sandbox.wait_format(pane, "#{pane_title}", last)


def test_a_spinner_starts_no_process(counted: Counted) -> None:
    """A thousand frames of a spinner in the title of a session's pane."""
    sandbox = counted.sandbox
    pane, session = sandbox.talk("hello", "codex")
    before = counted.settled()
    frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    set_titles(sandbox, pane, [f"{frames[i % 10]} work {i} | {session[:29]}..." for i in range(1000)])
    assert counted.settled() == before
    assert sandbox.format(pane, "#{@codex_session}") == session
    assert sandbox.format(pane, "#{@codex_title_id}") == session[:29]


def test_a_title_without_id_starts_one_sync_a_turn_and_none_a_frame(sandbox: Sandbox) -> None:
    """As Codex sets it by default: its session can only be inferred, and is looked at when something changed."""
    counted = Counted(sandbox)
    sandbox.start_server(load_plugin=True, config=counted.config)
    pane = sandbox.new_pane("codex")
    sandbox.bound(pane)
    counted.settled()
    # The stand-in holds its own lock; a Codex in the shared background server holds none.
    sandbox.tmux("set-option", "-p", "-t", pane, "@codex_title_seen", "work")
    sandbox.tmux("set-option", "-p", "-t", pane, "@codex_evidence", "inferred")
    set_titles(sandbox, pane, ["work"])
    counted.settled()
    frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    waits = [f"[ {'!.'[i % 2]} ] Action Required | Fix a, #{{b}} and }} | work" for i in range(10)]
    for titles in (
        [f"{frames[i % 10]} work" for i in range(300)],
        waits,
        [f"{frames[i % 10]} Fix a, #{{b}} and }} | work" for i in range(300)],
        ["Fix a, #{b} and } | work"] * 20,
    ):
        sandbox.tmux("set-option", "-p", "-t", pane, "@codex_evidence", "inferred")
        before = len(counted.settled())
        set_titles(sandbox, pane, titles)
        calls = counted.settled()[before:]
        assert len(calls) == 1, (titles[0], calls)


def test_panes_without_codex_start_none(counted: Counted) -> None:
    sandbox = counted.sandbox
    pane = sandbox.new_pane("codex hello")
    sandbox.bound(pane)
    sandbox.tmux("set-option", "-g", "remain-on-exit", "off")
    before = counted.settled()
    shell = sandbox.pane_by("new-window", "-d", "-t", "main:", "bash --norc")
    cat = sandbox.new_pane("cat", name="other")
    set_titles(sandbox, cat, [f"title {i}" for i in range(200)])
    set_titles(sandbox, shell, ["user@host: ~/src", "vim", "make -j", "a-b-c-d", "-" * 60])
    sandbox.tmux("split-window", "-d", "-t", cat, "sleep 0.2")
    sandbox.tmux("split-window", "-d", "-t", shell, "false")
    sandbox.tmux("rename-window", "-t", cat, "renamed")
    sandbox.tmux("new-session", "-d", "-s", "second", "cat")
    sandbox.tmux("rename-session", "-t", "second", "third")
    time.sleep(0.5)
    for target in ("kill-pane -t " + shell, "kill-window -t " + cat, "kill-session -t third"):
        sandbox.tmux(*target.split())
    for _ in range(10):
        sandbox.tmux("new-window", "-d", "-t", "main:", "true")
    sandbox.tmux("set-option", "-g", "remain-on-exit", "on")
    dead = sandbox.new_pane("false", name="dead")
    sandbox.wait_dead(dead)
    sandbox.tmux("respawn-pane", "-t", dead, "cat")
    calls = counted.settled()
    # The respawn may be watched: a living Codex pane might have been its target.
    assert [c for c in calls[len(before) :] if c != "sync --watch"] == []


def test_an_id_in_a_title_is_noted_without_a_process_but_one_sync_a_change(counted: Counted) -> None:
    sandbox = counted.sandbox
    pane = sandbox.new_pane("cat", name="cat")
    before = len(counted.settled())
    for number in range(3):
        other = ID[:-1] + str(number)
        set_titles(sandbox, pane, [f"{i} | {other}..." for i in range(50)])
        sandbox.wait_format(pane, "#{@codex_title_id}", other)
        calls = counted.settled()
        assert len(calls) - before <= 1, calls[before:]
        before = len(calls)
    set_titles(sandbox, pane, ["no id"])
    sandbox.wait_format(pane, "#{@codex_title_id}", "")
    assert sandbox.format(pane, "#{@codex_session}") == "", "a title alone proves nothing"


def helpers(sandbox: Sandbox) -> list[int]:
    """The processes of codex-tmux."""
    lines = {p: Path(f"/proc/{p}/cmdline").read_bytes().split(b"\0") for p in sandbox.processes()}
    return [p for p, line in lines.items() if b"codex-tmux" in map(os.path.basename, line)]


def test_fifty_panes_die_within_a_second(counted: Counted) -> None:
    """At most three syncs, and a record of each."""
    sandbox, number = counted.sandbox, 50
    for count in range(number):
        sandbox.new_pane("codex", name=f"codex-{count}")
    sandbox.wait_for(lambda: len(sandbox.sessions()) == number, 120, "all sessions bound")
    sessions = sandbox.sessions()
    pids = [int(sandbox.format(pane, "#{pane_pid}")) for pane in sessions.values()]
    before = len(counted.settled())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)

    def asleep() -> bool:
        # Debian's tmux may have missed that a process has ended, until another one does.
        sandbox.tmux("run-shell", "-b", "true")
        states = sandbox.tmux("list-panes", "-a", "-F", "#{@codex_asleep}#{pane_dead}#{@codex_state}").split()
        return states.count("11dead") == number

    sandbox.wait_for(asleep, 60, "all panes asleep")
    calls = counted.settled()[before:]
    syncs = [c for c in calls if c.startswith("sync")]
    assert 1 <= len(syncs) <= 3, calls
    text = (sandbox.state_dir / "state.toml").read_text()
    assert text.count('status = "dead"') == number
    assert all(session in text for session in sessions)
    sandbox.wait_for(lambda: not helpers(sandbox), 20, "no process of ours while nothing happens")


def test_hooks_come_back_after_an_unindexed_set_hook(counted: Counted) -> None:
    """Each of them, by any sync, beside what the user has put there."""
    sandbox = counted.sandbox
    ours = OURS.findall((PLUGIN.parent / "plugin" / "hooks.tmux").read_text())
    assert len(ours) > 10

    def listed() -> str:
        return sandbox.tmux("show-hooks", "-g") + "\n" + sandbox.tmux("show-hooks", "-gw")

    sandbox.tmux("set-hook", "-g", "pane-died[7]", "set -g @mine7 1")
    for name in ours:
        if name != "pane-died[8470]":
            sandbox.tmux("set-hook", "-g", name.partition("[")[0], "set -g @mine 1")
    sandbox.helper("sync")
    assert missing(str(PLUGIN.parent), listed()) == []
    assert listed().count("@mine 1") == len(ours) - 1
    sandbox.tmux("set-hook", "-g", "pane-died", "set -g @mine 1")
    assert missing(str(PLUGIN.parent), listed()) == ["pane-died[8470]"]
    pane = sandbox.new_pane("codex hello")
    sandbox.bound(pane)
    sandbox.wait_for(lambda: missing(str(PLUGIN.parent), listed()) == [], 20, "a sync to mend it")
    sandbox.kill_codex(pane)


BROKEN = (
    "exit 3",
    "echo out; echo err >&2; exit 1",
    "missing",
    "#!/no/such/program",
)


def test_no_pane_in_view_mode_whatever_the_helper_does(sandbox: Sandbox) -> None:
    broken = sandbox.root / "helper"
    # A helper that did nothing and did it well would leave its sync due for good.
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o700)
    first = sandbox.start_server(load_plugin=True, config=f"set -g @codex-tmux-bin {broken}")
    client = sandbox.attach()
    for helper in BROKEN:
        broken.write_text(helper if helper.startswith("#!") else f"#!/bin/sh\n{helper}\n")
        broken.chmod(0o700)
        if helper == "missing":
            broken.unlink()
        pane = sandbox.new_pane("codex hello")
        sandbox.wait_ready(pane)
        sandbox.respawn(pane, "-k")
        sandbox.tmux("select-window", "-t", pane)
        client.send(b"\x02R")
        sandbox.wait_for(lambda p=pane: sandbox.codex_pid(p), 20, "Codex, as without the plugin")  # type: ignore[misc]
        sandbox.kill(pane)
        time.sleep(1.0)
        assert set(sandbox.tmux("list-panes", "-a", "-F", "#{pane_in_mode}").split()) == {"0"}, helper
        assert sandbox.format(first, "#{pane_dead}") == "0", helper


# -- what a tmux server holds --


def dump(sandbox: Sandbox) -> str:
    """Every option, hook, key and alias of the server, as tmux shows them."""
    commands = [
        "show-options -s",
        "show-options -g",
        "show-options -gw",
        "show-hooks -g",
        "show-hooks -gw",
        "list-keys",
    ]
    parts = [f"--- {c}\n{sandbox.tmux(*c.split())}" for c in commands]
    for pane in sandbox.pane_ids():
        parts.append(f"--- {pane}\n{sandbox.tmux('show-options', '-p', '-t', pane)}")
    parts.append(sandbox.tmux("list-buffers"))
    return "\n".join(parts)


USER_KEYS = """
bind-key X respawn-pane -k
bind-key Y { display-message "a; b" ; respawn-pane -k }
bind-key -n M-r respawn-window -k
bind-key -T copy-mode-vi r respawn-pane -k \\; display-message 'done #{pane_id}'
bind-key -r -N "a note; with 'quotes'" U respawn-pane -k -c '#{pane_current_path}'
bind-key R refresh-client
set-hook -g pane-died[3] 'display-message "mine"'
set-hook -g pane-died[90] 'display-message "mine too"'
set-hook -g client-attached[90] 'display-message hello'
set -s command-alias[99] 'zoom=resize-pane -Z'
set -s command-alias[200] 'unzoom=resize-pane -Z'
set -g remain-on-exit-format 'x'
set -g @resurrect-hook-post-restore-all 'echo mine # codex'
"""


def test_loading_twice_with_the_users_own_keys(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, config=USER_KEYS)
    sandbox.quiet()
    once = dump(sandbox)
    sandbox.load()
    sandbox.quiet()
    assert dump(sandbox) == once


def test_unload_gives_everything_back(sandbox: Sandbox) -> None:
    sandbox.start_server(config=USER_KEYS)
    before = dump(sandbox)
    sandbox.load()
    sandbox.quiet()
    assert "restore --resurrect" in sandbox.option("@resurrect-hook-post-restore-all")
    for kept in ("pane-died[90]", "client-attached[90]", "command-alias[200]"):
        (line,) = [text for text in before.splitlines() if text.startswith(kept)]
        assert line in dump(sandbox).splitlines()
    sandbox.tmux("bind-key", "Z", "respawn-pane", "-k")
    pane = sandbox.new_pane("codex hello")
    sandbox.bound(pane)
    sandbox.tmux("kill-pane", "-t", pane)
    sandbox.unload()
    assert "respawn-pane -k" in sandbox.binding("Z")
    assert "@codex" not in sandbox.binding("Z")
    sandbox.tmux("unbind-key", "Z")
    assert dump(sandbox) == before


def test_an_old_tmux_is_told_and_left_untouched(sandbox: Sandbox) -> None:
    sandbox.start_server()
    client = sandbox.attach()
    before = dump(sandbox)
    stub = sandbox.root / "old"
    stub.mkdir()
    real = shutil.which("tmux")
    script = f'#!/bin/sh\n{real} "$@" | sed "s/^[0-9a-z.-]*[0-9][0-9a-z.]*\\(\t\\)/3.1c\\1/"\n'
    (stub / "tmux").write_text(script)
    (stub / "tmux").chmod(0o700)
    path = f"{stub}:{sandbox.env['PATH']}"
    done = subprocess.run(
        [str(PLUGIN)], env={**sandbox.inside, "PATH": path}, capture_output=True, check=True
    )
    assert done.stdout + done.stderr == b""
    sandbox.wait_for(lambda: b"3.1c is too old" in client.output, 20, "the message")
    assert dump(sandbox) == before


def copy_of_the_plugin(target: Path) -> Path:
    """A checkout without a `.venv`."""
    target.mkdir(parents=True)
    shutil.copy(PLUGIN, target)
    shutil.copytree(PLUGIN.parent / "plugin", target / "plugin")
    return target


def test_from_any_path(sandbox: Sandbox, tmp_path: Path) -> None:
    """One that sh, a format and a pattern would each take for something else."""
    name = 'it\'s a "b" a#b a#{b} a$HOME`x`;b a[b]?*'
    checkout = copy_of_the_plugin(tmp_path / name / "codex-tmux")
    helper = tmp_path / name / "helper dir" / "codex-tmux"
    helper.parent.mkdir()
    helper.symlink_to(sandbox.bin / "codex-tmux")
    sandbox.start_server()
    sandbox.tmux("set-option", "-g", "@codex-tmux-bin", str(helper))
    subprocess.run([str(checkout / "codex.tmux")], env=sandbox.inside, check=True)
    assert Server(str(sandbox.socket)).option("@codex_dir") == str(checkout)
    assert "pane-title-changed[8470]" in sandbox.tmux("show-hooks", "-gw", "pane-title-changed")
    pane = sandbox.new_pane("codex hello")
    session = sandbox.bound(pane)
    sandbox.wait_for(lambda: sandbox.model.turns_with("hello"), 20, "the turn")
    sandbox.kill(pane)
    sandbox.wait_dead(pane)
    sandbox.respawn(pane)
    sandbox.wait_for(lambda: session in command_line(sandbox, pane), 20, "the session back")
    # Ours are deleted by the user: mended from that very path.
    sandbox.tmux("set-hook", "-g", "pane-title-changed", "set -g @mine 1")
    sandbox.helper("sync")
    assert "pane-title-changed[8470]" in sandbox.tmux("show-hooks", "-gw", "pane-title-changed")


def test_a_codex_that_takes_its_time_to_quit(counted: Counted) -> None:
    """Its title is gone before it is; when it ends, the shell behind it fires nothing."""
    sandbox = counted.sandbox
    pane = sandbox.shell()
    sandbox.enter(pane, f"{LINGER}=1 codex")
    sandbox.ask(pane, "first")
    sandbox.bound(pane)
    before = len(counted.settled())
    sandbox.enter(pane, "/quit")
    sandbox.wait_format(pane, "#{@codex_pane}", "")
    (row,) = sandbox.listed("--all")
    assert row["status"] == "ended"
    assert len(counted.settled()) - before == 1
