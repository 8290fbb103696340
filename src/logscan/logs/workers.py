"""Blocks parsed side by side on all cores, and given back in the order of the log.

Threads have to wait for Python's lock between the many short kernels of a block; processes do not. A command, which
owns its process, may fork them; a library may not, as the program that uses it may have threads that hold locks.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice, pairwise
from mmap import mmap
from typing import TYPE_CHECKING

from logscan.errors import LogscanError, ProcessKilled
from logscan.logs.eights import Text
from logscan.logs.lines import NULS, PADDING

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.connection import Connection

    from logscan.logs.engine import Block

Parse = Callable[[Text], "Block"]
#: A block in pieces, which are to be taken before the next block is asked for.
Pieces = Iterable[bytes]

#: Fewer blocks than this are parsed where they are.
_FEW = 3
#: Blocks that a process has before it: the one it parses, and the next.
_AHEAD = 2
#: Bytes of a result that go through shared memory, which is far more than most have; the rest goes the slow way.
_RESULT = 8 << 20


class Workers:
    """Parses blocks by threads, or by forked processes.

    ``largest``: the most bytes that a block is to have; larger ones are parsed by this process. ``fork``: whether it
    may fork, where the system can.
    """

    def __init__(self, parse: Parse, largest: int, *, fork: bool) -> None:
        self._parse = parse
        self._largest = largest
        self._may_fork = fork and hasattr(os, "fork")
        self._processes: _Processes | None = None

    def parsed(self, blocks: Iterable[Pieces]) -> Iterator[Block]:
        """Parse the blocks; they are asked for as they are needed.

        What asking for a block raises is raised once all that came before is parsed.
        Raises ``ProcessKilled`` if a process is.
        """
        failures: list[LogscanError] = []
        blocks = _up_to_failure(blocks, failures)
        held: deque[Pieces] = deque([b"".join(pieces)] for pieces in islice(blocks, _FEW))
        few = len(held) < _FEW
        blocks = chain(_taken_from(held), blocks)
        if few or _cores() == 1:
            yield from map(self._parse, map(_whole, blocks))
        elif not self._may_fork:
            yield from _by_threads(self._parse, map(_whole, blocks))
        else:
            self._processes = self._processes or _Processes(self._parse, self._largest, held)
            yield from self._processes.parsed(blocks)
        if failures:
            raise failures[0]

    def close(self) -> None:
        """End the processes."""
        if self._processes is not None:
            self._processes.close()


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _up_to_failure(blocks: Iterable[Pieces], failures: list[LogscanError]) -> Iterator[Pieces]:
    try:
        yield from blocks
    except LogscanError as error:
        failures.append(error)


def _taken_from(held: deque[Pieces]) -> Iterator[Pieces]:
    while held:
        yield held.popleft()


def _whole(pieces: Pieces) -> bytes:
    """A block and what follows it, as ``split_lines`` wants them."""
    return b"".join((*pieces, NULS))


def _by_threads(parse: Parse, blocks: Iterable[bytes]) -> Iterator[Block]:
    from concurrent.futures import ThreadPoolExecutor

    count = _cores()
    pending: deque[Future[Block]] = deque()
    with ThreadPoolExecutor(count) as pool:
        for data in blocks:
            pending.append(pool.submit(parse, data))
            if len(pending) > count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


class _Room:
    """Memory shared with a process: ``text`` for a block, and as much as is usual for its result."""

    def __init__(self, largest: int) -> None:
        self.text = memoryview(mmap(-1, largest + PADDING))
        self._result = memoryview(mmap(-1, _RESULT))

    def put(self, result: object) -> tuple[bytes, list[int]]:
        """Put the arrays of a result here; returns the rest of it, and where they end."""
        ends = [0]

        def is_left(array: pickle.PickleBuffer) -> bool:
            raw = array.raw()
            start, end = ends[-1], ends[-1] + len(raw)
            if end > len(self._result):
                return True
            self._result[start:end] = raw
            ends.append(end)
            return False

        return pickle.dumps(result, protocol=5, buffer_callback=is_left), ends

    def get(self, rest: bytes, ends: list[int]) -> Block | Exception:
        """Take out what was put here; it is copied, as this room is used again."""
        arrays = [bytes(self._result[start:end]) for start, end in pairwise(ends)]
        result: Block | Exception = pickle.loads(rest, buffers=arrays)  # noqa: S301 - written by ``put``
        return result


class _Processes:
    """Forked processes that parse what stands in memory shared with them; each takes its turn.

    They forget the blocks in ``held``, of which each would keep a copy.
    """

    def __init__(self, parse: Parse, largest: int, held: deque[Pieces]) -> None:
        import multiprocessing

        self._parse = parse
        self._largest = largest
        count = _cores()
        self._rooms = [[_Room(largest) for _ in range(_AHEAD)] for _ in range(count)]
        ends = [multiprocessing.Pipe() for _ in range(count)]
        self._ends = [ours for ours, _ in ends]
        context = multiprocessing.get_context("fork")
        self._workers = [
            context.Process(
                target=_work,
                args=(
                    parse,
                    rooms,
                    theirs,
                    [end for pair in ends for end in pair if end is not theirs],
                    held,
                ),
                daemon=True,
            )
            for rooms, (_, theirs) in zip(self._rooms, ends, strict=True)
        ]
        for worker in self._workers:
            worker.start()
        for _, theirs in ends:
            theirs.close()

    def parsed(self, blocks: Iterable[Pieces]) -> Iterator[Block]:
        """Parse the blocks; results come in their order, as each process's turn does."""
        pending: deque[Callable[[], Block]] = deque()
        try:
            for number, pieces in enumerate(blocks):
                round_, turn = divmod(number, len(self._ends))
                pending.append(self._given(turn, round_ % _AHEAD, iter(pieces)))
                if len(pending) == _AHEAD * len(self._ends):
                    yield pending.popleft()()
            while pending:
                yield pending.popleft()()
        finally:
            # Of results that nobody wants any more the connections are cleared.
            for result in pending:
                result()

    def _given(self, turn: int, part: int, pieces: Iterator[bytes]) -> Callable[[], Block]:
        """Put a block into one of the rooms of the process whose turn it is; what is too large is parsed here."""
        room = self._rooms[turn][part]
        length = 0
        for piece in pieces:
            if length + len(piece) > self._largest:
                return partial(self._parse, _whole((bytes(room.text[:length]), piece, *pieces)))
            room.text[length : length + len(piece)] = piece
            length += len(piece)
        room.text[length : length + PADDING] = NULS
        self._ends[turn].send((part, length + PADDING))
        return partial(_received, self._ends[turn], room)

    def close(self) -> None:
        """Let the processes end."""
        for end in self._ends:
            end.close()
        for worker in self._workers:
            worker.join()


def _received(end: Connection, room: _Room) -> Block:
    try:
        result = room.get(*end.recv())
    except (EOFError, ConnectionError):
        raise ProcessKilled("a process that was parsing has been killed; is there memory enough?") from None
    if isinstance(result, Exception):
        raise result
    return result


def _work(
    parse: Parse, rooms: list[_Room], end: Connection, others: list[Connection], held: deque[Pieces]
) -> None:
    """Parse block after block until the other end of the connection is closed."""
    # An interrupt ends the command, and that ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in others:
        other.close()
    held.clear()
    while True:
        try:
            part, length = end.recv()
        except EOFError:
            # Nothing is to be cleaned up here that is not the command's.
            os._exit(0)
        result: Block | Exception
        try:
            result = parse(rooms[part].text[:length])
        except Exception as error:
            result = error
        try:
            end.send(rooms[part].put(result))
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)
