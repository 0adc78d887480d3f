"""Who may read what codex-tmux keeps, what it believes of others, and under which CODEX_HOME a session comes back."""

import os
import shlex
import stat
from collections.abc import Iterator

import psutil
import pytest

from tests.support.world import Sandbox
from tests.tmux.hostile_test import bound
from tests.tmux.respawn_routes_test import command_line

IN_FLAG, IN_PROMPT, IN_ENVIRONMENT = "sk-flag-3141", "sk-prompt-2718", "sk-environment-1618"


@pytest.fixture
def open_to_all() -> Iterator[None]:
    """Whoever makes a file here makes it for all, unless it says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def home_of(sandbox: Sandbox, pane: str) -> str:
    """The CODEX_HOME of the Codex in a pane."""
    return str(psutil.Process(sandbox.codex_pid(pane)).environ()["CODEX_HOME"])


def test_nothing_that_is_kept_is_open_to_others(sandbox: Sandbox, open_to_all: None) -> None:
    state = sandbox.root / "deep" / "state"
    sandbox.env["CODEX_TMUX_STATE_DIR"] = str(state)
    sandbox.start_server(load_plugin=True)
    pane = sandbox.new_pane("codex 'hello there'")
    bound(sandbox, pane)
    sandbox.crash(pane)
    bound(sandbox, pane)
    sandbox.helper("setup", "-y")
    sandbox.helper("setup", "--undo", "-y")
    sandbox.helper("list", "--all")
    found = [state, *state.rglob("*")]
    names = {p.name.partition("-")[0] for p in found}
    assert names >= {"state", "state.toml", "state.toml.last", "log", "greeted", "sync"}
    assert {p.name: oct(stat.S_IMODE(p.stat().st_mode)) for p in found} == {
        p.name: "0o700" if p.is_dir() else "0o600" for p in found
    }


def test_what_is_secret_stands_in_no_log_and_no_list(sandbox: Sandbox) -> None:
    sandbox.env["MY_TOKEN"] = IN_ENVIRONMENT
    sandbox.start_server(load_plugin=True, config="set -g @codex-restore off")
    flags = ["-c", f'model_providers.x.http_headers.Authorization="{IN_FLAG}"', "-m", "x"]
    pane = sandbox.new_pane(shlex.join(["codex", *flags, IN_PROMPT]))
    session = bound(sandbox, pane)
    shown = [
        sandbox.helper("list"),
        sandbox.helper("list", "--json"),
        sandbox.helper("pick", "--preview", session),
    ]
    sandbox.kill_codex(pane)
    shown += [sandbox.helper("list", "--all", "--json")]
    sandbox.respawn(pane)
    sandbox.wait_for(lambda: session in command_line(sandbox, pane), 20, "the session back")
    assert f"Authorization={IN_FLAG}" in "".join(command_line(sandbox, pane)).replace('"', ""), (
        "flags are replayed"
    )
    sandbox.tmux("kill-server")
    sandbox.start_server(load_plugin=True, config="set -g @codex-restore off")
    shown += [sandbox.helper("restore", "--dry-run"), sandbox.helper("restore", "--json")]
    shown += [sandbox.helper("log"), sandbox.helper("doctor", "--json")]
    assert "Authorization=…" in shown[1].encode().decode("unicode_escape"), "the flag itself is shown"
    for text in shown:
        assert IN_FLAG not in text
        assert IN_ENVIRONMENT not in text
    kept = {p.name: p.read_bytes() for p in sandbox.state_dir.rglob("*") if p.is_file()}
    with_flags = {name for name, data in kept.items() if IN_FLAG.encode() in data}
    assert with_flags == {"state.toml", "state.toml.last"}, "only what must say it again"
    for name, data in kept.items():
        assert IN_PROMPT.encode() not in data, name
        assert IN_ENVIRONMENT.encode() not in data, name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_somebody_else_has_put_there_is_not_believed(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    pane = sandbox.new_pane("codex 'hello there'")
    session = bound(sandbox, pane)
    path = sandbox.state_dir / "state.toml"
    evil = sandbox.root / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {sandbox.root}/pwned\n")
    evil.chmod(0o755)
    sandbox.wait_for(lambda: session in path.read_text(), 20, "the record")
    good = path.read_text()
    # A file that names another program for this very pane; the pane's own memory of it is gone.
    planted = good.replace(f'codex = "{sandbox.bin}/codex"', f'codex = "{evil}"')
    assert planted != good
    path.unlink()
    path.write_text(planted)
    os.chown(path, 65534, 65534)
    for option in ("@codex_session", "@codex_launch", "@codex_pane"):
        sandbox.tmux("set-option", "-pu", "-t", pane, option)
    sandbox.tmux("respawn-pane", "-k", "-t", pane, "codex-tmux", "run")
    sandbox.wait_for(lambda: command_line(sandbox, pane), 20, "a Codex")
    done = sandbox.helper_result("list", "--all")
    assert str(evil) not in done.stdout + done.stderr
    assert not (sandbox.root / "pwned").exists()
    assert path.read_text() == planted, "and it is not overwritten either"


def test_a_session_comes_back_under_its_own_home_only(sandbox: Sandbox) -> None:
    """Also where the other home has a session of the same id, and the environment names that home by now."""
    other = sandbox.new_home("other")
    sandbox.start_server(load_plugin=True, config="set -g @codex-restore off")
    panes = {
        pane: (home, bound(sandbox, pane))
        for home in (sandbox.codex_home, other)
        for pane in [sandbox.new_pane("env", f"CODEX_HOME={home}", "codex", f"hello from {home.name}")]
    }
    for home, wrong in ((sandbox.codex_home, other), (other, sandbox.codex_home)):
        (rollout,) = home.glob(f"sessions/*/*/*/*{dict(panes.values())[home]}.jsonl")
        copy = wrong / rollout.relative_to(home)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(rollout.read_text().replace("hello from", "copied from"))
    for pane, (home, session) in panes.items():
        sandbox.kill_codex(pane)
        for wrong in (sandbox.codex_home, other):
            sandbox.tmux("set-environment", "-g", "CODEX_HOME", str(wrong))
            sandbox.respawn(pane, "-k")
            sandbox.wait_for(lambda p=pane, s=session: s in command_line(sandbox, p), 20, "the session back")  # type: ignore[misc]
            assert home_of(sandbox, pane) == str(home)
        said = sandbox.ask(pane, f"more in {pane}")
        assert said.messages == (f"hello from {home.name}", f"more in {pane}")


def test_what_a_respawn_starts_anew_is_replaced_under_the_home_of_the_one_before(sandbox: Sandbox) -> None:
    """tmux gives a pane the environment of `-e` once: respawned, its Codex starts under another home, and is seen."""
    other = sandbox.new_home("other")
    sandbox.start_server(load_plugin=True)
    pane = sandbox.pane_by("new-window", "-d", "-e", f"CODEX_HOME={other}", "codex")
    sandbox.ask(pane, "hello")
    session = bound(sandbox, pane)
    # An abbreviation that nobody watches: the new Codex is there, with its title, when a sync looks.
    sandbox.tmux("respawn-pan", "-k", "-t", pane)
    sandbox.wait_for(lambda: session in command_line(sandbox, pane), 20, "the session back")
    assert home_of(sandbox, pane) == str(other)
    assert sandbox.ask(pane, "more").messages == ("hello", "more")
