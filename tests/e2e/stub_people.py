"""What the stub API tells of accounts."""

from typing import Final

from tests.e2e.stub_data import Json, at

VISITOR: Final[Json] = {"areas": [], "way": "visitor", "permissions": ["see", "see_cases"]}
MORE_OF: Final[dict[str, Json]] = {
    "desk": {"areas": [], "way": "token", "permissions": ["handle_cases", "see", "see_cases"]},
    "crew-1": {"areas": [], "way": "token", "permissions": ["do_jobs", "handle_cases", "see", "see_cases"]},
    "chen": {"areas": [], "way": "session", "permissions": ["account", "care", "see"]},
    "boss": {
        "areas": [],
        "way": "session",
        "permissions": ["account", "manage_fleet", "manage_people", "see", "see_cases", "see_driving", "upkeep"],
    },
}
PLACES: Final = {
    "liu": ("operator", "roads", None),
    "wang": ("crew", "roads", "roads-1"),
    "boss": ("admin", None, None),
    "chen": ("care", None, None),
}


def account_answers(who: Json) -> dict[str, Json]:
    """Answers about who asks, and about everybody."""
    return {
        "/me": who | MORE_OF.get(who["name"], VISITOR),
        "/notice": {
            "city": "demo",
            "contact": "数据保护专员 dpo@county.example",
            "kept": [{"what": "pictures", "days": 365.0}, {"what": "track_points", "days": 90.0}],
        },
        "/sign-in": {
            "provider": "浙政钉",
            "demo": [
                {"name": "boss", "role": "admin", "crew": None},
                {"name": "desk", "role": "operator", "crew": None},
                {"name": "crew-roads-1", "role": "crew", "crew": "roads-1"},
            ],
            "has_visitors": True,
        },
        "/account": {
            "name": who["name"],
            "role": who["role"],
            "unit": None,
            "crew": None,
            "areas": [],
            "is_demo": False,
            "has_password": True,
            "has_second_factor": False,
            "scopes": ["handle_cases", "see", "see_cases"],
        },
        "/account/notices": {
            "wish": {
                "address": "desk@county.example",
                "classes": ["D20", "D40"],
                "quiet_from": "22:00:00",
                "quiet_to": "07:00:00",
                "digest_min": 60,
            }
        },
        "/account/sessions": {"items": [_session("s1", is_this=True), _session("s2", is_this=False)]},
        "/account/tokens": {
            "items": [
                {
                    "id": "t1",
                    "label": "大屏",
                    "scopes": ["see", "see_cases"],
                    "created_at": at(0),
                    "expires_at": at(90_000),
                    "last_used_at": at(10),
                }
            ]
        },
        "/people": {"items": [_person(name) for name in PLACES]},
    }


def _session(identity: str, *, is_this: bool) -> Json:
    return {
        "id": identity,
        "way": "password",
        "browser": "Mozilla/5.0 (X11; Linux x86_64) Chromium",
        "address": "10.0.0.1",
        "created_at": at(0),
        "last_seen_at": at(5),
        "is_this": is_this,
    }


def _person(name: str) -> Json:
    role, unit, crew = PLACES[name]
    return {
        "name": name,
        "role": role,
        "unit": unit,
        "crew": crew,
        "areas": [],
        "oidc_name": None,
        "is_demo": False,
        "is_disabled": name == "chen",
        "has_password": name != "wang",
        "has_second_factor": name == "boss",
        "created_at": at(0),
        "last_signed_in_at": None if name == "wang" else at(30),
    }
