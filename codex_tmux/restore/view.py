"""What people and programs see of a restore: its plan and its outcome."""

import os
from collections import Counter
from collections.abc import Iterator

from rich.cells import cell_len

from codex_tmux.json_form import document
from codex_tmux.plain_text import in_cells, printable, tilde
from codex_tmux.restore.plan import Build, Plan
from codex_tmux.restore.restore import FAILED, REBUILT, RESUMED, SKIPPED, WAITS, Result, titles_of
from codex_tmux.state.records import Record


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
    """One line: how many came back, and how."""
    count = Counter(result.outcome for result in results if result.session_id)
    if not count:
        return "nothing to restore"
    back, waiting = count[RESUMED] + count[WAITS], count[WAITS]
    text = f"{back} session{'s' * (back != 1)} restored"
    if waiting:
        text += f" ({waiting} start{'s' * (waiting == 1)} when shown)"
    return text + "".join(f", {count[how]} {how}" for how in (SKIPPED, FAILED) if count[how])


def as_document(results: list[Result]) -> str:
    rows = (
        {"session_id": r.session_id, "pane": r.pane, "outcome": r.outcome, "reason": r.reason or None}
        for r in results
    )
    return document("results", rows)


def planned(plan: Plan) -> list[Result]:
    """The plan as results; a pane that is yet to be built is None."""
    found = [Result.of(fill.record, WAITS, fill.pane) for fill in plan.fills]
    for build in plan.builds:
        for cell in build.cells:
            reason = moved_text(build)
            outcome = WAITS if cell.record else REBUILT
            found.append(Result(cell.record.session_id if cell.record else None, None, outcome, reason, ""))
    return found + [Result(s.record.session_id, None, SKIPPED, s.reason, "") for s in plan.skips]


def moved_text(build: Build) -> str:
    """Why a window does not come back under its own index; "" where it does."""
    return "" if build.moved is None else f"window {build.tmux_session}:{build.moved} is in use"


def plan_text(plan: Plan) -> str:
    titles = titles_of([*plan.restored, *(skip.record for skip in plan.skips)])
    rows = [("WHERE", "TITLE", "HOW", "DIRECTORY", "SESSION"), *rows_of(plan, titles)]
    if len(rows) == 1:
        return "nothing to restore"
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells)]
    return "\n".join("  ".join(map(in_cells, row, widths)).rstrip() for row in cells)


def rows_of(plan: Plan, titles: dict[str, str]) -> Iterator[tuple[str, str, str, str, str]]:
    for fill in plan.fills:
        yield row_of(fill.record, titles, fill.record.where, f"in pane {fill.pane}")
    for build in plan.builds:
        how = f"new window ({moved_text(build)})" if build.moved is not None else "new window"
        for at, cell in enumerate(build.cells):
            where, what = f"{build.tmux_session}:{build.window}.{at}", "split" if at else how
            if cell.record:
                yield row_of(cell.record, titles, where, what)
            else:
                yield where, "shell", what, directory_of(cell.cwd), "-"
    for skip in plan.skips:
        yield row_of(skip.record, titles, skip.record.where, f"skipped: {skip.reason}")


def row_of(record: Record, titles: dict[str, str], where: str, how: str) -> tuple[str, str, str, str, str]:
    return where, titles[record.session_id], how, directory_of(record.cwd), record.session_id


def directory_of(cwd: str) -> str:
    """A directory as people write it, and where a pane starts instead if it is gone."""
    return tilde(cwd) if os.path.isdir(cwd) else f"{tilde(cwd)} (gone: home instead)"
