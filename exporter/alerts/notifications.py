"""Renders Alertmanager's final configuration: the shipped one and the channels that are switched on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from exporter import shipped_files
from exporter.alerts.channels import Channel, Value, base_urls, dead_mans_switch, observer, switched_on
from exporter.alerts.routing import EXPORTER, SEVERITIES, Config, Routing, apply, read_routing, receiver_of
from exporter.alerts.trial_routes import add_test_routes
from exporter.alerts.values import Environ, NotificationError

CONFIG_DIR = shipped_files.path("alertmanager")
"""The shipped configuration, receivers and templates."""

CONFIG = "alertmanager.yml"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")

Files = dict[str, str]
"""What to write: relative path → text."""


def render(config_dir: Path, environ: Environ) -> Files:
    """The files that Alertmanager reads; NotificationError names the setting that is wrong.

    With no channel switched on the configuration tells nobody, and is valid.
    """
    config = yaml.safe_load((config_dir / CONFIG).read_text())
    routing = read_routing(environ)
    apply(routing, config)
    for channel, receivers in _told(environ, routing):
        _add(channel, receivers, config_dir, config)
    _point_to_exporter(config, *observer(environ))
    add_test_routes(routing, config)
    found = shipped_files.matching(config_dir / "templates", "*.tmpl")
    templates = {f"templates/{path.name}": path.read_text() for path in found}
    links = {"templates/links.tmpl": _links(base_urls(environ))}
    return {CONFIG: yaml.safe_dump(config, sort_keys=False, allow_unicode=True), **templates, **links}


def write(files: Files, output: Path) -> None:
    """Write rendered files below `output`, readable by their owner only, and remove templates of earlier ones."""
    templates = output / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    for path in templates.glob("*.tmpl"):
        if f"templates/{path.name}" not in files:
            path.unlink()
    for name in sorted(files, key=lambda name: name == CONFIG):
        _replace(output / name, files[name])


def check(output: Path, environ: Environ) -> bool:
    """Have amtool check what was written; False where there is no amtool, NotificationError with its complaint."""
    amtool = shutil.which("amtool")
    if amtool is None:
        return False
    command = [amtool, "check-config", str(output / CONFIG)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise NotificationError(_without_secrets(f"amtool refuses it: {done.stdout}{done.stderr}", environ))
    return True


def _told(environ: Environ, routing: Routing) -> Iterator[tuple[Channel, Mapping[str, str]]]:
    """Every channel that is switched on, for all and for each team, and which receiver stands for which of its file."""
    for channel in (*switched_on(environ), *dead_mans_switch(environ)):
        yield channel, {}
    for team in routing.teams:
        try:
            own = switched_on(team.settings(environ))
        except NotificationError as error:
            raise NotificationError(f"team {team.name}: {error}") from None
        for channel in own:
            yield channel, {severity: receiver_of(team, severity) for severity in SEVERITIES}


def _add(channel: Channel, receivers: Mapping[str, str], config_dir: Path, config: Config) -> None:
    fragment = yaml.safe_load((config_dir / "receivers" / f"{channel.name}.yml").read_text())
    wanted = [receivers.get(name, name) for name in fragment.pop("receivers")]
    for receiver in config["receivers"]:
        if receiver["name"] in wanted:
            receiver.update(_fill(fragment, channel.values))


def _point_to_exporter(config: Config, url: str, token_file: str) -> None:
    (hook,) = next(receiver for receiver in config["receivers"] if receiver["name"] == EXPORTER)["webhook_configs"]
    hook["url"] = url or hook["url"]
    if token_file:
        # Read for each message: it need not be there yet, and its content stays out of the configuration.
        hook["http_config"] = {"authorization": {"type": "Bearer", "credentials_file": token_file}}


def _fill(node: Any, values: Mapping[str, Value]) -> Any:
    """Put values into the placeholders of a parsed fragment; keys whose placeholder is empty are left out."""
    if isinstance(node, dict):
        filled = {key: (value, _fill(value, values)) for key, value in node.items()}
        return {key: new for key, (old, new) in filled.items() if new != "" or old == ""}
    if isinstance(node, list):
        return [_fill(item, values) for item in node]
    if not isinstance(node, str):
        return node
    whole = _PLACEHOLDER.fullmatch(node)
    return values[whole[1]] if whole else _PLACEHOLDER.sub(lambda found: str(values[found[1]]), node)


def _links(urls: Mapping[str, str]) -> str:
    return "".join(f'{{{{ define "exai.url.{name}" }}}}{url}{{{{ end }}}}\n' for name, url in urls.items())


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, so that a reader never sees half of it, nor anybody else the secrets in it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def _without_secrets(text: str, environ: Environ) -> str:
    for channel, _ in _told(environ, read_routing(environ)):
        for setting, secret in channel.secrets.items():
            text = text.replace(secret, f"<{setting}>")
    return text
