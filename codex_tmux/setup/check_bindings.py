"""Are the plugin's hooks, aliases and keys in tmux still what it put there?"""

import re
import shlex

from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.tmux.hooks import hooks_file, missing
from codex_tmux.tmux.user_keys import advice, binding_of, left, prefixed

ALIASES = re.compile(r'^set-option -s command-alias\[\d+\] "([a-z-]+)=', re.MULTILINE)
"""In hooks.tmux, which is the one list of them."""
RESPAWN = re.compile(r"(?<!\S)respawn(?:p|w|-p|-pa|-pane|-w|-wi|-wind|-windo|-window)(?!\S)")


def check_bindings(facts: DoctorFacts) -> Finding:
    if not facts.directory:
        return Finding(WARNING, "not checked: the plugin is not loaded")
    file = hooks_file(facts.directory)
    source = f"tmux source-file {shlex.quote(file)}"
    shown = [facts.server.try_run("show-hooks", scope) or "" for scope in ("-g", "-gw")]
    hooks = missing(facts.directory, "\n".join(shown))
    if hooks:
        names = ", ".join(name.partition("[")[0] for name in hooks)
        why = f"missing hooks: {names} (set-hook -g without an index deletes them; use set-hook -ga)"
        return Finding(BROKEN, why, source)
    there = facts.server.try_run("show-options", "-s", "command-alias") or ""
    with open(file, encoding="utf-8") as f:
        aliases = [a for a in ALIASES.findall(f.read()) if not re.search(f'[ "]{a}=.*@codex_', there)]
    if aliases:
        return Finding(BROKEN, f"missing command aliases: {', '.join(aliases)}", source)
    return of_keys(facts)


def of_keys(facts: DoctorFacts) -> Finding:
    """Do the user's own keys that respawn go through the aliases, and are our keys still ours?"""
    listed = facts.server.try_run("list-keys") or ""
    if past := keys_past_us(listed):
        detail = f"{', '.join(past)}: bound before the plugin was loaded, so it respawns without codex-tmux"
        return Finding(BROKEN, detail, facts.load_command())
    keys = facts.options.get("@codex_keys", "").split()
    ours = [key for key in keys if " --from-key " in binding_of(listed, key)]
    if tasks := left(facts.options, ours):
        wanted = advice(facts.options, ours, listed)
        load = facts.load_command().removeprefix("tmux ")
        named = prefixed(task.key for task in tasks)
        detail = f"{named}: bound to something else, so left alone; in tmux.conf: {wanted}"
        return Finding(WARNING, detail, f"tmux {wanted} \\; {load}")
    if taken := [key for key in keys if key not in ours]:
        detail = f"{prefixed(taken)}: bound to something else since the plugin was loaded"
        return Finding(WARNING, detail, facts.load_command())
    return Finding(OK, f"all hooks and aliases in place; keys: {prefixed(keys)}")


def keys_past_us(bindings: str) -> list[str]:
    """The keys in what list-keys prints that respawn past the aliases: tmux takes these in when it parses a binding.

    What stands in quotes, or in a menu, is parsed when it is used, and needs nothing.

    >>> keys_past_us("bind-key -T prefix r respawn-pane -k\\nbind-key -T root F5 confirm-before 'respawn-pane -k'")
    ['prefix r']
    """
    found = []
    for line in bindings.splitlines():
        bare = re.sub(r""" "(?:\\.|[^"\\])*"| '[^']*'""", " ''", line)
        key = re.match(r"bind-key +(?:-\S+ +)*?-T (\S+) +(\S+) (.*)", bare)
        if key and RESPAWN.search(key[3]) and "@codex_" not in line and "display-menu" not in line:
            found.append(f"{key[1]} {key[2]}")
    return found
