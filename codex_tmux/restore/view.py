"""What people and programs see of a restore: its plan and its outcome."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.cells import cell_len

from codex_tmux.json_form import document
from codex_tmux.plain_text import in_cells, printable, tilde
from codex_tmux.restore.plan import Plan
from codex_tmux.restore.restore import FAILED, REBUILT, RESUMED, SKIPPED, WAITS, Result, titles_of


def outcome_lines(results: list[Result]) -> list[str]:
    """The outcome: one line of counts, then one for each session that is not simply there again."""
    lines = [summary(results)]
    for result in results:
        if result.reason and result.session_id:
            where = f"{result.where} ({result.pane})" if result.pane else result.where
            outcome = "asleep" if result.outcome == WAITS else result.outcome
            lines.append(printable(f"  {outcome}: {where} {result.session_id}: {result.reason}"))
    return lines


def summary(results: list[Result]) -> str:
    count = Counter(result.outcome for result in results if result.session_id)
    if not count:
        return "nothing to restore"
    back, waiting = count[RESUMED] + count[WAITS], count[WAITS]
    text = f"{back} session{'s' * (back != 1)} restored"
    if waiting:
        text += f" ({waiting} start{'s' * (waiting == 1)} when shown)"
    return text + "".join(f", {count[how]} {how}" for how in (SKIPPED, FAILED) if count[how])


def as_document(results: Iterable[Result]) -> str:
    rows = (
        {"session_id": r.session_id, "pane": r.pane, "outcome": r.outcome, "reason": r.reason or None}
        for r in results
    )
    return document("results", rows)


def steps_of(plan: Plan) -> Iterator[tuple[Result, str, str]]:
    """What is planned for each pane: what is to become of it, how, and its directory. A pane that is yet to be built is
    None, and the session of a plain shell."""
    for fill in plan.fills:
        yield Result.of(fill.record, WAITS, fill.pane), f"in pane {fill.pane}", fill.record.cwd
    for build in plan.builds:
        moved = "" if build.moved is None else f"window {build.tmux_session}:{build.moved} is in use"
        how = f"new window ({moved})" if moved else "new window"
        for at, cell in enumerate(build.cells):
            where = f"{build.tmux_session}:{build.window}.{at}"
            session, outcome = (cell.record.session_id, WAITS) if cell.record else (None, REBUILT)
            yield Result(session, None, outcome, moved, where), "split" if at else how, cell.cwd
    for record, reason in plan.skips:
        yield Result.of(record, SKIPPED, reason=reason), f"skipped: {reason}", record.cwd


def plan_text(plan: Plan) -> str:
    titles = titles_of([*plan.restored, *(skip.record for skip in plan.skips)])
    rows = [("WHERE", "TITLE", "HOW", "DIRECTORY", "SESSION")]
    for result, how, cwd in steps_of(plan):
        session = result.session_id or ""
        place = result.where, titles.get(session, "shell"), how, directory_of(cwd)
        rows.append((*place, session or "-"))
    if len(rows) == 1:
        return "nothing to restore"
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells)]
    return "\n".join("  ".join(map(in_cells, row, widths)).rstrip() for row in cells)


def directory_of(cwd: str) -> str:
    """A directory as people write it, and where a pane starts instead if it is gone."""
    return tilde(cwd) if os.path.isdir(cwd) else f"{tilde(cwd)} (gone: home instead)"
