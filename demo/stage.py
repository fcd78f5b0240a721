"""What every act has at hand: the admin's kubectl, the operator, and the terminal that shows what is done."""

from dataclasses import dataclass

from demo.faults import StepFailed
from demo.kubectl import Kubectl
from demo.operator import Operator
from demo.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Stage:
    """Shows commands as they are run; each either comes true or ends the demo."""

    kubectl: Kubectl
    terminal: Terminal
    operator: Operator

    def show(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl before everybody's eyes; a failure ends the demo."""
        self._type(arguments, stdin)
        out = self.kubectl.ask(*arguments, stdin=stdin)
        self.terminal.output(out)
        return out

    def show_words(self, *arguments: str) -> None:
        """Run kubectl for a sentence; an empty answer ends the demo."""
        self._type(arguments, None)
        words = self.kubectl.ask(*arguments).strip()
        if not words:
            raise StepFailed(f"kubectl {' '.join(arguments)} said nothing.")
        self.terminal.words(words)

    def show_refusal(self, *arguments: str, because: str) -> None:
        """Run what must be refused; that it is not, or for another reason, ends the demo."""
        self._type(arguments, None)
        said = self.kubectl.run(*arguments)
        words = said.err.strip() or said.out.strip()
        if said.code == 0:
            raise StepFailed(f"kubectl {' '.join(arguments)} was let through.")
        if because not in words:
            raise StepFailed(f"kubectl {' '.join(arguments)} was refused for another reason: {words}")
        self.terminal.words(words)

    def say(self, text: str) -> None:
        """A sentence of the story."""
        self.terminal.say(text)

    def _type(self, arguments: tuple[str, ...], stdin: str | None) -> None:
        here = f"{self.kubectl.scratch}/"
        self.terminal.command(("kubectl", *(word.removeprefix(here) for word in arguments)))
        if stdin:
            self.terminal.output(stdin)
