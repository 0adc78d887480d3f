"""Which panes outlive their Codex: tmux's `remain-on-exit`, and the line that such a pane ends in.

Both options are the user's. Ours stand only on panes of whose end the user has said nothing, and go when Codex has
gone. `@codex_keep` notes that we set the first one; the second one is ours where it names `@codex_hint`.
"""

from codex_tmux.sleeping.hint import FORMAT, PASTE
from codex_tmux.tmux.server import quote

OFF, FAILED = "off", "failed"
SET, LEAVE, GIVE_BACK = "set", "leave", "give back"


def remain_on_exit(wanted: bool, shown: str, everywhere: str, ours: bool) -> str:
    """What to do about a pane's `remain-on-exit`: SET it to `failed`, LEAVE it, or GIVE_BACK what we have set.

    `wanted`: the pane is to outlive a crash, as its own program is Codex, and tmux survives that; `shown`: what counts
    for it; `everywhere`: what the user has set for all panes; `ours`: we have set it before.
    """
    if ours and shown == FAILED:
        return LEAVE if wanted and everywhere == OFF else GIVE_BACK
    # Ours before and another one now: the user's, set since. Off here and not everywhere: off for this pane alone.
    return SET if wanted and not ours and shown == everywhere == OFF else LEAVE


def stay(pane: str) -> list[list[str]]:
    """The tmux commands that let a pane outlive a crash, where it would not by what the user has set."""
    at = f"-p -t {quote(pane)}"
    ours = f"set-option {at} remain-on-exit {FAILED} ; set-option {at} @codex_keep 1"
    return [["if-shell", "-F", "-t", pane, f"#{{==:#{{remain-on-exit}},{OFF}}}", ours]]


def say(pane: str, text: str, typed: bool = False) -> list[list[str]]:
    """The tmux commands that make `text` a dead pane's last line, unless the pane has one of the user's own."""
    # The text goes through an option, so that nothing in it is expanded as a format. `-q`: tmux before 3.3 has no such
    # line; `-o`: what stands on the pane itself is left.
    form, at = quote(PASTE if typed else FORMAT), quote(pane)
    is_ours = "#{m:*@codex_hint*,#{remain-on-exit-format}}"
    ours = f"set-option -pq -t {at} remain-on-exit-format {form}"
    return [
        ["set-option", "-p", "-t", pane, "@codex_hint", text],
        ["if-shell", "-F", "-t", pane, is_ours, ours, ours.replace("-pq", "-pqo", 1)],
    ]


def keep_commands(pane: str, text: str, typed: bool = False) -> list[list[str]]:
    """The tmux commands that let a pane outlive a crash, and say `text` in its last line then."""
    return [*stay(pane), *say(pane, text, typed)]


def give_back(pane: str) -> list[list[str]]:
    """The tmux commands that let a pane end as the user has it; `plugin/unload` does the same."""
    is_ours = f"#{{&&:#{{@codex_keep}},#{{==:#{{remain-on-exit}},{FAILED}}}}}"
    return [
        ["if-shell", "-F", "-t", pane, is_ours, f"set-option -pu -t {pane} remain-on-exit"],
        ["set-option", "-pu", "-t", pane, "@codex_keep"],
    ]


def say_nothing(pane: str) -> list[list[str]]:
    """The tmux commands that take our last line away."""
    is_ours = "#{m:*@codex_hint*,#{remain-on-exit-format}}"
    return [
        ["if-shell", "-F", "-t", pane, is_ours, f"set-option -pu -t {pane} remain-on-exit-format"],
        ["set-option", "-pu", "-t", pane, "@codex_hint"],
    ]
