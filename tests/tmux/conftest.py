"""What the helper wrote into its log stands with a failed test."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.support.world import Sandbox


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    sandbox = getattr(item, "funcargs", {}).get("sandbox")
    if report.when == "call" and report.failed and isinstance(sandbox, Sandbox):
        log = sandbox.state_dir / "log"
        report.sections.append(("codex-tmux log", log.read_text() if log.exists() else "(none)"))
    return report
