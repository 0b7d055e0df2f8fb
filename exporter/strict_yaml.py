"""YAML files of config/: a mapping of names, in which nothing stands twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from exporter.types import Refused


def read_names(path: Path, of: str) -> dict[str, Any]:
    """The entries of a file by their names; `of` says what they are, for the message.

    Raises:
        Refused: it cannot be read, or is no such mapping.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refused("", "malformed", f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict) or not found:
        raise Refused("", "wrong_type", f"{path} is not a mapping of names to {of}")
    return {str(name): entry for name, entry in found.items()}


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that comes twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} comes twice", node.start_mark)
        return super().construct_mapping(node, deep)
