"""What the invented servers have in common: the usual mix of sessions and four remarkable episodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial

from invented import Receiver, World
from timeline import DAY, Action, Timeline


class Server(ABC):
    """One mail server; ``arrive`` starts a session of the usual mix, episodes are called by name."""

    def __init__(self, world: World, timeline: Timeline, usual: dict[Action, int]) -> None:
        """``usual`` gives each kind of session its share."""
        self.world, self.timeline = world, timeline
        self.put, self.random = timeline.put, world.random
        self._usual, self._shares = tuple(usual), tuple(usual.values())

    def arrive(self, moment: float) -> None:
        """Let one session of the usual mix begin."""
        self.world.rng.choices(self._usual, self._shares)[0](moment)

    def remarkable_day(self, size: int) -> None:
        """Let each episode happen once, with about so many replies."""
        at = self.timeline.at
        at(0.29 * DAY, partial(self.verb_probe, seconds=1800, commands=size))
        at(0.43 * DAY, partial(self.greylisting_burst, seconds=1200, messages=size))
        at(0.52 * DAY, partial(self.load_spike, seconds=900, connections=size))
        at(0.66 * DAY, partial(self.outbound_limit, seconds=2400, messages=size))

    def greylisting_burst(self, moment: float, seconds: float, messages: int) -> None:
        """A mailing reaches us from servers that we have not seen before."""
        for _ in range(messages):
            self.timeline.at(moment + seconds * self.random(), self.greylisted)

    def outbound_limit(self, moment: float, seconds: float, messages: int) -> None:
        """We send a mailing to the largest receiver, which finds it too much."""
        receiver = self.world.big_receiver()
        self.limit(receiver, moment + seconds)
        for _ in range(messages):
            when = moment + 0.8 * seconds * self.random()
            self.timeline.at(when, partial(self.application, receiver=receiver))

    @abstractmethod
    def load_spike(self, moment: float, seconds: float, connections: int) -> None:
        """More clients come than we can serve: 421 for them."""

    @abstractmethod
    def verb_probe(self, moment: float, seconds: float, commands: int) -> None:
        """One client tries VRFY, which is switched off, and verbs that do not exist."""

    @abstractmethod
    def greylisted(self, moment: float) -> None:
        """Put off a message from elsewhere; most senders come back."""

    @abstractmethod
    def application(self, moment: float, receiver: Receiver | None = None) -> None:
        """Let the web shop on this machine send a message."""

    @abstractmethod
    def limit(self, receiver: Receiver, until: float) -> None:
        """Let the receiver put off nearly all our mail until then."""

    def recipients(self) -> list[tuple[str, Receiver]]:
        """Give the recipients of an outgoing message, mostly one."""
        count = 1 if self.random() < 0.8 else 2 + int(4 * self.random())
        return [self.recipient() for _ in range(count)]

    def recipient(self, receiver: Receiver | None = None) -> tuple[str, Receiver]:
        """Give an address elsewhere."""
        receiver = receiver or self.world.receiver()
        return f"{self.world.pick(self.world.contacts)}@{receiver.domain}", receiver
