"""Another machine, on this one: an sshd of its own on a loopback port, with another home and another Codex home."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from codex_tmux.selftest.world import MARKER, trusted
from tests.support.codex_package import copy_linked
from tests.support.world import Sandbox

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin:" + os.environ.get("PATH", ""))


class FarEnd(NamedTuple):
    """Where it is: `ssh` are the words that reach it, without a host's command; `home` is its own."""

    ssh: tuple[str, ...]
    home: Path
    config: Path
    work: Path

    @property
    def codex_home(self) -> Path:
        return self.home / ".codex"

    @property
    def ssh_t(self) -> tuple[str, ...]:
        """The same, asking for a terminal."""
        return (self.ssh[0], "-t", *self.ssh[1:])


@contextmanager
def far_end(sandbox: Sandbox) -> Iterator[FarEnd]:
    """A far end whose Codex is the sandbox's, talking to the sandbox's model; ended by process id."""
    if SSHD is None or shutil.which("ssh") is None:
        why = "no sshd: install openssh-server"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{why} (CI must not skip this)")
        pytest.skip(why)
    home = sandbox.home.parent / "far"
    home.mkdir(mode=0o700)
    (home / "bin").mkdir()
    copy_linked(sandbox.home, home, ".codex")
    sandbox.homes.append(home / ".codex")
    work = home / "src"
    work.mkdir()
    with open(home / ".codex/config.toml", "a") as config:
        config.write(trusted(home) + trusted(work))
    (home / "bin/codex").symlink_to(sandbox.bin / "codex")
    # A login shell makes its own PATH, and sshd starts in the home that the password file names.
    (home / ".bashrc").write_text(f"PATH={home / 'bin'}:$PATH\ncd {home}\n")
    (home / ".bash_profile").write_text(". ~/.bashrc\nPS1='far$ '\n")
    (home / ".hushlogin").touch()
    etc = home / "etc"
    etc.mkdir(mode=0o700)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", etc / key], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{home / 'bin'}:{os.environ.get('PATH', os.defpath)}"
    # sshd gives its children an environment of its own: with the marker the sandbox finds and ends them.
    given = {"HOME": home, MARKER: sandbox.root, "PATH": path, "TMPDIR": sandbox.short, "LANG": "C.UTF-8"}
    (etc / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {etc / 'host'}\nAuthorizedKeysFile {etc / 'user.pub'}\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        f"PrintMotd no\nPrintLastLog no\n"
        f"SetEnv {' '.join(f'{name}={value}' for name, value in given.items())}\n"
    )
    ssh_config = etc / "ssh_config"
    ssh_config.write_text(
        f"Host far\n HostName 127.0.0.1\n Port {port}\n IdentityFile {etc / 'user'}\n IdentitiesOnly yes\n"
        f" StrictHostKeyChecking accept-new\n UserKnownHostsFile {etc / 'known_hosts'}\n LogLevel ERROR\n"
    )
    if os.getuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # root's sshd insists on it
    with open(etc / "log", "w") as log:
        sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", etc / "sshd_config"], stderr=log, env=sandbox.env)
    try:
        wait_for_port(port, etc / "log")
        yield FarEnd(("ssh", "-F", str(ssh_config), "far"), home, ssh_config, work)
    finally:
        sshd.terminate()
        sshd.wait(10)


def wait_for_port(port: int, log: Path) -> None:
    """Wait until something listens there."""
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise AssertionError(f"sshd does not listen: {log.read_text()}") from None
            time.sleep(0.02)


def joined(world: Sandbox, pane: str) -> str:
    """The pane's screen, broken lines joined."""
    return world.tmux("capture-pane", "-p", "-J", "-t", pane)


def wait_bound(world: Sandbox, pane: str, session: str) -> None:
    """Wait until the pane has the session, of which its title shows the beginning."""
    world.wait_for(
        lambda: (
            session.startswith(world.format(pane, "#{@codex_session}") or "-")
            and world.format(pane, "#{@codex_state}") == "live"
        ),
        20,
        f"{pane} to be bound to {session}",
    )


def kill_root(world: Sandbox, pane: str) -> None:
    """Kill the pane's own process, what reaches the far end, and wait until the pane sleeps."""
    os.kill(int(world.format(pane, "#{pane_pid}")), signal.SIGKILL)
    world.wait_asleep(pane)


def remote_shell(world: Sandbox, far: FarEnd, *command: str) -> str:
    """A pane with a shell of the far end, at its prompt."""
    pane = world.new_pane(*(command or far.ssh))
    world.wait_for(lambda: "far$" in world.capture(pane), 20, "the remote prompt")
    return pane


def wait_remote_prompt(world: Sandbox, pane: str) -> None:
    """Wait until the last line of the pane is the far end's prompt."""
    world.wait_for(lambda: joined(world, pane).rstrip().endswith("far$"), 20, "the remote prompt")


def wait_shell_cleared(world: Sandbox, pane: str) -> None:
    """Wait until the pane is back in its own shell, with an empty screen."""
    world.wait_for(lambda: world.format(pane, "#{pane_current_command}") == "bash", 20, "the shell")
    world.enter(pane, "clear")
    world.wait_for(lambda: "turn" not in world.capture(pane), 20, "an empty screen")


def restart_server(world: Sandbox) -> None:
    """End the tmux server, and start another one in which the sessions are lost."""
    world.quiet()  # a sync under way could take what the server's end closes for closed
    world.end_server()
    world.start_server(load_plugin=True)
    world.wait_for(lambda: [r for r in world.listed() if r["status"] == "lost"], 20, "the lost record")
