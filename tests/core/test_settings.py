"""Settings: the environment over the file, and an exact word about whatever cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.conventions import FAMILIES, FOLDED
from exporter.read_settings import load
from exporter.settings import ENVIRONMENT, Settings, SettingsError

KINDS = "connection, duration, cache, trace, http, prediction, gauge"

BAD: dict[str, tuple[str, str]] = {
    "unknown-key": ("listne: x", "listne: there is no such key. Did you mean listen?"),
    "unknown-nested-key": ("limits: {bytes: 3}", "limits.bytes: there is no such key. Did you mean limits.body_bytes?"),
    "text-for-a-number": ("threads: '8'", "threads: '8' cannot be used: Expected `int`, got `str`"),
    "yes-for-a-number": ("threads: yes", "threads: True cannot be used: Expected `int`, got `bool`"),
    "number-for-text": ("listen: 9464", "listen: 9464 cannot be used: Expected `str`, got `int`"),
    "too-small": ("threads: 1", "threads: 1 cannot be used: Expected `int` >= 2"),
    "too-large": (
        "limits: {batch_events: 100001}", "limits.batch_events: 100001 cannot be used: Expected `int` <= 100000",
    ),
    "negative-seconds": ("gauge_ttl_s: -1", "gauge_ttl_s: -1 cannot be used: Expected `float` > 0.0"),
    "not-a-number": ("gauge_ttl_s: .nan", "gauge_ttl_s: nan cannot be used: Expected `float` > 0.0"),
    "endless": ("gauge_ttl_s: .inf", "gauge_ttl_s: inf cannot be used: Expected `float` <= 2592000.0"),
    "list-for-a-section": ("redis: [1]", "redis: [1] cannot be used: Expected `object`, got `array`"),
    "nothing-for-a-section": ("limits:", "limits: None cannot be used: Expected `object`, got `null`"),
    "number-in-a-list": (
        "allowed_hosts: [1]", "allowed_hosts: [1] cannot be used: Expected `str`, got `int` as a value",
    ),
    "no-port": ("listen: localhost", "listen: 'localhost' is not host:port. Write it as in 127.0.0.1:9464"),
    "no-host": ("listen: ':9464'", "listen: ':9464' is not host:port. Write it as in 127.0.0.1:9464"),
    "port-too-large": ("listen: 'h:65536'", "listen: 65536 is not a port: the highest is 65535"),
    "port-of-other-digits": ("listen: 'h:²'", "listen: 'h:²' is not host:port. Write it as in 127.0.0.1:9464"),
    "environment": (
        "environment: a b", "environment: 'a b' cannot be used: Expected `str` matching regex '^[A-Za-z0-9._-]{0,63}$'",
    ),
    "level": ("log_level: loud", "log_level: 'loud' is none of debug, info, warning, error"),
    "kind": ("sources: {poem: http}", f"sources.poem: no such kind; there are {KINDS}"),
    "source": (
        "sources: {cache: pigeon}",
        "sources.cache: 'pigeon' is not one source; there are http, redis_zset, redis_stream, postgres",
    ),
    "family": ("budgets: {exai_nothing: 3}", "budgets.exai_nothing: no such family"),
    "family-that-is-not-folded": ("budgets: {exai_exporter_series: 3}", "budgets.exai_exporter_series: no such family"),
    "redis-url": (
        "redis_url: http://h",
        "redis_url: it does not start with redis://, rediss:// (TLS) or unix://. Write it as in "
        "redis://USER:PASSWORD@HOST:6379/0. In the password, write @ : / % # ? as %40 %3A %2F %25 %23 %3F",
    ),
    "quantile": ("timeouts: {quantile: 2}", "timeouts.quantile: 2 cannot be used: Expected `float` <= 0.9999"),
    "unknown-timeout-key": (
        "timeouts: {models: {k2: {roof_s: 3}}}",
        "timeouts.models[...].roof_s: there is no such key; docs/settings.md lists all",
    ),
    "floor-above-ceiling": (
        "timeouts: {floor_s: 9, ceiling_s: 5}", "timeouts.floor_s: 9 is above the ceiling of 5",
    ),
    "floor-of-a-model": (
        "timeouts: {models: {k2: {floor_s: 4000}}}",
        "timeouts.models.k2.floor_s: 4000 is above the ceiling of 3600",
    ),
    "override-of-everything": (
        "timeouts: {emergency_s: {'': 3}}", "timeouts.emergency_s: an empty name would match every model",
    ),
    "stream-without-redis": ("redis: {stream: s}", "redis.stream: needs redis_url"),
}  # fmt: skip


def read(tmp_path: Path, text: str, **environment: str) -> Settings:
    path = tmp_path / "exai.yml"
    path.write_text(text)
    return load({"EXAI_CONFIG": str(path), **environment})


@pytest.mark.parametrize("rule", BAD)
def test_each_rule_says_key_value_and_reason(tmp_path: Path, rule: str) -> None:
    text, message = BAD[rule]
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "text", ["sources: {cache: [http, redis_zset]}", "budgets: {exai_cache_errors_total: 0}", "1: 2"]
)
def test_a_bad_entry_of_a_mapping_names_the_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{text.partition(':')[0]}"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["[a, b]", "just text", "3"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"^EXAI_CONFIG: .*exai\.yml is not a mapping of keys to values$"):
        read(tmp_path, text)


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^EXAI_CONFIG: /nowhere cannot be read: "):
        load({"EXAI_CONFIG": "/nowhere"})
    with pytest.raises(SettingsError, match=r"^EXAI_CONFIG: .*exai\.yml cannot be read: "):
        read(tmp_path, "a: [")


def test_nothing_set_is_enough() -> None:
    found = load({})
    assert found == Settings()
    assert found.address == ("127.0.0.1", 9464)
    assert found.on_loopback


def test_an_empty_file_is_enough(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing\n") == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, "threads: 4\nlog_level: debug\ngauge_ttl_s: 10", EXAI_THREADS="8", EXAI_GAUGE_TTL_S="2.5")
    assert (found.threads, found.log_level, found.gauge_ttl_s) == (8, "debug", 2.5)


def test_a_variable_that_is_empty_is_not_set(tmp_path: Path) -> None:
    assert read(tmp_path, "threads: 4", EXAI_THREADS="").threads == 4


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("EXAI_THREADS", "many", "threads: 'many' cannot be used: Expected `int`, got `str`"),
        ("EXAI_GAUGE_TTL_S", "nan", "gauge_ttl_s: 'nan' cannot be used: Expected `float` > 0.0"),
        ("EXAI_LISTEN", "9464", "listen: '9464' is not host:port. Write it as in 127.0.0.1:9464"),
    ],
)
def test_a_bad_variable_says_key_value_and_reason(variable: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({variable: text})
    assert str(refused.value) == message


def test_hosts_are_separated_by_commas() -> None:
    assert load({"EXAI_ALLOWED_HOSTS": "a.example, b.example"}).allowed_hosts == ("a.example", "b.example")


def test_the_fixed_names_of_variables_are_read() -> None:
    for name in ("LISTEN", "STATE_DIR", "REDIS_URL", "DATABASE_URL", "TOKEN_FILE", "ADMIN_TOKEN_FILE", "EXTERNAL_URL"):
        assert ENVIRONMENT[f"EXAI_{name}"] == name.lower()


@pytest.mark.parametrize(
    "text",
    [
        "redis_url: redis://:hunter2@h: x",
        "redis_url: [redis://:hunter2@h/0]",
        "database_url: {postgresql://u:hunter2@h/db: 1}",
        "redis_url: http://u:hunter2@h",
        "redis_url: redis://:hunter2@h/0\nthreads: 1",
        "redis_url: redis://:hun/ter2@host:6379",
        "redis_url: redis://:hunter2@host:port",
        "database_url: http://u:hunter2@h/db",
        "database_url: postgresql://u:%hunter2@h/db",
    ],
)
def test_a_secret_is_never_printed(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    said = f"{refused.value}{refused.value.__cause__ if 'hunter2@h: x' not in text else ''}"
    assert "hunter2" not in str(refused.value)
    assert "ter2" not in said.replace("hunter2", "")


@pytest.mark.parametrize(
    ("listen", "local"),
    [("127.0.0.1:1", True), ("localhost:1", True), ("[::1]:1", True), ("127.9.9.9:1", True), ("0.0.0.0:1", False),
     ("[::]:1", False), ("10.0.0.1:1", False), ("127.evil.example:1", False), ("localhost.evil.example:1", False)],
)  # fmt: skip
def test_loopback_is_told_from_the_network(listen: str, local: bool) -> None:
    assert Settings(listen=listen).on_loopback is local


def test_every_folded_family_may_be_given_a_budget(tmp_path: Path) -> None:
    lines = [f"  {family.name}: 7" for family in FOLDED]
    assert len(read(tmp_path, "budgets:\n" + "\n".join(lines)).budgets) == len(FOLDED) < len(FAMILIES)
