"""The conversations that the simulated gateway holds, and the calls that they make."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

TOOLS = ("chat", "analyze", "codereview", "debug", "thinkdeep", "kimi_chat_with_tools")
CONTEXT_LIMIT_TOKENS = 256_000
_CONVERSATIONS = 40
_FEWEST_CALLS, _MOST_CALLS = 4, 60


@dataclass(slots=True)
class Session:
    """One conversation and the calls it will have; `context_tokens` is what its models read and wrote so far."""

    conversation_id: str
    ends_after: int
    calls: int = 0
    context_tokens: int = 0


class Sessions:
    """A number of conversations that stays the same: where one ends, another begins.

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

    def next_call(self) -> Session:
        """The conversation that calls next, its call counted."""
        place = self._rng.randrange(len(self.open))
        if self.open[place].calls >= self.open[place].ends_after:
            self.open[place] = self._begin()
        self.open[place].calls += 1
        return self.open[place]

    def _begin(self, calls: int = 0) -> Session:
        self.total += 1
        ends_after = self._rng.randint(_FEWEST_CALLS, _MOST_CALLS)
        return Session(f"c-{self._run}-{self.total}", ends_after, calls, calls * 1800)
