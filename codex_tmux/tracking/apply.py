"""Make it so: the options of panes and server, and what the rules asked for."""

from codex_tmux.codex.session_id import is_session_id
from codex_tmux.errors import TmuxError
from codex_tmux.log import log
from codex_tmux.sleeping.focus import asked_since, take_back
from codex_tmux.sleeping.hint import ENDED_SOMEHOW, hint
from codex_tmux.sleeping.remain_on_exit import (
    GIVE_BACK,
    SET,
    give_back,
    keep_commands,
    remain_on_exit,
    say,
    say_nothing,
)
from codex_tmux.sleeping.resume import put_to_sleep, respawn_into_run, take_over
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import KEPT_TRUE, Option, encode_launch, pane_options
from codex_tmux.state.records import DEAD, ENDED, EXEC, LIVE, LOST, STATUS_WORDS, Record
from codex_tmux.tmux.control_mode import CLOSE, precaution
from codex_tmux.tmux.server import AT_WORK, Reading, Server
from codex_tmux.tmux.tell import tell
from codex_tmux.tmux.user_keys import KEY_OPTIONS, shown_key
from codex_tmux.tmux.versions import REAPS, version_of
from codex_tmux.tracking.identify import Identifier
from codex_tmux.tracking.may_act import Act, ProcessFacts, may_act
from codex_tmux.tracking.model import Action, Note, Pane, Revive, Sighting, Sleep, Snapshot, TakeOver, Tell
from codex_tmux.tracking.names import wanted_names
from codex_tmux.tracking.pane_facts import pane_facts


def set_options(
    server: Server,
    reading: Reading,
    snapshot: Snapshot,
    records: tuple[Record, ...],
    identifier: Identifier,
) -> set[str]:
    """Make the options of panes and server say what is true; only what changes is set.

    Returns the panes that were not marked as Codex's before. Where the plugin is not loaded nothing is set: nobody
    would keep it true, and unloaded is to stay unloaded.
    """
    former_control = reading.server["@codex_control"]
    # Also for what this process itself respawns.
    control = precaution(reading.server["version"], any(reading.clients.values()))
    reading.server["@codex_control"] = control
    if not reading.server["@codex_dir"]:
        return set()
    by_pane = {r.pane: r for r in records if snapshot.holds(r)}
    commands: list[list[str]] = []
    if control != former_control:
        value = ["-g", "@codex_control", control] if control else ["-gu", "@codex_control"]
        commands.append(["set-option", *value])
    marked: dict[str, bool] = {}
    names = wanted_names(reading, snapshot, by_pane)
    for row, pane in zip(reading.panes, snapshot.panes):
        wanted = wanted_options(row, pane, by_pane.get(pane.id)) | identifier.titles.get(pane.id, {})
        wanted |= {Option.NAME: names[pane.id]} if pane.id in names else {}
        wanted |= without_focus(reading, row, pane)
        if wanted.get(Option.MARK, row[Option.MARK]):
            marked[pane.id] = not row[Option.MARK]
        commands += pane_options(pane.id, {n: v for n, v in wanted.items() if row.get(n, "") != v})
        commands += keep_when_killed(reading, row, pane, by_pane.get(pane.id))
    if any(Option.NAME in words for words in commands):
        # tmux names a window anew when its pane prints something, or when this is set.
        commands.append(["set-option", "-gw", "automatic-rename", reading.automatic_rename])
    commands += renamed_windows(reading)
    commands += server_options(reading, snapshot, records, list(marked), changed=bool(commands))
    run_all(server, commands, loaded=True)
    return {pane for pane, is_new in marked.items() if is_new}


def without_focus(reading: Reading, row: dict[str, str], pane: Pane) -> dict[str, str]:
    """Take back a request for focus events that its Codex may have made since; the option that says so."""
    asked = asked_since(reading.server["version"], row, pane.own_process)
    if not asked:
        return {}
    take_back(row["pane_tty"])
    return {Option.UNFOCUSED: asked}


def renamed_windows(reading: Reading) -> list[list[str]]:
    """The commands that name the conversations of windows that were renamed: beside us, as the daemon may be slow."""
    windows = {row["window_id"]: row["@codex_renamed"] for row in reading.panes if row["@codex_renamed"]}
    given_back = [["set-option", "-wu", "-t", window, "@codex_renamed"] for window in windows]
    words = " ".join(f"{window} {session}" for window, session in windows.items() if is_session_id(session))
    if not words:
        return given_back
    return [*given_back, ["run-shell", "-b", f"#{{@codex_word}} sync --renamed {words} >/dev/null 2>&1 || :"]]


def server_options(
    reading: Reading, snapshot: Snapshot, records: tuple[Record, ...], marked: list[str], changed: bool
) -> list[list[str]]:
    """The commands that make the options of the server true; `changed`: a pane's are about to change."""
    commands: list[list[str]] = []
    commands += list_of_panes(reading, marked)
    status = summary(records, snapshot)
    if status != reading.server["@codex_status"]:
        commands.append(["set-option", "-g", "@codex_status", status])
    if commands or changed:
        commands.append(["set-option", "-gF", "@codex_seen", "#{E:@codex_places}"])
    if marked and version_of(reading.server["version"]) < REAPS:
        commands += timer(reading, changed=bool(commands))
    if reading.server["@codex_pending"]:
        # An event since the reading has made it 1 again, and its own sync sees to that.
        done = f"#{{==:#{{@codex_pending}},{AT_WORK}}}"
        commands.append(["if-shell", "-F", done, "set-option -gu @codex_pending"])
    return commands


def timer(reading: Reading, changed: bool) -> list[list[str]]:
    """The commands that start the timer of a tmux that may miss the end of a process, where it does not run.

    tmux drops it with the client that it runs for. Whether it runs is asked inside tmux, behind the panes: since the
    reading it may have found none, and ended.
    """
    runs_for = reading.server["@codex_ticking"]
    dropped = runs_for not in ("", "-", *reading.clients)
    if runs_for and not dropped and not changed:
        return []
    ended = f"#{{==:#{{@codex_ticking}},{runs_for if dropped else ''}}}"
    return [["if-shell", "-F", ended, "run-shell -b -C '#{@codex_tick}'"]]


def list_of_panes(reading: Reading, marked: list[str]) -> list[list[str]]:
    """The commands that make `@codex_panes` name the marked panes. They change it, as a pane may end since the reading,
    and the hook has taken it out then."""
    listed, fault = reading.server["@codex_panes"].split(), reading.server["@codex_fault"]
    # While nothing can be saved, the ones that were closed stay: the first sync that can will note it.
    if not (marked or fault):
        return [["set-option", "-gu", "@codex_panes"]] if reading.server["@codex_panes"] else []
    gone = [] if fault else sorted(set(listed) - set(marked))
    new = sorted(set(marked) - set(listed))
    if not (gone or new):
        return []
    left = f"#{{s/({'|'.join(gone)}) //:@codex_panes}}" if gone else "#{@codex_panes}"
    text = f"{left}{'' if listed else ' '}{''.join(f'{pane} ' for pane in new)}"
    return [["set-option", "-gF", "@codex_panes", text]]


def wanted_options(row: dict[str, str], pane: Pane, record: Record | None) -> dict[str, str]:
    """The options a pane should have; those not named stay as they are."""
    if pane.starting:
        return {}
    if pane.running:
        return running_options(row, pane, pane.running) | session_options(record)
    if pane.dead and pane.marked:
        kept = None if pane.doubted else pane.remembered
        return {Option.STATE: ENDED if pane.exit == "0" else DEAD, **session_options(record or kept)}
    if record:
        # A guard that was not obeyed is none: what the respawn began is the user's by now.
        refused = {Option.GUARD: ""} if pane.guard is None and not pane.dead else {}
        # An unload has taken the mark away.
        return {Option.MARK: "1", Option.STATE: record.status, **session_options(record), **refused}
    return dict.fromkeys(KEPT_TRUE, "") if pane.marked or pane.session else {}


def running_options(row: dict[str, str], pane: Pane, launch: Launch) -> dict[str, str]:
    """What the options of a pane say of the Codex that runs there."""
    guarded = not pane.ours and may_act(pane_facts(row), facts_of(pane), Act.GUARD)
    return {
        Option.MARK: "1",
        Option.STATE: LIVE,
        Option.LAUNCH: encode_launch(launch),
        Option.GUARD: f"{pane.root_pid} {pane.start_command}" if guarded else "",
        Option.PROCESS: pane.process,
    }


def session_options(shown: Record | Sighting | None) -> dict[str, str]:
    session, evidence = (shown.session_id, shown.evidence) if shown else ("", "")
    return {Option.SESSION: session, Option.EVIDENCE: evidence}


def keep_when_killed(
    reading: Reading, row: dict[str, str], pane: Pane, record: Record | None
) -> list[list[str]]:
    """Let a pane outlive a crash of its Codex, where Codex is its own program: no shell's, never against the user."""
    if pane.running and may_act(pane_facts(row), facts_of(pane), Act.KEEP):
        return kept(reading, row, pane.running)
    gone = not (record or pane.running or pane.dead or pane.starting)
    ours = row[Option.KEEP] or row[Option.HINT]
    return [*give_back(pane.id), *say_nothing(pane.id)] if gone and ours else []


def kept(reading: Reading, row: dict[str, str], launch: Launch) -> list[list[str]]:
    """The commands that let a pane whose own program is Codex outlive a crash, and say so then."""
    pane = row["pane_id"]
    wanted = reading.server["@codex_control"] != CLOSE
    todo = remain_on_exit(wanted, row["remain-on-exit"], reading.remain_on_exit, bool(row[Option.KEEP]))
    if todo == GIVE_BACK:
        return give_back(pane)
    text = hint(ENDED_SOMEHOW, shown_key(*(reading.server[name] for name in KEY_OPTIONS)), launch)
    if todo == SET:
        return keep_commands(pane, text, launch.typed)
    # `codex-tmux exec` has set it by itself, and leaves the words to us.
    return say(pane, text, launch.typed) if row[Option.KEEP] and not row[Option.HINT] else []


def facts_of(pane: Pane) -> ProcessFacts:
    """What a snapshot tells of a pane's processes."""
    launch = pane.running
    return ProcessFacts(codex=pane.codex, codex_exec=launch is not None and launch.mode == EXEC)


def run_all(server: Server, commands: list[list[str]], loaded: bool) -> None:
    """Run tmux commands in one call; one by one where that fails, as a pane that has gone stops all behind it.

    Nothing is run where the plugin was `loaded` and has been unloaded since: it left no trace, nor do we.
    """
    if not commands:
        return
    # An option that is not there stops the call before the first of ours.
    still_loaded = [["show-options", "-g", "@codex_dir"]] if loaded else []
    if server.try_commands([*still_loaded, *commands]) is None:
        for command in commands:
            if loaded and server.try_commands(still_loaded) is None:
                return
            server.try_commands([command])


def summary(records: tuple[Record, ...], snapshot: Snapshot) -> str:
    """The text behind `#{@codex_status}`: how many sessions of a tmux server run, sleep, or are lost; "" for none.

    What is lost waits for restore, and is of an older epoch.
    """
    counts = dict.fromkeys((LIVE, DEAD, LOST), 0)
    for record in records:
        if snapshot.has_lost(record) or (record.current and record.epoch == snapshot.epoch):
            counts[record.status] += 1
    return " ".join(f"{number} {STATUS_WORDS[status]}" for status, number in counts.items() if number)


def perform(server: Server, action: Action, drawing: dict[str, str]) -> None:
    """Do one thing that the rules asked for; a pane that has gone meanwhile is none of our business.

    A pane that is laid to sleep goes into `drawing`, with the process that draws it.
    """
    try:
        if isinstance(action, Note):
            log(action.event, **dict(action.fields))
        elif isinstance(action, Sleep):
            drawing[action.pane] = put_to_sleep(server, action.pane, action.launch, action.exit, action.again)
        elif isinstance(action, Revive):
            respawn_into_run(server, action.pane, action.launch, unattended=True)
        elif isinstance(action, TakeOver):
            take_over(server, action.pane, action.launch, action.root_pid)
        elif isinstance(action, Tell):
            tell(server, action.pane, action.text)
    except TmuxError as e:
        log("action.failed", action=type(action).__name__, why=e)
