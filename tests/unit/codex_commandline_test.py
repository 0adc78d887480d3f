from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_tmux.codex import commandline
from codex_tmux.codex.commandline import (
    OPTIONS,
    exec_fresh,
    exec_resume,
    parse,
    redact,
    split_program,
    tui_resume,
    without_cd,
)

ID = "01a201da-7561-7551-a7df-a07aa6f38cdb"
PROMPT = "a prompt"


@pytest.mark.parametrize(
    ("argv", "program"),
    [
        (["codex", "-m", "x"], ["codex"]),
        (["/opt/bin/codex", "-m", "x"], ["/opt/bin/codex"]),
        (["./codex-x86_64-unknown-linux-musl", "-m", "x"], ["./codex-x86_64-unknown-linux-musl"]),
        (["codex-aarch64-apple-darwin", "-m", "x"], ["codex-aarch64-apple-darwin"]),
        (["node", "/x/.bin/codex", "-m", "x"], ["node", "/x/.bin/codex"]),
        (["bun", "--inspect", "/x/codex.js", "-m", "x"], ["bun", "--inspect", "/x/codex.js"]),
    ],
)
def test_split_program(argv: list[str], program: list[str]) -> None:
    assert split_program(argv) == (program, ["-m", "x"])


SOMETHING_ELSE = (
    "|codex-tmux run|codex-linux-sandbox ls|bash codex|vim /x/codex|node|node server.js codex|node -e codex|"
    "python /x/codex-tmux run|python3 -I /x/bin/codex-tmux run|python3 -I /x/bin/codex -m x|python3 -m codex"
).split("|")


@pytest.mark.parametrize("argv", [[""], *(line.split() for line in SOMETHING_ELSE)], ids=" ".join)
def test_split_program_of_something_else(argv: list[str]) -> None:
    assert split_program(argv) is None


def test_split_program_follows_a_link_into_the_npm_package(tmp_path: Path) -> None:
    script = tmp_path / "node_modules/@openai/codex/bin/start.js"
    script.parent.mkdir(parents=True)
    script.touch()
    link = tmp_path / "cx"
    link.symlink_to(script)
    assert split_program(["node", str(link), "hi"]) == (["node", str(link)], ["hi"])


@pytest.mark.parametrize(
    ("args", "subcommand", "mode", "flags", "session_id", "prompt"),
    [
        ("", None, "tui", "", None, False),
        ("hello", None, "tui", "", None, True),
        ("-", None, "tui", "", None, True),
        ("-- resume", None, "tui", "", None, True),
        ("-m x --model=y", None, "tui", "--model=y", None, False),
        ("-mx -c a=b --config=c=d", None, "tui", "-mx -c a=b --config=c=d", None, False),
        (f"-m x resume --search {ID}", "resume", "tui", "-m x --search", ID, False),
        (f"resume {ID.upper()} go", "resume", "tui", "", ID, True),
        (f"hi resume {ID}", "resume", "tui", "", ID, False),
        ("resume my-session", "resume", "tui", "", None, False),
        (f"resume --last {ID}", "resume", "tui", "", None, True),
        ("resume --all --include-non-interactive", "resume", "tui", "", None, False),
        (f"fork {ID} hi", "fork", "tui", "", None, True),
        ("agents -m x", "agents", "tui", "-m x", None, False),
        ("-i a b c -m x", None, "tui", "-m x", None, False),
        ("-i a b -- hi", None, "tui", "", None, True),
        ("-ia hi", None, "tui", "", None, True),
        ("--worktree hi", None, "tui", "", None, True),
        ("--worktree=name hi", None, "tui", "", None, True),
        ("-a never exec -C d --json -o f hi", "exec", "exec", "-a never -C d", None, True),
        ("e --skip-git-repo-check --color never hi", "exec", "exec", "--skip-git-repo-check", None, True),
        (f"exec -m x resume -i a {ID} -", "exec", "exec", "-m x", ID, True),
        (f"exec fork {ID} hi", "exec", "exec", "", None, True),
        ("exec review", "exec", None, "", None, False),
        ("app-server --listen unix://", "app-server", None, "", None, False),
        ("-m x mcp-server", "mcp-server", None, "-m x", None, False),
        ("a", "apply", None, "", None, False),
        ("sandbox -- resume", "sandbox", None, "", None, False),
        ("--help", None, None, "", None, False),
        ("-V", None, None, "", None, False),
        ("resume -h", "resume", None, "", None, False),
        ("--future --new=1 -z2", None, "tui", "--future --new=1 -z2", None, False),
        ("--future word", None, "tui", "--future", None, True),
        (f"-a never resume --yolo {ID}", "resume", "tui", "--yolo", ID, False),
        ("--add-dir a --add-dir b", None, "tui", "--add-dir a --add-dir b", None, False),
        ("-m", None, "tui", "", None, False),
        ("-m --search", None, "tui", "--search", None, False),
    ],
)
def test_parse(
    args: str, subcommand: str | None, mode: str | None, flags: str, session_id: str | None, prompt: bool
) -> None:
    found = parse(args.split())
    assert found[:5] == (subcommand, mode, tuple(flags.split()), session_id, prompt)


EMBEDDED = "-c a=b|--search|--strict-config|--no-daemon|-p x|--approve-for-me|--dangerously-bypass-hook-trust|exec hi"
WITH_THE_DAEMON = "-m x|-s read-only|-a never|--yolo|--enable x|--no-alt-screen"


@pytest.mark.parametrize("args", [*EMBEDDED.split("|"), *WITH_THE_DAEMON.split("|")])
def test_embedded_or_with_the_daemon(args: str) -> None:
    assert parse(args.split()).embedded is (args in EMBEDDED.split("|"))


def test_values_of_cd_and_remote() -> None:
    found = parse(["-C/a", "resume", "--cd=/b", "--remote", "unix:///s"])
    assert (found.cd, found.remote) == ("/b", "unix:///s")


def test_exec_arguments() -> None:
    flags = ["-m", "x", "--search", "-C", "/d"]
    assert exec_resume(flags, ID) == f"--search exec --json -m x -C /d resume {ID} -".split()
    assert exec_fresh(flags, "/other") == ["--search", "exec", "--json", "-m", "x", "-C", "/d", "-"]
    assert exec_fresh(["-m", "x"], "/w") == ["exec", "--json", "-m", "x", "--cd", "/w", "-"]


def test_without_cd() -> None:
    for flags in (["--cd", "/gone"], ["-C", "/gone"], ["-C/gone"], ["--cd=/gone"]):
        assert without_cd(["-m", "x", *flags, "--search"]) == ["-m", "x", "--search"]
    assert without_cd(["-m", "-C"]) == []


def test_redact() -> None:
    flags = ["-c", "k=s3", "--config=a.b=s3", "-ck=s3", "-c=k=s3", "-c", "s3", "-m", "m=1"]
    assert redact(flags) == ["-c", "k=…", "--config=a.b=…", "-ck=…", "-c=k=…", "-c", "…", "-m", "m=1"]
    assert redact(["--remote", "wss://u:s3@h:1/p?token=s3"]) == ["--remote", "wss://h:1/p?…"]
    assert redact(["--remote=ws://u:s@3@h", "--key=s3", "-zs3"]) == ["--remote=ws://h", "--key=…", "-z…"]


VALUES = st.text(st.characters(exclude_characters="-"), max_size=8)
WORDS = st.one_of(
    st.sampled_from([word for o in OPTIONS for word in (o.name, o.short) if word]),
    st.sampled_from(list(commandline.SUBCOMMANDS)),
    st.sampled_from(["--", "-", "--=", "-=", ID, "-ma", "--cd=x", "--unknown", "--image=a"]),
    st.text(max_size=8),
)


@st.composite
def flag_lists(draw: st.DrawFn) -> list[str]:
    """Flags as `parse` gives them: nothing twice that Codex takes once, no conflict."""
    flags: list[str] = []
    for option in draw(st.lists(st.sampled_from([o for o in OPTIONS if o.replay]), max_size=6)):
        value = draw(VALUES)
        spelling = draw(st.integers(0, 3))
        if option.values == "0":
            flags += [option.name]
        elif spelling == 0:
            flags += [option.name, value]
        elif spelling == 1:
            flags += [f"{option.name}={value}"]
        elif option.short and spelling == 2 and value:
            flags += [f"{option.short}={value}"]
        else:
            flags += [option.short or option.name, value]
    return list(parse(flags).flags)


@given(st.lists(st.one_of(WORDS, st.text())))
def test_parse_reads_anything(args: list[str]) -> None:
    found = parse(args)
    again = parse(found.flags)
    assert again.flags == found.flags
    assert not again.prompt
    assert again.session_id is None
    redact(args), exec_fresh(args, "/"), split_program(args)


@given(flag_lists())
def test_what_is_resumed_reads_as_it_was_meant(flags: list[str]) -> None:
    back = parse(tui_resume(flags, ID))
    assert (list(back.flags), back.session_id, back.mode, back.prompt) == (flags, ID, "tui", False)
    assert list(parse(flags).flags) == flags
    turn = parse(exec_resume(flags, ID))
    assert (sorted(turn.flags), turn.session_id, turn.mode) == (sorted(flags), ID, "exec")


@given(flag_lists(), st.data())
def test_no_prompt_survives(flags: list[str], data: st.DataObject) -> None:
    """Wherever the one prompt stands between known options, it is not said again."""
    starts = [0]
    while starts[-1] < len(flags):
        starts.append(commandline._next(flags, starts[-1])[1])
    at = data.draw(st.sampled_from(starts))
    found = parse([*flags[:at], PROMPT, *flags[at:]])
    assert found.prompt
    assert PROMPT not in found.flags
    assert list(found.flags) == flags


@given(st.lists(st.text(st.characters(exclude_characters="-"), min_size=1), min_size=1, max_size=4))
def test_no_image_survives(images: list[str]) -> None:
    assert parse(["-m", "x", "-i", *images, "--search"]).flags == ("-m", "x", "--search")
