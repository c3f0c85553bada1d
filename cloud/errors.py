"""Errors of the operations center, by what the caller can do.

BusenseError
└── CloudError
    ├── ConfigError            stop, and say what is wrong with the configuration
    ├── MigrationError         stop: the database and these migrations do not fit together
    ├── ClockError             wait until a person has looked at the clock
    ├── UnavailableError       retry: database or broker cannot be reached
    ├── RoadsError             stop: a road network that cannot be imported
    ├── FurnitureError         stop: a list of street furniture that cannot be taken
    │   └── ThingNotFoundError     there is no such thing in the inventory
    ├── FleetError             stop: a device that cannot be enrolled
    │   ├── DeviceNotFoundError    there is no such device
    │   └── AdmissionError         a code, a certificate or a signing request that lets no device in
    ├── RollOutError           tell the person: a release or roll-out that cannot be as it was wished
    ├── DeliveryError          try again later, or tell a person when it is final
    ├── AuditError             stop: the history of the cases was tampered with
    ├── CaseError              tell the person (each kind has its own HTTP status)
    │   ├── ActionNotAllowedError  the case is not in a state for that
    │   ├── ActionForbiddenError   it is not for this role or crew
    │   ├── PhotoError             a photo that cannot be made safe
    │   ├── CaseNotFoundError      there is no such case
    │   ├── StaleVersionError      somebody else was faster
    │   ├── OrderError             what was said does not fit the action
    │   └── RequestNotFoundError   there is no such request about one's own data
    ├── KeyReusedError         tell the person: another request came under this idempotency key
    ├── FindingError           tell the person (each kind has its own HTTP status)
    │   ├── DecisionError          what was said of findings cannot be
    │   └── DecisionNotFoundError  there is no such finding or decision
    ├── PeopleError            tell the person (each kind has its own HTTP status)
    │   ├── PersonError            an account that cannot be as it was wished
    │   ├── PersonNotFoundError    there is no such account, session or token
    │   ├── WeakPasswordError      a password that is easily guessed
    │   ├── SignInError            name, password or code are wrong, or it is too early to try again
    │   └── LinkError              a one-time link that is used, too old or not ours
    ├── BridgeError            tell the person: a terminal that cannot be as it was wished
    │   └── FrameError             drop: bytes of a terminal that are not what they should be
    ├── DrivingError           tell the person: what was wished for an incident or a shift cannot be
    │   ├── IncidentNotFoundError  there is no such incident, or it is not one's own
    │   ├── ReviewError            a review or a shift that cannot be now
    │   └── UntoldError            pictures of an event whose driver could not be told who looked
    ├── TravelError            tell the person: what was wished for somebody who travels cannot be
    │   └── TravellerNotFoundError there is no such person or tag
    ├── LookError              tell the person: a look that cannot be: by the same person, over, or without a ground
    │   └── LookNotFoundError      there is no such look, or one has no part in it
    ├── PlaceBusyError         retry: another worker is at a place that this one needs too
    └── PictureError           answer the device (each kind has its own HTTP status)
        ├── PictureNotAnnouncedError
        ├── PictureTooLargeError
        └── PictureRefusedError
"""

from wire.errors import BusenseError


class CloudError(BusenseError):
    """Something in the operations center."""


class ConfigError(CloudError):
    """A configuration that cannot be used."""


class MigrationError(CloudError):
    """The database's history and the migrations of this version do not agree."""


class ClockError(CloudError):
    """A clock that may be wrong, where a wrong one does harm that cannot be undone."""


class UnavailableError(CloudError):
    """A service that is away now and may come back, and may have said how long to leave it alone."""

    def __init__(self, message: str, *, wait_s: float = 0.0) -> None:
        self.wait_s = wait_s
        super().__init__(message)


class RoadsError(CloudError):
    """A road network that cannot be imported."""


class FurnitureError(CloudError):
    """A list of street furniture that cannot be taken."""


class ThingNotFoundError(FurnitureError):
    """There is no such thing in the inventory."""


class FleetError(CloudError):
    """A device that cannot be enrolled or read."""


class DeviceNotFoundError(FleetError):
    """There is no such device."""


class AdmissionError(FleetError):
    """A code, a certificate or a signing request that lets no device in."""


class RollOutError(CloudError):
    """A release or a roll-out that cannot be as it was wished."""


class DeliveryError(CloudError):
    """Something that was not taken by its receiver, who may have said how long to leave them alone."""

    def __init__(self, message: str, *, is_final: bool = False, wait_s: float = 0.0) -> None:
        self.is_final = is_final
        self.wait_s = wait_s
        super().__init__(message)


class AuditError(CloudError):
    """The history of the cases is not as it was written."""


class CaseError(CloudError):
    """Something that cannot be done with a case."""


class ActionNotAllowedError(CaseError):
    """An action that has no place in the state of a case."""


class ActionForbiddenError(CaseError):
    """An action that is not for this role or crew."""


class PhotoError(CaseError):
    """A photo that is none, or that cannot be made safe; nothing of it is kept."""


class CaseNotFoundError(CaseError):
    """There is no such case."""


class RequestNotFoundError(CaseError):
    """There is no such request about one's own data."""


class StaleVersionError(CaseError):
    """The case is not as the caller last saw it."""


class OrderError(CaseError):
    """An order that lacks something, or says something that cannot be."""


class KeyReusedError(CloudError):
    """An idempotency key under which another request came before."""


class FindingError(CloudError):
    """Something that cannot be said of a finding."""


class DecisionError(FindingError):
    """A decision that cannot be: not of these findings, or against one that stands."""


class DecisionNotFoundError(FindingError):
    """There is no such finding, or no such decision."""


class PeopleError(CloudError):
    """Something that cannot be done with an account."""


class PersonError(PeopleError):
    """An account that cannot be as it was wished."""


class PersonNotFoundError(PeopleError):
    """There is no such account, session or token."""


class WeakPasswordError(PeopleError):
    """A password that is easily guessed; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class SignInError(PeopleError):
    """Not signed in; `code` says what the page asks for next, `wait_s` when to try again."""

    def __init__(self, code: str, message: str, *, wait_s: int = 0) -> None:
        self.code, self.wait_s = code, wait_s
        super().__init__(message)


class LinkError(PeopleError):
    """A one-time link that is used, too old or not ours."""


class TravelError(CloudError):
    """Something that cannot be done with those who travel with a tag."""


class TravellerNotFoundError(TravelError):
    """There is no such person, tag or look."""


class LookError(CloudError):
    """A look at somebody's whereabouts that cannot be: by the same person, over, or without a ground."""


class LookNotFoundError(LookError):
    """There is no such look, or one has no part in it."""


class BridgeError(CloudError):
    """Something that cannot be done with somebody else's terminal."""


class FeedError(BridgeError):
    """Bytes of a feed that are not what they should be."""


class FrameError(BridgeError):
    """Bytes of a terminal that are not what they should be."""


class DrivingError(CloudError):
    """Something that cannot be done with an incident or a shift."""


class IncidentNotFoundError(DrivingError):
    """There is no such incident, or it is not one's own."""


class ReviewError(DrivingError):
    """A review or a shift that cannot be now."""


class UntoldError(DrivingError):
    """Pictures of an event at the wheel whose driver could not be told who looked: nobody may."""


class PlaceBusyError(CloudError):
    """Another worker is at a place that this one needs too."""

    def __init__(self, cells: list[str]) -> None:
        self.cells = cells
        super().__init__(f"another worker is in {', '.join(cells)}")


class PictureError(CloudError):
    """A picture that is not taken."""


class PictureNotAnnouncedError(PictureError):
    """No detection of this device has announced this hash (yet): the device may try again later."""


class PictureTooLargeError(PictureError):
    """More bytes than announced or allowed."""


class PictureRefusedError(PictureError):
    """The bytes are not the announced picture, or carry what must not leave a bus."""
