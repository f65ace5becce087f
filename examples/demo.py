"""`./run demo`: Trackway in one process on an embedded store, filled with traffic, with an address to open.

./run demo              a concert site: the last 30 weeks, live visits, and the site itself to click around in
./run demo --log        the traffic of a real site, from its access log in ../shared/data/web_logs
./run demo --fresh      start over with an empty store
./run seed DIR          fill an empty data directory with the concert site's traffic, then end
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from concert_visits import Site

ROOT = Path(__file__).parents[1]
LOG = ROOT.parent / "shared" / "data" / "web_logs" / "elastic_apache_logs.log.zst"
KEYS = ROOT / "data"


def main() -> int:
    """Start the server, fill it, print its address, and run until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", action="store_true", help="show a real site's access log instead")
    parser.add_argument("--fresh", action="store_true", help="remove the demo's data first")
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--days", type=int, default=210, help="of the past; a site that doubles in seven weeks")
    parser.add_argument("--pages", type=Path, help="a file that exists once the pages are built")
    parser.add_argument("--seed", type=Path, metavar="DIR", help="fill this empty data directory, then end")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # child processes end with this one
    if options.log and not LOG.exists():
        print(f"there is no access log at {LOG}; run ./run demo without --log", file=sys.stderr)
        return 1
    if options.seed:
        return _seed(options.seed, options.days)
    data = KEYS / ("log" if options.log else "demo")
    if options.fresh:
        shutil.rmtree(data, ignore_errors=True)
    first = not (data / "accounts.db").exists()
    if options.log:
        imported = [
            sys.executable,
            "-m",
            "trackway",
            "import",
            "access-log",
            str(LOG),
            "--data",
            str(data),
            "--json",
        ]
        printed = subprocess.run(imported, check=True, stdout=subprocess.PIPE, env=_environment(data)).stdout
        print(f"the access log has {json.loads(printed)['taken']:,} page views")
    print("starting the server …", flush=True)
    server = _start(data, options.port, "" if options.log else "concerts")
    beside: list[subprocess.Popen[bytes]] = []
    try:
        address, site_port = f"http://127.0.0.1:{options.port}", options.port + 1
        _wait_until_ready(address, server)
        keys = _keys(data)
        if not options.log:
            _people(address, keys, data, site_port)
            beside.append(_site(address, keys, site_port, data))
        _wait_for_pages(options.pages)
        _explain(address, keys, "" if options.log else f"http://127.0.0.1:{site_port}")
        if not options.log and first:
            _fill(address, keys, options.days)
            with _admin(address, keys) as admin:  # nothing waits for the models: until then, what is popular is shown
                admin.post("/api/v1/jobs/train-models/run").raise_for_status()
        if not options.log:
            beside.append(_traffic(address, keys, "--live", "--seed", str(int(time.time()))))
        try:
            server.wait()
        finally:
            for process in beside:
                process.terminate()
                process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        server.wait()
    return 0


def _seed(data: Path, days: int) -> int:
    """Fill an empty data directory through a server on a free port, then stop the server."""
    if data.exists() and any(data.iterdir()):
        print(f"{data} is not empty; give an empty or new directory", file=sys.stderr)
        return 1
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server = _start(data, port, "concerts")
    try:
        address, keys = f"http://127.0.0.1:{port}", _keys(data)
        _wait_until_ready(address, server)
        _people(address, keys, data, 8701)
        _fill(address, keys, days)
    finally:
        server.terminate()
        server.wait()
    print(f"  sign in as {keys['TRACKWAY_ADMIN_EMAIL']} with password {keys['TRACKWAY_ADMIN_PASSWORD']}")
    print(f"  ./run dev {data} or trackway serve --data {data} shows it; all keys are in {data / 'demo-keys.json'}")
    return 0


def _keys(data: Path) -> dict[str, str]:
    """Return the demo's keys and password. They are created once and stored with its data."""
    path = data / "demo-keys.json"
    if not path.exists():
        import secrets

        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        new_keys = {
            "TRACKWAY_WRITE_KEY": "wk_" + secrets.token_urlsafe(12),
            "TRACKWAY_SECRET_KEY": "sk_" + secrets.token_urlsafe(24),
            "TRACKWAY_ADMIN_EMAIL": "demo@trackway.example",
            "TRACKWAY_ADMIN_PASSWORD": secrets.token_urlsafe(9),
        }
        path.write_text(json.dumps(new_keys))
    keys: dict[str, str] = json.loads(path.read_text())
    return keys


def _environment(data: Path) -> dict[str, str]:
    import os

    return {**os.environ, **_keys(data)}


def _start(data: Path, port: int, plan: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trackway", "serve", "--data", str(data), "--port", str(port), "--json"]
    environment = {**_environment(data), **({"TRACKWAY_PLAN": plan} if plan else {})}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


@contextmanager
def _admin(address: str, keys: dict[str, str]) -> Iterator[httpx.Client]:
    """Sign in as the demo's administrator."""
    credentials = {"email": keys["TRACKWAY_ADMIN_EMAIL"], "password": keys["TRACKWAY_ADMIN_PASSWORD"]}
    with httpx.Client(base_url=address, timeout=60) as client:
        client.headers["x-csrf-token"] = (
            client.post("/api/v1/sign-in", json=credentials).raise_for_status().json()["csrf"]
        )
        yield client


def _fill(address: str, keys: dict[str, str], days: int) -> None:
    """Send the past days, and score the customers, which otherwise happens once an hour."""
    print(f"  sending the last {days} days of the site's traffic; the numbers grow while you look:", flush=True)
    _traffic(address, keys, "--days", str(days)).wait()
    _wait_until_stored(address)
    with _admin(address, keys) as admin:
        before = _ended_runs(admin, "score-customers")
        admin.post("/api/v1/jobs/score-customers/run").raise_for_status()
        while _ended_runs(admin, "score-customers") == before:
            time.sleep(0.2)
    print("  all traffic is stored.", flush=True)


def _ended_runs(admin: httpx.Client, job: str) -> int:
    """Return the number of ended runs of a job."""
    runs = admin.get(f"/api/v1/jobs/{job}/runs").raise_for_status().json()
    return sum(run["ended_at"] is not None for run in runs)


def _people(address: str, keys: dict[str, str], data: Path, port: int) -> None:
    """Create the accounts of the site's artists and venues with their entities, once."""
    embed_file = data / "embed.json"
    if embed_file.exists():
        return
    with _admin(address, keys) as admin:
        project = admin.get("/api/v1/projects").json()[0]["id"]
        path = f"/api/v1/projects/{project}"
        settings = {"embed_origins": [f"http://127.0.0.1:{port}"], "currency": "EUR"}
        admin.patch(path, json=settings).raise_for_status()
        for board in json.loads((ROOT / "examples" / "boards.json").read_text()):
            admin.post(f"{path}/boards", json=board).raise_for_status()
        concerts = Site(7).concerts
        register, owners_by_id = [], {}
        for concert in concerts:
            owners = {"artist": slug(str(concert["artist"])), "venue": slug(str(concert["venue"]))}
            for kind, owner in owners.items():
                owners_by_id.setdefault(owner, (kind, str(concert[kind])))
            register.append({
                "type": "concert", "id": concert["id"], "name": f"{concert['artist']} at {concert['venue']}",
                "owners": list(owners.values()), "parents": [f"{kind}:{owner}" for kind, owner in owners.items()],
                "attributes": {"genre": concert["genre"], "price": concert["price"]},
            })  # fmt: skip
        admin.put(f"{path}/entities", json=register).raise_for_status()
        tiers = itertools.cycle([("business", "enterprise"), ("email", "premium"), ("email", "free")])
        for (owner, (kind, name)), (verification, subscription) in zip(owners_by_id.items(), tiers, strict=False):
            body = {"type": kind, "name": name, "verification": verification, "subscription": subscription,
                    "entities": [{"type": kind, "id": owner}]}  # fmt: skip
            admin.put(f"{path}/accounts/{owner}", json=body).raise_for_status()
        embed_key = admin.post(f"{path}/keys", json={"kind": "embed"}).raise_for_status().json()
    embed_file.touch(mode=0o600)
    signing = {"project": project, "kid": embed_key["id"], "key": embed_key["embed_key"]}
    embed_file.write_text(json.dumps({**signing, "secret": keys["TRACKWAY_SECRET_KEY"]}))


def slug(name: str) -> str:
    """Convert a name to an id."""
    return name.lower().replace(" ", "-")


def _site(address: str, keys: dict[str, str], port: int, data: Path) -> subprocess.Popen[bytes]:
    script = str(ROOT / "examples" / "concerts" / "site.py")
    command = [sys.executable, script, "--port", str(port), "--trackway", address, "--embed", str(data / "embed.json")]
    return subprocess.Popen([*command, "--write-key", keys["TRACKWAY_WRITE_KEY"]], start_new_session=True)


def _traffic(address: str, keys: dict[str, str], *options: str) -> subprocess.Popen[bytes]:
    script = str(ROOT / "examples" / "concert_traffic.py")
    command = [sys.executable, script, "--url", address, "--write-key", keys["TRACKWAY_WRITE_KEY"], *options]
    return subprocess.Popen(command, start_new_session=True)


def _status(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
        status: dict[str, Any] = json.load(answer)
        return status


def _wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit("the server did not start; its output is above")
        try:
            _status(address)
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def _wait_for_pages(built: Path | None) -> None:
    """Wait until the parallel build has finished; exit when it failed."""
    if built is not None and not built.exists():
        print("waiting for the pages to be built …", flush=True)
        while not built.exists():
            time.sleep(0.1)
    if built is not None and built.read_text().strip() != "0":
        raise SystemExit("the pages could not be built; the output of the build is above")


def _wait_until_stored(address: str) -> None:
    while (status := _status(address))["stored"] < status["logged"]:
        time.sleep(0.2)


def _explain(address: str, keys: dict[str, str], site: str) -> None:
    period = "" if site else "?from=2015-05-17&to=2015-05-20"
    around = (
        f"""
  The site itself  {site}/          click around and watch the Live page; ?tw_debug in its address shows what is sent
  Artists' view    {site}/backstage embedded dashboards: each artist sees their own numbers
  Fans' view       {site}/account   what the site knows of you once you are signed in; its first page suggests something
"""
        if site
        else ""
    )
    with urllib.request.urlopen(
        urllib.request.Request(
            f"{address}/api/v1/projects", headers={"authorization": f"Bearer {keys['TRACKWAY_SECRET_KEY']}"}
        ),
        timeout=10,
    ) as answer:
        project = json.load(answer)[0]["id"]
    curl = f"curl -u {keys['TRACKWAY_WRITE_KEY']}: {address}/v1/track -H 'content-type: application/json'"
    print(
        f"""
  Trackway is at   {address}/p/{project}/overview{period}
  sign in as       {keys["TRACKWAY_ADMIN_EMAIL"]}
  with password    {keys["TRACKWAY_ADMIN_PASSWORD"]}
  write key        {keys["TRACKWAY_WRITE_KEY"]}  (public: records events)
  secret key       {keys["TRACKWAY_SECRET_KEY"]}  (private: reads answers, -H 'authorization: Bearer …')
{around}
  Send an event of your own from a second terminal; it is on the Live page within two seconds:

    {curl} -d '{{"event": "Hello", "anonymousId": "me"}}'

  Ctrl-C stops it; the data stays for the next time (--fresh starts over).
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
