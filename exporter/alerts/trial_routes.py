"""Receivers and routes for test alerts in Alertmanager's configuration.

Alertmanager counts messages by integration or by receiver, never by alert. Test alerts go to receivers of their own, so
that no other alert moves the counters which show whether a test arrived.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

from exporter.alerts.routing import EXPORTER, SEVERITIES, Config, Routing, Team, receiver_of

ALERT = "ExaiTestAlert"
"""The name of every test alert."""

TEST_ID = "test_id"
"""The label that differs from one test alert to the next."""

TEAM = "test_team"
"""The label that sends a test alert to a team, whatever labels the team matches."""

GROUP_INTERVAL_S = 30
"""Seconds for which Alertmanager retries a test message before it counts it as failed and starts again."""

_SUFFIX = "-test"
_TEAM_SUFFIX = f"-{SEVERITIES[0]}{_SUFFIX}"
"""What follows a team's name in one of its copies."""


def copy_of(receiver: str) -> str:
    """Return the name of the receiver that takes another's place in tests."""
    return f"{receiver}{_SUFFIX}"


def is_copy(receiver: str) -> bool:
    """Return whether only test alerts reach a receiver."""
    return receiver.endswith(_SUFFIX)


def teams_in(receivers: Iterable[str]) -> list[str]:
    """Return the teams that have receivers for tests."""
    return sorted(name.removesuffix(_TEAM_SUFFIX) for name in receivers if name.endswith(_TEAM_SUFFIX))


def add_test_routes(routing: Routing, config: Config) -> None:
    """Copy the receivers of people and of the exporter, and route test alerts to the copies.

    Call it last: the copies have the channels that the receivers have by then.
    """
    people = {*SEVERITIES, *(receiver_of(team, severity) for team in routing.teams for severity in SEVERITIES)}
    routes = config["route"]["routes"]
    place = next(number for number, route in enumerate(routes) if route["receiver"] in people)
    group_by = config["route"].get("group_by", [])
    routes.insert(place, _route(routing.teams, routes[place:], group_by))
    originals = [receiver for receiver in config["receivers"] if receiver["name"] in {*people, EXPORTER}]
    config["receivers"] += [_copy_receiver(receiver) for receiver in originals]


def _route(teams: Iterable[Team], to_people: list[Config], group_by: list[str]) -> Config:
    copies = [_copy_route(route) for route in to_people]
    return {
        "matchers": [f'alertname = "{ALERT}"'],
        "receiver": copies[-1]["receiver"],
        # A group for each test, so that a test need not wait until the group of an earlier one is due again.
        "group_by": group_by if "..." in group_by else [*group_by, TEST_ID],
        # No other alert joins the group, so waiting for more gains nothing.
        "group_wait": "1s",
        "group_interval": f"{GROUP_INTERVAL_S}s",
        "routes": [{"receiver": copy_of(EXPORTER), "continue": True}, *_by_name(teams, copies), *copies],
    }


def _by_name(teams: Iterable[Team], copies: list[Config]) -> Iterator[Config]:
    """Yield each team's route with its name as the only matcher; the routes of teams come first among the copies."""
    for team, route in zip(teams, copies, strict=False):
        yield {**copy.deepcopy(route), "matchers": [f'{TEAM} = "{team.name}"']}


def _copy_route(route: Config) -> Config:
    """Return a route to the copies of its receivers, without mute times: a test is sent at once."""
    copied = copy.deepcopy(route)
    copied.pop("mute_time_intervals", None)
    copied["receiver"] = copy_of(route["receiver"])
    if "routes" in copied:
        copied["routes"] = [_copy_route(child) for child in copied["routes"]]
    return copied


def _copy_receiver(receiver: Config) -> Config:
    """Return a receiver with the same channels that does not report the end of an alert.

    The next test could not tell that message from its own.
    """
    copied = copy.deepcopy(receiver)
    copied["name"] = copy_of(receiver["name"])
    for integration, channels in copied.items():
        if integration.endswith("_configs"):
            for channel in channels:
                channel["send_resolved"] = False
    return copied
