"""What a run may take in all: calls, tokens, seconds, and the time that it waits for a quota."""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal

import trio
from attrs import Factory, define, field

from lok_core.clock import lasting
from lok_core.models import Profile
from lok_core.panel import Limits

Fate = Literal["was not started", "was not tried again", "was ended"]


@define(eq=False)
class Budget:
    """The caps of a run, and what it has taken of them so far.

    A call is an attempt of a language model to answer, whatever comes of it; analysers cost nothing.

    Attributes:
        deadline: on trio's clock; infinity for none.
        calls, tokens: those that were taken, and those of requests that are queued or under way.
        fates: what became of requests, by the cap that did it.
    """

    limits: Limits
    deadline: float = field(init=False)
    calls: int = 0
    tokens: int = 0
    fates: dict[str, Counter[Fate]] = Factory(dict)
    _waited_s: float = 0.0
    _waits_until: float = -math.inf

    def __attrs_post_init__(self) -> None:
        self.deadline = trio.current_time() + self.limits.deadline_s

    @property
    def deadline_cap(self) -> str:
        """The deadline as the user gave it."""
        return f"--deadline {lasting(self.limits.deadline_s)}"

    def reserve(self, tokens: int, profile: Profile) -> str:
        """Takes what an attempt costs at least. The cap that keeps it from being made; empty if none does.

        Args:
            tokens: those of its prompt, estimated.
        """
        if trio.current_time() >= self.deadline:
            return self.deadline_cap
        if not profile.is_llm:
            return ""
        max_calls, max_tokens = self.limits.max_calls, self.limits.max_tokens
        if max_calls is not None and self.calls >= max_calls:
            return f"--max-calls {max_calls}"
        if max_tokens is not None and (self.tokens >= max_tokens or self.tokens + tokens > max_tokens):
            return f"--max-tokens {max_tokens}"
        self.calls += 1
        self.tokens += tokens
        return ""

    def overdrawn(self, tokens: int, profile: Profile) -> str:
        """The cap that others have used up since that was reserved, which is then given back."""
        cap = self.limits.max_tokens
        if cap is None or not profile.is_llm or self.tokens <= cap:
            return ""
        self.calls -= 1
        self.tokens -= tokens
        return f"--max-tokens {cap}"

    def again(self, profile: Profile) -> bool:
        """Whether an attempt under way may ask a second time; its tokens are told with those of the first."""
        return not self.reserve(0, profile)

    def stop(self, cap: str, fate: Fate) -> None:
        """Notes what a cap did to a request."""
        self.fates.setdefault(cap, Counter())[fate] += 1

    def wait(self, seconds: float) -> bool:
        """Whether the run may wait so long for a quota; then that counts, once for all who wait at once."""
        now = trio.current_time()
        more_s = max(0.0, now + seconds - max(now, self._waits_until))
        if self._waited_s + more_s > self.limits.quota_wait_s:
            return False
        self._waited_s += more_s
        self._waits_until = max(self._waits_until, now + seconds)
        return True

    @property
    def quota_left_s(self) -> float:
        """How long it may still wait, besides what is being waited for."""
        return self.limits.quota_wait_s - self._waited_s

    def told(self) -> tuple[str, ...]:
        """What the caps did, one sentence each: "--max-calls 3: 5 requests were not started"."""
        return tuple(
            f"{cap}: {', '.join(_counted(count, fate) for fate, count in sorted(fates.items()))}"
            for cap, fates in self.fates.items()
        )


def estimated(text: str) -> int:
    """The tokens of a text where nobody tells them: a quarter of its bytes."""
    return math.ceil(len(text.encode(errors="replace")) / 4)


def _counted(count: int, fate: Fate) -> str:
    return f"1 request {fate}" if count == 1 else f"{count} requests {fate.replace('was', 'were')}"
