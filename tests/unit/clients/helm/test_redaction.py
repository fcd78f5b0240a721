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


@given(secret=st.binary(min_size=12, max_size=60), before=st.binary(max_size=8), after=st.binary(max_size=8))
def test_what_was_packed_together_with_others_is_known_by_its_middle(
    secret: bytes, before: bytes, after: bytes
) -> None:
    word = secret.hex()
    packed = base64.b64encode(before + word.encode() + after).decode()

    left = Redaction([word]).clean(f"auth: {packed}.")

    assert "***" in left
    assert len(left) < len("auth: ***.") + 2 * 12 + 8


def test_the_escapes_of_addresses_and_of_go_are_known() -> None:
    redaction = Redaction(["p@ss/w<rd&"])

    assert redaction.clean("postgres://me:p%40ss%2Fw%3Crd%26@db") == "postgres://me:***@db"
    assert redaction.clean('{"password":"p@ss/w\\u003crd\\u0026"}') == '{"password":"***"}'


def test_lines_that_were_put_into_one_are_taken_out() -> None:
    assert Redaction(["first  line\nsecond line"]).clean("It said: first line second line.") == "It said: ***."


def test_a_sentence_may_begin_with_a_secret() -> None:
    assert Redaction(["swordfish"]).clean("Swordfish is no number.") == "*** is no number."


def test_half_a_secret_beside_a_cut_does_not_stay() -> None:
    redaction = Redaction(["supersecretword"])

    assert redaction.clean("it said supersec ... retword, or supersecr…") == "it said *** ... ***, or ***…"
    assert redaction.clean("a sup ... rd of no weight ...") == "a sup ... rd of no weight ..."


def test_what_is_shorter_than_asked_for_is_left() -> None:
    redaction = Redaction(["1", "no", "1234"], least=4)

    assert redaction.clean("Revision 1 has no port 1234.") == "Revision 1 has no port ***."
