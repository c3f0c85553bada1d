import pytest

from cloud.errors import WeakPasswordError
from cloud.people.passwords import check_strength, hash_password, is_password

GOOD = "seventeen lanterns drift"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short7!", "short"),
        ("x" * 257, "long"),
        ("password1234", "guessable"),
        ("qwertyuiop", "guessable"),
        ("administrator-liu", "guessable"),
        ("aaaaaaaaaaaaaaaa", "guessable"),
    ],
)
def test_what_is_easily_guessed_is_refused(password: str, code: str) -> None:
    with pytest.raises(WeakPasswordError) as caught:
        check_strength(password, name="administrator-liu")
    assert caught.value.code == code


@pytest.mark.parametrize("password", [GOOD, "雨后道路养护巡查三十七号线", "q7#Vt!m2^Lz0"])
def test_what_is_not_is_taken(password: str) -> None:
    check_strength(password, name="liu")


def test_a_password_is_known_by_its_argon2id_hash_only() -> None:
    kept = hash_password(GOOD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_password(GOOD, password_hash=kept)
    assert not is_password(GOOD + "x", password_hash=kept)
    assert not is_password(GOOD, password_hash=None)
    assert not is_password(GOOD, password_hash="no hash")  # noqa: S106
