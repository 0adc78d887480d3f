"""The events that `codex exec --json` prints, one JSON object a line, and what a person sees of them."""

import shlex
from collections.abc import Callable, Iterator

from rich.text import Text

from codex_tmux.codex.json_value import Object, a_text, an_object, object_in, objects
from codex_tmux.codex.session_id import is_whole
from codex_tmux.plain_text import plain, plain_line, shortened

Event = Object

OUTPUT_LINES = 12
"""Lines of a command's output that are shown, its last ones."""
COMMAND_LINES = 6
LINE_WIDTH = 400
"""Characters of one line of a command's output that are shown."""


def session_of(event: Event) -> str:
    """The session that an event says the turn belongs to; "" for any other event."""
    found = text_of(event, "thread_id").lower() if event.get("type") == "thread.started" else ""
    return found if is_whole(found) else ""


def answer_of(event: Event) -> str | None:
    """What the model says in an event; None where that is something else."""
    item = item_of(event)
    is_answer = event.get("type") == "item.completed" and item.get("type") == "agent_message"
    return text_of(item, "text") if is_answer else None


def tokens_of(event: Event) -> int:
    """How many tokens the session has taken; 0 where an event does not tell."""
    counts = map(an_object(event.get("usage")).get, ("input_tokens", "output_tokens"))
    return sum(count for count in counts if isinstance(count, int))


def shown(event: Event) -> Text | None:
    """All but an answer as text for the terminal, nothing in it that a terminal obeys; None for what is not shown."""
    kind, item = text_of(event, "type"), item_of(event)
    what = text_of(item, "type")
    show = SHOWN.get((kind, what))
    if show is None and kind == "item.completed" and what not in ("", "agent_message", "todo_list"):
        return tool(what.replace("_", " "), item)
    return show(item) if show else None


def command(item: Event) -> Text:
    """A command, without the `/bin/bash -lc '…'` that Codex puts around it."""
    line = text_of(item, "command")
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    if len(words) == 3 and words[0].endswith("sh") and words[1] in ("-lc", "-c"):
        line = words[2]
    lines = plain(line).split("\n")
    more = ["…"] if len(lines) > COMMAND_LINES else []
    return Text("$ " + "\n".join([*lines[:COMMAND_LINES], *more]), "cyan")


def output(item: Event) -> Text | None:
    """The last lines a command printed, and how it ended where that is not exit 0."""
    whole, code = text_of(item, "aggregated_output").rstrip(), item.get("exit_code")
    if code is None:
        # It was declined, and its start not told.
        return command(item).append("\n  it did not run", "red")
    # Cut before it is cleaned: a command may print megabytes.
    lines = plain(whole[-OUTPUT_LINES * LINE_WIDTH :]).split("\n")[-OUTPUT_LINES:]
    hidden = whole.count("\n") + 1 - len(lines)
    lines = [f"… {hidden} lines before"] * (hidden > 0) + [
        shortened(line, LINE_WIDTH) for line in lines if whole
    ]
    text = Text("\n".join(f"  {line}" for line in lines), "dim")
    if code != 0:
        text.append(f"{chr(10) if lines else ''}  exit {plain_line(str(code))}", "red")
    return text if text.plain else None


def files(item: Event) -> Text:
    failed, signs = item.get("status") == "failed", {"add": "+", "delete": "-"}
    lines = ["the patch did not apply:"] if failed else []
    for change in objects(item.get("changes")):
        lines.append(f"{signs.get(text_of(change, 'kind'), '~')} {plain_line(text_of(change, 'path'))}")
    return Text("\n".join(lines), "red" if failed else "green")


def plan(item: Event) -> Text:
    steps = [
        (step.get("completed") is True, plain_line(text_of(step, "text")))
        for step in objects(item.get("items"))
    ]
    return Text("\n".join(f"{'☑' if done else '☐'} {step}" for done, step in steps))


def tool(name: str, item: Event) -> Text:
    """Another tool in one line: an MCP call, a web search, a sub-agent."""
    error = message_of(item.get("error")) or ("failed" if item.get("status") == "failed" else "")
    text = Text(f"» {plain_line(name)}", "magenta")
    return text.append(f": {plain_line(error)}", "red") if error else text


SHOWN: dict[tuple[str, str], Callable[[Event], Text | None]] = {
    ("item.completed", "reasoning"): lambda i: Text(
        plain(text_of(i, "text")).replace("**", ""), "dim", no_wrap=False
    ),
    ("item.started", "command_execution"): command,
    ("item.completed", "command_execution"): output,
    ("item.completed", "file_change"): files,
    ("item.started", "todo_list"): plan,
    ("item.updated", "todo_list"): plan,
    ("item.completed", "error"): lambda i: Text(plain_line(message_of(i)), "yellow", no_wrap=False),
    ("item.completed", "mcp_tool_call"): lambda i: tool(f"{text_of(i, 'server')}.{text_of(i, 'tool')}", i),
    ("item.completed", "web_search"): lambda i: tool(f"web search: {text_of(i, 'query')}", i),
}
"""Type of an event and of its item → how it is shown."""


def answer(text: str) -> Iterator[Text]:
    """An answer line by line, its Markdown lightly coloured; every character of it stays, in its place.

    A line in a fence has its `no_wrap` unset: a long line of code is copied in one piece. Prose is to be broken between
    its words.
    """
    fenced = False
    for line in plain(text).strip("\n").rstrip().split("\n"):
        mark = line.lstrip().startswith("```")
        if mark or fenced:
            yield Text(line, "cyan")
        else:
            shown = Text(line, "bold" if line.startswith("#") else "", no_wrap=False)
            shown.highlight_regex("`[^`]+`", "cyan")
            yield shown
        fenced ^= mark


def text_of(value: Event, name: str) -> str:
    return a_text(value.get(name))


def item_of(event: Event) -> Event:
    return an_object(event.get("item"))


def message_of(value: object) -> str:
    """The message of an error. Some hold the API's answer as JSON text: then the message within."""
    if not isinstance(value, dict):
        return a_text(value)
    text = text_of(value, "message")
    return message_of(object_in(text).get("error")) or text
