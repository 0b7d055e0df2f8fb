"""Records sdk_errors.json: `python tests/data/record_sdk_errors.py FILE`, with the SDKs installed.

Makes openai, zhipuai, zai-sdk, httpx, requests, aiohttp and urllib fail against a local server that answers with
provider_errors.json, and writes what they raise. Errors of another version of an SDK stay in the file.
"""

from __future__ import annotations

import asyncio
import json
import platform
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

Errors = list[dict[str, str | None]]
Call = Callable[[str], object]

PATIENCE_S = 0.3
NO_HOST = "http://gateway.invalid/v1"

PROVIDER_ERRORS = json.loads(Path(__file__).with_name("provider_errors.json").read_text())
ANSWERS = {error["case"]: error for error in PROVIDER_ERRORS if "status" in error}
STREAMED = {error["case"]: error for error in PROVIDER_ERRORS if "stream" in error}
"""Errors in the events of an answer that began well."""

BROKEN = {"slow": "timeout", "hang up": "connection_error", "cut": "connection_error"}
"""Answers that do not come, or do not end; `cut` and `slow` streams have begun."""

NOTHING_KNOWN = {"An error occurred during streaming": "APIResponseError"}
"""Zhipu's SDKs keep the error of a stream out of the text of the exception."""

PLAIN = ("moonshot 429 requests", "moonshot 401", "moonshot 403", "moonshot 404", "moonshot 500", "zhipu 503", "422")


class Provider(BaseHTTPRequestHandler):
    """Answers each request as the first part of its path says."""

    protocol_version = "HTTP/1.1"
    over = threading.Event()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer, or break the connection."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        case, stream = self.path.split("/")[1].replace("_", " "), self.path.split("/")[2] == "stream"
        if case in BROKEN:
            self._break(case, stream)
        elif case in STREAMED:
            self._answer(200, "text/event-stream", f"data: {json.dumps(STREAMED[case]['stream'])}\n\n")
        else:
            body = ANSWERS[case]["body"]
            text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
            self._answer(ANSWERS[case]["status"], "text/html" if isinstance(body, str) else "application/json", text)

    def _answer(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def _break(self, case: str, stream: bool) -> None:
        if stream or case == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"data:" if stream else b'{"id"')
            self.wfile.flush()
        if case == "slow":
            self.over.wait()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class Recorder:
    """Collects the errors of one SDK after the other."""

    def __init__(self, port: int, closed_port: int) -> None:
        self.errors: Errors = []
        self.base, self._closed = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{closed_port}/v1"
        self._ports = {str(port): "8079", str(closed_port): "8078"}

    def attempt(self, sdk: str, case: str, expected: str, call: Call, where: str = "") -> None:
        """Note the error of a call that is to fail in that way."""
        url = where or f"{self.base}/{case.replace(' ', '_')}/v1"
        try:
            call(url)
        except BaseException as error:
            self._note(sdk, case, expected, error)
        else:
            raise AssertionError(f"{sdk} {case} did not fail")

    def attempt_all(self, sdk: str, cases: Iterator[str], call: Call) -> None:
        """Note the errors of these answers, and those of broken connections."""
        for case in cases:
            self.attempt(sdk, case, ANSWERS[case]["error_type"], call)
        for case, expected in BROKEN.items():
            self.attempt(sdk, case, expected, call)
        self.attempt(sdk, "refused", "connection_error", call, self._closed)
        self.attempt(sdk, "no such host", "connection_error", call, NO_HOST)
        self.attempt(sdk, "no TLS", "connection_error", call, self.base.replace("http:", "https:") + "/408/v1")

    def attempt_streams(self, sdk: str, call: Call) -> None:
        """Note the errors of streams."""
        for case, error in STREAMED.items():
            self.attempt(sdk, case, error["error_type"], call)
        for case, expected in BROKEN.items():
            self.attempt(sdk, f"{case} stream", expected, call, f"{self.base}/{case.replace(' ', '_')}/stream")

    def _note(self, sdk: str, case: str, expected: str, error: BaseException) -> None:
        text = str(error)
        for port, shown in self._ports.items():
            text = text.replace(port, shown)
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        expected = NOTHING_KNOWN.get(text, expected)
        self.errors.append({"sdk": sdk, "case": case, "type": kind, "message": text, "error_type": expected})


def record(recorder: Recorder) -> None:
    """Make every SDK fail in every way."""
    for package, client in (("openai", "OpenAI"), ("zhipuai", "ZhipuAI"), ("zai-sdk", "ZaiClient")):
        make = getattr(import_module("zai" if package == "zai-sdk" else package), client)
        sdk = f"{package} {version(package)}"
        recorder.attempt_all(sdk, iter(ANSWERS), lambda url, make=make: complete(make, url))  # type: ignore[misc]
        recorder.attempt_streams(sdk, lambda url, make=make: list(complete(make, url, stream=True)))  # type: ignore[misc]
    sdk = f"openai {version('openai')}"
    recorder.attempt(sdk, "cancelled", "abandoned", lambda url: asyncio.run(cancel(url)), f"{recorder.base}/slow/v1")
    for name, call in (("httpx", call_httpx), ("requests", call_requests), ("aiohttp", call_aiohttp)):
        recorder.attempt_all(f"{name} {version(name)}", iter(PLAIN), call)
    recorder.attempt_all(f"urllib of Python {platform.python_version()}", iter(PLAIN), call_urllib)


def complete(make: Callable[..., Any], url: str, **more: Any) -> Any:
    """Ask for a completion once."""
    client = make(api_key="id.secret", base_url=url, max_retries=0, timeout=PATIENCE_S)
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], **more)


async def cancel(url: str) -> None:
    """Ask for a completion and give it up."""
    client = import_module("openai").AsyncOpenAI(api_key="k", base_url=url, max_retries=0)
    task = asyncio.ensure_future(client.chat.completions.create(model="m", messages=[]))
    await asyncio.sleep(PATIENCE_S)
    task.cancel()
    await task


def call_httpx(url: str) -> None:
    """Post with httpx."""
    import_module("httpx").post(url, timeout=PATIENCE_S).raise_for_status()


def call_requests(url: str) -> None:
    """Post with requests."""
    import_module("requests").post(url, timeout=PATIENCE_S).raise_for_status()


def call_aiohttp(url: str) -> None:
    """Post with aiohttp."""
    aiohttp = import_module("aiohttp")

    async def post() -> None:
        patience = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with (
            aiohttp.ClientSession(timeout=patience, raise_for_status=True) as session,
            session.post(url) as reply,
        ):
            await reply.read()

    asyncio.run(post())


def call_urllib(url: str) -> None:
    """Post with urllib."""
    urllib.request.urlopen(urllib.request.Request(url, data=b"{}"), timeout=PATIENCE_S).read()  # noqa: S310


def main(path: Path) -> None:
    """Record into the file; entries of SDKs that are not installed here stay."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        recorder = Recorder(server.server_address[1], free.getsockname()[1])
        record(recorder)
    Provider.over.set()
    server.shutdown()
    kept: Errors = []
    with suppress(FileNotFoundError):
        recorded = {error["sdk"] for error in recorder.errors}
        kept = [error for error in json.loads(path.read_text()) if error["sdk"] not in recorded]
    lines = ",\n".join(json.dumps(error, ensure_ascii=False) for error in kept + recorder.errors)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
