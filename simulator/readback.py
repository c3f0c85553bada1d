"""What the cloud made of it, read over HTTP as any client would."""

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, Field

from simulator.errors import SimulatorError
from simulator.furniture import FORMS
from simulator.score import Claim
from simulator.truth import CLASS_CODES

PAGE: Final = 500
OBSERVATIONS_A_PAGE: Final = 5000  # as many as the cloud gives at once
MAX_PAGES: Final = 1000
TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.3
STATES: Final = ("candidate", "open", "gone", "rejected")
CALM_POLLS: Final = 4  # findings that do not change for so many polls are the last word


class _Class(BaseModel):
    code: str
    group: str


class _Catalogue(BaseModel):
    classes: list[_Class]


class _Properties(BaseModel):
    class_code: str
    state: str
    existence: float
    passes_seen: int
    passes_missed: int


class _Point(BaseModel):
    coordinates: Annotated[list[float], Field(min_length=2)]


class FindingFeature(BaseModel):
    """A finding, as far as a score needs it."""

    id: str
    geometry: _Point
    properties: _Properties

    @property
    def is_believed(self) -> bool:
        return self.properties.state == "open"

    @property
    def is_candidate(self) -> bool:
        return self.properties.state == "candidate"

    def claim(self) -> Claim:
        """What it claims of the world."""
        lon, lat = self.geometry.coordinates[:2]
        return Claim(id=self.id, class_code=self.properties.class_code, lon=lon, lat=lat)


def believed(findings: Sequence[FindingFeature], *, with_case: Container[str]) -> list[FindingFeature]:
    """Findings that the cloud says are there, or said when they became a case."""
    return [each for each in findings if each.is_believed or each.id in with_case]


class _FindingPage(BaseModel):
    features: list[FindingFeature]


class _Observation(BaseModel):
    id: str
    class_code: str = ""
    finding_id: str | None


class _Case(BaseModel):
    finding_id: str


class _CasePage(BaseModel):
    items: list[_Case]


class _ObservationPage(BaseModel):
    items: list[_Observation]
    next: str | None = None


class _Next(BaseModel):
    next: str | None = None


class CloudReader:
    """Reads the API of the operations center."""

    def __init__(self, url: str) -> None:
        """Take the address without the path."""
        self._client = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", timeout=TIMEOUT_S)
        self._belong_until: str | None = None  # id of an observation; it and all before it have their finding

    def close(self) -> None:
        self._client.close()

    def group_of(self) -> Mapping[str, str]:
        """Class group of each class code."""
        catalogue = _Catalogue.model_validate_json(self._get("/catalogue"))
        return {entry.code: entry.group for entry in catalogue.classes}

    def findings(self) -> list[FindingFeature]:
        """All damage of the road, also what a person rejected."""
        findings: list[FindingFeature] = []
        for text in self._pages("/findings", state=STATES, **{"class": CLASS_CODES}):
            findings += _FindingPage.model_validate_json(text).features
        return findings

    def findings_of_cases(self) -> set[str]:
        """Ids of the findings that became a case."""
        pages = (_CasePage.model_validate_json(text) for text in self._pages("/cases"))
        return {case.finding_id for page in pages for case in page.items}

    def wait_until_fused(self, timeout_s: float) -> bool:
        """Wait until all damage that was seen has its finding and findings no longer change; False if not in time."""
        deadline = time.monotonic() + timeout_s
        before, calm = self._fingerprint(), 0
        while calm < CALM_POLLS:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
            now = self._fingerprint()
            calm = calm + 1 if now == before and self._all_belong() else 0
            before = now
        return True

    def _fingerprint(self) -> list[tuple[str, str, float, int, int]]:
        return sorted(
            (
                finding.id,
                finding.properties.state,
                finding.properties.existence,
                finding.properties.passes_seen,
                finding.properties.passes_missed,
            )
            for finding in self.findings()
        )

    def _all_belong(self) -> bool:
        """Whether each observation has its finding; what has it once is not asked for again."""
        while True:
            after = {"after": self._belong_until} if self._belong_until else {}
            text = self._get("/observations", {"limit": str(OBSERVATIONS_A_PAGE)} | after)
            page = _ObservationPage.model_validate_json(text)
            if not all(each.finding_id or each.class_code in FORMS for each in page.items):
                return False
            if page.next is None:
                return True
            self._belong_until = page.next

    def _pages(self, path: str, **question: Sequence[str]) -> Iterator[bytes]:
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            query = {"limit": str(PAGE)} | question | ({"cursor": cursor} if cursor else {})
            text = self._get(path, query)
            yield text
            cursor = _Next.model_validate_json(text).next
            if cursor is None:
                return
        raise SimulatorError(f"{path} does not end after {MAX_PAGES} pages")

    def _get(self, path: str, query: Mapping[str, str | Sequence[str]] | None = None) -> bytes:
        try:
            answer = self._client.get(path, params=dict(query or {}))
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise SimulatorError(f"{self._client.base_url}{path.lstrip('/')} cannot be read: {error}") from error
        return answer.content
