"""What a failed run of Helm means: a trouble of the closed list, and a sentence that names object and field."""

import re
import signal
from typing import Final

from landlord.api.failures import HelmFailed, HelmTrouble, LandlordFailure, Transient
from landlord.clients.helm.process import Ended
from landlord.clients.helm.redaction import Redaction
from landlord.clients.helm.troubles import CRASH, IMPERSONATION, NO_HISTORY, NOT_DELETED, OUT_OF_MEMORY, RULES, Rule

LONGEST: Final = 1000
"""Characters of a sentence: it stands in conditions and events."""

_MOST_READ: Final = 16 * 1024
_MOST_OF_ONE: Final = 4 * 1024
_MOST_PARTS: Final = 16
_GATE_CODES: Final = frozenset({111, 112})
_OBJECTS: Final = (
    re.compile(r"for object [^/\s]*/(?P<name>\S+) \S+, Kind=(?P<kind>\w+)"),
    re.compile(r"applying object [^/\s]*/(?P<name>\S+) \S+, Kind=(?P<kind>\w+)"),
    re.compile(r'the resource (?P<kind>\w+) "(?P<name>[^"]+)"'),
    re.compile(r'(?P<kind>\w+) "(?P<name>[^"]+)" in namespace'),
    re.compile(r'(?P<kind>[A-Za-z]\w*)[\w.-]* "(?P<name>[^"]+)" (?:is invalid|is forbidden|exists)'),
)
_PREFIX: Final = re.compile(r"^(?:Error: )?(?:UPGRADE FAILED: |INSTALLATION FAILED: )?")
_BETWEEN: Final = re.compile(r" && |\n(?=server-side apply failed for object|conflict occurred while|cannot patch )")
_BLOB: Final = re.compile(r"Invalid value: (?:\{.*?\}|\[.*?\])(?=: [A-Za-z])", re.DOTALL)
_ADVICE: Final = "Use --debug flag to render out invalid YAML"
_TEST: Final = frozenset({HelmTrouble.HOOK_FAILED, HelmTrouble.HOOK_TIMEOUT})


def failure(verb: str, ended: Ended, redaction: Redaction) -> LandlordFailure | None:
    """What a run's end means, None when it went well. Its words hold none of the redaction's secrets.

    ``Transient`` says that Helm never began.
    """
    if ended.too_long or ended.too_much or ended.stopped or ended.code < 0:
        return _ended_by_us(verb, ended)
    if not ended.code:
        return None
    if ended.code in _GATE_CODES:
        return Transient("Helm was not started, because the operator is being stopped.")
    text = redaction.clean(ended.stderr.decode("utf-8", "replace"), cut=ended.stderr_cut)
    if CRASH.search(text):
        return _crashed(verb, text)
    message = _message(text)
    return _not_let_in(message) or _classified(verb, message, text)


def _ended_by_us(verb: str, ended: Ended) -> HelmFailed:
    if ended.too_much:
        return HelmFailed(
            HelmTrouble.TOO_LARGE, "The chart renders to more than Landlord takes; no release that large fits."
        )
    if ended.stopped:
        return HelmFailed(HelmTrouble.KILLED, f"helm {verb} was stopped, because the operator is being stopped.")
    if ended.too_long and verb == "render":
        return HelmFailed(HelmTrouble.RENDER, "Rendering the chart does not come to an end.")
    if ended.too_long:
        return HelmFailed(HelmTrouble.KILLED, f"helm {verb} did not end in time and was stopped.")
    return HelmFailed(HelmTrouble.KILLED, f"helm {verb} was killed by {_signal(-ended.code)}.")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _crashed(verb: str, text: str) -> HelmFailed:
    """A crash of Helm itself: its stack helps nobody who reads a condition."""
    if OUT_OF_MEMORY.search(text):
        trouble = HelmTrouble.RENDER if verb == "render" else HelmTrouble.KILLED
        return HelmFailed(trouble, f"helm {verb} of this chart takes more memory than it is given.")
    if verb == "render" and "SIGSEGV" in text:
        # Go crashes so, now and then, when memory ends in the wrong place; a render does only what the chart says.
        why = "helm render of this chart crashed; most likely it takes more memory than it is given."
        return HelmFailed(HelmTrouble.RENDER, why)
    return HelmFailed(HelmTrouble.KILLED, f"helm {verb} crashed.")


def _message(text: str) -> str:
    """What follows the last ``Error:``; without one, all that was said."""
    if match := NOT_DELETED.search(text):
        return match["why"].replace('\\"', '"').replace("\\n", "\n")
    start = text.rfind("\nError: ") + 1
    return _PREFIX.sub("", text[start:]).strip().removesuffix(_ADVICE).strip()


def _not_let_in(message: str) -> HelmFailed | None:
    """Rights that the platform took away: nothing was touched, and the release is not to blame."""
    if IMPERSONATION.search(message):
        return HelmFailed(
            HelmTrouble.OUTAGE,
            "Landlord may not act as the deployer of this namespace: the API server refuses the impersonation. "
            "Restore the operator's right to impersonate in the deployers' namespace.",
        )
    if match := NO_HISTORY.search(message):
        why = f"The deployer {match['user']} has no rights in this namespace; its RoleBinding is missing."
        return HelmFailed(HelmTrouble.OUTAGE, why)
    return None


def _classified(verb: str, message: str, text: str) -> HelmFailed:
    parts = _parts(message)
    for rule in RULES:
        for part in parts:
            if match := rule.pattern.search(part):
                more = f" {len(parts) - 1} more objects failed." if len(parts) > 1 else ""
                why = _short(_sentence(rule, match, part)) + more
                if verb == "test" and rule.trouble in _TEST:
                    return HelmFailed(HelmTrouble.TEST_FAILED, why.replace("The hook", "The test", 1))
                return HelmFailed(rule.trouble, why)
    # A render asks nobody, so whatever goes wrong in it is of the chart and its values.
    trouble = HelmTrouble.RENDER if verb == "render" else HelmTrouble.UNKNOWN
    return HelmFailed(trouble, _short(_unknown(verb, message, text)))


def _parts(message: str) -> list[str]:
    """What was said of each object, without dumps of it, and no more of it than patterns are fit to search."""
    parts = _BETWEEN.split(_BLOB.sub("Invalid value: (a whole object)", _shortened(message, _MOST_READ)))
    return [_shortened(part, _MOST_OF_ONE) for part in parts[:_MOST_PARTS]]


def _shortened(text: str, most: int) -> str:
    """Beginning and end of a text that is too long: at the one stands the object, at the other the reason."""
    return text if len(text) <= most else f"{text[: most * 3 // 4]} … {text[-most // 4 :]}"


def _sentence(rule: Rule, match: re.Match[str], part: str) -> str:
    groups = {name: _plain(value or "") for name, value in match.groupdict().items()}
    where = groups.get("where")
    defaults = {"object": _object(part), "message": _plain(part), "place": f" in {where}" if where else ""}
    return rule.words.format_map(defaults | groups)


def _object(part: str) -> str:
    """The object these words are about, such as ``Deployment web``."""
    for pattern in _OBJECTS:
        if match := pattern.search(part):
            return f"{match['kind']} {match['name']}"
    return "An object of the chart"


def _unknown(verb: str, message: str, text: str) -> str:
    said = message or text.strip()
    return f"helm {verb} failed: {_plain(said)}" if said else f"helm {verb} failed and gave no reason."


def _plain(text: str) -> str:
    """One line, without the list marks and full stops that would stand doubled in a sentence."""
    return " ".join(text.split()).strip(" .")


def _short(sentence: str) -> str:
    sentence = sentence if sentence.endswith((".", "!", "?", ")")) else f"{sentence}."
    return sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…"
