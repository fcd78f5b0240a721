"""The program ``landlord``: its commands, each loaded only when it is called, so that ``--help`` is quick."""

from importlib import import_module
from typing import Final

import click

from landlord import __version__

COMMANDS: Final = {
    "run": ("landlord.cli.run:run", "Run the operator."),
    "render": ("landlord.cli.render:render", "Print the manifests that Tenants in files would become."),
}
"""Name to where the command lives and its one line in the help."""


class LazyGroup(click.Group):
    """A group whose commands are known by name, and imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is wrong
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", message="landlord %(version)s")
def main() -> None:
    """Tenants, environments and releases on Kubernetes, made true and kept true.

    `landlord run` is the operator; the other commands are for people. As a kubectl plugin the program is
    `kubectl landlord`.
    """
