"""Command lines that reach a far end: what runs there, how it resumes, and how the far end is asked."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_tmux.elsewhere.remote_command import codex_of, with_script, with_session
from codex_tmux.elsewhere.run_again import CONNECT, NOTHING, RESUME, run_again
from codex_tmux.elsewhere.shell_text import Token, tokens
from codex_tmux.elsewhere.transport import Transport, of_argv

ID = "01a201da-7561-7551-a7df-a07aa6f38cdb"


def read(line: str) -> Transport:
    """The transport of a command line written as in a shell."""
    found = of_argv(shlex.split(line))
    assert found is not None
    assert list(found.argv) == shlex.split(line)
    return found


@pytest.mark.parametrize(
    ("line", "kind", "target", "remote"),
    [
        ("ssh host", "ssh", "host", ""),
        ("/usr/bin/ssh me@host", "ssh", "me@host", ""),
        ("ssh -t host codex -m gpt-5", "ssh", "host", "codex -m gpt-5"),
        ("ssh -tt -p 2222 host codex", "ssh", "host", "codex"),
        ("ssh -tp2222 host codex", "ssh", "host", "codex"),
        ("ssh host -t codex", "ssh", "host", "codex"),
        ("ssh host -t -- codex -m x", "ssh", "host", "codex -m x"),
        ("ssh -t -- host codex -m x", "ssh", "host", "codex -m x"),
        ("ssh -o RequestTTY=yes -i key -J a,b host codex", "ssh", "host", "codex"),
        ("ssh -o 'RequestTTY force' host codex", "ssh", "host", "codex"),
        ("ssh -l me -4A -F /dev/null ssh://host:22 -t codex", "ssh", "ssh://host:22", "codex"),
        ("autossh -M 0 -t host codex", "ssh", "host", "codex"),
        ("mosh host", "mosh", "host", ""),
        ("mosh --ssh 'ssh -p 2222' -p 60001 host -- codex -m x", "mosh", "host", "codex -m x"),
        ("mosh --predict=never host codex", "mosh", "host", "codex"),
        ("docker exec -it box codex -m x", "docker", "box", "codex -m x"),
        ("docker exec -it -u me -w /src --env A=b box codex", "docker", "box", "codex"),
        ("docker -H tcp://x --context c exec -ti box bash", "docker", "box", "bash"),
        ("docker container exec --interactive --tty box codex", "docker", "box", "codex"),
        ("docker compose -f x.yml exec web codex", "docker", "web", "codex"),
        ("docker-compose exec web codex", "docker-compose", "web", "codex"),
        ("podman exec -ti box codex", "podman", "box", "codex"),
        ("sudo -u me podman exec -ti box codex", "podman", "box", "codex"),
        ("sudo -E docker exec -it box codex", "docker", "box", "codex"),
        ("env A=b docker exec -it box codex", "docker", "box", "codex"),
        ("distrobox enter box", "distrobox", "box", ""),
        ("distrobox enter box -- codex -m x", "distrobox", "box", "codex -m x"),
        ("distrobox enter -nw --name box -a '--env A=b' -- codex", "distrobox", "box", "codex"),
        ("distrobox-enter -n box -e codex", "distrobox", "box", "codex"),
        ("toolbox enter box", "toolbox", "box", ""),
        ("toolbox run -c box codex -m x", "toolbox", "box", "codex -m x"),
        ("kubectl -n ns exec -it pod -c main -- codex -m x", "kubectl", "pod", "codex -m x"),
        ("oc exec -ti deploy/x -- codex", "oc", "deploy/x", "codex"),
        ("incus exec box -- codex", "incus", "box", "codex"),
        ("lxc exec box --user 1000 -- codex", "lxc", "box", "codex"),
    ],
)
def test_what_runs_at_the_far_end(line: str, kind: str, target: str, remote: str) -> None:
    found = read(line)
    assert (found.kind, found.target, list(found.remote)) == (kind, target, shlex.split(remote))
    assert found.terminal


@pytest.mark.parametrize(
    "line",
    [
        "",
        "bash",
        "ls ssh host",
        "ssh",
        "ssh -V",
        "sshd -D",
        "ssh-add",
        "docker",
        "docker ps",
        "docker exec",
        "docker logs -f box",
        "distrobox list",
        "toolbox list",
        "kubectl get pods",
        "kubectl logs -f pod",
        "lxc list",
        "tmux",
        "tmux attach -t main",
        "tmux -L inner new-session -A -s x codex",
        "tmux kill-server",
        "tmux list-panes",
        "sudo bash",
        "env",
        "codex -m ssh",
        "vim ssh host",
        "bash -c 'ssh host'",
    ],
)
def test_no_transport(line: str) -> None:
    found = of_argv(shlex.split(line))
    assert found is None or not found.target


@pytest.mark.parametrize(
    "line",
    [
        "ssh host codex",
        "ssh git@host git-upload-pack repo",
        "ssh -N -L 1:x:1 host",
        "ssh -T host",
        "ssh -W x:1 host",
        "ssh -O check host",
        "ssh -s host sftp",
        "ssh -tf host codex",
        "docker exec box codex",
        "docker exec -i box codex",
        "docker exec -itd box codex",
        "docker exec -i --tty=false box codex",
        "docker compose exec -T web codex",
        "kubectl exec pod -- codex",
        "distrobox enter -T box -- codex",
    ],
)
def test_without_a_terminal_there_is_no_codex(line: str) -> None:
    assert not read(line).terminal


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (
            ["perl", "/usr/bin/mosh", "--ssh=ssh -p 2", "host", "--", "codex"],
            "/usr/bin/mosh '--ssh=ssh -p 2' host -- codex",
        ),
        (
            ["/bin/sh", "/usr/bin/distrobox", "enter", "box", "--", "codex"],
            "/usr/bin/distrobox enter box -- codex",
        ),
    ],
)
def test_what_a_script_looks_like_among_processes(argv: list[str], line: str) -> None:
    assert of_argv(argv) == of_argv(shlex.split(line))


@pytest.mark.parametrize(
    ("line", "resumed"),
    [
        ("ssh -t host codex", ["ssh", "-t", "host", f"codex resume {ID}"]),
        ("ssh -t host codex -m gpt-5 'do this'", ["ssh", "-t", "host", None]),
        ("ssh -t host \"codex -m gpt-5 'do this'\"", ["ssh", "-t", "host", f"codex -m gpt-5 resume {ID}"]),
        ("ssh -t host codex resume " + ID.replace("0", "1"), ["ssh", "-t", "host", f"codex resume {ID}"]),
        ("ssh -t host codex resume --last", ["ssh", "-t", "host", f"codex resume {ID}"]),
        (
            "ssh -t host 'cd ~/src && CODEX_HOME=$HOME/c exec codex -C \"$HOME/x y\" --add-dir ~/z hello'",
            [
                *("ssh", "-t", "host"),
                f'cd ~/src && CODEX_HOME=$HOME/c exec codex -C "$HOME/x y" --add-dir ~/z resume {ID}',
            ],
        ),
        ("ssh -t host 'codex; exec bash -l'", ["ssh", "-t", "host", f"codex resume {ID} ; exec bash -l"]),
        ("ssh -t host 'codex || bash'", ["ssh", "-t", "host", f"codex resume {ID} || bash"]),
        (
            "ssh -t host bash -lc \"'codex -m x hi'\"",
            ["ssh", "-t", "host", f"bash -lc 'codex -m x resume {ID}'"],
        ),
        (
            "ssh -t host 'bash -l -c \"cd /src && codex\"'",
            ["ssh", "-t", "host", f"bash -l -c 'cd /src && codex resume {ID}'"],
        ),
        ("ssh -t host /opt/bin/codex", ["ssh", "-t", "host", f"/opt/bin/codex resume {ID}"]),
        ("ssh -t host 'env A=\"b c\" codex'", ["ssh", "-t", "host", f'env A="b c" codex resume {ID}']),
        ("docker exec -it box codex -m x 'do this'", f"docker exec -it box codex -m x resume {ID}".split()),
        (
            "docker exec -it box bash -lc 'cd /src && codex -c a=\"$b\"'",
            ["docker", "exec", "-it", "box", "bash", "-lc", f'cd /src && codex -c a="$b" resume {ID}'],
        ),
        (
            "docker exec -it box env 'A=b c' codex -C 'd e;f'",
            ["docker", "exec", "-it", "box", "env", "A=b c", "codex", "-C", "d e;f", "resume", ID],
        ),
        ("distrobox enter box -- codex", f"distrobox enter box -- codex resume {ID}".split()),
        ("mosh host -- codex -m x y", f"mosh host -- codex -m x resume {ID}".split()),
        ("kubectl exec -it pod -- codex", f"kubectl exec -it pod -- codex resume {ID}".split()),
        ("toolbox run -c box codex", f"toolbox run -c box codex resume {ID}".split()),
    ],
)
def test_resume_goes_to_its_place_in_the_remote_command(line: str, resumed: list[str | None]) -> None:
    if None in resumed:  # ssh joins its words with blanks: the far end's shell sees three words
        resumed = ["ssh", "-t", "host", f"codex -m gpt-5 resume {ID}"]
    assert with_session(read(line), ID) == tuple(resumed)
    # Said again of what it said: the same.
    again = of_argv([str(word) for word in resumed])
    assert again is not None
    assert with_session(again, ID) == tuple(resumed)
    codex = codex_of(again)
    assert codex is not None
    assert codex.command.session_id == ID
    assert not codex.command.prompt


def test_fresh_keeps_flags_and_leaves_the_prompt() -> None:
    assert with_session(read("ssh -t host codex -m x 'do it'"), "") == ("ssh", "-t", "host", "codex -m x")


@pytest.mark.parametrize(
    "line",
    [
        "ssh host",
        "ssh -t host bash",
        "ssh -t host tmux attach",
        "ssh -t host tmux new -A -s x codex",
        "ssh -t host codex exec hi",
        "ssh -t host codex app-server",
        "ssh -t host 'codex | tee x'",
        "ssh -t host 'codex > x'",
        "ssh -t host 'codex &'",
        "ssh -t host 'echo $(codex)'",
        "ssh -t host 'codex $FLAGS'",
        "ssh -t host 'codex `x`'",
        "ssh -t host '(codex)'",
        "ssh -t host 'if true; then codex; fi'",
        "ssh -t host 'vpn up && codex'",
        'ssh -t host "codex \'open"',
        "ssh -t host 'bash -lc \"codex -C $HOME\"'",
        "docker exec -it box bash",
    ],
)
def test_what_is_not_fully_understood_is_not_rebuilt(line: str) -> None:
    assert codex_of(read(line)) is None


# What may run again. `CONNECT` lines start no Codex; the old prompt is in none of them.

PLAIN = "ssh -o RemoteCommand=none -t far"


@pytest.mark.parametrize(
    ("line", "how", "words"),
    [
        ("ssh -t far 'codex -m x \"hello\"'", RESUME, f"ssh -t far 'codex -m x resume {ID}'"),
        ("ssh -t far codex why does it fail?", RESUME, f"ssh -t far 'codex resume {ID}'"),
        ("ssh -t far 'codex \"costs $5\"'", CONNECT, PLAIN),
        ("ssh -t far \"codex 'costs \\$5'\"", RESUME, f"ssh -t far 'codex resume {ID}'"),
        ("ssh far", CONNECT, "ssh -o RemoteCommand=none far"),
        ("ssh -o RemoteCommand=codex far", CONNECT, "ssh -o RemoteCommand=none -o RemoteCommand=codex far"),
        ("sudo -u ssh ssh far", CONNECT, "sudo -u ssh ssh -o RemoteCommand=none far"),
        ("ssh -t far 'codex $FLAGS \"hello\"'", CONNECT, PLAIN),
        ("ssh -t far 'codex \"$FLAGS\" hello'", CONNECT, PLAIN),
        ("ssh -t far 'codex -m $MODEL hello'", CONNECT, PLAIN),
        ("ssh -t far 'codex --add-dir src/* hello'", CONNECT, PLAIN),
        ("ssh -t far 'codex --add-dir {a,b} hello'", CONNECT, PLAIN),
        ("ssh -t far 'codex \"$(echo hi)\"'", CONNECT, PLAIN),
        ("ssh -t far 'codex `echo hi`'", CONNECT, PLAIN),
        ("ssh -t far '. ~/.profile; codex \"hello\"'", CONNECT, PLAIN),
        ("ssh -t far 'source v/bin/activate&&codex hello'", CONNECT, PLAIN),
        ("ssh -t far 'export A=1; codex hello'", CONNECT, PLAIN),
        ("ssh -t far 'set -e; codex hello'", CONNECT, PLAIN),
        ("ssh -t far 'mkdir -p w && cd w && codex hello'", CONNECT, PLAIN),
        ("ssh -t far 'codex hello 2>err.log'", CONNECT, PLAIN),
        ("ssh -t far 'codex hello | tee x'", CONNECT, PLAIN),
        ("ssh -t far 'codex one; codex two'", CONNECT, PLAIN),
        ("ssh -t far 'codex hello # or so'", CONNECT, PLAIN),
        ("ssh -t far 'nice codex hello'", CONNECT, PLAIN),
        ("ssh -t far npx codex hello", CONNECT, PLAIN),
        ("ssh -t far 'npx @openai/codex hello'", CONNECT, PLAIN),
        ("ssh -t far direnv exec . codex hello", CONNECT, PLAIN),
        ("ssh -t far ./start.sh hello", CONNECT, PLAIN),
        ("ssh -t far \"bash -c 'codex \\$1' x hello\"", CONNECT, PLAIN),
        ("ssh -t far \"bash -c 'codex' x hello\"", CONNECT, PLAIN),
        ("ssh -t far 'bash start.sh'", CONNECT, PLAIN),
        ("ssh -t far 'bash -l'", CONNECT, "ssh -t far 'bash -l'"),
        ("ssh -t far tmux attach -t main", CONNECT, "ssh -t far 'tmux attach -t main'"),
        ("ssh -t far tmux", CONNECT, "ssh -t far tmux"),
        ('ssh -t far tmux new -A -s w "\\"codex \'x\'\\""', CONNECT, "ssh -t far 'tmux new -A -s w'"),
        ("ssh -t far 'tmux new-session -A -s w codex x'", CONNECT, "ssh -t far 'tmux new-session -A -s w'"),
        ("ssh -t far 'tmux attach \\; new-window codex'", CONNECT, PLAIN),
        ("ssh -t far 'tmux attach; codex hello'", CONNECT, PLAIN),
        ("ssh -t far 'tmux source x'", CONNECT, PLAIN),
        ("docker exec -it box bash", CONNECT, "docker exec -it box bash"),
        ("docker exec -it box bash -c '. x && codex \"x\"'", CONNECT, "docker exec -it box sh"),
        ("docker exec -it box codex 'do $X'", RESUME, f"docker exec -it box codex resume {ID}"),
        ("kubectl exec -it pod -- ./start.sh", CONNECT, "kubectl exec -it pod -- sh"),
        ("distrobox enter box -- ./start.sh", CONNECT, "distrobox enter box"),
        ("ssh -t far -- ./start.sh", CONNECT, PLAIN),
        ("toolbox run -c box ./start.sh", CONNECT, "toolbox run -c box sh"),
        ("toolbox enter box", CONNECT, "toolbox enter box"),
        ("docker attach box", CONNECT, "docker attach box"),
        ("docker run -it img codex hello", NOTHING, "docker run"),
        ("docker compose run web codex hello", NOTHING, "docker compose run"),
        ("podman start -ai box", NOTHING, "podman start"),
        ("tmux attach", NOTHING, "tmux attach"),
        (
            "mosh --ssh 'ssh -p 22' far -- codex hello",
            RESUME,
            f"mosh --ssh 'ssh -p 22' far -- codex resume {ID}",
        ),
        ("mosh far ./start.sh", CONNECT, "mosh far"),
        ("mosh far -- ./start.sh", CONNECT, "mosh far"),
    ],
)
def test_what_may_run_again(line: str, how: str, words: str) -> None:
    again = run_again(shlex.split(line), ID)
    assert (again.how, shlex.join(again.words)) == (how, words)
    assert bool(again.codex) == (how == RESUME)
    remembered = run_again(shlex.split(line))
    assert run_again(remembered.words, ID)[:4] == again[:4], "what is remembered leads to the same"
    assert "hello" not in shlex.join(remembered.words), "and no prompt is in it"


@pytest.mark.parametrize(
    ("seen", "how", "words"),
    [
        ("far", CONNECT, "mosh far"),
        ("-p 60001 --predict=never me@far -- codex --add-dir /tmp/a b hello", CONNECT, None),
        ("far -- sh -c cd /tmp && codex hello", CONNECT, "mosh far"),
        ("--ssh=ssh -p 2222 far -- codex hello", NOTHING, "mosh"),
        ("--ssh ssh far", NOTHING, "mosh"),
        ("--ss=ssh -p 2222 far", NOTHING, "mosh"),
        ("--client=my mosh far", NOTHING, "mosh"),
        ("--server mosh-server new far", NOTHING, "mosh"),
        ("-4", NOTHING, "mosh"),
    ],
)
def test_words_that_may_have_been_split_are_not_rebuilt(seen: str, how: str, words: str | None) -> None:
    again = run_again(["mosh-client", f"-# {seen} |", "127.0.0.1", "60001"], ID)
    expected = "mosh -p 60001 --predict=never me@far" if words is None else words
    assert (again.how, shlex.join(again.words)) == (how, expected)
    assert run_again(again.words).how == how


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("ssh -t far codex hello", True),
        ("ssh -t far 'cd src && exec codex -m \"a b\"'", True),
        ("ssh -t far 'bash -lc \"cd src && codex\"'", True),
        ("docker exec -it box codex", True),
        ("ssh -t far 'codex; exec bash -l'", False),
        ("ssh -t far 'codex || bash'", False),
        ("ssh -t far 'bash -lc \"codex; bash\"'", False),
        ("ssh far", False),
        ("ssh -t far ./start.sh", False),
    ],
)
def test_whether_a_shell_may_come_behind_it(line: str, ends: bool) -> None:
    assert run_again(shlex.split(line)).ends is ends


SCRIPT = 'for f in "$d"/x; do echo "$f"; done'
QUIET = "-o BatchMode=yes -o ConnectTimeout=5 -o ClearAllForwardings=yes -o RemoteCommand=none"
QUIET += " -o PermitLocalCommand=no -T"


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("ssh -t host codex", f"ssh {QUIET} host X"),
        ("ssh host", f"ssh {QUIET} host X"),
        (
            "ssh -ttAp 22 -i k -L 1:x:1 -R 2 -D 3 -o A=b host -l me codex",
            f"ssh {QUIET} -A -p 22 -i k -o A=b -l me host X",
        ),
        ("autossh -M 20000 -t host codex", f"ssh {QUIET} host X"),
        ("mosh --ssh 'ssh -p 22' me@host -- codex", f"ssh {QUIET} -p 22 me@host X"),
        ("docker -H x exec -itu me -w /src box codex", "docker -H x exec -u me -w /src box X"),
        ("docker exec --interactive -t -uroot box bash", "docker exec -u root box X"),
        ("sudo podman exec -it box codex", "sudo podman exec box X"),
        ("docker compose exec web codex", "docker compose exec -T web X"),
        ("kubectl -n ns exec -it pod -c main -- codex", "kubectl -n ns exec -c main pod -- X"),
        ("distrobox enter -nw box -- codex", "distrobox enter --no-tty -nw box -- X"),
        ("toolbox enter box", "toolbox run --container box X"),
        ("incus exec box -- codex", "incus exec box -- X"),
    ],
)
def test_how_the_far_end_is_asked(line: str, asked: str) -> None:
    assert (*read(line).asking, "X") == tuple(asked.split())


@pytest.mark.parametrize("line", ["docker run -it image codex", "docker attach box"])
def test_who_cannot_be_asked(line: str) -> None:
    found = of_argv(line.split())
    assert found is not None
    assert not found.asking


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("ssh -t host codex -m x", ("sh -c " + shlex.quote(SCRIPT),)),
        ("ssh -t host 'cd /x && exec codex hi; bash'", ("sh -c " + shlex.quote(SCRIPT),)),
        ("ssh -t host 'CODEX_HOME=~/c codex'", ("CODEX_HOME=~/c sh -c " + shlex.quote(SCRIPT),)),
        ("docker exec -it box env CODEX_HOME=/c codex", ("env", "CODEX_HOME=/c", "sh", "-c", SCRIPT)),
        (
            "docker exec -it box bash -lc 'CODEX_HOME=$X codex'",
            ("bash", "-lc", "CODEX_HOME=$X sh -c " + shlex.quote(SCRIPT)),
        ),
    ],
)
def test_the_question_is_asked_in_codex_own_environment(line: str, asked: tuple[str, ...]) -> None:
    assert with_script(read(line), SCRIPT) == asked


@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_words_that_a_shell_quoted_are_read_as_they_were(words: list[str]) -> None:
    found = tokens(shlex.join(words))
    assert found is not None
    assert found == words
    assert all(isinstance(word, Token) for word in found)


@given(st.text(alphabet=" \t\n'\"\\$`&|;<>(){}#=-abc", max_size=30))
def test_no_text_is_an_error(text: str) -> None:
    assert tokens(text) is None or tokens(text) == tokens(text)
    transport = of_argv(["ssh", "-t", "host", text])
    assert transport is not None
    codex_of(transport)
    with_session(transport, ID)


@given(
    st.lists(st.sampled_from("ssh host -t -- codex sudo env A=b docker exec -it box mosh tmux -L".split()))
)
def test_no_command_line_is_an_error(argv: list[str]) -> None:
    found = of_argv(argv)
    if found is not None:
        assert list(found.argv) == argv
        with_session(found, ID)
        again = run_again(argv)
        assert run_again(again.words) == again, "what is remembered says the same again"
