"""The text of supervisord.conf."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from exporter.bundle.layout import ROOT, Layout
from exporter.bundle.programs import Program


def render_config(programs: Iterable[Program], layout: Layout) -> str:
    """Everything that supervisord is told about the bundle."""
    home = layout.supervisor
    head = f"""[unix_http_server]
file={home}/supervisord.sock
chmod=0700

[supervisord]
logfile={home}/supervisord.log
pidfile={home}/supervisord.pid
childlogdir={layout.logs}
umask=077

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{home}/supervisord.sock

[include]
files=demo.conf
"""
    return "\n".join((head, *(program_section(program, layout) for program in programs)))


def program_section(program: Program, layout: Layout) -> str:
    """The part of the configuration that is about one program."""
    environment = ",".join(f'{key}="{value}"' for key, value in program.environment.items())
    return f"""[program:{program.name}]
command={_escaped(shlex.join(program.command))}
environment={_escaped(environment)}
directory={_escaped(str(ROOT))}
autostart=false
autorestart=true
startsecs=1
startretries=100
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_wait_s}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={layout.log(program.name)}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _escaped(text: str) -> str:
    """Text as supervisor's configuration takes it, where a lone % starts an expansion."""
    return text.replace("%", "%%")
