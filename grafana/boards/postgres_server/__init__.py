"""PostgreSQL server: is there room for connections, and does it answer from memory, without locks and failures?"""

from grafana.boards.postgres_server import server
from grafana.panels import dashboard, layout, lines_filled_by
from grafana.panels.filling import POSTGRES_SERVER

BOARD = dashboard(
    "exai-postgres-server",
    "PostgreSQL server",
    "Connections, memory, transactions, locks and size of the PostgreSQL server, as postgres_exporter reads them.",
    layout(*lines_filled_by(POSTGRES_SERVER, server.lines())),
    [],
)
