"""The edge function: its own checks and tests by Deno, and whom it serves."""

from __future__ import annotations

import base64
import hmac
import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest

from tests.supabase.conftest import Fresh
from tests.supabase.edge_function import HOME, JWT_SECRET, SERVICE_KEY, deno, edge_function, environment, login


def run_deno(*arguments: str, **variables: str) -> str:
    """What Deno says; AssertionError with it when it is not content."""
    argv, env = [deno(), *arguments], environment(variables)
    done = subprocess.run(argv, cwd=HOME, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("check", [("check", "."), ("lint",), ("fmt", "--check")], ids=lambda check: check[0])
def test_deno_finds_nothing_wrong(check: tuple[str, ...]) -> None:
    run_deno(*check)


def test_denos_tests_pass_against_a_database(fresh: Fresh) -> None:
    said = run_deno("test", "--allow-env", "--allow-net", "--no-prompt", EXAI_DATABASE_URL=login(fresh()))
    assert " 0 failed" in said
    assert "ignored" not in said


def test_only_npm_and_node_are_imported() -> None:
    configured = json.loads((HOME / "deno.json").read_text())["imports"]
    assert all(re.fullmatch(r"npm:\w+@\d+\.\d+\.\d+", target) for target in configured.values())
    for path in HOME.glob("*.ts"):
        imported = re.findall(r'^(?:import|export)\b[^;]*?from "([^"]+)";|\bimport\(', path.read_text(), re.MULTILINE)
        assert all(name.startswith(("node:", "./")) or name in configured for name in imported), path


def ask(url: str, token: str | None, body: bytes = b'{"metrics": []}') -> int:
    """The status that a batch gets with a token."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return int(reply.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def token(role: str, secret: str = JWT_SECRET) -> str:
    """A token as the platform signs its keys."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"role": role, "exp": int(time.time()) + 60}]
    signed = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_it_is_served_to_the_service_role_alone_and_logs_no_secret(fresh: Fresh, tmp_path: Path) -> None:
    with edge_function(tmp_path, fresh()) as function:
        asked = [SERVICE_KEY, token("service_role"), token("anon"), token("authenticated"),
                 token("service_role", "another-secret-0123456789-0123456789"), "nothing", None]  # fmt: skip
        assert [ask(function.url, shown) for shown in asked] == [200, 200, 403, 403, 403, 403, 403]
    log = (tmp_path / "edge.log").read_text()
    assert not [secret for secret in (SERVICE_KEY, JWT_SECRET, token("anon"), "postgresql://") if secret in log]


def test_rows_whose_minutes_cannot_be_written_are_not_written_and_may_come_again(fresh: Fresh, tmp_path: Path) -> None:
    dsn = fresh()
    row = {"operation_type": "hit", "implementation_type": "odd", "timestamp": time.time()}
    batch = json.dumps({"batch_id": "b", "metrics": [row]}).encode()
    with psycopg.connect(dsn, autocommit=True) as connection, edge_function(tmp_path, dsn) as function:

        def counts() -> object:
            query = "select (select count(*) from cache_metrics), (select count(*) from monitoring.received_batches)"
            return connection.execute(query).fetchone()

        connection.execute("alter table cache_metrics_1min add constraint none check (implementation_type <> 'odd')")
        assert (ask(function.url, SERVICE_KEY, batch), counts()) == (422, (0, 0))
        connection.execute("alter table cache_metrics_1min drop constraint none")
        assert (ask(function.url, SERVICE_KEY, batch), counts()) == (200, (1, 1))


@pytest.mark.parametrize("missing", ["EXAI_DATABASE_URL", "EXAI_SERVICE_KEY"])
def test_without_its_secrets_it_does_not_start_and_names_them(missing: str) -> None:
    secrets = {"EXAI_DATABASE_URL": "postgresql://u:the-password@127.0.0.1/exai", "EXAI_SERVICE_KEY": SERVICE_KEY}
    env = environment({key: value for key, value in secrets.items() if key != missing})
    argv = [deno(), "run", "--allow-env", "--allow-net", "index.ts"]
    done = subprocess.run(argv, cwd=HOME, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert missing in done.stderr
    assert "the-password" not in done.stderr
