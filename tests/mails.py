"""A mail server on loopback that keeps what it is sent: as much of SMTP (RFC 5321) as a mail needs."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say(b"220 here")
        while command := self.rfile.readline():
            if command.upper().startswith(b"DATA"):
                self._say(b"354 go on")
                text = b""
                while (more := self.rfile.readline()) not in (b".\r\n", b""):
                    text += more
                self.server.got.append(text.decode())  # type: ignore[attr-defined]
            self._say(b"221 bye" if command.upper().startswith(b"QUIT") else b"250 fine")

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


class Mails(socketserver.ThreadingTCPServer):
    """`got` are the mails as they came, `text(n)` what one says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[str] = []
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def text(self, which: int) -> str:
        """The text of a mail, decoded."""
        read = email.message_from_string(self.got[which], policy=email.policy.default)
        return str(read.get_content())

    def close(self) -> None:
        """Take no more."""
        self.shutdown()
        self.server_close()
