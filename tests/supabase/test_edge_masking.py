"""The edge function masks a message as the exporter's writer does."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exporter.masking import BEGINNINGS, WORDS, mask
from tests.database.test_masking import LONG, NO_SECRETS, PIECES
from tests.supabase.edge_function import HOME, deno, environment

SECRET = "Zq7abcDEF012345"
FORMS = (
    "{name}={secret}", "{name}: {secret} and more", '{{"{name}": "{secret} {secret}"}}', "--{name} {secret}",
    "('{name}', '{secret}')", r"{name} := '{secret}\'s'", "DB_{name}=>b'{secret}'\nnext", r'{name} \"{secret}\"',
)  # fmt: skip
OTHERS = (
    "Authorization: Bearer {secret}", "Basic {secret}=", "redis://:{secret}@host:6379/0", "eyJ{secret}.{secret}.x",
    "0123456789abcdef0123456789abcdef.{secret}", "-----BEGIN RSA PRIVATE KEY-----\n{secret}",
    "-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY----- after",
)  # fmt: skip

SCRIPT = f"""
import {{ mask }} from "{(HOME / "masking.ts").as_uri()}";
import texts from "./texts.json" with {{ type: "json" }};
console.log(JSON.stringify(texts.map(mask)));
"""


def texts() -> Iterator[str]:
    """Secrets of every kind, what is none, what takes long, and what chance makes of the signs that matter."""
    for word in WORDS:
        yield from (form.format(name=name, secret=SECRET) for form in FORMS for name in (word, word.upper()))
    yield from (form.format(secret=SECRET) for form in OTHERS)
    yield from (f"Incorrect key: {beginning}{SECRET}." for beginning in BEGINNINGS)
    yield from (*NO_SECRETS, *LONG)
    chance = random.Random(11)
    for _ in range(3000):
        yield "".join(chance.choices((*PIECES, "é", "中", "\t", "=>", "{", "basic A1"), k=chance.randint(1, 30)))


@pytest.fixture
def masked_by_deno(tmp_path: Path) -> Sequence[tuple[str, str]]:
    """The texts, and what the edge function makes of them."""
    given = list(texts())
    (tmp_path / "texts.json").write_text(json.dumps(given))
    (tmp_path / "script.ts").write_text(SCRIPT)
    argv = [deno(), "run", "--no-prompt", "--no-config", str(tmp_path / "script.ts")]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return list(zip(given, json.loads(done.stdout), strict=True))


def test_the_edge_function_masks_as_the_exporter_does(masked_by_deno: Sequence[tuple[str, str]]) -> None:
    differ = [(text, edge, mask(text)) for text, edge in masked_by_deno if edge != mask(text)]
    assert differ == []
    assert sum("***" in edge for _, edge in masked_by_deno) > len(WORDS) * len(FORMS)
