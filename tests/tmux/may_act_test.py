"""What is not Codex's alone is left alone: shells in use, other programs' terminals, scripts, the panes beside."""

import os
import shlex
import shutil
import signal
import time

import psutil
import pytest

from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import PREFIX, Started, kill, press, shell_pane, start, wait_resumed

RAW_READER = (
    "import os, sys, tty\ntty.setraw(0)\nprint('ready', end='\\r\\n', flush=True)\n"
    "out = open(sys.argv[1], 'ab', 0)\nwhile True:\n    out.write(os.read(0, 100))\n"
)


PROMPTS = {
    "bash": ("bash --norc", "PS1='ready$ '"),
    "bash in vi mode": ("bash --norc", "set -o vi; PS1='ready$ '"),
    "bash, two lines": ("bash --norc", r"PS1='\n\w on main\n❯ '"),
    "zsh": ("zsh -f", "PS1='ready%# '"),
    "zsh in vi mode": ("zsh -f", "bindkey -v; PS1='ready%# '"),
    "zsh with a right prompt": ("zsh -f", "PS1='ready%# ' RPROMPT='%D{%H:%M:%S} right'"),
    "zsh, two lines": ("zsh -f", "setopt promptsubst; PS1=$'\\n%~ on main\\n❯ ' RPROMPT='✓'"),
    "fish": ("fish --no-config", ""),
    "dash": ("dash -i", "PS1='$ '"),
}


def shell_with_lost_codex(world: Sandbox, kind: str) -> Started:
    """A shell of that kind whose Codex was killed, at its prompt."""
    shell, setting = PROMPTS[kind]
    if shutil.which(shell.split()[0]) is None:
        pytest.skip(f"no {shell.split()[0]} here")
    pane = shell_pane(world, shell)
    world.wait_for(lambda: world.capture(pane).strip(), 20, "the prompt")
    if shell.startswith("fish"):
        # In a new home fish makes its completions first, by a child that reads the terminal.
        root = psutil.Process(int(world.format(pane, "#{pane_pid}")))
        world.wait_for(lambda: not root.children(), 60, "fish alone")
    if setting:
        world.tmux("send-keys", "-t", pane, "-l", setting)
        world.tmux("send-keys", "-t", pane, "Enter")
    at_prompt(world, pane, shell.split()[0])
    words = f"begin in {kind}"
    world.enter(pane, shlex.join([str(world.bin / "codex"), words]))
    world.wait_text(pane, "turn 1 |")
    (request,) = world.model.turns_with(words)
    session = request.session_id
    world.wait_format(pane, "#{@codex_session}", session)
    it = Started("shell", pane, session, words, world.codex_pid(pane))
    os.kill(it.pid, signal.SIGKILL)
    at_prompt(world, pane, shell.split()[0])
    return it


def at_prompt(world: Sandbox, pane: str, shell: str) -> None:
    """Wait until the shell shows its prompt again: its last line stays as it is."""

    def is_still() -> bool:
        if world.format(pane, "#{pane_current_command}") != shell:
            return False
        seen = world.capture(pane), world.format(pane, "#{cursor_x}")
        time.sleep(0.3)
        return seen[1] != "0" and seen == (world.capture(pane), world.format(pane, "#{cursor_x}"))

    world.wait_for(is_still, 20, "the prompt to be still")


def check_beside(world: Sandbox, it: Started, *said: str) -> str:
    """Resume in a split; the conversation is there, once, and its record as well."""
    world.helper("respawn", "--split", "-t", it.pane)
    return came_back_beside(world, it, *said)


def came_back_beside(world: Sandbox, it: Started, *said: str) -> str:
    """Wait for the split that has the conversation; its pane."""
    listed = world.wait_for(
        lambda: [
            p for p in world.tmux("list-panes", "-t", it.pane, "-F", "#{pane_id}").split() if p != it.pane
        ],
        20,
        "the split",
    )
    (new,) = listed
    wait_resumed(world, it._replace(pane=new))
    assert world.ask(new, "on").messages == (*(said or (it.first,)), "on")
    world.wait_format(new, "#{@codex_session}", it.session)
    assert world.format(it.pane, "#{@codex_session}#{@codex_pane}") == ""
    rows = [r for r in world.listed("--all") if r["session_id"]]
    assert [(r["pane"], r["status"]) for r in rows if r["session_id"] == it.session] == [(new, "live")]
    return new


WORD, CONTINUED = ("touch pwned",), "Enter"
BEGUN: dict[str, tuple[tuple[str, ...], ...]] = {
    "bash": (
        *(WORD, ("touch pwned ",), ("q",), (*WORD, "C-a"), (*WORD, "Left", "Left", "Left")),
        *(("touch pwned 'and", CONTINUED), ("touch pwned \\", CONTINUED)),
    ),
    "bash in vi mode": (WORD,),
    "zsh": (
        *(WORD, ("echo 100%",), (*WORD, "C-a"), (*WORD, "Left", "Left", "Left")),
        *(('touch pwned "and', CONTINUED), ("for i in 1; do", CONTINUED)),
    ),
    "zsh with a right prompt": (WORD,),
    "zsh in vi mode": (WORD,),
    "fish": (WORD, (*WORD, "C-a"), (*WORD, "Left", "Left", "Left")),
    "dash": (WORD, ("touch pwned \\", CONTINUED)),
}
"""For each shell the lines that are begun: the text, and the keys behind it."""


@pytest.mark.parametrize("kind", PROMPTS)
def test_an_empty_prompt_is_typed_at_and_a_line_begun_left_as_it_is(world: Sandbox, kind: str) -> None:
    """Wherever its cursor stands, and also where only a second prompt shows that its rest is awaited."""
    it = shell_with_lost_codex(world, kind)
    shell, root = PROMPTS[kind][0].split()[0], world.format(it.pane, "#{pane_pid}")
    for typed, *keys in BEGUN.get(kind, ()):
        world.tmux("send-keys", "-t", it.pane, "-l", typed)
        if keys:
            world.tmux("send-keys", "-t", it.pane, *keys)
        if keys == [CONTINUED]:
            world.wait_for(lambda: world.capture(it.pane).rstrip().endswith(">"), 20, "the second prompt")
        check_left_alone(world, it, typed)
        world.tmux("send-keys", "-t", it.pane, "C-c")
        # A Ctrl-C takes what is typed right behind it along.
        at_prompt(world, it.pane, shell)
        world.enter(it.pane, "clear")
        world.wait_for(lambda typed=typed: typed.rstrip() not in world.capture(it.pane), 20, "a new line")  # type: ignore[misc]
        at_prompt(world, it.pane, shell)
    assert not list(world.root.rglob("*pwned*"))
    world.helper("respawn", "-t", it.pane)
    wait_resumed(world, it)
    assert world.ask(it.pane, "more").messages == (it.first, "more")
    assert world.format(it.pane, "#{pane_pid}") == root, "in the shell that was there"
    if WORD in BEGUN.get(kind, ()):
        world.kill(it.pane)
        at_prompt(world, it.pane, shell)
        world.tmux("send-keys", "-t", it.pane, "-l", "touch pwned")
        check_beside(world, it, it.first, "more")


def check_left_alone(world: Sandbox, it: Started, typed: str) -> None:
    """R refuses and changes nothing on the screen."""
    world.wait_text(it.pane, typed.rstrip())
    at_prompt(world, it.pane, world.format(it.pane, "#{pane_current_command}"))
    form = "#{cursor_x} #{cursor_y} #{pane_pid}"
    before = world.capture(it.pane), world.format(it.pane, form)
    done = world.refused("respawn", "-t", it.pane)
    assert "nothing was typed" in done
    assert "--split" in done
    world.wait_for(
        lambda: (world.capture(it.pane), world.format(it.pane, form)) == before, 20, "the line as it was"
    )


def test_a_prompt_of_more_lines_that_nobody_knows_executes_nothing(world: Sandbox) -> None:
    """With a second prompt of one's own the line looks empty: what is above it is given up, never entered."""
    it = shell_with_lost_codex(world, "bash")
    world.enter(it.pane, "PS2='… '")
    world.tmux("send-keys", "-t", it.pane, "-l", "touch pwned \\")
    world.tmux("send-keys", "-t", it.pane, "Enter")
    world.wait_for(lambda: world.capture(it.pane).rstrip().endswith("…"), 20, "the second prompt")
    world.helper("respawn", "-t", it.pane)
    wait_resumed(world, it)
    assert not list(world.root.rglob("*pwned*"))


def test_a_terminal_in_which_nothing_interrupts(world: Sandbox) -> None:
    """As zsh is left by a Codex that was killed: it takes the terminal's modes over, for its next prompts too."""
    it = shell_with_lost_codex(world, "zsh")
    world.enter(it.pane, "stty -isig -icanon -echo")
    at_prompt(world, it.pane, "zsh")
    world.tmux("send-keys", "-t", it.pane, "-l", "touch pwned")
    world.wait_text(it.pane, "touch pwned")
    at_prompt(world, it.pane, "zsh")
    assert "line begun" in world.refused("respawn", "-t", it.pane)
    for _ in "touch pwned":
        world.tmux("send-keys", "-t", it.pane, "BSpace")
    at_prompt(world, it.pane, "zsh")
    world.helper("respawn", "-t", it.pane)
    wait_resumed(world, it)
    assert not list(world.root.rglob("*pwned*"))
    world.type(it.pane, "/quit")
    at_prompt(world, it.pane, "zsh")
    world.enter(it.pane, f"clear; stty -a > {world.root}/modes")
    modes = world.wait_for(lambda: [m.read_text() for m in world.root.glob("modes")], 20, "the modes")
    assert " -isig" not in modes[0].replace("\n", " "), "the shell's terminal is as it was before the kill"


def test_no_key_goes_to_synchronized_panes(world: Sandbox) -> None:
    it = shell_with_lost_codex(world, "zsh")
    got = world.root / "got"
    (world.root / "raw.py").write_text(RAW_READER)
    split = ("split-window", "-d", "-P", "-F", "#{pane_id}", "-t", it.pane, "-c", str(world.work))
    reader = world.tmux(*split, f"python3 {world.root / 'raw.py'} {got}")
    world.wait_text(reader, "ready")
    world.tmux("set-option", "-w", "-t", it.pane, "synchronize-panes", "on")
    assert "others would get the keys" in world.refused("respawn", "-t", it.pane)
    assert got.read_bytes() == b""
    world.tmux("set-option", "-wu", "-t", it.pane, "synchronize-panes")
    world.helper("respawn", "-t", it.pane)
    wait_resumed(world, it)


def test_a_stopped_codex_behind_another_program(world: Sandbox) -> None:
    (it,) = start(world, "shell")
    world.tmux("send-keys", "-t", it.pane, "C-z")
    world.wait_text(it.pane, "Stopped")
    assert "stopped: fg brings it back" in world.refused("respawn", "-t", it.pane)
    world.enter(it.pane, "sleep 4321")
    world.wait_format(it.pane, "#{pane_current_command}", "sleep")
    root = world.format(it.pane, "#{pane_pid}")
    assert "stopped behind sleep" in world.refused("respawn", "-t", it.pane)
    assert world.helper_result("respawn", "--split", "-t", it.pane).returncode == 1, "it still runs"
    assert world.format(it.pane, "#{@codex_guard}") == ""
    assert (world.format(it.pane, "#{pane_pid}"), world.codex_pid(it.pane)) == (root, it.pid)
    assert world.format(it.pane, "#{pane_current_command}") == "sleep"


def test_a_codex_over_other_jobs_of_its_shell(world: Sandbox) -> None:
    pane = shell_pane(world)
    world.wait_for(lambda: world.capture(pane).strip(), 20, "the prompt")
    world.enter(pane, "sleep 4321 &")
    world.enter(pane, f"{world.bin / 'codex'} 'over a job'")
    world.wait_text(pane, "turn 1 |")
    session = world.bound(pane)
    it = Started("shell", pane, session, "over a job", world.codex_pid(pane))
    root = world.format(pane, "#{pane_pid}")
    assert "(sleep)" in world.refused("respawn", "-t", pane)
    kill(world, it)
    at_prompt(world, pane, "bash")
    before = world.capture(pane)
    assert "(sleep)" in world.refused("respawn", "-t", pane)
    assert (world.capture(pane), world.format(pane, "#{pane_pid}")) == (before, root)
    check_beside(world, it)


INSIDE = {
    "script": "script -qc {codex} /dev/null",
    "vim": "vim -u NONE -i NONE -c 'terminal codex' notes",
}


@pytest.mark.parametrize("program", INSIDE)
def test_codex_in_another_programs_terminal(world: Sandbox, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    pane = world.new_pane(INSIDE[program].format(codex=world.bin / "codex"))
    world.wait_text(pane, "›")
    world.helper("sync")
    root = world.format(pane, "#{pane_pid}")
    for _ in range(2):
        assert world.format(pane, "#{@codex_pane}#{@codex_guard}#{@codex_session}#{remain-on-exit}") == "off"
        assert "inside another program" in world.refused("respawn", "-t", pane)
        assert world.format(pane, "#{pane_pid}") == root
        # A title with an id that the other program passes on changes nothing.
        world.tmux("select-pane", "-t", pane, "-T", "x | 01a201da-7561-7551-a7df-a07aa...")
        world.wait_for(lambda: world.format(pane, "#{@codex_title_id}"), 20, "the title to be seen")
        world.helper("sync")


def test_a_script_with_codex_as_one_step_runs_to_its_end(world: Sandbox) -> None:
    steps = world.root / "steps"
    script = world.bin / "nightly-codex.sh"
    script.write_text(
        f"#!/bin/sh\necho one >> {steps}\ncodex exec 'nightly' < /dev/null\n"
        f"codex 'and look'\necho two >> {steps}\nexit 3\n"
    )
    script.chmod(0o755)
    pane = world.new_pane(str(script), name="nightly")
    world.tmux("set-option", "-p", "-t", pane, "remain-on-exit", "on")

    def step(times: int) -> None:
        world.wait_for(lambda: len(world.model.turns_with("nightly")) == times, 20, "the first step")
        world.wait_ready(pane)
        world.helper("sync")
        assert world.format(pane, "#{@codex_pane}#{@codex_guard}#{@codex_session}") == ""
        assert "step of a script" in world.refused("respawn", "-t", pane)

    step(1)
    world.respawn(pane, "-k")
    step(2)
    # What is typed before Codex has sent its prompt stands on the line that it draws then.
    world.wait_text(pane, "last: and look")
    world.type(pane, "/quit")
    world.wait_dead(pane)
    world.helper("sync")
    assert steps.read_text() == "one\none\ntwo\n"
    assert world.format(pane, "#{@codex_asleep}#{remain-on-exit}") == "on"


def test_the_users_own_codex_exec_is_no_conversation_pane(world: Sandbox) -> None:
    pane = world.new_pane("codex exec")  # it waits for its prompt on the terminal
    world.wait_for(lambda: world.codex_pid(pane), 20, "codex exec")
    world.helper("sync")
    assert world.format(pane, "#{@codex_pane}#{@codex_guard}#{remain-on-exit}") == "off"
    assert "codex-tmux did not start" in world.refused("respawn", "-t", pane)


def test_the_key_offers_a_split(world: Sandbox) -> None:
    it = shell_with_lost_codex(world, "bash")
    world.enter(it.pane, "sleep 4321")
    world.wait_format(it.pane, "#{pane_current_command}", "sleep")
    press(world, it.pane, PREFIX + b"R")
    client = world.clients[0]
    asked = b"Pane is in use (sleep). Resume in a split? (y/n)"
    world.wait_for(lambda: asked in client.output, 20, "the question")
    client.send(b"y")
    came_back_beside(world, it)
    assert world.format(it.pane, "#{pane_current_command}") == "sleep"
