"""What was said last in a session, as Codex's shared daemon tells it: also where the rollout is compressed."""

from codex_tmux.codex.daemon.client import DaemonError, daemon_of, has_daemon
from codex_tmux.codex.json_value import Object, objects, texts_in
from codex_tmux.log import log

WITHIN = 0.5
"""Seconds that a person may wait for it."""


def last_messages(codex_home: str, session_ids: list[str], turns: int) -> list[list[tuple[str, str]]]:
    """(who, what) of the messages in the last `turns` turns of each session, oldest first; else none."""
    nothing: list[list[tuple[str, str]]] = [[] for _ in session_ids]
    if not session_ids or not has_daemon(codex_home):
        return nothing
    asked = [{"threadId": s, "limit": turns, "sortDirection": "desc"} for s in session_ids]
    try:
        with daemon_of(codex_home, WITHIN) as daemon:
            return [messages_in(answer) for answer in daemon.call_each("thread/turns/list", asked)]
    except DaemonError as e:
        log("daemon.no_answer", codex_home=codex_home, why=e)
        return nothing


def messages_in(answer: Object) -> list[tuple[str, str]]:
    """The messages of an answer, which begins with the newest turn.

    >>> messages_in({"data": [{"items": [{"type": "agentMessage", "text": "hi"}]}]})
    [('Codex', 'hi')]
    """
    found: list[tuple[str, str]] = []
    for turn in reversed(objects(answer.get("data"))):
        for item in objects(turn.get("items")):
            kind = item.get("type")
            if kind == "agentMessage" and isinstance(item.get("text"), str):
                found.append(("Codex", item["text"]))
            elif kind == "userMessage" and (text := "\n".join(texts_in(item.get("content")))):
                found.append(("you", text))
    return found
