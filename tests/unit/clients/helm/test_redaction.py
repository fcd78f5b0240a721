"""Secrets are taken out of what others wrote, in every form in which they are likely to stand there."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from landlord.clients.helm.redaction import Redaction

WORDS = st.text(min_size=1, max_size=40)


@given(secret=WORDS.filter(lambda text: len(text.strip()) >= 4), before=WORDS, after=WORDS)
def test_no_form_of_a_secret_stays(secret: str, before: str, after: str) -> None:
    packed = base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()
    for form in (secret, secret.strip(), json.dumps(secret), json.dumps(secret, ensure_ascii=False), packed):
        text = Redaction([secret]).clean(f"{before}{form}{after}")

        assert form not in text or form in f"{before}***{after}"


def test_every_line_of_a_key_is_taken_out() -> None:
    key = "-----BEGIN-----\nMIIEpAIBAAKCAQEA\nq83vEjRWeJq83v\n-----END-----\n"

    text = Redaction([key]).clean("yaml: line 3: could not find expected ':' near MIIEpAIBAAKCAQEA and q83vEjRWeJq83v")

    assert text == "yaml: line 3: could not find expected ':' near *** and ***"


def test_a_short_secret_is_taken_out_as_a_word_only() -> None:
    assert Redaction(["no"]).clean("there is no 'no' in nothing") == "there is *** '***' in nothing"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Redaction(["pass", "password1"]).clean("password1 pass") == "*** ***"


def test_half_a_secret_where_the_text_was_cut_does_not_stay() -> None:
    assert "word1" not in Redaction(["password1"]).clean("word1 is wrong, says the chart", cut=True)


def test_nothing_to_hide_changes_nothing() -> None:
    assert Redaction().clean("as it was", cut=True) == "as it was"
    assert Redaction(["", "  ", "\n"]).clean("as it was") == "as it was"


def test_a_redaction_does_not_tell_what_it_hides() -> None:
    assert "hush" not in repr(Redaction(["hush-hush"]))
