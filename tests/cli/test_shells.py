import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ironworks.cli.shells import SYNTAX, Shell, of_user, statements

NASTY = [
    "plain",
    "two words",
    "it's",
    '"quoted" $HOME `id` $(id)',
    "back\\slash\\",
    "line\nbreak",
    "ü’‘–",
    "",
    "-n",
]
PROGRAMS = {
    "bash": (Shell.BASH, ["bash", "--norc", "-c"]),
    "sh": (Shell.BASH, ["sh", "-c"]),
    "zsh": (Shell.BASH, ["zsh", "-f", "-c"]),
    "fish": (Shell.FISH, ["fish", "--no-config", "-c"]),
    "pwsh": (Shell.POWERSHELL, ["pwsh", "-NoProfile", "-Command"]),
}
SHOW = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k in ('SET', 'GONE')}))"


def evaluate(program: str, script: str) -> dict[str, str]:
    """The variables after a real shell has run the script."""
    _, command = PROGRAMS[program]
    call = "& " if program == "pwsh" else ""
    show = f"{call}'{sys.executable}' -c \"{SHOW}\""
    ran = subprocess.run(
        [*command, f"{script}\n{show}"],
        env={"GONE": "was here", "PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_real_shell_reads_what_was_meant(program: str, value: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    shell, _ = PROGRAMS[program]
    lines = statements(shell, {"GONE": "was here"}, {"SET": value}, ["SET", "GONE", "NEVER"])
    expected = (
        {} if program == "pwsh" and value == "" else {"SET": value}
    )  # PowerShell has no empty variables
    assert evaluate(program, "\n".join(lines)) == expected


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20))
def test_bash_reads_any_text(value: str) -> None:
    lines = statements(Shell.BASH, {}, {"SET": value}, ["SET"])
    assert (
        evaluate("bash", f"eval \"$(cat <<'END-OF-TEXT'\n{chr(10).join(lines)}\nEND-OF-TEXT\n)\"")["SET"]
        == value
    )


def test_statements_stand_when_line_ends_are_lost() -> None:
    lines = statements(Shell.BASH, {"GONE": "x"}, {"SET": "a"}, ["GONE", "SET"])
    assert evaluate("sh", " ".join(lines)) == {"SET": "a"}


@pytest.mark.parametrize(
    ("shell", "assignment", "removal"),
    [
        (Shell.FISH, r"set -gx A 'it\'s \\';", "set -e A;"),
        (
            Shell.POWERSHELL,
            "${env:A} = 'it''s \\';",
            "Remove-Item -LiteralPath Env:A -ErrorAction SilentlyContinue;",
        ),
    ],
)
def test_each_language_quotes_in_its_own_way(shell: Shell, assignment: str, removal: str) -> None:
    assert SYNTAX[shell].assign("A", "it's \\") == assignment
    assert SYNTAX[shell].remove("A") == removal


@pytest.mark.parametrize(
    ("environ", "shell"),
    [
        ({"SHELL": "/bin/bash"}, Shell.BASH),
        ({"SHELL": "/usr/bin/zsh", "PSModulePath": "/x"}, Shell.BASH),
        ({"SHELL": "/usr/local/bin/fish"}, Shell.FISH),
        ({"SHELL": "/opt/pwsh"}, Shell.POWERSHELL),
        ({"PSModulePath": "C:\\Modules"}, Shell.POWERSHELL),
        ({}, Shell.BASH),
    ],
)
def test_the_shell_of_the_user_is_known_by_its_variables(environ: dict[str, str], shell: Shell) -> None:
    assert of_user(environ) is shell
