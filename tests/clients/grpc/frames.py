"""A TCP proxy between a gRPC client and the server that notes the HTTP/2 frames that pass."""

import collections
import socket
import threading

DATA, PING, GOAWAY = 0, 6, 7
ACK = 1

Frame = collections.namedtuple("Frame", "sender type flags payload")

_PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_HEADER = 9


class Frames:
    """with Frames(ADDRESS) as frames: … frames.address … frames.noted … frames.wait_for(lambda: …)"""

    def __init__(self, onward):
        self.noted = []
        self.connections = 0
        self._changed = threading.Condition()
        host, port = onward.rsplit(":", 1)
        self._onward = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def wait_for(self, condition, seconds):
        """Whether it became true in that time; it is looked at after each frame."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def of(self, sender, kind, flags=0):
        """The frames of that sender and type with all of these flags."""
        return [one for one in self.noted if one[:2] == (sender, kind) and one.flags & flags == flags]

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(self._onward)
            for sender, source, target, skipped in (
                ("client", client, server, _PREFACE),
                ("server", server, client, 0),
            ):
                threading.Thread(target=self._relay, args=(sender, source, target, skipped), daemon=True).start()

    def _relay(self, sender, source, target, skipped):
        passed = b""
        try:
            while data := source.recv(1 << 16):
                passed += data
                if len(passed) >= skipped:
                    # Before they are passed on: then nobody has an answer to a frame that is not noted.
                    passed, skipped = self._note(sender, passed[skipped:]), 0
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of them has hung up

    def _note(self, sender, passed):
        """Notes the whole frames at the beginning of these bytes and returns the rest."""
        while len(passed) >= _HEADER:
            end = _HEADER + int.from_bytes(passed[:3], "big")
            if len(passed) < end:
                break
            with self._changed:
                self.noted.append(Frame(sender, passed[3], passed[4], passed[_HEADER:end]))
                self._changed.notify_all()
            passed = passed[end:]
        return passed
