from datetime import UTC, datetime, timedelta

import pyotp

from cloud.people.second_factor import draw_secret, step_of_code

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def code_at(secret: str, at: datetime) -> str:
    return pyotp.totp.TOTP(secret).at(at)


def test_code_of_now_is_good_once() -> None:
    secret = draw_secret("liu").secret
    step = step_of_code(code_at(secret, AT), secret=secret, at=AT, last_step=None)
    assert step is not None
    assert step_of_code(code_at(secret, AT), secret=secret, at=AT, last_step=step) is None


def test_a_phone_may_be_half_a_minute_off_but_no_more() -> None:
    secret = draw_secret("liu").secret
    for seconds, is_good in ((-30, True), (30, True), (-90, False), (90, False)):
        code = code_at(secret, AT + timedelta(seconds=seconds))
        assert (step_of_code(code, secret=secret, at=AT, last_step=None) is not None) is is_good


def test_the_picture_holds_what_the_app_needs() -> None:
    drawn = draw_secret("liu")
    assert f"secret={drawn.secret}" in drawn.uri
    assert drawn.code_size >= 21
    assert drawn.code_path.count("M") > drawn.code_size
