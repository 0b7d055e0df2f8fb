"""The template of the route that Starlette or FastAPI has found for a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Scope = dict[str, Any]

ROUTE_KEY = "exai.route"
"""Where an application of another kind leaves the template of its route."""

_SOMEWHERE = "{mount}"


def usual_route(scope: Scope, app: Any, root_path: str) -> str | None:
    """What the application left under `exai.route`, else its route's template below those of its mounts.

    `app` is the outermost one that has routes, `root_path` is what the request came with.
    """
    if ROUTE_KEY in scope:
        return str(scope[ROUTE_KEY])
    included = scope.get("fastapi", {}).get("effective_route_context")
    route = scope.get("route") or _by_endpoint(scope.get("endpoint"), _routes(app))
    if included is not None and getattr(included, "original_route", None) is route:
        route = getattr(included, "starlette_route", None) or included
    template = getattr(route, "path_format", None)
    if template is None:
        return None
    mounted = str(scope.get("root_path", "")).removeprefix(root_path)
    return _mounts(mounted, _routes(app), route) + str(template) if mounted else str(template)


def _routes(app: Any) -> Iterable[Any]:
    return getattr(app, "routes", None) or ()


def _mounts(mounted: str, routes: Iterable[Any], route: Any) -> str:
    """The templates of the mounts that lead there; not the last one's, where it is itself the route."""
    templates = ""
    while mounted:
        mount, mounted = _step(mounted, routes)
        if mount is None:
            return _SOMEWHERE
        if mount is route and not mounted:
            break
        templates, routes = templates + mount.path_format.removesuffix("/{path}"), mount.routes or ()
    return templates


def _step(mounted: str, routes: Iterable[Any]) -> tuple[Any, str]:
    """The mount that a path goes through, and what is left of the path behind it."""
    for route in routes:
        if hasattr(route, "routes") and hasattr(route, "path_regex"):
            found = route.path_regex.match(mounted + "/")
            if found:
                return route, ("/" + found["path"]).rstrip("/")
    return None, ""


def _by_endpoint(endpoint: Any, routes: Iterable[Any]) -> Any:
    """As older Starlettes tell it: they name the endpoint alone."""
    if endpoint is None:
        return None
    for route in routes:
        if endpoint in (getattr(route, "endpoint", None), getattr(route, "app", None)):
            return route
        below = _by_endpoint(endpoint, _routes(route))
        if below is not None:
            return below
    return None
