"""A conversation whose pane is in use by something else comes back in a split beside it."""

from __future__ import annotations

import os

from codex_tmux import store
from codex_tmux.log import log
from codex_tmux.options import PANE_OPTIONS, encode_launch
from codex_tmux.pass_once import Pass, escape, pane_option
from codex_tmux.reconcile import Launch, Pane
from codex_tmux.records import same_session
from codex_tmux.resume import joined, run_command
from codex_tmux.tmux import Server, literal, quote


def split_beside(server: Server, seen: Pass, pane: Pane, launch: Launch, had: list[tuple[str, str]]) -> str:
    """Resume in a new pane beside `pane`, which has had it; the new pane's id. Under the sync lock. Raises TmuxError.

    `had`: the options that say what it had.
    """
    launch = launch._replace(shell=False)
    cwd = launch.cwd if os.path.isdir(launch.cwd) else os.path.expanduser("~")
    # In one call: of two panes that remember the session, `run` would see a rival in the other.
    commands = [
        ["split-window", "-t", pane.id, "-c", literal(cwd), *run_command(server, launch)],
        *[pane_option(pane.id, name, "") for name in PANE_OPTIONS],
        *[["set-option", "-p", name, value] for name, value in had if value],
        ["set-option", "-p", "@codex_launch", encode_launch(launch)],
        ["set-option", "-p", "@codex_pane", "1"],
        ["display-message", "-p", "#{pane_id}"],
    ]
    new = server.run(*joined([[escape(word) for word in command] for command in commands])[:-1])
    session = dict(had)["@codex_session"]
    with store.lock():
        records = store.load()
        here = (seen.snapshot.server, seen.snapshot.epoch, pane.id)
        moved = tuple(
            r._replace(pane=new, shell=False)
            if r.place == here and same_session(r.session_id, session)
            else r
            for r in records
        )
        store.save(moved)
    log("session.split", session=session or "unknown", pane=new, was=pane.id)
    return new


def offer_split(server: Server, pane: str, because: str) -> bool:
    """Ask whoever looks at the pane whether its conversation shall come back in a split; false where nobody looks."""
    form = "#{pane_id} #{client_control_mode} #{client_activity} #{client_name}"
    rows = [line.split(" ", 3) for line in (server.try_run("list-clients", "-F", form) or "").splitlines()]
    looking = [row for row in rows if row[0] == pane and row[1] != "1"]
    if not looking:
        return False
    client = max(looking, key=lambda row: int(row[2]))[3]
    log("message", pane=pane, text=because)
    run = (
        f"run-shell -b {quote(f'#{{@codex_word}} respawn --split --from-key -t {pane} >/dev/null 2>&1 || :')}"
    )
    # What stands in an option is shown, not expanded. A client that called confirm-before would wait for the answer.
    question = f"Pane {because}. Resume in a split? (y/n)"
    asked = " ".join(["confirm-before", "-t", quote(client), "-p", quote("#{@codex_question}"), quote(run)])
    server.run(
        *("set-option", "-g", "@codex_question", question, ";"),
        *("set-option", "-g", "@codex_asked", asked, ";"),
        *("run-shell", "-bC", "#{@codex_asked}"),
    )
    return True
