"""Metrics in the text form of Prometheus: to a file, to a Pushgateway, and back."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest, push_to_gateway
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from northflank_audit.delivery.http_request import NotSent, fetch, send
from northflank_audit.errors import DeliveryError
from northflank_audit.reading import is_file

PREFIX: Final = "northflank_audit_"
READABLE: Final = 0o644
"""Readable by the node exporter, which runs as another user."""


def gauge(
    labels: Mapping[str, str], name: str, text: str, values: Mapping[tuple[str, ...], float], *names: str
) -> GaugeMetricFamily:
    """Return a metric with a series for each of `values`, whose keys are the values of the further labels `names`."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=[*labels, *names])
    for own, value in values.items():
        family.add_metric([*labels.values(), *own], value)
    return family


def exposition(families: Iterable[GaugeMetricFamily]) -> str:
    """Return metrics as text."""
    return generate_latest(_registry(families)).decode()


def file_samples(path: str, name: str) -> list[Sample]:
    """Return the samples of a metric in an existing file; none if it is no file of this kind."""
    if not is_file(path):  # reading a pipe might block
        return []
    try:
        return list(_samples(Path(path).read_text(encoding="utf-8"), name))
    except (OSError, ValueError, LookupError):  # no such file, or not one of this tool
        return []


def gateway_samples(gateway: str, name: str) -> list[Sample]:
    """Return the samples of a metric in all groups of a Pushgateway, to which some have been pushed before.

    Raises DeliveryError, also for an answer without any of this tool's metrics: nothing would then be known of earlier
    runs.
    """
    try:
        text = fetch(f"{gateway.rstrip('/')}/metrics").decode()
        samples = list(_samples(text, name)) if PREFIX in text else None
    except NotSent as problem:
        raise DeliveryError(f"the metrics of earlier runs could not be read from {problem}") from None
    except (ValueError, LookupError):
        raise DeliveryError("the metrics of earlier runs could not be read: no answer of a Pushgateway") from None
    if samples is None:
        raise DeliveryError("the metrics of earlier runs could not be read: the answer has none of this tool's")
    return samples


def push_groups(gateway: str, groups: Mapping[str, Iterable[GaugeMetricFamily]], labels: Mapping[str, str]) -> None:
    """Replace groups of a Pushgateway, each a job with the same labels, in order. Raises DeliveryError."""

    def post(url: str, method: str, timeout: Any, headers: Any, data: bytes) -> Any:  # noqa: ARG001 - its signature
        return lambda: send(method, url, data, CONTENT_TYPE_PLAIN_0_0_4)

    try:
        for job, families in groups.items():
            push_to_gateway(gateway, job, _registry(families), dict(labels), handler=post)
    except NotSent as problem:
        raise DeliveryError(f"the metrics could not be pushed to {problem}") from None


def _samples(text: str, name: str) -> Iterator[Sample]:
    """Yield the samples of a metric. Only its lines are parsed, since there may be many others."""
    lines = "".join(f"{line}\n" for line in text.split("\n") if line.startswith(name))
    for family in text_string_to_metric_families(lines):
        yield from (sample for sample in family.samples if sample.name == name)


def _registry(families: Iterable[GaugeMetricFamily]) -> Any:
    """Return a separate registry: the library's shared one would add metrics of this Python process."""
    made = list(families)

    class Families(Collector):
        def collect(self) -> Iterable[GaugeMetricFamily]:
            return made

    registry = CollectorRegistry()
    registry.register(Families())
    return registry
