"""The checks of `doctor`: each looks at one thing and says what it found."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from typing import NamedTuple

from codex_tmux import __version__, log, store, tmux_versions
from codex_tmux.activity import DaemonError, ask, has_daemon, socket_path
from codex_tmux.codex.processes import Processes, lock_owner
from codex_tmux.codex.version import Version, limits_of
from codex_tmux.doctor_patient import ALIASES, MARK_OF_ALIAS, Patient, shell_word
from codex_tmux.errors import Problem
from codex_tmux.hooks import missing
from codex_tmux.launcher import typed
from codex_tmux.paths import state_dir
from codex_tmux.plain_text import plain_line
from codex_tmux.program import missing_interpreter
from codex_tmux.resurrect import would_start_codex
from codex_tmux.setup import codex_version, config_of, item_for, title_has_id
from codex_tmux.tmux_versions import MINIMUM, version_of
from codex_tmux.user_keys import advice, binding_of, left

OK, WARNING, BROKEN = "ok", "warning", "broken"
STUCK_AFTER = 3.0
"""Seconds after which what a sync takes a moment for counts as stuck."""
LOOK_EVERY = 0.05
DAEMON_WITHIN = 2.0
"""Seconds for a daemon to answer: here a slow answer is one."""
RESPAWN = re.compile(r"(?<!\S)respawn(?:p|w|-p|-pa|-pane|-w|-wi|-wind|-windo|-window)(?!\S)")
CONFLICTS = ("assistant-resurrect", "agent-resurrect", "codex-resurrect")
"""What the names of plugins that resume Codex too have in common: both would start it."""


class Finding(NamedTuple):
    """What one check found: `detail` in a line; `fix` is the command that fixes it, None where nothing is wrong."""

    name: str
    status: str
    detail: str
    fix: str | None


def check_tmux(patient: Patient) -> Finding:
    """Is there a tmux server, and is it new enough?"""
    if not patient.reachable:
        if shutil.which(patient.server.binary) is None:
            return Finding("tmux", BROKEN, "tmux is not on PATH", "install tmux 3.2a or newer")
        return Finding(
            "tmux",
            WARNING,
            "no tmux server is running, so the plugin in it was not checked",
            "tmux new-session -d",
        )
    if version_of(patient.version) < MINIMUM:
        return Finding(
            "tmux",
            BROKEN,
            f"tmux {patient.version} is too old",
            "install tmux 3.2a or newer, then: tmux kill-server",
        )
    limits = tmux_versions.limits_of(version_of(patient.version))
    return Finding("tmux", OK, "; ".join([f"tmux {patient.version}", *limits]), None)


def check_plugin(patient: Patient) -> Finding:
    """Has the plugin been loaded into this server?"""
    if not patient.directory:
        return Finding("plugin", BROKEN, "not loaded in this tmux server", patient.load_command())
    if not os.path.exists(os.path.join(patient.directory, "plugin", "hooks.tmux")):
        return Finding(
            "plugin", BROKEN, f"loaded from {patient.directory}, which is gone", patient.load_command()
        )
    return Finding("plugin", OK, f"loaded from {patient.directory}", None)


def check_hooks(patient: Patient) -> Finding:
    """Are all hooks in place? An un-indexed `set-hook -g` of the user's deletes ours."""
    if not patient.directory:
        return Finding("hooks", WARNING, "not checked: the plugin is not loaded", None)
    gone = missing(patient.directory, patient.hooks)
    if gone:
        names = ", ".join(name.partition("[")[0] for name in gone)
        why = f"missing: {names} (set-hook -g without an index deletes them; use set-hook -ga)"
        return Finding("hooks", BROKEN, why, source_command(patient))
    return Finding("hooks", OK, "all in place", None)


def check_aliases(patient: Patient) -> Finding:
    """Are the aliases in place by which a respawn is seen coming?"""
    if not patient.directory:
        return Finding("aliases", WARNING, "not checked: the plugin is not loaded", None)
    wanted = ALIASES.findall(patient.plugin_text())
    missing = [name for name in wanted if name not in patient.aliases]
    if missing:
        return Finding("aliases", BROKEN, f"missing: {', '.join(missing)}", source_command(patient))
    return Finding("aliases", OK, f"all {len(wanted)} in place", None)


def source_command(patient: Patient) -> str:
    """What puts hooks and aliases back."""
    return f"tmux source-file {shell_word(os.path.join(patient.directory, 'plugin', 'hooks.tmux'))}"


def check_keys(patient: Patient) -> Finding:
    """Are our keys still ours, and do the user's own ones for respawning go through the aliases?"""
    keys = patient.options.get("@codex_keys", "").split()
    listed = patient.server.try_run("list-keys", "-T", "prefix") or ""
    ours = [key for key in keys if " --from-key " in binding_of(listed, key)]
    if tasks := left(patient.options, ours):
        named = ", ".join(f"prefix {task.key}" for task in tasks)
        wanted = advice(patient.options, ours, listed)
        detail = f"{named}: bound to something else, so left alone; in tmux.conf: {wanted}"
        return Finding("keys", WARNING, detail, f"tmux {wanted} \\; {patient.load_command()[5:]}")
    if taken := [key for key in keys if key not in ours]:
        detail = f"prefix {', prefix '.join(taken)}: bound to something else since the plugin was loaded"
        return Finding("keys", WARNING, detail, patient.load_command())
    past = keys_past_us(patient.server.try_run("list-keys") or "") if patient.aliases else []
    if past:
        detail = f"{', '.join(past)}: bound before the plugin loaded, so it respawns without codex-tmux"
        return Finding("keys", BROKEN, detail, patient.load_command())
    return Finding("keys", OK, ", ".join(f"prefix {key}" for key in keys) or "none", None)


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
        if key and RESPAWN.search(key[3]) and MARK_OF_ALIAS not in line and "display-menu" not in line:
            found.append(f"{key[1]} {key[2]}")
    return found


def check_helper(patient: Patient) -> Finding:
    """Can tmux start the helper, and is it this one?"""
    chosen = os.path.expanduser(patient.options.get("@codex-tmux-bin", ""))
    helper = patient.options.get("@codex_helper", "")
    found = shutil.which("codex-tmux", path=tmux_path(patient)) or sys.argv[0]
    mend = (
        f"tmux set-option -g @codex-tmux-bin {shell_word(os.path.abspath(found))}; {patient.load_command()}"
    )
    if not helper:
        return Finding("helper", BROKEN, "not set in tmux", mend)
    if not os.access(helper, os.X_OK) or os.path.isdir(helper):
        return Finding("helper", BROKEN, f"{helper} cannot be run: is it still installed?", mend)
    said = output([helper, "--version"])
    if said is None or not said.startswith("codex-tmux"):
        return Finding("helper", BROKEN, f"{helper} does not run", mend)
    version = said.split()[-1]
    if version != __version__:
        detail = f"{helper} is codex-tmux {version}, this one is {__version__}"
        return Finding("helper", WARNING, detail, mend)
    if chosen and os.path.realpath(chosen) != os.path.realpath(helper):
        detail = f"@codex-tmux-bin is {chosen}, but {helper} is used"
        return Finding("helper", WARNING, detail, patient.load_command())
    return Finding("helper", OK, f"{helper} ({version})", None)


def tmux_path(patient: Patient) -> str | None:
    """The PATH with which tmux runs hooks; None where it says none."""
    line = patient.server.try_run("show-environment", "-g", "PATH") or ""
    return line.partition("=")[2] or None


def output(argv: list[str]) -> str | None:
    """What a program prints; None where it fails or takes too long."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def codex_of(patient: Patient) -> str | None:
    """The Codex to look at: the chosen one, else tmux's own PATH, else ours."""
    chosen = patient.options.get("@codex-command", "")
    words = shlex.split(chosen) if chosen else []
    if words:
        return shutil.which(os.path.expanduser(words[0]), path=tmux_path(patient))
    return shutil.which("codex", path=tmux_path(patient)) or shutil.which("codex")


def version_here(patient: Patient) -> Version | None:
    """The version of the Codex here; None where there is none or it does not say."""
    codex = codex_of(patient)
    try:
        return codex_version(codex) if codex else None
    except Problem:
        return None


def check_codex(patient: Patient) -> Finding:
    """Is there a Codex, and can it show its session?"""
    codex = codex_of(patient)
    if codex is None:
        chosen = patient.options.get("@codex-command", "")
        if chosen:
            detail = f"@codex-command is {chosen}: no such program"
            return Finding("codex", BROKEN, detail, "tmux set-option -gu @codex-command")
        return Finding("codex", BROKEN, "codex is not on PATH", "npm install -g @openai/codex")
    if name := missing_interpreter(codex, tmux_path(patient) or os.defpath):
        detail = f"{codex} is a script for {name}, which is neither beside it nor on tmux's PATH"
        return Finding("codex", BROKEN, detail, 'tmux set-environment -g PATH "$PATH"')
    version = version_here(patient)
    if version is None:
        detail = f"{codex} does not print its version"
        return Finding("codex", WARNING, detail, f"{shell_word(codex)} --version")
    text = ".".join(map(str, version))
    limits = limits_of(version)
    if version < (0, 130, 0):
        detail = f"{codex} ({text}) {'; it '.join(limits)}"
        return Finding("codex", WARNING, detail, "npm install -g @openai/codex@latest")
    if limits:
        return Finding("codex", OK, f"{codex} ({text}); it {'; it '.join(limits)}", None)
    return Finding("codex", OK, f"{codex} ({text})", None)


def check_title(patient: Patient) -> Finding:
    """Does every Codex home in use put the session's id into the title?"""
    version = version_here(patient)
    try:
        item = item_for(version)
    except Problem:
        return Finding("title", OK, "not available in this version of Codex", None)
    missing, broken = [], []
    homes = patient.codex_homes()
    for home in homes:
        try:
            file, _ = config_of(home)
            if not title_has_id(file.text()[1], item):
                missing.append(home)
        except Problem as e:
            broken.append((home, str(e)))
    if broken:
        home, why = broken[0]
        config = os.path.join(home, "config.toml")
        return Finding(
            "title", BROKEN, f"{config} cannot be read: {why}", f"${{EDITOR:-vi}} {shell_word(config)}"
        )
    if missing:
        detail = f"no session id in the title for {', '.join(missing)}: its sessions can only be inferred"
        default = patient.default_home()
        fix = "; ".join(
            typed("setup", *(() if home == default else ("--codex-home", home))) for home in missing
        )
        return Finding("title", WARNING, detail, fix)
    return Finding("title", OK, f"shows the session id ({', '.join(homes)})", None)


def check_state(patient: Patient) -> Finding:
    """Can the state be kept, and read?"""
    directory = state_dir()
    try:
        status = os.stat(directory)
    except FileNotFoundError:
        return check_place(directory)
    quoted = shell_word(directory)
    if not stat.S_ISDIR(status.st_mode):
        return Finding("state", BROKEN, f"{directory} is not a directory", f"mv {quoted} {quoted}.old")
    if status.st_uid != os.geteuid():
        detail = f"{directory} belongs to user {status.st_uid}, not to you"
        return Finding("state", BROKEN, detail, f"sudo chown -R $(id -u) {quoted}")
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        detail = f"{directory} is on a file system that is mounted read-only"
        return Finding("state", BROKEN, detail, f"sudo mount -o remount,rw {shell_word(mount_of(directory))}")
    # Root may write anywhere: the mode is what tells.
    if status.st_mode & 0o700 != 0o700 or not os.access(directory, os.W_OK | os.X_OK):
        return Finding("state", BROKEN, f"{directory} cannot be written", f"chmod 700 {quoted}")
    if status.st_mode & 0o077:
        detail = f"{directory} is open to others (mode {stat.S_IMODE(status.st_mode):o})"
        return Finding("state", WARNING, detail, f"chmod 700 {quoted}")
    found = check_state_file(os.path.join(directory, store.NAME))
    fault = patient.options.get("@codex_fault")
    if fault and found.status == OK:
        return Finding(
            "state", BROKEN, f"the last sync could not save: {fault}", f"df -h {quoted}; {typed('sync')}"
        )
    if found.status == OK and (why := log.unwritable()):
        path = shell_word(os.path.join(directory, log.NAME))
        fix = f"df -h {quoted}" if why == os.strerror(errno.ENOSPC) else f"mv {path} {path}.old"
        return Finding("state", WARNING, f"nothing is logged: {path} cannot be written: {why}", fix)
    return found


def mount_of(path: str) -> str:
    """Where the file system that holds `path` is mounted."""
    path = os.path.realpath(path)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def check_place(directory: str) -> Finding:
    """Can a state directory that is not there yet be made?"""
    parent = os.path.dirname(directory)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if os.access(parent, os.W_OK | os.X_OK):
        return Finding("state", OK, f"{directory} (not created yet)", None)
    return Finding(
        "state", BROKEN, f"{directory} cannot be created", f"mkdir -p -m 700 {shell_word(directory)}"
    )


def check_state_file(path: str) -> Finding:
    """Can the state file be understood?"""
    quoted = shell_word(path)
    try:
        records, wrong = store.parse(store.read_file(path))
    except FileNotFoundError:
        return Finding("state", OK, f"{path} (not created yet)", None)
    except store.NewerVersion as e:
        return Finding("state", BROKEN, str(e), "pipx upgrade codex-tmux")
    except store.StateError as e:
        return Finding("state", BROKEN, str(e), f"mv {quoted} {quoted}.old")
    except (ValueError, RecursionError) as e:
        why = (str(e) or type(e).__name__).splitlines()[0]
        detail = f"{path} cannot be parsed ({why}); the next command sets it aside and uses the last good one"
        return Finding("state", BROKEN, detail, typed("list", "--all"))
    except OSError as e:
        return Finding("state", BROKEN, f"{path} cannot be read: {e.strerror}", f"chmod 600 {quoted}")
    if wrong:
        return Finding("state", WARNING, f"{path}: {wrong[0]}", typed("list", "--all"))
    return Finding("state", OK, f"{path} ({len(records)} record{'' if len(records) == 1 else 's'})", None)


def check_conflicts(patient: Patient) -> Finding:
    """Does something else start Codex in these panes too?"""
    processes = patient.options.get("@resurrect-processes", "")
    if would_start_codex(processes):
        detail = (
            f"@resurrect-processes is {processes}: tmux-resurrect would also start Codex, without its session"
        )
        kept = " ".join(
            shlex.quote(w) for w in shlex.split(processes) if not would_start_codex(shlex.quote(w))
        )
        return Finding(
            "conflicts", BROKEN, detail, f"tmux set-option -g @resurrect-processes {shell_word(kept)}"
        )
    plugins = other_plugins(patient)
    if plugins:
        detail = f"{', '.join(plugins)} also resumes Codex: a session may be started twice"
        return Finding(
            "conflicts", WARNING, detail, f"take {plugins[0]} out of tmux.conf, then: tmux kill-server"
        )
    return Finding("conflicts", OK, "no other plugin resumes Codex", None)


def other_plugins(patient: Patient) -> list[str]:
    """The plugins known to resume Codex that this server has loaded."""
    texts = [
        f"{name} {value}"
        for name, value in patient.options.items()
        if not name.startswith("@codex") and name != "@resurrect-processes"
    ]
    texts += (patient.server.try_run("show-hooks", "-g") or "").splitlines()
    plugins = (patient.server.try_run("show-environment", "-g", "TMUX_PLUGIN_MANAGER_PATH") or "").partition(
        "="
    )[2]
    if plugins and os.path.isdir(plugins):
        texts += os.listdir(plugins)
    return [f"tmux-{name}" for name in CONFLICTS if any(name in text for text in texts)]


def check_locks(patient: Patient) -> Finding:
    """Does a process keep a lock that it should have let go of? A lock file by itself means nothing."""
    directory = state_dir()
    names = (
        sorted(n for n in os.listdir(directory) if n.endswith(".lock")) if os.path.isdir(directory) else []
    )
    held = holders(directory, names)
    end = time.monotonic() + STUCK_AFTER
    stuck = held
    while stuck and time.monotonic() < end:
        time.sleep(LOOK_EVERY)
        now = holders(directory, list(stuck))
        stuck = {name: pid for name, pid in stuck.items() if now.get(name) == pid}
    if stuck:
        name, pid = next(iter(stuck.items()))
        command = plain_line(shlex.join(Processes().argv(pid)))[:80]
        detail = f"{os.path.join(directory, name)} has been held for {STUCK_AFTER:g} s by process {pid} ({command})"
        return Finding("locks", BROKEN, detail, f"kill -CONT {pid}; kill {pid}")
    return Finding("locks", OK, "none stuck", None)


def holders(directory: str, names: list[str]) -> dict[str, int]:
    """Which process holds which of these locks."""
    found = ((name, lock_owner(os.path.join(directory, name))) for name in names)
    return {name: pid for name, pid in found if pid is not None}


def check_pending(patient: Patient) -> Finding:
    """Has a sync been wanted for long? Then hooks start none any more: they take it for under way."""

    def pending() -> str:
        return patient.server.try_run("show-options", "-gqv", "@codex_pending") or ""

    end = time.monotonic() + STUCK_AFTER
    while pending():
        if time.monotonic() > end:
            detail = (
                f"a sync was requested {STUCK_AFTER:g} s ago and has not started: tmux's hooks wait for it"
            )
            return Finding("pending", BROKEN, detail, f"tmux set-option -gu @codex_pending; {typed('list')}")
        time.sleep(LOOK_EVERY)
    return Finding("pending", OK, "none", None)


def check_daemon(patient: Patient) -> Finding:
    """Does Codex's shared daemon answer, where there is one?"""
    said, mute = [], []
    for home in patient.codex_homes():
        if not has_daemon(home):
            continue
        try:
            ask(home, (), time.monotonic() + DAEMON_WITHIN)
            said.append(home)
        except DaemonError:
            mute.append(home)
    if mute:
        detail = f"Codex's daemon does not answer at {socket_path(mute[0])}: activity unavailable"
        return Finding(
            "daemon", WARNING, detail, f"CODEX_HOME={shell_word(mute[0])} codex app-server daemon restart"
        )
    if said:
        return Finding("daemon", OK, f"Codex's daemon answers ({', '.join(said)})", None)
    return Finding("daemon", OK, "activity unavailable: Codex's daemon is not running", None)


def check_reaping(patient: Patient) -> Finding:
    """Is this tmux linked with libutempter, which makes it miss the end of processes? Worked around; to know."""
    linked = Processes().is_linked_with(int(patient.pid or 0), "libutempter")
    if linked is None:
        return Finding("reaping", OK, "unknown on this system", None)
    if linked:
        detail = "tmux is built with libutempter and may notice a dead pane late: worked around"
        return Finding("reaping", OK, detail, None)
    return Finding("reaping", OK, "tmux notices when a pane dies", None)
