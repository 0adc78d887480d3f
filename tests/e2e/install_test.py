"""Every way to install, from a clean home: the plugin is active, a killed pane comes back, and all of it goes again."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Client
from tests.support.world import Sandbox

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("codex.tmux", "plugin", "codex_tmux", "pyproject.toml", "README.md", "docs/codex-tmux.1")
DEBIAN_TPM = "/usr/share/tmux-plugin-manager"
CONF = "set -g default-terminal xterm-256color\nset -s escape-time 0\nset -g mouse on\nbind R display-message mine"
"""A user's tmux.conf, with a key that the plugin takes and no newline at its end."""

pytestmark = pytest.mark.xdist_group("install")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain copy of this project, as a clone brings it."""
    directory = tmp_path_factory.mktemp("clone") / "codex-tmux"
    directory.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (directory / part).parent.mkdir(exist_ok=True)
            shutil.copy2(source, directory / part)
    return directory


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this project. Without hatchling here pip gets it from the registry."""
    out = tmp_path_factory.mktemp("wheel")
    isolated = [] if importlib.util.find_spec("hatchling") is None else ["--no-build-isolation"]
    words = ["-m", "pip", "wheel", "-q", "--no-deps", *isolated, "-w", str(out), str(checkout)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    if done.returncode:
        if "No matching distribution" in done.stderr and os.environ.get("CI") != "true":
            pytest.skip("no hatchling here, and no registry to get it from: `make setup`")
        pytest.fail(done.stderr)
    [found] = out.glob("*.whl")
    return found


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose tmux server reads the home's own tmux.conf; no helper is on its PATH."""
    (sandbox.bin / "codex-tmux").rename(sandbox.root / "helper")
    (sandbox.home / ".tmux.conf").write_text(CONF)
    return sandbox


@pytest.fixture(params=["pipx", "uv tool"])
def installed(request: pytest.FixtureRequest, world: Sandbox, wheel: Path) -> Iterator[Path]:
    """The helper, installed from the wheel by that tool into the private home; taken away by it at the end."""
    if request.param == "pipx":
        tool, install = [sys.executable, "-m", "pipx"], ["install"]
    else:
        uv = Path(sysconfig.get_path("scripts"), "uv")
        tool, install = [str(uv), "tool"], ["install", "--no-python-downloads", "--python", sys.executable]
    # How to reach the registry.
    names = [n for n in os.environ if n.startswith(("PIP_", "UV_", "SSL_")) or n.lower().endswith("_proxy")]
    reach = {name: os.environ[name] for name in names}
    run(world, *tool, *install, str(wheel), env=reach)
    helper = world.home / ".local/bin/codex-tmux"
    yield helper
    run(world, *tool, "uninstall", "codex-tmux", env=reach)
    assert not helper.is_symlink()


def start(world: Sandbox) -> None:
    """Start the tmux server, as the user's first `tmux` does."""
    size = ("-x", "120", "-y", "40")
    world.tmux("new-session", "-d", "-s", "main", "-c", str(world.work), *size)


def everything(world: Sandbox) -> dict[str, str]:
    """All that the plugin could change in a tmux server."""
    lists = {
        "keys": ["list-keys"],
        "hooks": ["show-hooks", "-g"],
        "window hooks": ["show-hooks", "-gw"],
        "options": ["show-options", "-g"],
        "server options": ["show-options", "-s"],
        "window options": ["show-options", "-gw"],
        "pane options": ["show-options", "-p"],
        "environment": ["show-environment", "-g"],
        "buffers": ["list-buffers"],
    }
    return {name: world.tmux(*words) for name, words in lists.items()}


def run(world: Sandbox, *words: str | Path, ok: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a program inside the private server's environment; what it printed."""
    done = subprocess.run(
        [str(w) for w in words],
        env={**world.inside, **(env or {})},
        cwd=world.work,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def wait_active(world: Sandbox) -> None:
    """Wait until hooks, aliases and keys are in place and the first sync is through."""

    def active() -> bool:
        here = everything(world)
        return (
            "pane-title-changed[8470]" in here["window hooks"]
            and "command-alias[8470]" in here["server options"]
            and "pick --from-key" in here["keys"]
            and not world.option("@codex_pending")
        )

    world.wait_for(active, 20, "the plugin to be active")


def killed_pane_comes_back(world: Sandbox) -> None:
    """One turn, a kill, a plain respawn, another turn of the same conversation."""
    world.attach()
    pane, _ = world.talk("first", str(world.bin / "codex"))
    world.kill(pane)
    world.wait_dead(pane)
    world.respawn(pane)
    assert world.ask(pane, "second").messages == ("first", "second")
    world.tmux("kill-pane", "-t", pane)
    world.wait_for(lambda: not world.option("@codex_panes").strip(), 20, "the sync")


def unload(world: Sandbox, directory: Path) -> None:
    """Unload as a person does: once more where a sync under way has set its options again."""

    def gone() -> bool:
        run(world, directory / "plugin/unload")
        return not is_ours(everything(world))

    world.wait_for(gone, 20, "the plugin to be gone")


def test_from_a_wheel(world: Sandbox, installed: Path) -> None:
    start(world)
    before = everything(world)
    out = run(world, installed, "install", "-y")
    assert "written" in out
    assert "Loaded" in out
    assert "run-shell '~/.local/bin/codex-tmux load'" in (world.home / ".tmux.conf").read_text()
    wait_active(world)
    assert world.option("@codex_word") == f"'{installed}'"
    killed_pane_comes_back(world)
    run(world, installed, "install", "--check")
    out = run(world, installed, "selftest", env={"PATH": os.environ["PATH"]})
    assert out.splitlines()[-1].startswith("PASSED"), out
    # The next server loads it from tmux.conf.
    world.end_server()
    start(world)
    wait_active(world)
    world.quiet()
    world.tmux("set-option", "-g", "status-right", "#{?@codex_status, | #{@codex_status},}")
    out = run(world, installed, "uninstall", "-y")
    assert "Unloaded" in out
    assert "Your status-right still mentions" in out
    world.tmux("set-option", "-gu", "status-right")
    assert everything(world) == before
    assert (world.home / ".tmux.conf").read_text() == CONF
    assert [p.name for p in world.home.glob(".tmux.conf*")] == [".tmux.conf"]


def test_from_a_plain_checkout_that_cannot_be_written(world: Sandbox, checkout: Path, tmp_path: Path) -> None:
    directory = tmp_path / "it's #1 (read only)"
    shutil.copytree(checkout, directory)
    (directory / ".venv/bin").mkdir(parents=True)
    shutil.copy2(world.root / "helper", directory / ".venv/bin/codex-tmux")
    files = sorted(directory.rglob("*"))
    for path in (*files, directory):
        path.chmod(path.stat().st_mode & ~0o222)
    start(world)
    before = everything(world)
    world.end_server()
    quoted = str(directory / "codex.tmux").replace("'", "'\\''").replace("#", "##")
    (world.home / ".tmux.conf").write_text(CONF + f"\nrun-shell \"'{quoted}'\"\n".replace("\\", "\\\\"))
    start(world)
    wait_active(world)
    killed_pane_comes_back(world)
    unload(world, directory)
    assert everything(world) == before
    assert sorted(directory.rglob("*")) == files
    for path in (directory, *files):
        path.chmod(path.stat().st_mode | 0o200)


def tpm_directory() -> str:
    """TPM's own directory; the test is skipped where there is none."""
    for directory in (os.environ.get("TPM_DIR", ""), DEBIAN_TPM):
        if directory and os.path.isdir(directory):
            return directory
    pytest.skip(
        f"no TPM: set TPM_DIR to a clone of it, or install Debian's tmux-plugin-manager ({DEBIAN_TPM})"
    )


@pytest.mark.skipif(shutil.which("git") is None, reason="TPM clones with git, which is not here")
def test_with_tpm(world: Sandbox, checkout: Path, tmp_path: Path) -> None:
    tpm = tpm_directory()
    origin = tmp_path / "codex-tmux"
    shutil.copytree(checkout, origin)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *identity, "-C", str(origin), *words], check=True, env=world.env)
    (world.home / ".local/bin").mkdir(parents=True)
    shutil.copy2(world.root / "helper", world.home / ".local/bin/codex-tmux")
    start(world)
    before = everything(world)
    world.end_server()
    # As TPM's own instructions have it, with its directory instead of the usual one.
    plugins = world.home / ".tmux/plugins/"
    (world.home / ".tmux.conf").write_text(f"set -g @plugin '{origin}'\n{CONF}\nrun '{tpm}/tpm'\n")
    start(world)
    world.wait_for(lambda: "install_plugins" in world.tmux("list-keys", "-T", "prefix"), 20, "TPM's keys")
    run(world, Path(tpm, "bin/install_plugins"))
    assert (plugins / "codex-tmux/codex.tmux").exists()
    # What its key does after installing: it sources every plugin.
    run(world, Path(tpm, "scripts/source_plugins.sh"))
    wait_active(world)
    killed_pane_comes_back(world)
    # The next server loads it by itself.
    world.end_server()
    start(world)
    wait_active(world)
    unload(world, plugins / "codex-tmux")
    theirs = {"keys", "options", "environment"}  # TPM has put its own keys, options and variable there
    after = everything(world)
    assert {n: v for n, v in after.items() if n not in theirs} == {
        n: v for n, v in before.items() if n not in theirs
    }
    assert set(before["keys"].splitlines()) <= set(after["keys"].splitlines()), "the user's keys are back"


def is_ours(here: dict[str, str]) -> bool:
    """Whether anything in a server is the plugin's."""
    return any("@codex" in text or "codex-tmux respawn" in text for text in here.values())


def test_a_missing_helper_is_named_once_with_one_command(world: Sandbox, checkout: Path) -> None:
    """Nothing is installed by itself; only the keys are bound, and they load the plugin once there is a helper."""
    start(world)
    client = world.attach()
    before = everything(world)
    files = sorted(checkout.rglob("*"))
    world.tmux("run-shell", "-b", f"'{checkout}/codex.tmux'")
    world.wait_for(lambda: b"helper missing. Run: " in client.output, 20, "the message")
    world.wait_for(lambda: "pick --from-key" in world.tmux("list-keys"), 20, "the keys")
    after = everything(world)
    assert {k for k in after if after[k] != before[k]} == {"keys", "options"}
    assert sorted(checkout.rglob("*")) == files
    assert not list(world.home.glob(".local/bin/*"))
    assert world.tmux("list-panes", "-a", "-F", "#{pane_in_mode}") == "0"
    seen = len(client.output)
    client.send(b"\x02P")
    world.wait_for(lambda: b"helper missing. Run: " in client.output[seen:], 20, "the key to say so")
    (world.home / ".local/bin").mkdir(parents=True)
    shutil.copy2(world.root / "helper", world.home / ".local/bin/codex-tmux")
    client.send(b"\x02P")
    wait_active(world)
    unload(world, checkout)
    assert everything(world) == before


@pytest.mark.parametrize("words", [("new-session",), ("attach-session", "-t", "main")], ids=["new", "attach"])
def test_a_missing_helper_is_named_to_the_client_that_comes(
    world: Sandbox, checkout: Path, words: tuple[str, ...]
) -> None:
    """While tmux reads its configuration nobody is there to read a message. A plain `tmux` attaches no client."""
    start(world)
    before = everything(world)
    world.tmux("run-shell", f"'{checkout}/codex.tmux'")
    client = Client(["tmux", "-u", "-S", str(world.socket), *words], world.env, 120, 40)
    world.clients.append(client)
    world.wait_for(lambda: b"helper missing. Run: " in client.output, 20, "the message")
    world.wait_for(lambda: everything(world)["hooks"] == before["hooks"], 20, "its hooks to go")
    assert not world.option("@codex_say")


def test_a_helper_that_cannot_start_is_named(world: Sandbox, checkout: Path) -> None:
    """As after an upgrade of Python, which leaves a script whose interpreter is gone: hooks themselves are silent."""
    helper = world.home / ".local/bin/codex-tmux"
    helper.parent.mkdir(parents=True)
    helper.write_text("#!/nowhere/python3.10\n")
    helper.chmod(0o755)
    start(world)
    world.tmux("run-shell", f"'{checkout}/codex.tmux'")
    client = world.attach(width=200)
    world.wait_for(lambda: b"codex-tmux does not run. Install codex-tmux again" in client.output, 20, "it")
    assert world.tmux("list-panes", "-a", "-F", "#{pane_in_mode}") == "0"
