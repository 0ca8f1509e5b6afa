"""The status as Prometheus reads it. Needs prometheus_client, which is an extra; nothing but the gateway's /metrics imports this."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .host import Host


class Reading(Collector):
    """Read from the host when somebody asks: nothing is counted twice, and commands pay nothing for it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def collect(self) -> Iterator[Metric]:
        host, seq = self.host, int(self.host.exchange.state.log.seq)
        events = seq - host.first_seq
        yield GaugeMetricFamily("perplab_connections", "Connections that are open.", len(host.sessions))
        yield GaugeMetricFamily("perplab_users", "Users that there are.", len(host.people.users))
        yield CounterMetricFamily("perplab_commands", "Commands carried out since the start, the world's among them.", host.commands)
        yield CounterMetricFamily("perplab_events", "Events of the venue since the start.", int(events))
        yield GaugeMetricFamily("perplab_seq", "Number of the venue's last event.", seq)
        yield GaugeMetricFamily("perplab_behind_seconds", "Venue time by which what is due is late.", host.behind_ns() / 1e9)
        yield GaugeMetricFamily("perplab_healthy", "1, or 0 while /health says 503.", int(not host.unwell()))
        if host.store is not None:
            yield CounterMetricFamily("perplab_journal_commands", "Commands journaled since the start.", host.store.commands)


def exposition(host: Host) -> bytes:
    """Prometheus text, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Reading(host))
    return generate_latest(registry)
