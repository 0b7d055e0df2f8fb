"""The conversations that the simulated gateway holds, and the calls that they make."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

TOOLS = ("chat", "analyze", "codereview", "debug", "thinkdeep", "kimi_chat_with_tools")
CONTEXT_LIMIT_TOKENS = 256_000
_CONVERSATIONS = 100
_FEWEST_CALLS, _MOST_CALLS = 4, 60


@dataclass(slots=True)
class Session:
    """One conversation and the calls it will have; `context_tokens` is what its models read and wrote so far.

    It waits for an answer until `busy_until` (Unix seconds).
    """

    conversation_id: str
    ends_after: int
    calls: int = 0
    context_tokens: int = 0
    busy_until: float = 0

    def has_ended(self, now: float) -> bool:
        """Return whether its last call has been answered."""
        return self.calls >= self.ends_after and self.busy_until <= now


class Sessions:
    """Conversations, each of which has one call at a time: where one ends, another begins.

    There are more than usual while all of them wait for answers.

    Their ids are of this run alone: the boards would take the second conversation of that name for more of the first.
    """

    def __init__(self, rng: Random) -> None:
        self._rng, self._run = rng, f"{rng.getrandbits(32):08x}"
        self.total = 0
        self.open = [self._begin(rng.randrange(_FEWEST_CALLS)) for _ in range(_CONVERSATIONS)]

    @property
    def longest(self) -> int:
        """Messages in the longest conversation: a question and an answer for each call."""
        return 2 * max(session.calls for session in self.open)

    @property
    def fullest(self) -> int:
        """Tokens of context in use by the fullest conversation."""
        return min(CONTEXT_LIMIT_TOKENS, max(session.context_tokens for session in self.open))

    def next_call(self, now: float) -> Session:
        """Return the conversation that calls at `now` (Unix seconds), its call counted."""
        self.open = [session for session in self.open if not session.has_ended(now)]
        self.open += [self._begin() for _ in range(_CONVERSATIONS - len(self.open))]
        free = [session for session in self.open if session.busy_until <= now]
        if not free:
            free = [self._begin()]
            self.open += free
        session = self._rng.choice(free)
        session.calls += 1
        return session

    def _begin(self, calls: int = 0) -> Session:
        self.total += 1
        ends_after = self._rng.randint(_FEWEST_CALLS, _MOST_CALLS)
        return Session(f"c-{self._run}-{self.total}", ends_after, calls, calls * 1800)
