"""The events that `codex exec --json` prints, one JSON object a line, and what a person sees of them."""

import shlex
from collections.abc import Callable, Iterator

from rich.text import Text

from codex_tmux.codex.json_value import Object, a_text, an_object, object_in, objects
from codex_tmux.codex.session_id import is_whole
from codex_tmux.plain_text import plain, plain_line

Event = Object

OUTPUT_LINES = 12
"""Lines of a command's output that are shown, its last ones."""
OUTPUT_CHARACTERS = 4000
"""The most of it that is looked at: a command may print megabytes in one line."""


def session_of(event: Event) -> str:
    """The session that an event says the turn belongs to; "" for any other event."""
    found = text_of(event, "thread_id").lower() if event.get("type") == "thread.started" else ""
    return found if is_whole(found) else ""


def answer_of(event: Event) -> str | None:
    """What the model says in an event; None where that is something else."""
    item = an_object(event.get("item"))
    is_answer = event.get("type") == "item.completed" and item.get("type") == "agent_message"
    return text_of(item, "text") if is_answer else None


def tokens_of(event: Event) -> int:
    """How many tokens the session has taken; 0 where an event does not tell."""
    counts = map(an_object(event.get("usage")).get, ("input_tokens", "output_tokens"))
    return sum(count for count in counts if isinstance(count, int))


def shown(event: Event) -> Text | None:
    """All but an answer as text for the terminal, nothing in it that a terminal obeys; None for what is not shown."""
    kind, item = text_of(event, "type"), an_object(event.get("item"))
    what = text_of(item, "type")
    show = SHOWN.get((kind, what))
    if show is None and kind == "item.completed" and what not in ("", "agent_message", "todo_list"):
        return tool(item)
    return show(item) if show else None


def command(item: Event) -> Text:
    """A command, without the `/bin/bash -lc '…'` that Codex puts around it."""
    line = text_of(item, "command")
    try:
        _, flag, text = shlex.split(line)
    except ValueError:
        return Text(f"$ {plain(line)}", "cyan")
    return Text(f"$ {plain(text if flag in ('-lc', '-c') else line)}", "cyan")


def output(item: Event) -> Text | None:
    """The last lines a command printed, and how it ended where that is not exit 0."""
    code = item.get("exit_code")
    if code is None:
        # It was declined, and its start not told.
        return command(item).append("\n  it did not run", "red")
    lines = plain(text_of(item, "aggregated_output").rstrip()[-OUTPUT_CHARACTERS:]).split("\n")
    text = Text("\n".join(f"  {line}" for line in lines[-OUTPUT_LINES:] if line), "dim")
    if code != 0:
        text.append(f"{chr(10) if text.plain else ''}  exit {plain_line(str(code))}", "red")
    return text if text.plain else None


def files(item: Event) -> Text:
    failed, signs = item.get("status") == "failed", {"add": "+", "delete": "-"}
    lines = ["the patch did not apply:"] if failed else []
    for change in objects(item.get("changes")):
        lines.append(f"{signs.get(text_of(change, 'kind'), '~')} {plain_line(text_of(change, 'path'))}")
    return Text("\n".join(lines), "red" if failed else "green")


def plan(item: Event) -> Text:
    steps = objects(item.get("items"))
    lines = [
        f"{'☑' if step.get('completed') is True else '☐'} {plain_line(text_of(step, 'text'))}"
        for step in steps
    ]
    return Text("\n".join(lines))


def tool(item: Event) -> Text:
    """Another tool in one line: an MCP call, a web search, a sub-agent."""
    what = " ".join(filter(None, (text_of(item, name) for name in ("type", "server", "tool", "query"))))
    error = message_of(item.get("error")) or "failed" * (item.get("status") == "failed")
    text = Text(f"» {plain_line(what.replace('_', ' '))}", "magenta")
    return text.append(f": {plain_line(error)}", "red") if error else text


SHOWN: dict[tuple[str, str], Callable[[Event], Text | None]] = {
    ("item.completed", "reasoning"): lambda item: Text(plain(text_of(item, "text")), "dim", no_wrap=False),
    ("item.started", "command_execution"): command,
    ("item.completed", "command_execution"): output,
    ("item.completed", "file_change"): files,
    ("item.started", "todo_list"): plan,
    ("item.updated", "todo_list"): plan,
    ("item.completed", "error"): lambda item: Text(plain_line(message_of(item)), "yellow", no_wrap=False),
}
"""Type of an event and of its item → how it is shown."""


def answer(text: str) -> Iterator[Text]:
    """An answer line by line; every character of it stays, in its place.

    A line of code has its `no_wrap` unset: a long one is copied in one piece. Prose is to be broken between its words.
    """
    fenced = False
    for line in plain(text).strip("\n").rstrip().split("\n"):
        mark = line.lstrip().startswith("```")
        yield Text(line, "cyan") if mark or fenced else Text(line, no_wrap=False)
        fenced ^= mark


def text_of(value: Event, name: str) -> str:
    return a_text(value.get(name))


def message_of(value: object) -> str:
    """The message of an error. Some hold the API's answer as JSON text: then the message within."""
    if not isinstance(value, dict):
        return a_text(value)
    text = text_of(value, "message")
    return message_of(object_in(text).get("error")) or text
