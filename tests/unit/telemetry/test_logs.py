"""Logs are JSON lines that a store can ask by event, or lines that a person can read."""

import json
import logging
import subprocess
import sys
from types import TracebackType
from typing import Any

import pytest

from telemetry.logs import MOST_IDS, JsonLines, LastLines, Lines, about, current_events

Raised = tuple[type[BaseException], BaseException, TracebackType | None]


def raised(words: str) -> Raised:
    error = ValueError(words)
    return ValueError, error, None


def record(message: str, *args: object, exc_info: Raised | None = None) -> logging.LogRecord:
    return logging.LogRecord("cloud.ingest", logging.INFO, "file.py", 1, message, args, exc_info)


def entry(message: str, *args: object, exc_info: Raised | None = None) -> dict[str, Any]:
    line = JsonLines().format(record(message, *args, exc_info=exc_info))
    assert "\n" not in line
    return json.loads(line)


def test_fields_of_an_event_keep_their_types() -> None:
    said = entry("batch_stored messages=%d wait_s=%.1f place=%s", 5, 0.25, "a b")
    assert said["event"] == "batch_stored"
    assert (said["messages"], said["wait_s"], said["place"]) == (5, 0.25, "a b")
    assert (said["level"], said["logger"]) == ("info", "cloud.ingest")
    assert said["at"].endswith("+00:00")
    assert "message" not in said


def test_what_is_no_event_is_a_message() -> None:
    assert entry("Connected to %s", "somewhere")["message"] == "Connected to somewhere"
    assert entry("100% of it")["message"] == "100% of it"


def test_error_stands_in_the_same_line() -> None:
    said = entry("ingest_stumbled messages=%d", 1, exc_info=raised("what went wrong"))
    assert "ValueError: what went wrong" in said["error"]


def test_records_say_which_events_they_are_about() -> None:
    with about(["a"]):
        assert entry("batch_stored")["events"] == ["a"]
        with about(["b", "c"]):
            assert current_events() == ("b", "c")
        assert current_events() == ("a",)
    assert "events" not in entry("batch_stored")


def test_a_large_batch_makes_no_endless_line() -> None:
    with about(str(number) for number in range(MOST_IDS + 7)):
        said = entry("batch_stored")
        assert len(said["events"]) == MOST_IDS
        assert said["events_left_off"] == 7
        assert Lines().format(record("batch_stored")).endswith("batch_stored events=0,1,… (107)")


def test_line_at_a_terminal_names_the_event() -> None:
    with about(["a"]):
        assert (
            Lines()
            .format(record("batch_stored messages=%d", 5))
            .endswith("INFO cloud.ingest batch_stored messages=5 events=a")
        )


@pytest.mark.parametrize("formatter", [Lines(), JsonLines()], ids=["text", "json"])
def test_password_of_an_address_is_not_told(formatter: logging.Formatter) -> None:
    error = raised("postgresql://busense:top-secret@database/busense")
    line = formatter.format(record("away url=%s", "nats://cloud:guess-me@broker:4222", exc_info=error))
    assert "postgresql://busense:***@database/busense" in line
    assert "top-secret" not in line
    assert "guess-me" not in line
    assert "nats://cloud:***@broker:4222" in line


def test_bug_that_ends_the_process_is_a_json_line() -> None:
    program = "from telemetry.logs import set_up_logs; set_up_logs(is_json=True, is_verbose=False); 1 / 0"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert json.loads(line)["event"] == "process_failed"
    assert "ZeroDivisionError" in json.loads(line)["error"]
    assert ended.returncode == 1


def test_the_last_lines_are_kept_without_passwords() -> None:
    lines = LastLines(2)
    for message in ("first", "second", "connected to mqtt://bus:secret@broker"):
        lines.handle(record(message))
    kept = lines.text().splitlines()
    assert [line.rpartition("cloud.ingest ")[2] for line in kept] == ["second", "connected to mqtt://bus:***@broker"]
