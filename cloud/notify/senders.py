"""One way out for each channel. Each either sends, or raises a DeliveryError."""

import asyncio
import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from http import HTTPStatus
from typing import Any, Final

import httpx
from standardwebhooks import Webhook as Signer

from cloud.errors import DeliveryError
from cloud.notify.repository import Delivery
from cloud.notify.targets import CHAT_SCHEMES, Mail, Person, Webhook, read_secret
from cloud.notify.timing import asked_wait_s
from cloud.notify.words import subject_of

TIMEOUT_S: Final = 15.0
_MAX_ANSWER_BYTES: Final = 300


def send_webhook(webhook: Webhook, delivery: Delivery, *, client: httpx.AsyncClient, at: datetime) -> None:
    """Post one event, signed, with a client that is good for this once.

    Redirects are not followed: what is configured is what is called. The client's timeout is of the whole, too: who
    answers byte by byte holds up nobody.

    Raises:
        DeliveryError: it was not taken.
    """
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":"))
    signature = Signer(read_secret(webhook.secret_file)).sign(str(delivery.id), at, body)
    headers = {
        "content-type": "application/json",
        "webhook-id": str(delivery.id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    try:
        asyncio.run(_post(client, webhook.url, body=body.encode(), headers=headers, at=at))
    except (TimeoutError, httpx.HTTPError) as error:
        raise DeliveryError(f"{type(error).__name__}: {error}"[:_MAX_ANSWER_BYTES]) from error


async def _post(client: httpx.AsyncClient, url: str, *, body: bytes, headers: Mapping[str, str], at: datetime) -> None:
    async with (
        client,
        asyncio.timeout(client.timeout.read),
        client.stream("POST", url, content=body, headers=headers) as response,
    ):
        if response.is_success:
            return  # taken: what else it says is not read
        raise DeliveryError(
            f"HTTP {response.status_code}: {await _beginning_of(response)}",
            is_final=response.status_code == HTTPStatus.GONE,
            wait_s=asked_wait_s(response.headers.get("retry-after", ""), at),
        )


async def _beginning_of(response: httpx.Response) -> str:
    """What came of an answer at once, as letters that a database and a terminal bear."""
    try:
        answer = await anext(response.aiter_bytes(), b"")
    except httpx.HTTPError:
        return ""
    told = answer[:_MAX_ANSWER_BYTES].decode(errors="replace")
    return "".join(letter if letter.isprintable() else " " for letter in told)


def send_mail(mail: Mail, address: str, deliveries: Sequence[Delivery], *, text: str) -> None:
    """Send one mail with all that is to be told.

    Raises:
        DeliveryError: the server did not take it.
    """
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, address
    message["Subject"] = subject_of(deliveries)
    message.set_content(text)
    try:
        with _connect(mail) as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"{type(error).__name__}: {error}"[:_MAX_ANSWER_BYTES]) from error


def _connect(mail: Mail) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_S)
    if mail.security == "starttls":
        server.starttls(context=context)
    if mail.user is not None and mail.password_file is not None:
        server.login(mail.user, read_secret(mail.password_file))
    return server


def send_chat(person: Person, deliveries: Sequence[Delivery], *, text: str) -> None:
    """Post into an enterprise chat.

    Raises:
        DeliveryError: it was not taken.
    """
    if person.chat_url_file is None:
        raise DeliveryError("no chat_url_file", is_final=True)
    url = read_secret(person.chat_url_file)
    if url.partition("://")[0] not in CHAT_SCHEMES:
        raise DeliveryError(f"an apprise URL of {', '.join(CHAT_SCHEMES)} is expected", is_final=True)
    import apprise  # noqa: PLC0415 - large; most counties need no chat

    chat: Any = apprise.Apprise()
    is_sent = chat.add(url) and chat.notify(title=subject_of(deliveries), body=text)
    if not is_sent:
        raise DeliveryError("the chat did not take it")
