"""Is there a Codex, and does it name its session in the title?"""

import os
import shlex

from codex_tmux.codex.home import default_home
from codex_tmux.codex.title_config import items_for
from codex_tmux.codex.version import NEWEST_TESTED, limits_of
from codex_tmux.errors import Problem
from codex_tmux.launcher import typed
from codex_tmux.pane.program import missing_interpreter
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.setup.setup import config_has_id, config_of


def check_codex(facts: DoctorFacts) -> Finding:
    codex = facts.codex
    if codex is None:
        chosen = facts.server.option("@codex-command")
        if chosen:
            unset = "tmux set-option -gu @codex-command"
            return Finding(BROKEN, f"@codex-command is {chosen}: no such program", unset)
        return Finding(BROKEN, "codex is not on PATH", "npm install -g @openai/codex")
    if name := missing_interpreter(codex, facts.path or os.defpath):
        detail = f"{codex} is a script for {name}, which is neither beside it nor on tmux's PATH"
        return Finding(BROKEN, detail, 'tmux set-environment -g PATH "$PATH"')
    version = facts.codex_version
    if version is None:
        return Finding(WARNING, f"{codex} does not print its version", f"{shlex.quote(codex)} --version")
    text = "; it ".join([f"{codex} ({'.'.join(map(str, version))})", *limits_of(version)])
    if version < (0, 130, 0):
        return Finding(WARNING, text, "npm install -g @openai/codex@latest")
    if version[:2] > NEWEST_TESTED[:2]:
        text += f"; newer than the last version tested, {'.'.join(map(str, NEWEST_TESTED))}"
    return Finding(OK, text)


def check_title(facts: DoctorFacts) -> Finding:
    try:
        item = items_for(facts.codex_version)[0]
    except Problem:
        return Finding(OK, "not available in this version of Codex")
    without = []
    homes = facts.codex_homes()
    for home in homes:
        try:
            if not config_has_id(config_of(home), item):
                without.append(home)
        except Problem as e:
            config = shlex.quote(os.path.join(home, "config.toml"))
            return Finding(BROKEN, str(e), f"${{EDITOR:-vi}} {config}")
    if without:
        detail = f"no session id in the title for {', '.join(without)}: its sessions can only be inferred"
        named = ([] if home == default_home() else ["--codex-home", home] for home in without)
        return Finding(WARNING, detail, "; ".join(typed("setup", *words) for words in named))
    return Finding(OK, f"shows the session id ({', '.join(homes)})")
