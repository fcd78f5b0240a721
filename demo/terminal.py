"""How the story looks: numbered chapters, sentences, commands with what they print."""

import shlex
import textwrap
from collections.abc import Sequence

_WIDTH = 118


class Terminal:
    """Writes the story to standard output, each piece as soon as it is known."""

    def __init__(self) -> None:
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """A numbered heading."""
        self._chapters += 1
        self._print(f"\n{self._chapters}. {title}")

    def say(self, text: str) -> None:
        """A sentence or two."""
        for paragraph in text.split("\n"):
            self._print(textwrap.fill(paragraph, _WIDTH))

    def command(self, words: Sequence[str]) -> None:
        """A command as somebody would type it."""
        self._print("   $ " + " ".join(shlex.quote(word) for word in words))

    def output(self, text: str) -> None:
        """What a command said, indented; blank lines are left out."""
        for line in text.splitlines():
            if line.strip():
                self._print("     " + line)

    def words(self, text: str) -> None:
        """A sentence a command said, indented and broken into lines."""
        for line in textwrap.wrap(text, _WIDTH - 5, break_long_words=False, break_on_hyphens=False):
            self._print("     " + line)

    def failed(self, why: str) -> None:
        """The end of a story that did not come true."""
        self._print(f"\nFAILED: {why}")

    @staticmethod
    def _print(text: str) -> None:
        print(text, flush=True)
