"""The program: help without imports, and settings that are wrong."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from landlord import __version__
from landlord.cli.main import COMMANDS, main
from landlord.runtime import exits
from landlord.runtime.settings import GROUPS, Settings, flag, variable


def test_help_names_every_command_and_imports_none() -> None:
    code = (
        "import sys; from landlord.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'kopf', 'kubernetes', 'pydantic', 'aiohttp', 'yaml', 'prometheus_client'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    paths = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(paths)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, (_, words) in COMMANDS.items():
        assert name in done.stdout
        assert words in done.stdout


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"landlord {__version__}\n"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_table_exists(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["evict"])
    assert result.exit_code == 2
    assert "No such command 'evict'" in result.output


def test_help_of_run_shows_every_setting_in_its_group() -> None:
    words = CliRunner().invoke(main, ["run", "--help"]).output
    for name in Settings.model_fields:
        assert flag(name) in words
        assert variable(name) in words
    assert [group for group in GROUPS if f"\n{group}:\n" in words] == list(GROUPS)


def test_a_wrong_setting_is_one_line_and_exit_code_2() -> None:
    result = CliRunner().invoke(main, ["run", "--workers-tenant", "0", "--resync", "often"])
    assert result.exit_code == exits.BAD_SETTINGS
    assert result.stderr.splitlines() == [
        "landlord run: --workers-tenant (LANDLORD_WORKERS_TENANT): Input should be greater than or equal to 1",
        "landlord run: --resync (LANDLORD_RESYNC): 'often' is no duration; write 15s, 30m, 1h30m or 500ms",
    ]
