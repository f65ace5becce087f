"""An address that takes what a server posts to it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


class Listener:
    """An address that takes what is posted, or refuses it."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.signatures: list[tuple[str, bytes]] = []
        self.refusing = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not outer.refusing:
                    outer.taken.append(json.loads(body))
                    outer.signatures.append((self.headers["x-trackway-signature"], body))
                self.send_response(500 if outer.refusing else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self) -> list[tuple[list[str], list[str]]]:
        found = [
            ([one["user_id"] for one in said["entered"]], [one["user_id"] for one in said["left"]])
            for said in self.taken
        ]
        self.taken.clear()
        return found
