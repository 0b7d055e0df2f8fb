"""Turns the error of a Redis or a PostgreSQL into one line that says what to check."""

from __future__ import annotations

import re

_LONGEST = 300
"""Characters that are kept of a server's own message."""

_PREAMBLE = re.compile(r"connection (failed|is bad): ")
_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")

_HINTS = (
    (r"connection refused", "nothing listens there. Check the host and the port, and that the server runs"),
    (
        r"name or service not known|resolve host|nodename nor servname|temporary failure in name",
        "the host name is unknown here. Check its spelling",
    ),
    (
        r"timeout reading|timeout connecting|timed out|timeout expired|couldn't get a connection",
        "the server does not answer. Check the port, and the firewall between here and there",
    ),
    (r"no route to host|network is unreachable", "this machine has no way to that address. Check the network"),
    (r"no such file or directory", "that socket does not exist. Check its path, and that the server runs"),
    (
        r"no password supplied|authentication required|already authenticated|fe_sendauth",
        "the server wants a password. Add one to the URL",
    ),
    (
        r"password authentication failed|invalid username-password|wrongpass|invalid password",
        "the user or the password is wrong. In a URL, write @ : / % of a password as %40 %3A %2F %25",
    ),
    (r"called without any password configured", "the server has no password. Remove it from the URL"),
    (r"role .* does not exist", "check the user in the URL"),
    (r"database .* does not exist", "check the name after the last / of the URL"),
    (r"db index is out of range|invalid db index", "check the number after the last / of the URL"),
    (r"no pg_hba.conf entry", "the server does not admit this user from this machine. Check its pg_hba.conf"),
    (r"(relation|schema) .* does not exist", "the database lacks our tables. Run `exai-exporter migrate`"),
    (r"permission denied|no permissions|noperm", "this user may not read there. Grant it the right, or use another"),
    (r"does not support ssl", "the server speaks no TLS. Use sslmode=disable if you trust the network"),
    (r"wrong version number|ssl.*(record|protocol|unexpected)", "the server speaks no TLS there. Use redis://, not rediss://"),
    (r"certificate verify failed", "the server's certificate is not trusted here. Name its authority in SSL_CERT_FILE"),
    (r"protocol error|invalidresponse|invalid response to", "another kind of server answers there. Check the port"),
    (r"connection closed by server|connection reset", "the server hung up. Check the port, and whether it wants TLS"),
    (r"loading the dataset", "Redis is starting. Wait"),
    (r"too many (connections|clients)|connection slots", "the server has no connection left. Raise its limit"),
)  # fmt: skip


def in_words(error: BaseException) -> str:
    """Return the error's own first line, without a password, and what to check, where that is known."""
    text = str(error).strip() or type(error).__name__
    first = _PREAMBLE.sub("", text.splitlines()[0], count=1)
    line = _PASSWORD.sub(r"\1:***@", first)[:_LONGEST].rstrip(". ")
    asked = f"{type(error).__name__} {text}".lower()
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, asked)), "")
    return f"{line}: {hint}" if hint else line
