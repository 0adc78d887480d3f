"""What each command prints, as a person sees it: on a small screen, with and without colours, and into a pipe."""

import re
import shlex

from codex_tmux.cli import COMMANDS
from tests.support.world import Sandbox

UNKNOWN = "01a201da-7561-7551-a7df-a07aa6f38cdb"
WIDTH = 80


def shown(sandbox: Sandbox, line: str) -> tuple[list[str], list[str], str]:
    """What a shell's line leaves on the screen: its lines, the same before tmux has wrapped them, and with colours."""
    pane = sandbox.new_pane(f"{line}; echo DONE; cat", name="looker")
    sandbox.wait_text(pane, "DONE", 150)
    plain, joined, coloured = (
        sandbox.tmux("capture-pane", "-p", *how, "-S", "-", "-t", pane).partition("DONE")[0]
        for how in ((), ("-J",), ("-e",))
    )
    sandbox.tmux("kill-pane", "-t", pane)
    return [x for x in plain.splitlines() if x], [x for x in joined.splitlines() if x], coloured


def test_every_command_prints_what_it_did(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, width=WIDTH, height=24)
    live, dead = sandbox.new_pane(), sandbox.new_pane()
    for pane in (live, dead):
        sandbox.ask(pane, f"what {pane} is about")
    session = sandbox.bound(live)
    sandbox.bound(dead)
    sandbox.kill_codex(dead)
    config = sandbox.codex_home / "config.toml"
    config.write_text(config.read_text().replace('"thread-id"', '"thread-id", "thread-title"'))
    seen: set[str] = set()

    def prints(command: str, *wanted: str, fits: bool = False, colours: bool = False) -> str:
        lines, joined, coloured = shown(sandbox, f"{'' if colours else 'NO_COLOR=1 '}codex-tmux {command}")
        text = " ".join(" ".join(joined).split())
        seen.add(command.split()[0])
        for words in wanted:
            assert words in text, f"{command}: {words!r} in\n" + "\n".join(lines)
        assert "Traceback" not in text
        if fits:
            assert lines == [x.rstrip() for x in joined], f"{command}: a line is wider than {WIDTH}"
        assert bool(re.search(r"\x1b\[[0-9;]*[349][0-9]", coloured)) == colours, command
        return text

    def says(command: str, *wanted: str, fits: bool = False) -> str:
        """The same of what may be asked twice: the second time into a pipe, where lines are whole."""
        done = sandbox.helper_result(*shlex.split(command))
        assert "\x1b" not in done.stdout + done.stderr, command
        piped = " ".join((done.stdout + done.stderr).split())
        assert [words for words in wanted if words not in piped] == [], command
        return prints(command, *wanted, fits=fits)

    says("list", "WHERE", live, dead, "running", "asleep", fits=True)
    says("status", "1 running 1 asleep")
    says("sync")
    says("next", "none is known to need you")
    logged = says("log", "session.bound")
    # Whichever was there first.
    assert re.search(f"session={session} pane={live} evidence=(title|lock)", logged), logged
    says("doctor", "ok tmux tmux", "everything is in order", fits=True)
    says("setup --check", f"set: {config} has the session id in the title")
    says("setup --undo -y", f"nothing to undo: codex-tmux has not changed {config}")
    sandbox.helper("setup", "-y")
    says("setup -y", f"nothing to do: {config} has the session id in the title")
    says("install --check", "not installed:", "run: codex-tmux install")
    says("adopt -t %99 " + UNKNOWN, "there is no pane %99")
    says(f"forget -y {UNKNOWN}", f"{UNKNOWN}: no such session")
    says("restore --dry-run", "nothing to restore")
    says("list --search about", session, f"what {live} is about")
    says("approve", "no shared daemon of Codex runs (0.157 or newer): answer in the pane")
    says(f"wait -t {live}", "this needs Codex's shared daemon (0.157 or newer), and none runs.")
    says(f"tell -t {live} hello", "has no `queue` command (0.169 has): type the message into the pane")
    says("undo", "nothing to undo: no pane with a conversation was closed")
    says("fork -t main:0", "has no conversation to fork")
    preview = (f"session {session}", "place main:1.0, running", f"── you what {live} is about")
    says(f"pick --preview {session}", *preview)
    prints("exec < /dev/null", "new pane: the first message starts a new session")
    back = "PASSED: the killed pane came back with its own conversation"
    prints("selftest", "tmux respawn-pane; back", back)
    prints("run --nonsense < /dev/null", "run: unknown argument '--nonsense'; usage: codex-tmux run")
    assert prints(f"respawn -t {dead}") == "", "done, and nothing to say"
    prints("list", "running", fits=True, colours=True)
    keys = "Keys: prefix R, prefix P, prefix N, prefix F, prefix U, prefix A."
    prints("install -y", "+run-shell", "written: ", "Loaded: ", keys, colours=True)
    prints("load", "Loaded: ")
    gone = ("-run-shell", "removed: ", "Unloaded from the running tmux server.", "What remains")
    prints("uninstall -y", *gone)
    says("completion bash", "complete -o nosort -F _codex_tmux_completion codex-tmux")
    assert seen == set(COMMANDS), "every command was run"
