"""What people read: real messages of a real Alertmanager, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.alerts.conftest import ALERTMANAGER, EXPORTER, GRAFANA, Messenger, fired, messenger

HOSTILE = '<!channel> & <b>"x\\+'
LASTED = timedelta(minutes=12, seconds=30)
BURST = "ExaiConnectionErrorRatioHigh"
KIMI = {
    "service": "kimi",
    "provider": "kimi",
    "summary": "kimi fails more often than it answers",
    "description": "60% of the operations of the last 2 minutes failed.",
    "recommendation": "Look at the error's type first.",
    "dashboard": "/d/exai-gateway-overview?var-service=kimi",
}
KIMI_SILENCE = (
    f"{ALERTMANAGER}/#/silences/new?filter=%7Balertname%3D%22{BURST}%22%2C%20category%3D%22reliability%22%2C%20"
    "model%3D%22all%22%2C%20provider%3D%22kimi%22%2C%20service%3D%22kimi%22%2C%20severity%3D%22critical%22%7D"
)
HOSTILE_IN_URL = "%3C%21channel%3E%20%26%20%3Cb%3E%5C%22x%5C%5C%2B"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, started: datetime) -> Iterator[Messenger]:
    """Everything of this module is posted at once, for groups are sent ten seconds after their first alert."""
    with messenger(tmp_path_factory.mktemp("messages")) as running:
        hostile = dict.fromkeys(
            ("service", "provider", "model", "source", "summary", "description", "recommendation"), HOSTILE
        )
        slow = {"severity": "warning", "service": "glm", "provider": "glm"}
        running.alertmanager.post(
            fired(BURST, started, **KIMI),
            fired("ExaiHostile", started, **hostile),
            fired("ExaiModelLatencyHigh", started, model="glm-a", summary="glm-a is slow", description="A.", **slow),
            fired("ExaiModelLatencyHigh", started, model="glm-b", summary="glm-b is slow", description="B.", **slow),
            fired("ExaiSourceDown", started, source="redis_zset"),
            fired("ExaiProviderDown", started, provider="openai", service="all"),
            fired("ExaiModelLatencyHigh", started, severity="warning", provider="openai", model="gpt"),
            fired("ExaiQuiet", started, severity="info"),
            fired("ExaiElsewhere", started, environment=HOSTILE, summary="Elsewhere"),
            fired("Watchdog", started, severity="info"),
            fired(BURST, started, **{**KIMI, "severity": "warning"}),
        )
        yield running


@pytest.fixture(scope="module")
def over(told: Messenger, started: datetime) -> Messenger:
    """The same, after the burst has ended: it is said to have begun twelve and a half minutes before."""
    told.attachment(f"Critical · {BURST}")
    ended = fired(BURST, started - LASTED, **KIMI)
    told.alertmanager.post({**ended, "endsAt": started.isoformat()})
    return told


def utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def fields(attachment: dict[str, Any]) -> dict[str, str]:
    return {field["title"]: field["value"] for field in attachment["fields"]}


def buttons(attachment: dict[str, Any]) -> dict[str, str]:
    return {action["text"]: action["url"] for action in attachment["actions"]}


class Page(HTMLParser):
    """The words and the links of an HTML mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for key, value in attrs if key == "href"]

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(" ".join(data.split()))

    def fact(self, name: str) -> str:
        return self.words[self.words.index(name) + 1]


def parts(told: Messenger, subject: str) -> tuple[str, Page]:
    message = told.mail(subject)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content().replace("\r\n", "\n"), Page(html.get_content())


def test_slack_says_what_since_when_where_and_how_bad(told: Messenger, started: datetime) -> None:
    attachment = told.attachment(f"Critical · {BURST}")
    assert fields(attachment) == {
        "What": "kimi fails more often than it answers",
        "How bad": "60% of the operations of the last 2 minutes failed.",
        "What to do": "Look at the error's type first.",
        "Since": utc(started),
        "Severity": "Critical",
        "Where": "kimi",
        "Provider": "kimi",
        "Model": "all",
    }
    assert attachment["color"] == "#D7263D"
    assert attachment["fallback"] == "Critical: kimi fails more often than it answers"


def test_slack_links_the_dashboard_the_runbook_and_a_silence(told: Messenger) -> None:
    attachment = told.attachment(f"Critical · {BURST}")
    assert attachment["title_link"] == f"{GRAFANA}/d/exai-gateway-overview?var-service=kimi"
    assert buttons(attachment) == {
        "Dashboard": f"{GRAFANA}/d/exai-gateway-overview?var-service=kimi",
        "Runbook": f"{EXPORTER}/runbooks/{BURST}",
        "Silence": KIMI_SILENCE,
    }


def test_slack_takes_nothing_in_a_label_for_markup(told: Messenger) -> None:
    attachment = told.attachment("Critical · ExaiHostile")
    harmless = '&lt;!channel&gt; &amp; &lt;b&gt;"x\\+'
    assert fields(attachment) == {
        "What": harmless,
        "How bad": harmless,
        "What to do": harmless,
        "Since": fields(attachment)["Since"],
        "Severity": "Critical",
        "Where": f"{harmless}, source {harmless}",
        "Provider": harmless,
        "Model": harmless,
    }
    assert f"service%3D%22{HOSTILE_IN_URL}%22" in buttons(attachment)["Silence"]
    assert not attachment.keys() & {"link_names", "parse"}
    assert "<" not in json.dumps(attachment)


def test_every_message_begins_with_the_environment_where_there_is_one(told: Messenger) -> None:
    in_slack, in_mail = '[&lt;!channel&gt; &amp; &lt;b&gt;"x\\+]', f"[{HOSTILE}]"
    assert told.attachment(f"{in_slack} Critical · ExaiElsewhere")["fallback"] == f"{in_slack} Critical: Elsewhere"
    text, page = parts(told, f"{in_mail} [Critical] Elsewhere")
    assert text.startswith(f"{in_mail} Critical: Elsewhere\n")
    assert page.words.count(f"{in_mail} Elsewhere") == 2, "the title and the headline"


def test_slack_tells_a_group_in_one_message_a_line_each(told: Messenger, started: datetime) -> None:
    attachment = told.attachment("Warning · ExaiModelLatencyHigh")
    found = fields(attachment)
    assert found["What"] == "glm-a is slow\nglm-b is slow\n2 alerts"
    assert found["How bad"] == "A.\nB."
    assert found["Since"] == f"{utc(started)}\n{utc(started)}"
    assert (found["Where"], found["Provider"], found["Model"]) == ("glm\nglm", "glm", "glm-a\nglm-b")
    assert attachment["color"] == "#F2A900"
    assert "model" not in buttons(attachment)["Silence"]


def test_slack_names_the_source_and_says_all_services(told: Messenger) -> None:
    assert fields(told.attachment("Critical · ExaiSourceDown"))["Where"] == "all services, source redis_zset"


def test_mail_says_the_same_in_text(told: Messenger, started: datetime) -> None:
    text, _ = parts(told, "[Critical] kimi fails more often than it answers")
    assert text.strip() == "\n".join((
        "Critical: kimi fails more often than it answers",
        "",
        "kimi fails more often than it answers",
        "60% of the operations of the last 2 minutes failed.",
        "What to do: Look at the error's type first.",
        "",
        f"Since:     {utc(started)}",
        "Where:     kimi",
        "Provider:  kimi",
        "Model:     all",
        "Severity:  critical",
        f"Alert:     {BURST}",
        "",
        f"Dashboard: {GRAFANA}/d/exai-gateway-overview?var-service=kimi",
        f"Runbook:   {EXPORTER}/runbooks/{BURST}",
        f"Silence:   {KIMI_SILENCE}",
    ))  # fmt: skip


def test_mail_says_the_same_in_html(told: Messenger, started: datetime) -> None:
    _, page = parts(told, "[Critical] kimi fails more often than it answers")
    assert "60% of the operations of the last 2 minutes failed." in page.words
    facts = ("What", "What to do", "Since", "Where", "Provider", "Model", "Severity")
    assert [page.fact(name) for name in facts] == [
        "kimi fails more often than it answers", "Look at the error's type first.", utc(started), "kimi", "kimi",
        "all", "critical",
    ]  # fmt: skip
    assert page.links == [
        f"{GRAFANA}/d/exai-gateway-overview?var-service=kimi",
        f"{EXPORTER}/runbooks/{BURST}",
        KIMI_SILENCE,
    ]


def test_mail_is_addressed_as_it_was_set(told: Messenger) -> None:
    message = told.mail("[Critical] kimi fails more often than it answers")
    assert (message["From"], message["To"]) == ("EXAI <exai@example.org>", "ops@example.org")


def test_mail_takes_nothing_in_a_label_for_markup(told: Messenger) -> None:
    text, page = parts(told, f"[Critical] {HOSTILE}")
    assert f"Where:     {HOSTILE}, source {HOSTILE}" in text
    assert page.fact("Provider") == HOSTILE
    assert "b" not in page.tags
    assert f"service%3D%22{HOSTILE_IN_URL}%22".lower() in page.links[2].lower()


def test_mail_tells_a_group_in_one_message(told: Messenger) -> None:
    text, page = parts(told, "[Warning] glm-a is slow (2 alerts)")
    assert text.index("glm-a is slow\nA.") < text.index("glm-b is slow\nB.")
    assert [word for word in page.words if word in ("A.", "B.")] == ["A.", "B."]
    assert len(page.links) == 6


def test_an_info_goes_to_slack_alone_and_the_watchdog_to_nobody(over: Messenger) -> None:
    over.attachment("Info · ExaiQuiet")
    over.attachment(f"Resolved · {BURST}")
    assert not [message for message in over.smtp.messages if "Info" in message["Subject"]]
    assert "Watchdog" not in json.dumps(over.slack.bodies)


def test_what_a_graver_alert_explains_is_not_sent(over: Messenger) -> None:
    over.attachment(f"Resolved · {BURST}")
    titles = [attachment["title"] for body in over.slack.bodies for attachment in body["attachments"]]
    assert "Critical · ExaiProviderDown" in titles
    assert "gpt" not in json.dumps(over.slack.bodies)
    first_warning = titles.index(f"Warning · {BURST}") if f"Warning · {BURST}" in titles else len(titles)
    assert titles.index(f"Critical · {BURST}") < first_warning


def test_slack_says_when_it_is_over_and_how_long_it_was(over: Messenger, started: datetime) -> None:
    attachment = over.attachment(f"Resolved · {BURST}")
    assert attachment["color"] == "#2EB67D"
    assert fields(attachment)["Since"] == f"{utc(started - LASTED)}, for 12m30s"
    assert fields(attachment)["Severity"] == "Critical"
    assert fields(attachment)["What to do"] == "Nothing: it is over."
    assert attachment["fallback"] == "Resolved: kimi fails more often than it answers"


def test_mail_says_when_it_is_over(over: Messenger, started: datetime) -> None:
    text, page = parts(over, "[Resolved] kimi fails more often than it answers")
    lasted = f"{utc(started - LASTED)}, for 12m30s"
    assert text.startswith("Resolved: kimi fails")
    assert f"Since:     {lasted}" in text
    assert page.fact("Since") == lasted
    assert "What to do" not in (*page.words, text)
