"""``landlord run``: the operator. Its flags are made from ``Settings``; nothing is decided here."""

import sys
from typing import Any

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from landlord.runtime import exits
from landlord.runtime.settings import GROUPS, Settings, complaints, extra, flag, load, shown_default, variable
from landlord.telemetry import logs


class RunCommand(click.Command):
    """A command whose options are the fields of ``Settings``, shown in their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group, each with its default and variable."""
        for group in GROUPS:
            rows = [
                (f"{flag(name)} {extra(field, 'metavar')}", _help(name, field))
                for name, field in Settings.model_fields.items()
                if extra(field, "group") == group
            ]
            with formatter.section(group):
                formatter.write_dl(rows)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in exits.MEANINGS.items()])


def _help(name: str, field: FieldInfo) -> str:
    default = shown_default(field)
    return f"{field.description} {f'Default {default}. ' if default else ''}[{variable(name)}]"


def _options() -> list[click.Parameter]:
    return [
        click.Option([flag(name)], default=None, help=field.description)
        for name, field in Settings.model_fields.items()
    ]


def _run(**flags: Any) -> None:
    """Run the operator until it is told to stop.

    Every setting is a flag and a variable; a flag wins. Durations are written 15s, 30m, 1h30m or 500ms.
    """
    try:
        settings = load(flags)
    except ValidationError as error:
        for line in complaints(error):
            click.echo(f"landlord run: {line}", err=True)
        sys.exit(exits.BAD_SETTINGS)
    logs.set_up(settings.log_format, settings.log_level)
    from landlord.runtime.main import serve  # noqa: PLC0415 - heavy, and of no use when a setting is wrong

    sys.exit(serve(settings))


run = RunCommand("run", callback=_run, params=_options(), help=_run.__doc__, short_help="Run the operator.")
