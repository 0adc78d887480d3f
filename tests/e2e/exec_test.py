"""A conversation pane on `codex exec`: real tmux, real Codex, loopback model."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.support.world import Sandbox, running

pytestmark = [pytest.mark.codex, pytest.mark.timeout(300)]

PROMPT = "\u276f"
FLAGS = ("--sandbox", "read-only", "--model", "x", "--color", "never")


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    """A sandbox with the plugin loaded, its directory a git repository, as `codex exec` wants it."""
    subprocess.run(["git", "init", "-q", str(sandbox.work)], check=True, env=sandbox.env)
    sandbox.start_server(load_plugin=True)
    return sandbox


def open_pane(world: Sandbox, *flags: str, cwd: Path | None = None) -> str:
    pane = world.new_pane("codex-tmux", "exec", "--", *flags, cwd=cwd)
    wait_prompt(world, pane)
    return pane


def wait_prompt(world: Sandbox, pane: str) -> None:
    world.wait_text(pane, PROMPT)


def screen(world: Sandbox, pane: str) -> str:
    """What the pane shows and has shown, with the lines that the terminal wrapped joined again."""
    return world.tmux("capture-pane", "-pJ", "-t", pane, "-S", "-")


def wait_text(world: Sandbox, pane: str, text: str, timeout: float = 40) -> str:
    """Wait until a pane shows `text`, however its lines are broken between words; all that it shows."""

    def shows() -> bool:
        shown = screen(world, pane)
        return text in shown or text in " ".join(shown.split())

    world.wait_for(shows, timeout, f"{text!r} in {pane}")
    return screen(world, pane)


def say(world: Sandbox, pane: str, text: str, turn: int) -> str:
    """Send a message and wait for its answer; the answer's line."""
    tell(world, pane, text, f"turn {turn} | ")
    return next(line for line in screen(world, pane).splitlines() if line.startswith(f"turn {turn} |"))


def tell(world: Sandbox, pane: str, text: str, shown: str) -> None:
    """Send a message, and wait until the pane shows this."""
    world.enter(pane, text)
    wait_text(world, pane, shown)


def hold(world: Sandbox, pane: str, text: str) -> None:
    """Send a message that the model does not answer, and wait until it has it."""
    world.enter(pane, text)
    world.wait_for(lambda: world.model.turns_with(text), 30, "the question to arrive")


def kill_everything(world: Sandbox, panes: Sequence[str]) -> None:
    """`kill -9` of all that runs in the panes."""
    roots = [psutil.Process(int(world.format(pane, "#{pane_pid}"))) for pane in panes]
    for process in [p for root in roots for p in (root, *root.children(recursive=True))]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    for pane in panes:
        world.wait_dead(pane)


def forget_options(world: Sandbox, pane: str) -> None:
    """Take what tmux remembers from a dead pane, once no sync is to come that would put it back from the file."""
    world.wait_for(
        lambda: logged(world, "session.saved", pane=pane, status="dead"), 20, "the death to be saved"
    )
    world.wait_format(pane, "#{@codex_pending}", "")
    world.helper("sync")
    for option in ("@codex_session", "@codex_launch"):
        world.tmux("set-option", "-pu", "-t", pane, option)


def respawn(world: Sandbox, pane: str) -> None:
    """Respawn a pane, and wait for its prompt."""
    world.respawn(pane)
    world.wait_format(pane, "#{pane_dead}", "0")
    wait_prompt(world, pane)


def logged(world: Sandbox, event: str, **fields: str) -> list[str]:
    wanted = [f"{name}={value}" for name, value in fields.items()]
    lines = world.log_text().splitlines()
    return [line for line in lines if f" {event} " in line and all(w in line for w in wanted)]


def session_of(world: Sandbox, pane: str) -> str:
    return world.format(pane, "#{@codex_session}")


def rollout_of(world: Sandbox, session_id: str) -> Path:
    (found,) = world.codex_home.glob(f"sessions/*/*/*/*{session_id}.jsonl")
    return found


def test_killed_and_respawned_the_conversation_goes_on(world: Sandbox) -> None:
    pane = open_pane(world)
    for i, text in enumerate(("a secret zebra", "two", "three"), 1):
        say(world, pane, text, i)
    session_id = session_of(world, pane)
    assert session_id in (world.state_dir / "state.toml").read_text()
    assert session_id[-8:] in screen(world, pane), "its end tells panes apart, its beginning is the clock"
    root = psutil.Process(int(world.format(pane, "#{pane_pid}")))
    world.wait_for(lambda: not root.children(recursive=True), 20, "the turn's processes to go")
    kill_everything(world, [pane])
    respawn(world, pane)
    assert "all: a secret zebra / two / three / four" in say(world, pane, "four", 4)
    assert session_of(world, pane) == session_id
    assert logged(world, "exec.saved", session=session_id)
    assert logged(world, "exec.resumed", session=session_id)
    kill_everything(world, [pane])
    shutil.rmtree(world.codex_home)
    assert not [p for p in world.root.rglob("*") if p.is_file() and b"zebra" in p.read_bytes()]


def test_killed_in_the_middle_of_its_very_first_turn(world: Sandbox) -> None:
    pane = open_pane(world)
    hold(world, pane, "HOLD this")
    world.wait_for(lambda: session_of(world, pane), 20, "the session to be saved")
    session_id = session_of(world, pane)
    kill_everything(world, [pane])
    world.model.release()
    respawn(world, pane)
    assert "all: HOLD this / and then" in say(world, pane, "and then", 2)
    assert session_of(world, pane) == session_id
    assert logged(world, "exec.resumed", session=session_id)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_turn_outlives_its_pane(world: Sandbox, number: signal.Signals) -> None:
    pane = open_pane(world)
    hold(world, pane, "HOLD this")
    root = psutil.Process(int(world.format(pane, "#{pane_pid}")))
    children = root.children(recursive=True)
    assert children
    root.send_signal(number)
    world.wait_for(
        lambda: not any(running(child.pid) for child in children),
        20,
        "the turn to end",
    )


def test_the_respawn_command(world: Sandbox) -> None:
    pane = open_pane(world, *FLAGS)
    say(world, pane, "one", 1)
    world.helper("respawn", "--force", "-t", pane)
    wait_text(world, pane, " resumed")
    tell(world, pane, "two", "all: one / two")
    assert world.model.requests[-1].body["model"] == "x"
    world.helper("respawn", "-t", pane, "--fresh", "--force")
    wait_text(world, pane, "a new session was asked for")
    tell(world, pane, "three", "all: three")
    assert world.model.requests[-1].body["model"] == "x"
    kill_everything(world, [pane])
    world.helper("respawn", "-t", pane)
    tell(world, pane, "four", "all: three / four")


@pytest.mark.parametrize("how", ["by itself", "respawn-pane -k"])
def test_back_from_the_middle_of_a_turn(world: Sandbox, how: str) -> None:
    world.tmux("set-option", "-g", "@codex-on-death", "respawn")
    pane = open_pane(world)
    say(world, pane, "one", 1)
    pid = world.format(pane, "#{pane_pid}")
    hold(world, pane, "HOLD two")
    if how == "by itself":
        psutil.Process(int(pid)).kill()
    else:
        world.respawn(pane, "-k")
    world.wait_for(lambda: world.format(pane, "#{pane_pid}") != pid, 20, "the pane to be back")
    tell(world, pane, "three", "all: one / HOLD two / three")


def test_a_new_tmux_server(world: Sandbox) -> None:
    pane = open_pane(world)
    say(world, pane, "before", 1)
    session_id = session_of(world, pane)
    world.quiet()
    world.end_server()
    world.start_server(load_plugin=True)
    world.helper("restore")
    pane = world.sessions()[session_id]
    if world.format(pane, "#{pane_dead}") == "1":
        respawn(world, pane)
    wait_prompt(world, pane)
    assert "all: before / after" in say(world, pane, "after", 2)


def test_the_state_file_alone_is_enough(world: Sandbox) -> None:
    pane = open_pane(world)
    say(world, pane, "one", 1)
    session_id = session_of(world, pane)
    kill_everything(world, [pane])
    forget_options(world, pane)
    respawn(world, pane)
    assert "all: one / two" in say(world, pane, "two", 2)
    assert logged(world, "exec.resumed", session=session_id)


def test_nothing_left_of_it_is_fresh_and_said(world: Sandbox) -> None:
    pane = open_pane(world)
    say(world, pane, "one", 1)
    old = session_of(world, pane)
    kill_everything(world, [pane])
    rollout_of(world, old).unlink()
    respawn(world, pane)
    why = f"session {old} was deleted"
    wait_text(world, pane, f"{why}: it cannot be resumed, the next message starts a new session")
    tell(world, pane, "two", "turn 1 | first: two | last: two | all: two")
    assert session_of(world, pane) not in ("", old)
    assert logged(world, "exec.fresh", why=f'"{why}"')


def test_twenty_messages_by_send_keys_alone(world: Sandbox) -> None:
    """Without waiting for anything: the first ones come before the program has started."""
    pane = world.new_pane("codex-tmux", "exec")
    messages = [f"message {i}" for i in range(20)]
    for text in messages:
        world.enter(pane, text)
    seen = wait_text(world, pane, "turn 20 | ", 120)
    # Each reply right below its own message, in order, and nothing typed in the middle of it.
    shown = re.findall(
        rf"{PROMPT} (message \d+)\n(?:Model metadata(?:[^\n]*\n)+?)?turn (\d+) \| .* last: (message \d+) ",
        seen,
    )
    assert shown == [(text, str(i), text) for i, text in enumerate(messages, 1)]
    asked = [request.last for request in world.model.requests]
    assert asked == messages
    assert len({request.session_id for request in world.model.requests}) == 1


def run_exec(world: Sandbox, text: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(world.bin / "codex-tmux"), "exec", *args],
        input=text,
        env=world.env,
        cwd=world.work,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_messages_by_stdin(world: Sandbox) -> None:
    messages = [f"message {i}" for i in range(5)]
    done = run_exec(world, "\n".join(messages) + "\n")
    assert done.returncode == 0, done.stderr
    assert [line.split(" | ")[0] for line in done.stdout.splitlines()] == [f"turn {i}" for i in range(1, 6)]
    assert [request.last for request in world.model.requests] == messages
    assert "\x1b" not in done.stdout + done.stderr


def test_json_passes_the_events_through(world: Sandbox) -> None:
    done = run_exec(world, "one\ntwo\n", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    started = [e["thread_id"] for e in events if e["type"] == "thread.started"]
    assert len(started) == 2
    assert len(set(started)) == 1
    assert sum(e["type"] == "turn.completed" for e in events) == 2


def test_flags_are_in_force_in_every_turn(world: Sandbox) -> None:
    pane = open_pane(world, *FLAGS)
    say(world, pane, "one", 1)
    say(world, pane, "two", 2)
    kill_everything(world, [pane])
    respawn(world, pane)
    say(world, pane, "three", 3)
    assert [request.body["model"] for request in world.model.requests] == ["x"] * 3
    lines = [json.loads(line) for line in rollout_of(world, session_of(world, pane)).read_text().splitlines()]
    contexts = [line["payload"] for line in lines if line["type"] == "turn_context"]
    assert len(contexts) >= 3
    assert {c["sandbox_policy"]["type"] for c in contexts} == {"read-only"}
    assert {c["cwd"] for c in contexts} == {str(world.work)}
    (entry,) = json.loads(world.helper("list", "--json"))["panes"]
    assert (entry["session_id"], entry["mode"], entry["status"]) == (session_of(world, pane), "exec", "live")
    assert entry["flags"] == list(FLAGS)


def test_ctrl_c_stops_the_turn_and_not_the_pane(world: Sandbox) -> None:
    pane = open_pane(world)
    say(world, pane, "one", 1)
    hold(world, pane, "HOLD two")
    world.tmux("send-keys", "-t", pane, "C-c")
    wait_text(world, pane, "stopped; the session is kept")
    assert "one / HOLD two / three" in say(world, pane, "three", 3)


def test_what_is_typed_while_a_turn_runs_is_the_next_message(world: Sandbox) -> None:
    pane = open_pane(world)
    hold(world, pane, "HOLD one")
    wait_text(world, pane, "working, Ctrl-C stops")
    world.tmux("set-buffer", "-b", "test", "pasted\nlines\n")
    world.tmux("paste-buffer", "-p", "-b", "test", "-t", pane)
    world.enter(pane, "two")
    world.tmux("send-keys", "-t", pane, "-l", "not sent yet")
    world.model.release()
    wait_text(world, pane, "turn 2 | ")
    wait_text(world, pane, f"{PROMPT} not sent yet")
    world.wait_for(lambda: "working" not in screen(world, pane), 20, "the turn to be over")
    assert [request.last for request in world.model.requests] == ["HOLD one", "pasted\nlines\ntwo"]


def test_messages_of_several_lines_and_the_history(world: Sandbox) -> None:
    pane = open_pane(world)
    world.tmux("send-keys", "-t", pane, "a", "M-Enter", "b", "Enter")
    wait_text(world, pane, "turn 1 | ")
    wait_prompt(world, pane)
    world.tmux("send-keys", "-t", pane, "Up", "c", "Enter")
    wait_text(world, pane, "turn 2 | ")
    assert [request.last for request in world.model.requests] == ["a\nb", "a\nbc"]


def test_what_goes_wrong_is_said_and_the_next_message_is_taken(world: Sandbox) -> None:
    pane = open_pane(world)
    say(world, pane, "one", 1)
    tell(world, pane, "FAIL 429", "Codex ended with exit 1 (the session is kept; it said: ")
    codex = world.bin / "codex"
    target = os.readlink(codex)
    hidden = Path(target + ".not-there")
    codex.unlink()
    codex.symlink_to(hidden)
    # The pane keeps the path it found at its start, so this Codex is missing to it and to nobody else.
    tell(world, pane, "nobody hears this", "Codex cannot be started")
    codex.unlink()
    codex.symlink_to(target)
    tell(world, pane, "last", "last: last | ")
    assert len({request.session_id for request in world.model.requests}) == 1
    pane = open_pane(world, cwd=world.make_dir("plain"))
    tell(world, pane, "one", "it said: Not inside a trusted directory")


def test_nothing_of_an_answer_is_obeyed_by_the_terminal(world: Sandbox) -> None:
    message = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202edeux"
    done = run_exec(world, f"{message}\n")
    assert "deux" in done.stdout
    assert not set("\x1b\x07\x9b\u202e") & set(done.stdout + done.stderr)
    pane = open_pane(world)
    world.tmux("set-buffer", "-b", "test", message)
    world.tmux("paste-buffer", "-p", "-b", "test", "-t", pane)
    world.tmux("send-keys", "-t", pane, "Enter")
    wait_text(world, pane, "turn 1 | ")
    assert "owned" not in world.format(pane, "#{pane_title}")


def test_a_session_open_elsewhere_is_waited_for(world: Sandbox) -> None:
    pane = open_pane(world)
    say(world, pane, "one", 1)
    session_id = session_of(world, pane)
    other = subprocess.Popen(
        [str(world.bin / "codex"), "exec", "resume", session_id, "HOLD elsewhere"],
        env=world.env,
        cwd=world.work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    world.wait_for(lambda: world.model.turns_with("HOLD elsewhere"), 30, "the other's question")
    tell(world, pane, "two", "the session is still open in codex")
    assert not world.model.turns_with("two")
    world.model.release()
    assert other.wait(30) == 0
    wait_text(world, pane, "all: one / HOLD elsewhere / two")


def test_a_window_in_any_directory_with_the_flags_and_a_split(world: Sandbox) -> None:
    directory = world.root / "a #{pid} $(touch owned) 'b' %H"
    directory.mkdir()
    subprocess.run(["git", "init", "-q", str(directory)], check=True, env=world.env)
    world.helper(*("exec", "--new", "-c", str(directory), "-n", "my #{pid} window", "--", "--model", "y"))
    lines = world.tmux("list-panes", "-a", "-F", "#{pane_id} #{window_name}").splitlines()
    (pane,) = [line.split()[0] for line in lines if line.endswith("my #{pid} window")]
    wait_prompt(world, pane)
    say(world, pane, "hello", 1)
    assert world.format(pane, "#{pane_current_path}") == str(directory)
    assert world.model.requests[-1].body["model"] == "y"
    assert not list(world.root.rglob("owned"))
    world.helper("exec", "--split", env={"TMUX_PANE": pane})
    (beside,) = set(world.tmux("list-panes", "-F", "#{pane_id}", "-t", pane).split()) - {pane}
    wait_prompt(world, beside)
    world.tmux("send-keys", "-t", beside, "C-d")
    world.wait_gone(beside)


def exec_in_shell(world: Sandbox) -> str:
    """A conversation that was started from a shell, with one turn behind it; the pane."""
    pane = world.new_pane("bash", "--norc", name="shell")
    world.wait_for(lambda: world.capture(pane).strip(), 20, "the shell's prompt")
    world.enter(pane, "codex-tmux exec -- --sandbox read-only")
    wait_prompt(world, pane)
    say(world, pane, "one", 1)
    world.wait_for(lambda: status_of(world, pane) == "live", 20, "the record")
    return pane


def status_of(world: Sandbox, pane: str) -> str:
    rows = world.listed("--all")
    return next((row["status"] for row in rows if row["pane"] == pane), "")


def test_under_a_shell_it_comes_back_as_exec(world: Sandbox) -> None:
    pane = exec_in_shell(world)
    (helper,) = psutil.Process(int(world.format(pane, "#{pane_pid}"))).children()
    helper.kill()
    world.wait_format(pane, "#{pane_current_command}", "bash")
    assert status_of(world, pane) == "dead"
    world.helper("respawn", "-t", pane)
    wait_text(world, pane, " resumed")
    tell(world, pane, "two", "all: one / two")
    assert world.format(pane, "#{@codex_mode}") == "exec"
    assert world.format(pane, "#{@codex_launch}").startswith("exec ")


@pytest.mark.parametrize("how", ["C-d", "/quit"])
def test_left_under_a_shell_it_has_ended(world: Sandbox, how: str) -> None:
    pane = exec_in_shell(world)
    world.tmux("send-keys", "-t", pane, how, *(["Enter"] if how == "/quit" else []))
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.wait_for(lambda: world.option("@codex_status") == "", 20, "nothing asleep")
    assert status_of(world, pane) == "ended"
    assert len(world.model.requests) == 1, "no message of it"
    world.enter(pane, "stty -a | grep -o '[-]*echo '")
    world.wait_for(lambda: "\necho" in screen(world, pane), 20, "echo to be on")


def test_help_is_answered_by_the_prompt_and_words_are_whole(world: Sandbox) -> None:
    pane = open_pane(world, *FLAGS)
    tell(world, pane, "/help", "Ctrl-D or /quit leaves")
    assert world.model.requests == []
    text = " ".join(f"word{n:03}" for n in range(60))
    say(world, pane, text, 1)
    shown = world.capture(pane).split("turn 1 |")[1]
    whole = re.findall(r"word\d{3}", shown)
    assert len(whole) == shown.count("word") > 60, "none is broken at the edge"
