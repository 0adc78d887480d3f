"""Is tmux new enough, is the plugin in it whole, and does another plugin get in its way?"""

import os
import re
import shlex
import shutil

from codex_tmux.paths import names_in
from codex_tmux.restore.at_start import STARTS_CODEX
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.tmux.hooks import hooks_file, missing
from codex_tmux.tmux.user_keys import TASKS, advice, binding_of, left, prefixed
from codex_tmux.tmux.versions import MINIMUM, limits_of, version_of

ALIASES = re.compile(r'^set-option -s command-alias\[\d+\] "([a-z-]+)=', re.MULTILINE)
"""In hooks.tmux, which is the one list of them."""
OTHER_PLUGINS = ("assistant-resurrect", "agent-resurrect", "codex-resurrect")
"""What the names of plugins that resume Codex too have in common: both would start it."""


def check_tmux(facts: DoctorFacts) -> Finding:
    if not facts.reachable:
        if shutil.which(facts.server.binary) is None:
            return Finding(BROKEN, "tmux is not on PATH", "install tmux 3.2a or newer")
        return Finding(
            WARNING, "no tmux server is running, so the plugin in it was not checked", "tmux new-session -d"
        )
    version = version_of(facts.version)
    if version < MINIMUM:
        return Finding(
            BROKEN, f"tmux {facts.version} is too old", "install tmux 3.2a or newer, then: tmux kill-server"
        )
    return Finding(OK, "; ".join([f"tmux {facts.version}", *limits_of(version)]))


def check_plugin(facts: DoctorFacts) -> Finding:
    if not facts.directory:
        return Finding(BROKEN, "not loaded in this tmux server", facts.load_command())
    if not os.path.exists(hooks_file(facts.directory)):
        return Finding(BROKEN, f"loaded from {facts.directory}, which is gone", facts.load_command())
    return Finding(OK, f"loaded from {facts.directory}")


def check_bindings(facts: DoctorFacts) -> Finding:
    """Are the plugin's hooks, aliases and keys in tmux still what it put there?"""
    if not facts.directory:
        return Finding(WARNING, "not checked: the plugin is not loaded")
    file = hooks_file(facts.directory)
    with open(file, encoding="utf-8") as f:
        aliases = ALIASES.findall(f.read())
    there = facts.server.try_run("show-options", "-s", "command-alias") or ""
    shown = [facts.server.try_run("show-hooks", scope) or "" for scope in ("-g", "-gw")]
    gone = missing(facts.directory, "\n".join(shown))
    gone += [f"alias {name}" for name in aliases if not re.search(f'[ "]{name}=.*@codex_', there)]
    if gone:
        why = f"missing: {', '.join(gone)} (set-hook -g without an index deletes hooks; use set-hook -ga)"
        return Finding(BROKEN, why, f"tmux source-file {shlex.quote(file)}")
    return of_keys(facts)


def of_keys(facts: DoctorFacts) -> Finding:
    listed = facts.server.try_run("list-keys") or ""
    keys = facts.server.option("@codex_keys").split()
    ours = [key for key in keys if " --from-key " in binding_of(listed, key)]
    chosen = {task.option: facts.server.option(task.option) for task in TASKS}
    if wanted := advice(chosen, ours, listed):
        named = prefixed(task.key for task in left(chosen, ours))
        detail = f"{named}: bound to something else, so left alone; in tmux.conf: {wanted}"
        return Finding(WARNING, detail, f"tmux {wanted} \\; {facts.load_command().removeprefix('tmux ')}")
    return Finding(OK, f"all hooks and aliases in place; keys: {prefixed(keys)}")


def check_conflicts(facts: DoctorFacts) -> Finding:
    processes = facts.server.option("@resurrect-processes")
    words = shlex.split(processes)
    kept = [word for word in words if not STARTS_CODEX.search(word)]
    if kept != words:
        detail = f"@resurrect-processes is {processes}: tmux-resurrect starts Codex too, without its session"
        fix = f"tmux set-option -g @resurrect-processes {shlex.quote(shlex.join(kept))}"
        return Finding(BROKEN, detail, fix)
    variable = facts.server.try_run("show-environment", "-g", "TMUX_PLUGIN_MANAGER_PATH") or ""
    text = "\n".join(names_in(variable.partition("=")[2])) + (
        facts.server.try_run("show-options", "-g") or ""
    )
    plugins = [f"tmux-{name}" for name in OTHER_PLUGINS if name in text]
    if plugins:
        detail = f"{', '.join(plugins)} also resumes Codex: a session may be started twice"
        return Finding(WARNING, detail, f"take {plugins[0]} out of tmux.conf, then: tmux kill-server")
    return Finding(OK, "no other plugin resumes Codex")
