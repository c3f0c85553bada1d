"""Buses come to their certificate: with a code the first time, with their secret later."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cloud.api.actors import needs
from cloud.api.deps import Resources, ResourcesDep, SecretBody
from cloud.api.devices import DeviceDep
from cloud.api.problems import not_found
from cloud.fleet.authority import Authority
from cloud.fleet.enrolment import Admission, admit, renew
from cloud.people.permissions import Permission

router = APIRouter(tags=["devices"], dependencies=[needs(Permission.DEVICE)])

RequestPem = Annotated[str, Field(max_length=8192, description="signing request (PKCS #10, PEM)")]


class Enrolment(SecretBody):
    """A one-time code and a signing request."""

    code: Annotated[str, Field(min_length=1, max_length=100)]
    request: RequestPem


class Renewal(SecretBody):
    """A signing request."""

    request: RequestPem


class CertificateView(BaseModel):
    """A certificate, and the authority's own."""

    certificate: str
    authority: str
    expires_at: datetime


class EnrolmentView(CertificateView):
    """The same, with who the bus is and the secret for its pictures."""

    city: str
    device: str
    secret: str


@router.post("/devices/enrol", status_code=HTTPStatus.CREATED)
def enrol_device(body: Enrolment, held: ResourcesDep) -> EnrolmentView:
    """Exchange a one-time code for a certificate; the key stays on the bus."""
    authority = _authority(held)
    at = datetime.now(UTC)
    with held.thread_pool.connection() as connection:
        admitted = admit(connection, authority, code=body.code, request=body.request, at=at)
    return _admission_view(admitted, authority)


@router.post("/devices/renew", status_code=HTTPStatus.CREATED)
def renew_certificate(body: Renewal, held: ResourcesDep, asking: DeviceDep) -> CertificateView:
    """Get the next certificate before this one ends."""
    authority = _authority(held)
    city, device = asking
    at = datetime.now(UTC)
    with held.thread_pool.connection() as connection:
        issued = renew(connection, authority, city=city, device=device, request=body.request, at=at)
    return CertificateView(certificate=issued.pem, authority=authority.pem, expires_at=issued.expires_at)


def _authority(held: Resources) -> Authority:
    if held.authority is None:
        raise not_found("authority at this server")
    return held.authority


def _admission_view(admitted: Admission, authority: Authority) -> EnrolmentView:
    return EnrolmentView(
        certificate=admitted.certificate.pem,
        authority=authority.pem,
        expires_at=admitted.certificate.expires_at,
        city=admitted.city,
        device=admitted.device,
        secret=admitted.secret,
    )
