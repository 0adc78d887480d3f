"""Completion in real shells: typed, then Tab."""

import shutil

import pytest

from tests.support.world import Sandbox

SOURCES = {
    "bash": 'eval "$(codex-tmux completion bash)"',
    "zsh": 'autoload -Uz compinit && compinit -u; eval "$(codex-tmux completion zsh)"',
    "fish": "codex-tmux completion fish | source",
}
STARTS = {"bash": ("bash", "--norc", "--noprofile"), "zsh": ("zsh", "-f"), "fish": ("fish", "--no-config")}


@pytest.mark.parametrize("shell", SOURCES)
def test_panes_sessions_and_words(sandbox: Sandbox, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: apt-get install {shell}")
    # Without it a first fish reads all manual pages, for as long as it likes.
    (sandbox.home / ".local/share/fish/generated_completions").mkdir(parents=True)
    sandbox.start_server(load_plugin=True)
    first, second = sandbox.new_pane(), sandbox.new_pane()
    sandbox.ask(first, "first")
    one = sandbox.bound(first)
    sandbox.ask(second, "second")
    two = sandbox.bound(second)
    pane = sandbox.new_pane(*STARTS[shell], name="typist")

    def press(*keys: str) -> None:
        sandbox.tmux("send-keys", "-t", pane, *keys)

    def wait(text: str) -> str:
        def shown() -> str:
            seen = sandbox.capture(pane)
            return seen if text in seen.replace("\n", "") else ""

        return sandbox.wait_for(shown, 20, repr(text))

    def completed(typed: str, wanted: str) -> None:
        press("-l", f"codex-tmux {typed}")
        wait(f"codex-tmux {typed}")
        press("Tab")
        wait(f"codex-tmux {wanted}")
        press("C-u")
        press("C-l")
        sandbox.wait_for(lambda: "codex-tmux" not in sandbox.capture(pane), 20, "an empty line")

    press(
        "-l",
        f"{SOURCES[shell]}; echo ready-$(( 6 * 7 ))"
        if shell != "fish"
        else SOURCES[shell] + "; echo ready-42",
    )
    press("Enter")
    sandbox.wait_text(pane, "\nready-42")
    press("C-l")
    completed("unin", "uninstall")
    completed("doctor --js", "doctor --json")
    completed("list --status as", "list --status asleep")
    # Several fit: all are shown, in zsh and fish with what they are.
    press("-l", "codex-tmux respawn -t %")
    wait("-t %")
    press("Tab", "Tab")
    what = "" if shell == "bash" else "main:2.0 codex (live)"
    sandbox.wait_for(
        lambda: all(p in sandbox.capture(pane) for p in ("%0", second, pane, what)), 20, "the panes"
    )
    if shell != "bash":  # there a signal may come when the next line is typed already
        press("C-c")
    press("C-u")
    press("C-l")
    sandbox.wait_for(lambda: "codex-tmux" not in sandbox.capture(pane), 20, "an empty line")
    # The other one has an id that differs somewhere: as much of it as names one is typed.
    until = next(n for n in range(36) if one[n] != two[n]) + 1
    completed(f"forget {one[:until]}", f"forget {one}")
    completed(f"adopt -t {second} {two[:until]}", f"adopt -t {second} {two}")
    # Nothing fits, and nothing is printed into the line.
    press("-l", "codex-tmux forget nothing")
    wait("forget nothing")
    press("Tab")
    press("-l", "+more")
    seen = wait("forget nothing+more")
    assert "Traceback" not in seen
