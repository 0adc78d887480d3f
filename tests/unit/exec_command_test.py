import pytest
from click.testing import CliRunner

from codex_tmux.errors import Problem
from codex_tmux.exec.command import check_flags, command

ID = "01a206de-8f3c-7a10-81b3-02aa28d1e23e"


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--sandbox", "read-only", "--model", "x", "--color", "never"),
        ("-c", "model_reasoning_effort=high", "--skip-git-repo-check", "-C", "resume"),
        ("--some-future-option=1",),
        ("-o", "last.txt"),
    ],
)
def test_flags_of_a_conversation(flags: tuple[str, ...]) -> None:
    check_flags(flags)


@pytest.mark.parametrize(
    "flags",
    "do\\ this|-m x do\\ this|resume ID|resume|fork ID|review|help|exec|--ephemeral|-i a.png|-ia.png|--image=a.png|"
    "--last|--worktree|-h|-- do\\ this|--|--some-future-option 1".split("|"),
)
def test_flags_of_one_turn_or_of_another_command(flags: str) -> None:
    words = flags.replace("ID", ID).replace("\\ ", "\0").split(" ")
    with pytest.raises(Problem):
        check_flags(tuple(word.replace("\0", " ") for word in words))


def test_options_that_need_one_another() -> None:
    run = CliRunner().invoke
    assert run(command, ["-c", "/"]).exit_code == 2
    assert run(command, ["--split", "-n", "x"]).exit_code == 2
    assert isinstance(run(command, ["--new", "-c", "/no/such/dir"]).exception, Problem)
