"""Who is told of which alerts, and when not: config/routing.yml, put into Alertmanager's routes."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from exporter import shipped_files
from exporter.alerts.values import Environ, NotificationError, read

SHIPPED = shipped_files.path("config/routing.yml")
"""Names no team and no time."""

SEVERITIES = ("critical", "warning", "info")
"""The routes that lead to people: a receiver each."""

EXPORTER = "exporter"
"""The receiver that keeps observations and notifies nobody."""

_FILE = "EXAI_ALERT_ROUTING"

Config = dict[str, Any]
"""Alertmanager's configuration, as YAML gives it."""

_Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,62}$")]
_Label = Annotated[str, Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")]
_Time = Annotated[str, Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
_Own = Literal["SLACK_WEBHOOK_URL_FILE", "SLACK_CHANNEL", "SMTP_TO", "ALERT_WEBHOOK_URL_FILE"]


class Team(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told of the alerts that match, in place of all the others."""

    name: _Name
    match: Annotated[dict[_Label, str], Meta(min_length=1)]
    """Labels, and the expression that the whole of each must match."""
    tell: Annotated[dict[_Own, str], Meta(min_length=1)]
    """The settings that are this team's own; the others are those of all."""

    def settings(self, environ: Environ) -> Environ:
        """The environment as this team has it."""
        own = {str(setting): value for setting, value in self.tell.items()}
        replaced = [setting.removesuffix("_FILE") for setting in own if setting.endswith("_FILE")]
        return {**environ, **dict.fromkeys(replaced, ""), **own}


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """From when to when, on one day."""

    start_time: _Time
    end_time: _Time


class Interval(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Some time, in Alertmanager's words; what is left out does not narrow it."""

    times: tuple[Hours, ...] = ()
    weekdays: tuple[str, ...] = ()
    days_of_month: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    location: str = "UTC"


class MuteTime(Struct, frozen=True, forbid_unknown_fields=True):
    """When people are not told of what is no emergency; what lasts until its end is told then."""

    name: _Name
    when: Annotated[tuple[Interval, ...], Meta(min_length=1)]
    severities: Annotated[tuple[Literal["warning", "info"], ...], Meta(min_length=1)] = ("warning", "info")


class Routing(Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    teams: tuple[Team, ...] = ()
    """An alert goes to the first that it matches."""
    mute_times: tuple[MuteTime, ...] = ()


def read_routing(environ: Environ) -> Routing:
    """The file that EXAI_ALERT_ROUTING names, else the shipped one; NotificationError says what is wrong in it."""
    path = Path(environ.get(_FILE) or SHIPPED)
    try:
        routing = msgspec.yaml.decode(read(_FILE, path), type=Routing)
    except msgspec.DecodeError as error:
        raise NotificationError(f"{_FILE}: {path}: {error}") from None
    for team in routing.teams:
        _check(team)
    for kind in ("teams", "mute_times"):
        names = [each.name for each in getattr(routing, kind)]
        if len(set(names)) < len(names):
            raise NotificationError(f"{_FILE}: {path}: two of the {kind} have one name")
    return routing


def receiver_of(team: Team, severity: str) -> str:
    """The receiver of a team's alerts."""
    return f"{team.name}-{severity}"


def apply(routing: Routing, config: Config) -> None:
    """Mute the routes that lead to people, and put the teams' copies of them in front."""
    routes = config["route"]["routes"]
    place = next(number for number, route in enumerate(routes) if route["receiver"] in SEVERITIES)
    for mute in routing.mute_times:
        config.setdefault("time_intervals", []).append(
            {"name": mute.name, "time_intervals": msgspec.to_builtins(mute.when)}
        )
        for route in routes[place:]:
            if route["receiver"] in mute.severities:
                route.setdefault("mute_time_intervals", []).append(mute.name)
    routes[place:place] = [_route(team, routes[place:]) for team in routing.teams]
    config["receivers"] += [{"name": receiver_of(team, severity)} for team in routing.teams for severity in SEVERITIES]


def _route(team: Team, of_all: list[Config]) -> Config:
    """The routes of all, for one team: the last has no matcher and takes the rest."""
    routes = copy.deepcopy(of_all)
    for route in routes:
        route["receiver"] = receiver_of(team, route["receiver"])
    matchers = [f"{label} =~ {msgspec.json.encode(wanted).decode()}" for label, wanted in team.match.items()]
    return {"matchers": matchers, "receiver": routes[-1]["receiver"], "routes": routes}


def _check(team: Team) -> None:
    for label, wanted in team.match.items():
        try:
            re.compile(wanted)
        except re.error as error:
            raise NotificationError(f"{_FILE}: team {team.name}: match.{label}: {error}") from None
