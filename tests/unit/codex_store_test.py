import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codex_tmux.codex.rollout import read_rollout
from codex_tmux.codex.store import Session, Store, created_ms

ID = "01a201da-7561-7551-a7df-a07aa6f38cdb"
OTHER = "01a201da-7999-7551-a7df-a07aa6f38cdb"
V4 = "8c1b9a52-4a0e-4a44-9d2c-0c5b1f7a1234"

NEW = (
    "id TEXT PRIMARY KEY, rollout_path TEXT, cwd TEXT, title TEXT, first_user_message TEXT, source TEXT,"
    " thread_source TEXT, archived INTEGER, created_at INTEGER, created_at_ms INTEGER, updated_at_ms INTEGER,"
    " name TEXT"
)
OLD = (
    "id TEXT PRIMARY KEY, rollout_path TEXT, cwd TEXT, title TEXT, first_user_message TEXT, source TEXT,"
    " archived INTEGER, created_at INTEGER, updated_at INTEGER"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "codex"


def rollout(home: Path, session_id: str = ID, *lines: object, day: int = 0, late: int = 0) -> Path:
    """A rollout where Codex would have put it, `day` days and `late` seconds beside its id's time."""
    at = time.localtime(created_ms(session_id) / 1000 + day * 86400 + late)
    folder = home / "sessions" / time.strftime("%Y/%m/%d", at)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime(f"rollout-%Y-%m-%dT%H-%M-%S-{session_id}.jsonl", at)
    return written(path, *lines)


def written(path: Path, *entries: object) -> Path:
    """A file of these entries, one a line, as Codex writes them."""
    path.write_text("".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries))
    return path


def said(role: str, text: str) -> dict[str, object]:
    kind = "output_text" if role == "assistant" else "input_text"
    payload = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    return {"type": "response_item", "payload": payload}


def meta(session_id: str = ID, /, **more: object) -> dict[str, object]:
    payload: dict[str, object] = {
        "session_id": "parent",
        "id": session_id,
        "cwd": "/w",
        "source": "cli",
        **more,
    }
    return {"type": "session_meta", "payload": {**payload, "base_instructions": {"text": '"subagent"'}}}


def user(message: str) -> dict[str, object]:
    return {"type": "event_msg", "payload": {"type": "user_message", "message": message}}


def database(home: Path, columns: str = NEW, number: int = 5, **row: object) -> Path:
    home.mkdir(exist_ok=True)
    path = home / f"state_{number}.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS threads ({columns})")
        if row:
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO threads ({names}) VALUES ({marks})", tuple(row.values()))
    connection.close()
    return path


def found_in(home: Path, session_id: str = ID) -> Session:
    """What the store has of a session, which it has."""
    found = Store(str(home)).find(session_id)
    assert found is not None
    return found


def archived(home: Path, session_id: str = ID) -> Path:
    folder = home / "archived_sessions"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"rollout-2026-01-01T00-00-00-{session_id}.jsonl"
    path.write_text(json.dumps(meta(session_id)) + "\n")
    return path


def lock(home: Path, session_id: str = ID) -> Path:
    folder = home / "thread-writer-locks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session_id}.lock"
    path.touch()
    return path


def test_created_ms() -> None:
    assert created_ms("01a206dd-b7dc-76e3-9a97-5db323e29e50") == 1795411523548
    assert created_ms(V4) == 0
    assert created_ms("01a2") == 0


def test_complete_from_each_place(home: Path) -> None:
    store = Store(str(home))
    assert store.complete(ID.upper()) == ID
    assert store.complete(ID[:29]) is None
    places: tuple[Callable[[], Path], ...] = (
        lambda: rollout(home, day=1),
        lambda: database(home, id=ID),
        lambda: archived(home),
        lambda: lock(home),
    )
    for place in places:
        path = place()
        assert store.complete(ID[:29]) == ID, path
        assert store.complete(ID[:33].upper()) == ID
        assert store.complete(ID[:28]) is None
        path.unlink()


@pytest.mark.parametrize(
    "prefix", ["", "../../etc/passwd" * 2, "*" * 29, "01a201da_7561_7551_a7df_a07aa", ID + "0"]
)
def test_complete_nothing_but_ids(home: Path, prefix: str) -> None:
    rollout(home, ID, meta())
    database(home, id=ID)
    assert Store(str(home)).complete(prefix) is None


def test_complete_refuses_to_choose(home: Path) -> None:
    twin = ID[:-1] + "c"
    rollout(home)
    lock(home, twin)
    assert Store(str(home)).complete(ID[:29]) is None
    database(home, id=V4)
    database(home, id=V4[:-1] + "5")
    assert Store(str(home)).complete(V4[:29]) is None


def test_rollout_beside_the_expected_name(home: Path) -> None:
    store = Store(str(home))
    assert store.rollout(ID) is None
    for day, late in ((0, 0), (0, 1), (0, 30), (1, 0), (-1, 0)):
        path = rollout(home, day=day, late=late)
        assert store.rollout(ID) == str(path)
        path.unlink()
    elsewhere = home / "moved.jsonl"
    elsewhere.touch()
    database(home, id=ID, rollout_path=str(elsewhere))
    assert store.rollout(ID) == str(elsewhere)
    elsewhere.unlink()
    assert store.rollout(ID) is None
    assert store.rollout("../x") is None
    assert store.rollout(ID.upper()) is None
    path = archived(home)
    assert store.rollout(ID) == str(path)


def test_the_expected_rollout_is_found_without_a_listing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rollout(home, ID, meta())
    listed: list[str] = []
    monkeypatch.setattr(os, "listdir", listed.append)
    assert Store(str(home)).rollout(ID) == str(path)
    assert Store(str(home)).resumable(ID) == (True, "")
    assert listed == []


def test_resumable(home: Path) -> None:
    store = Store(str(home))
    assert store.resumable("my-session") == (False, "unknown")
    assert store.resumable(ID) == (False, "no-store")
    (home / "sessions").mkdir(parents=True)
    assert store.resumable(ID) == (False, "unknown")
    lock(home)
    assert store.resumable(ID) == (False, "no-message")
    rollout(home)
    assert store.resumable(ID) == (False, "no-message")
    path = rollout(home, ID, meta())
    assert store.resumable(ID) == (True, "")
    path.unlink()
    database(home, id=ID, rollout_path=str(path))
    assert store.resumable(ID) == (False, "deleted")
    archived(home)
    assert store.resumable(ID) == (False, "archived")


@pytest.mark.parametrize(
    "more", [{"thread_source": "subagent"}, {"source": {"subagent": {"thread_spawn": 1}}}], ids=str
)
@pytest.mark.parametrize("pad", [0, 300_000])
def test_subagents(home: Path, more: dict[str, object], pad: int) -> None:
    line = meta(ID, **more)
    line["payload"] = {**line["payload"], "base_instructions": {"text": "x" * pad}}  # type: ignore[dict-item]
    rollout(home, ID, line)
    rollout(home, OTHER, meta(OTHER, thread_source="user"))
    store = Store(str(home))
    assert store.is_subagent(ID)
    assert store.resumable(ID) == (False, "subagent")
    assert not store.is_subagent(OTHER)
    assert not store.is_subagent(V4)
    found = found_in(home)
    assert found.subagent
    assert found.cwd == "/w"


def test_subagent_of_the_database(home: Path) -> None:
    database(home, id=ID, source='{"subagent":"review"}')
    assert Store(str(home)).is_subagent(ID)


def test_find_in_both(home: Path) -> None:
    path = rollout(home, ID, meta(), user("first words"))
    store = Store(str(home))
    found = found_in(home)
    assert found[:9] == (ID, str(path), "/w", "first words", "first words", "cli", False, False, False)
    assert found.created_ms == created_ms(ID)
    assert found.updated == path.stat().st_mtime
    database(home, id=ID, rollout_path="/gone", cwd="/db", title="a title", source="exec", created_at_ms=7)
    found = found_in(home)
    assert found[:9] == (ID, str(path), "/db", "a title", "first words", "exec", False, True, False)
    assert found.created_ms == 7
    assert store.find(OTHER) is None
    assert store.find("nonsense") is None


def test_databases_of_several_ages(home: Path) -> None:
    database(home, OLD, 4, id=ID, cwd="/old", created_at=3, archived=1)
    found = found_in(home)
    assert (found.cwd, found.created_ms, found.archived, found.rollout) == ("/old", 3000, True, "")
    database(home, NEW, 12, id=ID, cwd="/new", name="called", title="t")
    (home / "state_13.sqlite").write_bytes(b"not a database" * 100)
    (home / "state_14.sqlite").mkdir()
    (home / "state_15.sqlite").touch()
    database(home, "name TEXT", 16)
    (home / "state_x.sqlite").touch()
    found = found_in(home)
    assert (found.cwd, found.title) == ("/new", "called")


def test_a_session_by_name_or_first_characters(home: Path) -> None:
    store = Store(str(home))
    database(home, OLD, 4, id=ID, title="called")
    assert store.named("called") == [], "an old database has no names"
    assert store.named(ID[:8].upper()) == [ID]
    assert store.named(ID[:7]) == []
    database(home, NEW, 5, id=OTHER, name="called")
    assert store.named("called") == [OTHER]
    lock(home, ID)
    assert set(store.named(ID[:8])) == {ID, OTHER}


def test_rows_that_hold_anything(home: Path) -> None:
    database(home, id=ID, cwd=b"\xff\xfe", title=None, source="{broken", created_at_ms="soon", name=b"n")
    found = found_in(home)
    assert (found.cwd, found.title, found.created_ms) == ("", "", created_ms(ID))
    path = home / "state_5.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE threads SET cwd = CAST(x'2fff' AS TEXT), rollout_path = 'a' || char(0)")
    connection.close()
    found = found_in(home)
    assert found.cwd == "/\N{REPLACEMENT CHARACTER}"


def test_nothing_is_written(home: Path) -> None:
    """Neither a journal beside a database that nobody has open, nor a lock."""
    path = database(home, id=ID, cwd="/w")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    before = sorted(os.listdir(home)), path.read_bytes()
    store = Store(str(home))
    assert store.find(ID) is not None
    assert store.lock_holder(ID) is None
    assert (sorted(os.listdir(home)), path.read_bytes()) == before


def test_sqlite_home_and_odd_names(tmp_path: Path) -> None:
    home = tmp_path / "a?b#c%20d"
    database(home, id=ID, cwd="/w")
    found = Store(str(tmp_path / "elsewhere"), str(home)).find(ID)
    assert found is not None


def test_recent(home: Path) -> None:
    paths = [rollout(home, ID, meta(), user("a")), rollout(home, OTHER, meta(OTHER), user("b"), day=-1)]
    store = Store(str(home))
    assert [session.id for session in store.recent(5)] == [ID, OTHER]
    assert [session.id for session in store.recent(1)] == [ID]
    for age, (session_id, path) in enumerate(zip((ID, OTHER), paths, strict=True)):
        database(home, id=session_id, rollout_path=str(path), updated_at_ms=age, archived=0)
    database(home, id=V4, rollout_path=str(paths[0]), updated_at_ms=9, archived=1)
    assert [session.id for session in store.recent(5)] == [OTHER, ID]
    assert store.recent(0) == []


@pytest.mark.parametrize(
    ("word", "found"),
    [("straße", [ID]), ("STRASSE", [ID]), ("/w\N{REPLACEMENT CHARACTER}", [OTHER]), ("-m", [])],
)
def test_those_with_a_word_in_what_a_list_shows(home: Path, word: str, found: list[str]) -> None:
    for session_id, title, cwd in ((ID, "In der Straße", "/v"), (OTHER, "else", b"/w\xff")):
        path = str(rollout(home, session_id))
        database(home, id=session_id, rollout_path=path, archived=0, title=title, cwd=cwd)
    with sqlite3.connect(home / "state_5.sqlite") as connection:
        connection.execute("UPDATE threads SET cwd = CAST(cwd AS TEXT)")
    assert [session.id for session in Store(str(home)).recent(5, word)] == found


def test_lock_holder(home: Path) -> None:
    store = Store(str(home))
    assert store.lock_holder(ID) is None
    path = lock(home)
    assert store.lock_holder(ID) is None
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        holder = store.lock_holder(ID)
    assert holder is not None
    assert holder.pid == os.getpid()
    assert not holder.daemon
    assert holder.name
    assert store.lock_holder(ID) is None


def test_first_message_in_the_words_of_many_versions(home: Path) -> None:
    item = {"type": "UserMessage", "content": [{"type": "text", "text": "hello"}]}
    event = {"type": "event_msg", "payload": {"type": "item_completed", "item": item}}
    ours = [said("developer", "no"), said("user", "<environment_context>"), said("user", "# AGENTS.md …")]
    assert read_rollout(str(rollout(home, ID, meta(), *ours, event)))[1] == "hello"
    assert read_rollout(str(rollout(home, ID, meta(), *ours, said("user", "hi"))))[1] == "hi"
    assert read_rollout(str(rollout(home, ID, meta(), *ours)))[1] == ""


@pytest.mark.parametrize("place", [rollout, archived])
def test_a_compressed_rollout_is_what_the_database_says(home: Path, place: Callable[[Path], Path]) -> None:
    path = place(home)
    path.write_bytes(b"\x28\xb5\x2f\xfd\x00\xff no text")
    path = path.rename(f"{path}.zst")
    store = Store(str(home))
    could = (True, "") if place is rollout else (False, "archived")
    assert store.rollout(ID) == str(path)
    assert store.complete(ID[:29]) == ID
    assert store.resumable(ID) == could, "without a database it is taken for a conversation"
    assert not store.is_subagent(ID)
    was = str(path).removesuffix(".zst")
    database(home, id=ID, cwd="/w", first_user_message="hi", source="vscode", rollout_path=was)
    assert store.resumable(ID) == could
    found = found_in(home)
    assert (found.cwd, found.first_message, found.rollout) == ("/w", "hi", str(path))


def test_a_compressed_rollout_of_a_sub_agent(home: Path) -> None:
    path = rollout(home)
    path.write_bytes(b"\x28\xb5\x2f\xfd\x00\xff no text")
    path.rename(f"{path}.zst")
    database(home, id=ID, thread_source="subagent")
    assert Store(str(home)).is_subagent(ID)
    assert Store(str(home)).resumable(ID) == (False, "subagent")
