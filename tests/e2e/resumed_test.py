"""The Codex that comes back is the one that ran: in its session's directory, archived or not."""

import shutil
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from codex_tmux.codex.store import Store
from tests.e2e.shown_session_test import codex, wait_for_text, wait_session
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


def begin(world: Sandbox, *words: str) -> tuple[str, str]:
    """A new Codex that has answered "one"; its pane and session."""
    pane = world.new_pane("codex", *words)
    session = world.ask(pane, "one").session_id
    wait_session(world, pane, session)
    return pane, session


def words_of(world: Sandbox, pane: str) -> list[str]:
    """What the Codex of a pane was started with."""
    line = psutil.Process(world.codex_pid(pane)).cmdline()
    return list(map(str, line[1:]))


def worktree(world: Sandbox) -> tuple[str, str, str]:
    """`codex --worktree`; pane, session and directory."""
    for words in ("init -q", "-c user.email=a@b -c user.name=n commit -q --allow-empty -m x"):
        subprocess.run(["git", *words.split()], cwd=world.work, env=world.env, check=True)
    pane, session = begin(world, "-m", "mock-model-2", "--worktree")
    (tree,) = (world.codex_home / "worktrees").glob("*/work")
    return pane, session, str(tree)


def changed(world: Sandbox) -> tuple[str, str, str]:
    """`/cd` in a Codex that was told another directory, which goes on in a fork; pane, session and directory."""
    other = str(world.make_dir("other dir"))
    pane, first = begin(world, "-m", "mock-model-2", "-C", str(world.make_dir("given")))
    world.type(pane, f"/cd {other}")
    wait_for_text(world, pane, "Working directory changed")
    session = world.ask(pane, "two").session_id
    assert session != first
    wait_session(world, pane, session)
    return pane, session, other


def changed_silently(world: Sandbox) -> tuple[str, str, str]:
    """`/cd`, and nothing is said in the other directory."""
    other = str(world.make_dir("other dir"))
    pane, first = begin(world, "-m", "mock-model-2")
    world.type(pane, f"/cd {other}")
    wait_for_text(world, pane, "Working directory changed")
    world.wait_for(lambda: world.format(pane, "#{@codex_session}") not in ("", first), 20, "the fork")
    return pane, world.format(pane, "#{@codex_session}"), other


@pytest.mark.parametrize("elsewhere", [worktree, changed, changed_silently])
def test_the_session_goes_on_in_its_own_directory(
    world: Sandbox, elsewhere: Callable[[Sandbox], tuple[str, str, str]]
) -> None:
    pane, session, directory = elsewhere(world)
    world.crash(pane)
    # A question would take the words for its answer.
    request = world.ask(pane, "three")
    assert (request.messages[0], request.session_id, request.body["model"]) == (
        "one",
        session,
        "mock-model-2",
    )
    assert words_of(world, pane) == ["-m", "mock-model-2", "-C", directory, "resume", session]


def test_codex_itself_asks_about_an_archived_session(world: Sandbox) -> None:
    pane, session = begin(world)
    world.kill_codex(pane)
    codex(world, "archive", session)
    world.respawn(pane)
    wait_for_text(world, pane, "Unarchive and resume")

    def unarchived() -> bool:
        # Codex passes over keys that come just after its question.
        if "Unarchive and resume" in world.capture(pane):
            world.tmux("send-keys", "-t", pane, "Enter")
            time.sleep(0.5)
        return "Unarchive and resume" not in world.capture(pane)

    world.wait_for(unarchived, 20, "the question to go")
    request = world.ask(pane, "two")
    assert (request.messages, request.session_id) == (("one", "two"), session)


def test_a_compressed_rollout(world: Sandbox) -> None:
    if not (zstd := shutil.which("zstd")):
        pytest.skip("no zstd here")
    world.ask(world.new_pane(), "keeps the background server")
    pane, session = begin(world)
    world.kill_codex(pane)
    store = Store(str(world.codex_home))
    rollout = store.rollout(session)
    assert rollout
    subprocess.run([zstd, "-q", "--rm", rollout], check=True)
    assert store.rollout(session) == f"{rollout}.zst"
    assert store.resumable(session) == (True, "")
    world.respawn(pane)
    assert world.ask(pane, "two").messages == ("one", "two")
