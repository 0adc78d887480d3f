"""Is tmux new enough, is the plugin loaded, and does another plugin get in its way?"""

import os
import shlex
import shutil

from codex_tmux.paths import names_in
from codex_tmux.restore.resurrect import would_start_codex
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.tmux.versions import MINIMUM, limits_of, version_of

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
    if not os.path.exists(os.path.join(facts.directory, "plugin", "hooks.tmux")):
        return Finding(BROKEN, f"loaded from {facts.directory}, which is gone", facts.load_command())
    return Finding(OK, f"loaded from {facts.directory}")


def check_conflicts(facts: DoctorFacts) -> Finding:
    processes = facts.options.get("@resurrect-processes", "")
    if would_start_codex(processes):
        detail = (
            f"@resurrect-processes is {processes}: tmux-resurrect would also start Codex, without its session"
        )
        words = (shlex.quote(word) for word in shlex.split(processes))
        kept = shlex.quote(" ".join(word for word in words if not would_start_codex(word)))
        return Finding(BROKEN, detail, f"tmux set-option -g @resurrect-processes {kept}")
    plugins = other_plugins(facts)
    if plugins:
        detail = f"{', '.join(plugins)} also resumes Codex: a session may be started twice"
        return Finding(WARNING, detail, f"take {plugins[0]} out of tmux.conf, then: tmux kill-server")
    return Finding(OK, "no other plugin resumes Codex")


def other_plugins(facts: DoctorFacts) -> list[str]:
    options = facts.options.items()
    texts = [f"{k} {v}" for k, v in options if not k.startswith(("@codex", "@resurrect-processes"))]
    texts += (facts.server.try_run("show-hooks", "-g") or "").splitlines()
    variable = facts.server.try_run("show-environment", "-g", "TMUX_PLUGIN_MANAGER_PATH") or ""
    texts += names_in(variable.partition("=")[2])
    return [f"tmux-{name}" for name in OTHER_PLUGINS if any(name in text for text in texts)]
