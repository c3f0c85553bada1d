"""What a bus answers when it is asked."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from edge_agent.uplink.answers import MAX_LETTERS, MOST_WAITING, TRIES, Answers
from edge_agent.uplink.cloud import CloudAddress
from tests.unit.edge_agent.uplink.test_evidence import Store, serving
from tests.waiting import wait_until
from wire.messages import CommandKind


@contextmanager
def answering(store: Store, *, logs: str = "a line\n") -> Generator[Answers]:
    cloud = CloudAddress(url=store.url, city="testcity", device="bus-1", secret="hush")  # noqa: S106
    answers = Answers(cloud, logs=lambda: logs, wait_s=0.01)
    stop = threading.Event()
    thread = threading.Thread(target=answers.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def test_the_log_is_sent_under_the_number_of_the_question() -> None:
    with serving(204) as store, answering(store) as answers:
        answers.ask(CommandKind.SEND_LOGS, "7")
        wait_until(lambda: store.heard)
    path, headers, content = store.heard[0]
    assert (path, content) == ("/api/v1/devices/answers/7", b"a line\n")
    assert headers["X-Busense-Device"] == "testcity/bus-1"


def test_of_a_long_log_the_end_is_sent_and_no_letter_is_cut() -> None:
    with serving(204) as store, answering(store, logs="前" + "路" * MAX_LETTERS) as answers:
        answers.ask(CommandKind.SEND_LOGS, "7")
        wait_until(lambda: store.heard)
    assert store.heard[0][2].decode() == "路" * MAX_LETTERS


def test_a_picture_waits_for_the_agent() -> None:
    with serving(204) as store, answering(store) as answers:
        assert answers.next_picture() is None
        answers.ask(CommandKind.SEND_PICTURE, "8")
        assert answers.next_picture() == "8"
        assert answers.next_picture() is None
        answers.give("8", b"picture")
        wait_until(lambda: store.heard)
    assert store.heard[0][2] == b"picture"


def test_a_server_that_fails_is_tried_again_and_a_refusal_is_final() -> None:
    with serving(503, 204) as store, answering(store) as answers:
        answers.give("1", b"x")
        wait_until(lambda: len(store.heard) == 2)
    with serving(404) as store, answering(store) as answers:
        answers.give("1", b"x")
        answers.give("2", b"x")
        wait_until(lambda: len(store.heard) == 2)
        assert [path[-1] for path, *_ in store.heard] == ["1", "2"]
    with serving(503) as store, answering(store) as answers:
        answers.give("1", b"x")
        wait_until(lambda: len(store.heard) == TRIES)
        answers.give("2", b"x")
        wait_until(lambda: len(store.heard) == 2 * TRIES)


def test_an_answer_of_the_server_that_cannot_be_read_does_not_end_the_bus() -> None:
    with serving(502) as store, answering(store) as answers:
        store.encoding = "gzip"
        answers.give("1", b"x")
        wait_until(lambda: len(store.heard) == TRIES)


def test_who_asks_too_much_gets_no_answer() -> None:
    cloud = CloudAddress(url="http://127.0.0.1:9", city="testcity", device="bus-1", secret="hush")  # noqa: S106
    answers = Answers(cloud, logs=lambda: "")
    for number in range(MOST_WAITING + 3):
        answers.ask(CommandKind.SEND_PICTURE, str(number))
        answers.ask(CommandKind.SEND_LOGS, str(number))
    taken = [answers.next_picture() for _ in range(MOST_WAITING + 1)]
    assert taken == ["0", "1", "2", "3", None]
