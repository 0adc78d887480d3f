"""The tests' stand-in for Codex: the self-test's, with all that makes a difference to a plugin.

It runs embedded, as Codex does with `--no-daemon`; the tests with the real Codex have its shared server. Flags are
accepted and ignored, but for `-C` and those that `refused = "…"` in the config names. tests/e2e/contract_test.py
holds it to the real one.
"""

import itertools
import json
import os
import re
import signal
import sys
import termios
import time

from codex_tmux.selftest.standin import VERSION, banner, config, say, set_title
from tests.support.standin_session import OpenElsewhere, Refused, StoredSession

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LINGER = "STANDIN_LINGER"
"""Environment: seconds between the cleared title and the end."""
FOCUS_EVENTS_ON, FOCUS_EVENTS_OFF = "\x1b[?1004h", "\x1b[?1004l"
FOCUS_REPORT = re.compile(r"\x1b\[[IO]")
PROMPT_DELAY = 1.0
"""Seconds after its start at which Codex sends the prompt of its command line."""
VALUED_FLAGS = (
    "-c --config --enable --disable --remote --remote-auth-token-env -i --image -m --model --local-provider"
    " -p --profile -s --sandbox -C --cd --add-dir -a --ask-for-approval --color -o --output-last-message"
    " --output-schema"
).split()


def crash(signum: int, frame: object) -> None:
    """End as a program that fails: no word of the session, the title as it was, exit 1."""
    os.write(2, b"\r\nthe stand-in has failed\r\n")
    os._exit(1)


def wait_for_lock(session_id: str, why: str) -> StoredSession | None:
    """The session once nobody else has it open; None where the user leaves instead. Codex shows it meanwhile."""
    set_title(session_id)
    say(f"🔒  {why}\n    Close it there and press R to continue here.")
    while True:
        try:
            if not sys.stdin.readline():
                break
            return StoredSession(session_id)
        except Refused:
            continue
        except KeyboardInterrupt:
            break
    set_title("")
    return None


def tui(session: StoredSession, prompt: str | None) -> int:
    """Talk until `/quit`, Ctrl-C or the end of input; SIGUSR1 makes it fail."""
    if not sys.stdin.isatty():
        raise Refused("stdin is not a terminal")
    sys.stdout.write(FOCUS_EVENTS_ON)
    set_title(session.id)
    screen = banner(session.items)
    left = []
    while True:
        try:
            if screen:
                # What was typed before the composer is there is lost, as with Codex.
                termios.tcflush(sys.stdin, termios.TCIFLUSH)
                # In one piece: a transcript on the screen means that the composer is there.
                say(screen)
                screen = ""
            if prompt is not None:
                time.sleep(PROMPT_DELAY)
            text, prompt = (prompt if prompt is not None else sys.stdin.readline()), None
            text = FOCUS_REPORT.sub("", text)
            if not text or text.strip() == "/quit":
                break
            if text.strip() == "/new":
                # Codex, too, keeps the lock of a session that it has left by `/new`.
                left.append(session)
                session = StoredSession()
                set_title(session.id)
                say("• a new conversation")
            elif text.strip():
                say("◦ Working (esc to interrupt)")
                say(f"• {session.ask(text.strip())}")
        except KeyboardInterrupt:
            break
    set_title("")
    sys.stdout.write(FOCUS_EVENTS_OFF)
    sys.stdout.flush()
    # On a busy machine the real one takes its time to end, with the title cleared.
    time.sleep(float(os.environ.get(LINGER, "0")))
    # What was typed goes, as Codex's composer does: no line is left that looks ready for input.
    sys.stdout.write("\x1b[A\r\x1b[2K")
    if session.items:
        print(f"To continue this session, run:\n  codex resume {session.id}")
    for done in (*left, session):
        done.quit()
    return 0


def run_exec(session: StoredSession, prompt: str | None, as_json: bool) -> int:
    text = sys.stdin.read() if prompt in (None, "-") else str(prompt)
    if not as_json:
        print(f"session id: {session.id}", file=sys.stderr)
        print(session.ask(text.strip()))
        return 0
    print(json.dumps({"type": "thread.started", "thread_id": session.id}), flush=True)
    item = {"id": "item_0", "type": "agent_message", "text": session.ask(text.strip())}
    print(json.dumps({"type": "item.completed", "item": item}), flush=True)
    print(json.dumps({"type": "turn.completed"}), flush=True)
    return 0


def split(args: list[str]) -> tuple[list[str], list[str]]:
    """The words and the flags of a command line; a flag that takes a value keeps it in the next place."""
    words: list[str] = []
    flags: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if arg == "--":
            return words + rest, flags
        if not arg.startswith("-") or arg == "-":
            words.append(arg)
            continue
        flags.append(arg)
        if arg in VALUED_FLAGS and rest:
            flags.append(rest.pop(0))
    return words, flags


def main(args: list[str] | None = None) -> int:
    """Run as `codex` would with `args`; returns the exit code."""
    words, flags = split(sys.argv[1:] if args is None else args)
    refused = re.search(r'^refused = "(.*)"$', config(), re.MULTILINE)
    for flag in (*flags, *words[:1]) if refused else ():
        if refused and flag in refused[1].split():
            print(f"error: unexpected argument '{flag}' found", file=sys.stderr)
            return 2
    if "--version" in flags or "-V" in flags:
        print(f"codex-cli {VERSION} (codex-tmux stand-in)")
        return 0
    for flag, value in itertools.pairwise(flags):
        if flag in ("-C", "--cd"):
            os.chdir(value)
    in_exec = words[:1] == ["exec"]
    words = words[1:] if in_exec else words
    wanted = parent = None
    if words[:1] == ["fork"]:
        parent, words = words[1], words[2:]
    if words[:1] == ["resume"]:
        if len(words) < 2 or not ID.fullmatch(words[1]):
            print(f"ERROR: No saved session found with ID {' '.join(words[1:2])}.", file=sys.stderr)
            return 1
        wanted, words = words[1], words[2:]
    prompt = words[0] if words else None
    try:
        if in_exec:
            return run_exec(StoredSession(wanted, "exec"), prompt, "--json" in flags)
        signal.signal(signal.SIGUSR1, crash)
        try:
            session = StoredSession.fork(parent) if parent else StoredSession(wanted)
        except OpenElsewhere as e:
            assert wanted is not None
            waited = wait_for_lock(wanted, str(e))
            if waited is None:
                return 0
            session = waited
        return tui(session, prompt)
    except Refused as e:
        print(f"ERROR: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
