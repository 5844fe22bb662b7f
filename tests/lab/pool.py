"""Nova's pool of live migrations, in threads that never keep the interpreter alive."""

import queue
import threading
from concurrent.futures import Future


class Pool:
    """At most `size` run at once, the rest wait in order; a waiting one can be cancelled."""

    def __init__(self, size, name):
        self._queue = queue.Queue()
        for number in range(size):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, function, *args):
        future = Future()
        self._queue.put((future, function, args))
        return future

    def _work(self):
        while True:
            future, function, args = self._queue.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(*args))
            except BaseException as error:
                future.set_exception(error)


def in_thread(function, *args):
    """Run in a daemon thread of its own; the future tells how it ended."""
    future = Future()

    def run():
        try:
            future.set_result(function(*args))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=function.__name__, daemon=True).start()
    return future
