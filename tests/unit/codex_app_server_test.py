"""What a server elsewhere says of the session whose beginning a title shows."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from codex_tmux.codex.daemon import app_server
from codex_tmux.codex.daemon.app_server import token_of, whole_id
from codex_tmux.codex.daemon.client import DaemonError
from codex_tmux.tracking.far_pane import is_another_machine

PREFIX = "01a201da-7561-7551-a7df-a07aa"
MINE, OTHER = PREFIX + "6f38cdb", PREFIX + "6f38cdc"
OLDER = "01a101da-7561-7551-a7df-a07aa6f38cdb"


@contextmanager
def server(answers: dict[str, Any], token: str = "") -> Iterator[str]:
    """An app-server that answers so: method → result, or a list of results, one for each page."""

    def talk(connection: ServerConnection) -> None:
        assert connection.request
        if connection.request.headers.get("Authorization", "") != (f"Bearer {token}" if token else ""):
            connection.close()
        pages = {method: list(found) for method, found in answers.items() if isinstance(found, list)}
        for message in connection:
            said = json.loads(message)
            if "id" in said:
                method = said["method"]
                connection.send(json.dumps({"method": "thread/status/changed", "params": {}}))
                result = pages[method].pop(0) if method in pages else answers.get(method, {})
                connection.send(json.dumps({"id": said["id"], "result": result}))

    with serve(talk, "127.0.0.1", 0) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{listening.socket.getsockname()[1]}"
        listening.shutdown()


def listed(*ids: str, more: str | None = None) -> dict[str, Any]:
    """One page of `thread/list`."""
    return {"data": [{"id": i} for i in ids], "nextCursor": more}


@pytest.mark.parametrize(
    ("pages", "loaded", "found"),
    [
        ([listed(OLDER, MINE)], [MINE], (MINE, True)),
        ([listed()], [OLDER, MINE], (MINE, False)),
        ([listed(OLDER)], [], ("", False)),
        ([listed(OTHER[:-12] + "000000000000", more="a"), listed(MINE)], [], (MINE, True)),
        # Older than what is looked for: the next page is not asked for.
        ([listed(OLDER, more="a")], [], ("", False)),
        ([{"data": [{"id": 1}, None, {"id": PREFIX}, {"id": MINE + "x"}]}], [None, 1], ("", False)),
        ([{"data": 3}], [], ("", False)),
    ],
)
def test_the_one_session_that_begins_so(pages: list[Any], loaded: list[Any], found: tuple[str, bool]) -> None:
    with server({"thread/list": pages, "thread/loaded/list": {"data": loaded}}) as address:
        assert whole_id(address, "", PREFIX) == found


def test_two_that_begin_so_are_none() -> None:
    answers = {"thread/list": [listed(MINE)], "thread/loaded/list": {"data": [OTHER]}}
    with server(answers) as address, pytest.raises(DaemonError, match="named 2 sessions"):
        whole_id(address, "", PREFIX)


def test_the_token_of_the_flags_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3")
    for flags in (("--remote-auth-token-env", "SECRET"), ("-m", "x", "--remote-auth-token-env=SECRET")):
        assert token_of(flags) == "s3"
    assert token_of(("--remote", "SECRET")) == ""
    with server({"thread/list": [listed(MINE)]}, token="s3") as address:
        assert whole_id(address, "s3", PREFIX) == (MINE, True)
        with pytest.raises(DaemonError):
            whole_id(address, "", PREFIX)


def test_who_is_not_there_or_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_server, "WITHIN", 0.3)
    with pytest.raises(DaemonError, match="refused"):
        whole_id("ws://127.0.0.1:1", "", PREFIX)
    with pytest.raises(DaemonError):
        whole_id("nonsense", "", PREFIX)


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("ws://127.0.0.1:4500", False),
        ("ws://localhost:4500", False),
        ("ws://[::1]:4500/x", False),
        ("unix:///tmp/s", False),
        ("ws://10.0.0.2:4500", True),
        ("wss://user@build.example:443/", True),
        ("ws://127.example:1", True),
    ],
)
def test_which_address_leads_off_this_machine(address: str, other: bool) -> None:
    assert is_another_machine(address) is other
