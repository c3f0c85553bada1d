"""What deploy/ ships for Prometheus speaks of metrics that there are, at the addresses that the configurations name."""

import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

import cloud.config
from edge_agent.agent import Agent, AgentCounters, KindWaiting
from edge_agent.meter import Meter
from tests.unit.wire.samples import sample_payload
from wire.codec import decode_envelope
from wire.messages import Health, Kind, Unusable

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ENDINGS = {"counter": ("_total", "_created"), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
MODULES = [
    import_module(name)
    for name in (
        "cloud.metrics",
        "cloud.ingest.metrics",
        "cloud.work.metrics",
        "cloud.api.metrics",
        "edge_agent.uplink.publisher",
        "edge_agent.uplink.evidence",
        "edge_agent.updates.packages",
        "edge_agent.updates.slots",
    )
]
BOUNDED = {"kind", "outcome", "reason", "queue", "action", "channel", "state", "presence", "method", "route", "status"}


class SomeAgent:
    """An agent that tells something of everything."""

    counters = AgentCounters(
        frames=1,
        frames_dropped=0,
        frames_unusable=1,
        unusable={Unusable.DARK: 1},
        boxes=0,
        observations=0,
        pictures=0,
        messages=0,
    )

    def waiting_by_kind(self) -> dict[Kind, KindWaiting]:
        return {Kind.TRACK: KindWaiting(messages=2, oldest_s=3.0)}

    def health_now(self) -> Health:
        found = decode_envelope(sample_payload(Kind.HEALTH)).data
        assert isinstance(found, Health)
        return found


@pytest.fixture(scope="module")
def families() -> list[Metric]:
    meter = Meter(cast("Agent", SomeAgent()))
    return [family for family in (*REGISTRY.collect(), *meter.collect()) if family.name.startswith("busense_")]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_metric_of_a_rule_exists(rule: dict[str, Any], families: list[Metric]) -> None:
    known = {f"{family.name}{ending}" for family in families for ending in ENDINGS[family.type]}
    named = set(re.findall(r"\bbusense_[a-z_]+", rule["expr"]))
    assert named <= known
    assert named or "up{" in rule["expr"]
    assert rule["annotations"].keys() == {"summary", "do"}


def test_names_of_metrics_follow_the_custom(families: list[Metric]) -> None:
    for family in families:
        assert re.fullmatch(r"busense_[a-z]+(_[a-z]+)*", family.name)
        assert family.documentation.endswith(".")


def test_no_label_can_grow_without_bounds() -> None:
    metrics = [thing for module in MODULES for thing in vars(module).values() if isinstance(thing, MetricWrapperBase)]
    assert len(metrics) > 20
    assert {label for metric in metrics for label in getattr(metric, "_labelnames")} <= BOUNDED  # noqa: B009 - private


def test_prometheus_asks_where_the_processes_tell() -> None:
    telemetry = cloud.config.load_config(DEPLOY / "cloud.example.toml").telemetry
    document = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    asked = {job["job_name"]: job["static_configs"][0]["targets"] for job in document["scrape_configs"]}
    assert asked == {"ingest": [telemetry.ingest], "work": [telemetry.work], "serve": [telemetry.serve]}
    assert document["rule_files"] == ["alerts.yml"]


def test_compose_publishes_no_telemetry() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published == ["8883:8883", "127.0.0.1:8080:8080"]
    asked = compose["x-busense"]["environment"]
    for name in ("ingest", "work", "serve"):
        service, variable = compose["services"][name], f"BUSENSE_TELEMETRY__{name.upper()}"
        port = asked[variable].removeprefix(f"{name}:")
        assert service["environment"] == asked | {variable: f"0.0.0.0:{port}"}
        assert service["healthcheck"]["test"][-1] == f"127.0.0.1:{port}"


@pytest.mark.parametrize("arguments", [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml")])
def test_prometheus_itself_takes_them(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: skipped what Prometheus says of its configuration")
    ended = subprocess.run([promtool, *arguments], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
