"""An engine with a fault: it refuses events whose name begins with Poison."""

from __future__ import annotations

import processes
from conftest import Server

BREAK = (
    "CREATE TABLE faults (n UInt8) ENGINE = Null",
    "CREATE MATERIALIZED VIEW fault TO faults AS SELECT intDiv(1, NOT startsWith(name, 'Poison')) AS n FROM events",
)


MEND = ("DROP VIEW fault", "DROP TABLE faults")


def change_engine(server: Server, statements: tuple[str, ...]) -> None:
    """Carry out statements in the engine of a server that is stopped meanwhile."""
    server.stop()
    program = "import sys; from trackway.store.connection import Store; store = Store(sys.argv[1], clients=1)\n"
    program += "for statement in sys.argv[2:]: store.command(statement)\nstore.close()"
    processes.run(["-c", program, f"local://{server.data}/store", *statements]).check_returncode()
    server.start()


def poison(server: Server, *names: str) -> None:
    batch = [{"type": "track", "event": f"Poison {one}", "messageId": one, "anonymousId": "v"} for one in names]
    sound = {"type": "track", "event": "Sound", "messageId": f"sound-{names[0]}", "anonymousId": "v"}
    assert server.post("batch", {"batch": [*batch, sound]}).status_code == 202
    assert server.stored()["dead_letters"] >= len(names)
