"""Keys: what the user has bound stays his, and a running Codex is restarted only after a yes."""

import os

from tests.support.screen import Screen
from tests.support.world import Sandbox, plugin_file

THEIRS = 'bind-key R display-message -d 5000 "reloaded"'
ADVICE = "set -g @codex-respawn-key B"


def running(sandbox: Sandbox, words: str) -> tuple[str, int]:
    """A pane whose Codex has taken a turn; the pane, and the process."""
    pane, _ = sandbox.talk(words)
    return pane, sandbox.codex_pid(pane)


def test_a_key_of_the_users_is_left_alone_and_everyone_says_so(sandbox: Sandbox) -> None:
    (sandbox.state_dir / "greeted").unlink()
    sandbox.start_server(config=THEIRS, width=80)
    theirs = sandbox.binding("R")
    with Screen(sandbox, width=80) as screen:
        sandbox.tmux("run-shell", "-b", str(plugin_file()))
        screen.wait(f"codex-tmux: loaded – C-b P: find. C-b R stays yours: {ADVICE}")
        assert sandbox.binding("R") == theirs
        assert "pick --from-key" in sandbox.binding("P")
        screen.keys("C-b", "R")
        screen.wait("reloaded")
        sandbox.load()
        assert sandbox.binding("R") == theirs, "at the second load as well"
        # A pane that sleeps names no key that is not ours.
        pane, pid = running(sandbox, "words")
        os.kill(pid, 9)
        sandbox.tmux("select-window", "-t", pane)
        sandbox.wait_hint(pane, "codex-tmux respawn brings it back")
    found = sandbox.helper_result("doctor").stdout
    assert "prefix R: bound to something else, so left alone" in found
    assert f"tmux {ADVICE}" in found
    said = sandbox.helper("install", "-y")
    assert "Keys: prefix P, prefix N, prefix F, prefix U, prefix A." in said
    # As advised.
    sandbox.tmux("set-option", "-g", "@codex-respawn-key", "B")
    sandbox.load()
    assert "respawn --from-key" in sandbox.binding("B")
    assert sandbox.binding("R") == theirs


def test_a_key_bound_between_two_loads_is_the_users_too(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    sandbox.wait_for(lambda: "respawn --from-key" in sandbox.binding("R"), 20, "the key")
    sandbox.tmux("bind-key", "R", "refresh-client")
    for _ in range(2):
        sandbox.load()
        assert "refresh-client" in sandbox.binding("R")
    assert sandbox.tmux("show-options", "-gv", "@codex_keys") == "P N F U A"


def test_a_question_on_one_client_holds_up_no_other(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    pane, pid = running(sandbox, "first")
    asked = sandbox.attach()
    name = sandbox.tmux("list-clients", "-F", "#{client_name}")
    sandbox.tmux("new-session", "-d", "-s", "other", ";", "bind-key", "K", "set-option", "-g", "@mine", "1")
    other = sandbox.attach(target="other")
    other.send(b" ")  # it is the one that was used last
    sandbox.helper("respawn", "--from-key", "-t", pane, "-c", name)
    sandbox.wait_for(lambda: b"(y/n)" in asked.output, 20, "the question")
    other.send(b"\x02K")
    sandbox.wait_for(lambda: sandbox.option("@mine"), 20, "its key to be heard")
    asked.send(b"y")
    sandbox.wait_for(lambda: sandbox.codex_pid(pane) != pid, 20, "another Codex")


def test_the_key_asks_before_it_ends_a_running_codex(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, width=80)
    pane, pid = running(sandbox, "first")
    with Screen(sandbox, width=80) as screen:
        sandbox.tmux("select-window", "-t", pane)
        screen.type("my half written draft")
        screen.wait("half written draft")
        for answer in ("n", "Escape", "y"):
            screen.keys("C-b", "R")
            screen.wait(f"Restart the Codex running in {pane}? What is typed there is lost. (y/n)")
            screen.keys(answer)
            screen.wait_gone("(y/n)")
            if answer != "y":
                assert "half written draft" in screen.text()
                assert sandbox.codex_pid(pane) == pid
        sandbox.wait_for(lambda: sandbox.codex_pid(pane) != pid, 20, "another Codex")
        assert sandbox.ask(pane, "second").messages == ("first", "second")


def test_a_script_needs_force_and_a_terminal_is_asked(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, width=80)
    pane, pid = running(sandbox, "first")
    done = sandbox.helper_result("respawn", "-t", pane)
    assert (done.returncode, sandbox.codex_pid(pane)) == (1, pid)
    assert f"Codex is running in pane {pane}: --force restarts it" in done.stderr
    with Screen(sandbox, width=80) as screen:
        screen.type(f"codex-tmux respawn -t {pane}\n")
        screen.wait("What is typed there is lost. [y/N]")
        assert sandbox.codex_pid(pane) == pid
        screen.type("y\n")
        sandbox.wait_for(lambda: sandbox.codex_pid(pane) != pid, 20, "another Codex")
    pid = sandbox.wait_for(lambda: sandbox.codex_pid(pane), 20, "the Codex")
    sandbox.wait_ready(pane)
    sandbox.helper("respawn", "--force", "-t", pane)
    sandbox.wait_for(lambda: sandbox.codex_pid(pane) != pid, 20, "another Codex")
