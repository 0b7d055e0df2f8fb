"""Sessions and concurrency: is there room for the next conversation, and does the WebSocket carry it?"""

from grafana.boards.sessions import conversations, messages, sockets
from grafana.panels import dashboard, layout, lines_filled_by
from grafana.panels.filling import READINGS

BOARD = dashboard(
    "exai-sessions",
    "Sessions and concurrency",
    "The conversations that are open, the semaphores that they wait for, and the WebSocket that carries them: how "
    "near each is to its limit.",
    layout(*lines_filled_by(READINGS, [*conversations.lines(), *sockets.lines()]), *messages.lines()),
    [],
)
