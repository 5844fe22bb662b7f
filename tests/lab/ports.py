"""Port ranges on loopback for labs side by side."""

import socket

_FIRST, _SIZE, _SLOTS = 21000, 64, 200


class PortRange:
    """A range no other lab uses: its first port stays bound as the sign that it is taken."""

    def __init__(self):
        for slot in range(_SLOTS):
            first = _FIRST + slot * _SIZE
            lock = socket.socket()
            try:
                lock.bind(("127.0.0.1", first))
            except OSError:
                lock.close()
                continue
            self._lock, self._next, self._end = lock, first + 1, first + _SIZE
            return
        raise RuntimeError("no free port range for another lab")

    def take(self, count):
        """(first, last) of `count` ports in a row."""
        first = self._next
        if first + count > self._end:
            raise RuntimeError("the lab's port range is used up")
        self._next += count
        return first, first + count - 1

    def close(self):
        self._lock.close()
