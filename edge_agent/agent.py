"""The loop of the bus: take the next reading, hand it to the scenarios, keep what they say. It decides nothing."""

import logging
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Final

from edge_agent.clock import BusClock, system_now
from edge_agent.config import WAITING_BYTES, AgentConfig, Camera
from edge_agent.ego import EgoTrack
from edge_agent.errors import ModelError, PictureError
from edge_agent.inbox import CAPACITY, PATIENCE_S, Inbox, bytes_of, is_of_older_clock
from edge_agent.no_pictures import NoPicturePlaces
from edge_agent.readings import AdvertisementReading, FrameReading, GnssReading, Image, Reading, Source
from edge_agent.scenarios import Outcome, make_scenarios
from edge_agent.scenarios.safe_driving.scenario import AFTER_S
from edge_agent.uplink.health import disk_free_bytes, oldest_age_s, temperature_c
from edge_agent.uplink.orders import Orders
from edge_agent.uplink.store import Depth
from edge_agent.uplink.uplink import Uplink
from edge_agent.vision.clips import ClipRing
from edge_agent.vision.detections import Detector
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.privacy import Privacy
from edge_agent.watch import Watcher
from telemetry.logs import about
from telemetry.server import Needs
from wire.messages import (
    CameraState,
    Clip,
    ClockSource,
    Detection,
    Driving,
    Health,
    Kind,
    Message,
    PictureReference,
    ShadowReport,
    Unusable,
)

log = logging.getLogger(__name__)

SOFTWARE: Final = f"busense {version('busense')}"  # reading it takes milliseconds
HELD_FRAMES: Final = 16  # frames that wait for the fix after them, at least ...
HELD_S: Final = 2.0  # ... and of a faster camera those of so long
CAMERA_SILENT_S: Final = 5.0
_STEP_S: Final = 0.2
_POLL_S: Final = 0.05


def camera_model(settings: Camera) -> CameraModel:
    """How the lens looks at the road, without where its frames come from."""
    return CameraModel(**settings.model_dump(exclude={"id", "source", "upside_down", "frames_per_s"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCounters:
    """What the agent has done since it was made."""

    frames: int
    frames_dropped: int
    frames_unusable: int
    unusable: dict[Unusable, int]  # the same by reason
    boxes: int
    observations: int
    pictures: int
    messages: int  # that got a number


@dataclass(frozen=True, slots=True, kw_only=True)
class KindWaiting:
    """What the cloud does not have yet of one kind."""

    messages: int
    oldest_s: float


@dataclass(slots=True)
class _Tally:
    frames: int = 0
    unusable: Counter[Unusable] = field(default_factory=Counter[Unusable])
    boxes: int = 0
    observations: int = 0
    pictures: int = 0
    advertisements: int = 0
    last_frame_s: float | None = None
    last_was_usable: bool = False


class Agent:
    """One bus."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        sources: Sequence[Source],
        detector: Detector | None,
        clock: BusClock | None = None,
        watcher: Watcher | None = None,
        orders: Orders | None = None,
        shadow: Callable[[], ShadowReport] | None = None,
        furniture: Detector | None = None,
    ) -> None:
        """Open outbox and models; a watcher is shown each frame with everything that was made of it.

        A stop without a camera has no detector. Without a clock, time is what the machine says: recordings and
        simulations bring their own.
        `shadow` tells what a model that only looks on has seen; `furniture` finds things beside the road.

        Raises:
            ConfigurationError: the camera or the secret is not usable.
            OutboxError: another agent uses this outbox.
        """
        self._config = config
        self._clock = clock
        self._now: Callable[[], datetime] = system_now if clock is None else clock.now
        self._detector = detector
        self._shadow = shadow
        frames_per_s = 0.0 if config.camera is None else config.camera.frames_per_s
        self._held_frames = max(HELD_FRAMES, math.ceil(HELD_S * frames_per_s))
        self._inbox = Inbox(sources, capacity=max(CAPACITY, math.ceil(PATIENCE_S * frames_per_s)))
        self._ego = EgoTrack()
        self._held: deque[FrameReading] = deque()
        self._tally = _Tally()
        self._scenarios = make_scenarios(
            config,
            detector=detector,
            camera=None if config.camera is None else camera_model(config.camera),
            on_frame=self._note_frame,
            watcher=watcher,
            furniture=furniture,
        )
        self._privacy = open_privacy(config)
        self._clip_kinds = () if config.driving is None else config.driving.clips
        self._clips = ClipRing(self._privacy) if self._clip_kinds and self._privacy is not None else None
        places = config.privacy.no_pictures
        self._no_pictures = NoPicturePlaces() if places is None else NoPicturePlaces.read(places)
        self._uplink = Uplink(config, clock=clock, orders=orders)
        self._outbox = self._uplink.outbox
        self._health_at_s = time.monotonic()
        self._health_frames = 0
        self._health_advertisements = 0

    @property
    def counters(self) -> AgentCounters:
        tally = self._tally
        return AgentCounters(
            frames=tally.frames,
            frames_dropped=self._frames_dropped,
            frames_unusable=tally.unusable.total(),
            unusable=dict(tally.unusable),
            boxes=tally.boxes,
            observations=tally.observations,
            pictures=tally.pictures,
            messages=self._outbox.numbered,
        )

    @property
    def frames(self) -> int:
        """Frames that the scenarios looked at, or refused."""
        return self._tally.frames

    @property
    def camera_state(self) -> CameraState:
        return self._camera_state(time.monotonic())

    @property
    def needs(self) -> Needs:
        """What it lacks to send."""
        return self._uplink.needs

    def waiting_by_kind(self) -> dict[Kind, "KindWaiting"]:
        """The same by kind; may be asked from any thread."""
        now = self._now()
        return {
            kind: KindWaiting(
                messages=depth.messages,
                oldest_s=0.0 if depth.oldest_at is None else max(0.0, (now - depth.oldest_at).total_seconds()),
            )
            for kind, depth in self._outbox.depth_by_kind().items()
        }

    def health_now(self) -> Health:
        """How the bus is; may be asked from any thread."""
        return self._health(self._now(), time.monotonic())

    @property
    def waiting(self) -> Depth:
        """What the cloud does not have yet; may be asked from any thread."""
        return self._outbox.depth()

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop or until the sources end; everything seen is in the outbox then.

        Raises:
            Exception: what ended a source that should not have ended.
        """
        with self._uplink.running():
            with self._inbox:
                self._keep_health()
                while not stop.is_set() and not self._inbox.is_finished:
                    reading = self._inbox.take(timeout_s=_STEP_S)
                    step_s = self._correct_times()
                    if reading is not None and not (
                        step_s and is_of_older_clock(reading, now=self._now(), step_s=step_s)
                    ):
                        self._take(reading)
                    self._keep_health_when_due()
                    self._uplink.check()
            self._finish()

    def wait_until_stored(self, timeout_s: float) -> bool:
        """Wait until the cloud has everything, pictures too; False when it has not in time."""
        deadline = time.monotonic() + timeout_s
        with self._uplink.running():
            while not self._uplink.is_empty:
                self._uplink.check()
                if time.monotonic() > deadline:
                    return False
                time.sleep(_POLL_S)
        return True

    def close(self) -> None:
        """Close the outbox; nothing can be done with the agent afterwards."""
        self._outbox.close()

    @property
    def _frames_dropped(self) -> int:
        return self._inbox.frames_dropped

    def _take(self, reading: Reading) -> None:
        if isinstance(reading, FrameReading):
            self._held.append(reading)
            self._answer_picture(reading)
        else:
            if isinstance(reading, GnssReading):
                self._ego.add(reading)
            if isinstance(reading, AdvertisementReading):
                self._tally.advertisements += 1
            self._hand_on(reading)
        self._look_at_held()

    def _look_at_held(self) -> None:
        """Look at the frames whose place is known: a fix has come after them, or will not come any more."""
        while self._held and (self._is_placed(self._held[0]) or self._are_too_many(self._held)):
            frame = self._held.popleft()
            self._hand_on(replace(frame, following=self._held[0].image if self._held else None))

    def _are_too_many(self, frames: Sequence[FrameReading]) -> bool:
        return len(frames) > self._held_frames or (len(frames) > 1 and bytes_of(frames) > WAITING_BYTES)

    def _is_placed(self, frame: FrameReading) -> bool:
        return self._ego.latest_at is not None and self._ego.latest_at >= frame.at

    def _hand_on(self, reading: Reading) -> None:
        if isinstance(reading, FrameReading):
            self._keep_for_clips(reading)
        ego = self._ego.state_at(reading.at)
        for scenario in self._scenarios:
            self._keep_all(scenario.take(reading, ego))

    def _finish(self) -> None:
        while self._held:
            self._hand_on(self._held.popleft())
        self._keep_all(outcome for scenario in self._scenarios for outcome in scenario.end())
        self._keep_health()

    def _note_frame(self, reason: Unusable | None, boxes: int) -> None:
        tally = self._tally
        tally.frames += 1
        if reason is not None:
            tally.unusable[reason] += 1
        tally.boxes += boxes
        tally.last_frame_s = time.monotonic()
        tally.last_was_usable = reason is None

    def _keep_all(self, outcomes: Iterable[Outcome], *, is_time_sure: bool = True) -> None:
        for outcome in outcomes:
            message = outcome.message
            if isinstance(message, Detection):
                self._tally.observations += 1
                is_allowed = not self._no_pictures.is_near(lon=message.lon, lat=message.lat)
                message = replace(message, picture=self._keep_picture(outcome.image) if is_allowed else None)
            elif isinstance(message, Driving) and message.kind in self._clip_kinds:
                message = replace(message, clip=self._keep_clip(message.to_at + timedelta(seconds=AFTER_S)))
            self._keep(message, outcome.observed_at, is_time_sure=is_time_sure)

    def _keep(self, message: Message, observed_at: datetime, *, is_time_sure: bool = True) -> None:
        is_time_sure = is_time_sure and (self._clock is None or self._clock.is_known)
        envelope = self._outbox.put(message, observed_at=observed_at, is_time_sure=is_time_sure)
        level = logging.INFO if envelope.kind is Kind.DETECTION else logging.DEBUG
        kind, sequence = envelope.kind.value, envelope.sequence
        with about([envelope.id]):
            log.log(level, "message_kept kind=%s sequence=%s id=%s", kind, sequence, envelope.id)

    def _keep_picture(self, image: Image | None) -> PictureReference | None:
        """Keep the blurred picture; None when there is none or it is not proven to be blurred."""
        if image is None or self._privacy is None:
            return None
        try:
            picture = self._privacy.blurred(image)
            self._uplink.pictures.keep(picture.content)
        except PictureError as error:
            log.warning("picture_refused error=%s", error)
            return None
        self._tally.pictures += 1
        return picture.reference()

    def _keep_for_clips(self, frame: FrameReading) -> None:
        """Blur a frame for a clip that may be wanted, unless no picture may be kept where it was taken."""
        if self._clips is None or not self._clips.is_due(frame.at) or not self._may_keep_picture(frame):
            return
        try:
            self._clips.take(frame)
        except PictureError as error:
            log.warning("picture_refused error=%s", error)

    def _keep_clip(self, until: datetime) -> Clip | None:
        """Keep the seconds before a time; None when there are none, or they cannot be kept."""
        try:
            sheet = None if self._clips is None else self._clips.cut(until=until)
            if sheet is None:
                return None
            self._uplink.pictures.keep(sheet.picture.content)
        except PictureError as error:
            log.warning("picture_refused error=%s", error)
            return None
        self._tally.pictures += 1
        return Clip(sheet=sheet.picture.reference(), columns=sheet.columns, taken_at=sheet.taken_at)

    def _answer_picture(self, frame: FrameReading) -> None:
        """Answer who asks how the camera looks now by the frame that comes next, if a picture may be kept here."""
        number = self._uplink.answers.next_picture()
        if number is None:
            return
        if self._privacy is None or not self._may_keep_picture(frame):
            log.warning("picture_unanswered number=%s", number)
            return
        try:
            self._uplink.answers.give(number, self._privacy.blurred(frame.image).content)
        except PictureError as error:
            log.warning("picture_refused error=%s", error)

    def _may_keep_picture(self, frame: FrameReading) -> bool:
        """Whether it was taken away from the places without pictures; where there are some, it must be known where."""
        if self._no_pictures.is_empty:
            return True
        ego = self._ego.state_at(frame.at)
        return ego is not None and not self._no_pictures.is_near(lon=ego.lon, lat=ego.lat)

    def _correct_times(self) -> float:
        """Correct what was told before the time was known, and begin anew what is being collected; by how much."""
        step_s = 0.0 if self._clock is None else self._clock.take_step()
        if step_s:
            self._keep_all((outcome for scenario in self._scenarios for outcome in scenario.end()), is_time_sure=False)
            corrected = self._outbox.correct_times(step_s)
            self._inbox.drop_older_clock(now=self._now(), step_s=step_s)
            log.warning("times_corrected messages=%d by_s=%.3f", corrected, step_s)
        return step_s

    def _keep_health_when_due(self) -> None:
        if time.monotonic() - self._health_at_s >= self._config.health.every_s:
            self._keep_health()

    def _keep_health(self) -> None:
        now, now_s = self._now(), time.monotonic()
        self._keep(self._health(now, now_s), now)
        self._health_at_s, self._health_frames = now_s, self._tally.frames
        self._health_advertisements = self._tally.advertisements

    def _health(self, now: datetime, now_s: float) -> Health:
        depth = self._outbox.depth()
        passed_s = max(now_s - self._health_at_s, 1e-3)
        clock = self._clock
        return Health(
            software=SOFTWARE,
            models=() if self._detector is None else (self._detector.model,),
            outbox_depth=depth.messages,
            outbox_bytes=depth.bytes,
            outbox_oldest_s=oldest_age_s(depth, now),
            given_up=self._outbox.ranges_to_tell(),
            frames_per_s=min((self._tally.frames - self._health_frames) / passed_s, 1000.0),
            frames_dropped=self._frames_dropped,
            pictures_waiting=depth.pictures,
            camera=self._camera_state(now_s),
            clock=ClockSource.NONE if clock is None else clock.source,
            clock_offset_s=None if clock is None else clock.system_offset_s,
            temperature_c=temperature_c(),
            disk_free_bytes=disk_free_bytes(self._config.outbox.path.parent),
            outbox=self._outbox.state,
            outbox_damaged=self._outbox.damages,
            given_up_counts=self._outbox.given_up_counts(),
            pictures_given_up=self._outbox.pictures_given_up,
            clock_corrected_s=None if clock is None else clock.corrected_s,
            shadow=None if self._shadow is None else self._shadow(),
            ble_heard=None if self._config.ble is None else self._tally.advertisements - self._health_advertisements,
        )

    def _camera_state(self, now_s: float) -> CameraState:
        last_s = self._tally.last_frame_s
        if last_s is None or now_s - last_s > CAMERA_SILENT_S:
            return CameraState.MISSING
        return CameraState.WORKING if self._tally.last_was_usable else CameraState.UNUSABLE


def open_privacy(config: AgentConfig) -> Privacy | None:
    """Open what blurs; None, said loudly, when it is not there: then no picture leaves the bus."""
    try:
        return Privacy(config.privacy.faces, threads=1)  # a picture now and then: the detector keeps its cores
    except ModelError as error:
        log.error("no_pictures reason=%s", error)  # noqa: TRY400 - no trace needed
        return None
