"""Requests that the server makes: to public addresses only, to the one that was checked, and no further.

The listeners are real, on loopback. What a name leads to is said by a resolver of the test, as nobody's name server may
decide whether a test passes.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import EMAIL, PASSWORD, Server
from trackway import config
from trackway.collect.orders.postgres_address import BadDatabase, conninfo, reason
from trackway.config import BadSettings
from trackway.outgoing import MOST_BYTES, Outgoing, Refused, Unreachable, parse, public

OK = b"HTTP/1.1 200 fine\r\ncontent-length: 5\r\n\r\nhello"


class Listener:
    """Answers every connection with some bytes, and keeps what was asked."""

    def __init__(self, answer: bytes | Callable[[socket.socket], None] = OK, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[bytes] = []
        self.connections = 0
        self._answer, self._tls = answer, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            try:
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self.asked.append(connection.recv(65536))
                if callable(self._answer):
                    self._answer(connection)
                else:
                    connection.sendall(self._answer)
            except OSError:
                pass
            connection.close()

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    made: list[Listener] = []

    def make(*arguments: object, **more: object) -> Listener:
        made.append(Listener(*arguments, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def leads(*answers: list[str]) -> Callable[[str], list[str]]:
    """A resolver that answers these, one after the other, the last for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


PRIVATE = """0.0.0.0 10.1.2.3 100.64.0.1 100.127.255.254 127.0.0.1 127.8.9.1 169.254.169.254 172.16.0.1 172.31.255.255
192.0.0.1 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1
255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c0a8:101::1 fc00::1
fd12:3456::1 fe80::1 fec0::1 ff02::1 ::ffff:0:127.0.0.1 5f00::1""".split()
PUBLIC = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.32.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808".split()


def test_addresses_of_the_internet_are_public_and_no_others() -> None:
    assert [one for one in PRIVATE if public(ip_address(one))] == []
    assert [one for one in PUBLIC if not public(ip_address(one))] == []
    for one in PRIVATE:
        with pytest.raises(Refused, match="allow_private_addresses"):
            Outgoing(resolve=leads(["8.8.8.8", one])).addresses("mixed.example")


LOOPBACK = "127.0.0.1 localhost 2130706433 0x7f.1 0177.0.0.1 0x7f000001 127.1 [::1] [::ffff:127.0.0.1] localhost. LOCALHOST 127.0.0.1. １２７.0.0.1".split()


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_refused_however_it_is_written(host: str, listen: Callable[..., Listener]) -> None:
    here = listen()
    with pytest.raises(Refused, match="private or cannot be found"):
        Outgoing().check(f"http://{host}:{here.port}/hook")
    with pytest.raises(Refused):
        Outgoing().post(f"http://{host}:{here.port}/hook", {}, b"{}")
    assert here.connections == 0


@pytest.mark.parametrize("url", [
    "http://example.com@127.0.0.1/", "http://a:b@example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://x/",
    "http://", "http:///path", "//example.com", "http://exa mple.com/", "http://example.com\\@127.0.0.1/", "http://[fe80::1%25eth0]/",
    "http://example.com:0/", "http://example.com:99999/", "http://example.com/\r\nx: y", "http://[::1", "http://exa%6dple.com/", "",
])  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse(url)


def test_the_operator_allows_networks_addresses_and_names(listen: Callable[..., Listener]) -> None:
    here = listen()
    for allowed in (["127.0.0.0/8"], ["127.0.0.1"], ["hook.internal"]):
        outgoing = Outgoing(allowed, leads(["127.0.0.1"]))
        assert outgoing.send("GET", f"http://hook.internal:{here.port}/a?b=c", {}).body == b"hello"
    assert f"host: hook.internal:{here.port}".encode() in here.asked[0].lower()
    assert here.asked[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    mapped = Outgoing(["127.0.0.0/8"])
    assert mapped.addresses("::ffff:127.0.0.1") == ["::ffff:127.0.0.1"]
    with pytest.raises(Refused):
        Outgoing(["10.0.0.0/8", "other.internal"], leads(["127.0.0.1"])).check(f"http://hook.internal:{here.port}/")


def test_the_setting_names_what_it_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_ALLOW_PRIVATE_ADDRESSES", "10.0.0.0/8,hook.internal,::1")
    assert config.load().allow_private_addresses == ["10.0.0.0/8", "hook.internal", "::1"]
    for wrong in ("10.0.0.0/99", "http://10.0.0.1/", "1.2.3", "a b"):
        with pytest.raises(BadSettings, match="--allow-private-addresses"):
            config.load(allow_private_addresses=[wrong])


def test_a_name_server_that_changes_its_answer_changes_nothing(listen: Callable[..., Listener]) -> None:
    here = listen()
    url = f"http://rebind.example:{here.port}/"
    turning = Outgoing(resolve=leads(["8.8.8.8"], ["127.0.0.1"]))
    turning.check(url)  # it was public when it was saved
    with pytest.raises(Refused):
        turning.post(url, {}, b"{}")
    assert here.connections == 0
    # The connection goes to what was checked, although the name leads elsewhere a moment later.
    pinned = Outgoing(["127.0.0.1"], leads(["127.0.0.1"], ["8.8.8.8"]))
    assert pinned.send("GET", url, {}).body == b"hello"


def test_redirects_are_not_followed_and_bodies_are_not_shown(listen: Callable[..., Listener]) -> None:
    inside = listen()
    outside = listen(
        f"HTTP/1.1 302 x\r\nlocation: http://127.0.0.1:{inside.port}/\r\ncontent-length: 6\r\n\r\nsecret".encode()
    )
    outgoing = Outgoing(["127.0.0.1"])
    with pytest.raises(Unreachable) as refused:
        outgoing.post(f"http://127.0.0.1:{outside.port}/", {}, b"{}")
    assert inside.connections == 0 and outside.connections == 1 and "secret" not in str(refused.value)


def test_who_asks_learns_nothing_of_ports(listen: Callable[..., Listener]) -> None:
    here = listen()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        texts = set()
        for port in (here.port, closed.getsockname()[1]):
            for host in ("127.0.0.1", "nowhere.invalid"):
                with pytest.raises(Refused) as refused:
                    Outgoing().post(f"http://{host}:{port}/", {}, b"{}")
                texts.add(str(refused.value).replace(host, ""))
        assert len(texts) == 1
        with pytest.raises(Unreachable, match=r"^127\.0\.0\.1 gives no valid answer$"):
            Outgoing(["127.0.0.1"]).post(f"http://127.0.0.1:{closed.getsockname()[1]}/", {}, b"{}")


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 fine\r\n")
    while True:
        connection.sendall(b"x: y\r\n")
        time.sleep(0.02)


def silent(connection: socket.socket) -> None:
    while connection.recv(1024):
        pass


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 fine\r\n\r\n")
    while True:
        connection.sendall(b"x" * MOST_BYTES)


@pytest.mark.parametrize("how", [drip, silent, endless])
def test_answers_that_do_not_end_are_ended(
    how: Callable[[socket.socket], None], listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.outgoing.LIMIT_S", 0.5)
    with pytest.raises(Unreachable):
        Outgoing(["127.0.0.1"]).send("GET", f"http://127.0.0.1:{listen(how).port}/", {})


def certificate(directory: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = directory / "certificate.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


def test_the_certificate_is_of_the_name_although_the_connection_goes_to_the_address(
    listen: Callable[..., Listener], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, file = certificate(tmp_path, "hook.internal")
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    here = listen(tls=context)
    outgoing = Outgoing(["127.0.0.1"], leads(["127.0.0.1"]))
    with pytest.raises(Unreachable):  # signed by nobody known
        outgoing.send("GET", f"https://hook.internal:{here.port}/", {})
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    known = Outgoing(["127.0.0.1"], leads(["127.0.0.1"]))
    assert known.send("GET", f"https://hook.internal.:{here.port}/", {}).body == b"hello"
    assert names[-1] == "hook.internal"
    with pytest.raises(Unreachable):
        known.send("GET", f"https://other.internal:{here.port}/", {})


# PostgreSQL


@pytest.mark.parametrize("dsn", [
    "postgresql:///shop", "postgresql:///shop?host=/var/run/postgresql", "host=@abstract dbname=x", "postgresql://a,b/shop",
    "postgresql://a:1,b:2/shop", "service=prod", "postgresql://a/shop?service=prod", "postgresql://a/shop?passfile=/etc/shadow",
    "postgresql://a/shop?sslkey=/root/key", "postgresql://a/shop?sslcert=/root/key", "postgresql://a/shop?sslrootcert=/etc/passwd",
    "postgresql://a/shop?hostaddr=127.0.0.1", "postgresql://a/shop?sslkeylogfile=/tmp/x", "postgresql://a/shop?krbsrvname=x",
    "postgresql://a/shop?options=-c%20x", "dbname=shop", "not an address", "",
])  # fmt: skip
def test_addresses_of_databases_name_one_host_and_no_files(dsn: str) -> None:
    with pytest.raises(BadDatabase):
        conninfo(dsn, Outgoing(resolve=leads(["8.8.8.8"])))


def test_connections_to_databases_are_pinned_too() -> None:
    found = conninfo(
        "postgresql://u:p@db.example:5433/shop?sslmode=verify-full", Outgoing(resolve=leads(["8.8.8.8", "1.1.1.1"]))
    )
    parts = psycopg.conninfo.conninfo_to_dict(found)
    assert (parts["host"], parts["hostaddr"]) == ("db.example,db.example", "8.8.8.8,1.1.1.1")
    assert parts["port"] == "5433" and parts["sslmode"] == "verify-full" and parts["password"] == "p"
    for private in (
        "postgresql://127.0.0.1/x",
        "postgresql://localhost/x",
        "postgresql://2130706433/x",
        "postgresql://[::1]/x",
    ):
        with pytest.raises(Refused):
            conninfo(private, Outgoing())


def test_what_listens_where_no_database_is_says_nothing_to_members(listen: Callable[..., Listener]) -> None:
    answering = listen(b"HTTP/1.1 400 secret words\r\n\r\n")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        texts = set()
        for port in (answering.port, closed.getsockname()[1]):
            with pytest.raises(psycopg.OperationalError) as failed:
                psycopg.connect(conninfo(f"postgresql://u@127.0.0.1:{port}/x", Outgoing(["127.0.0.1"])))
            texts.add(reason(failed.value))
    assert answering.connections and len(texts) == 1 and "secret" not in texts.pop()


# The forms where members name addresses


def test_forms_refuse_private_addresses_by_field(server: Server, listen: Callable[..., Listener]) -> None:
    here = listen()
    inside = f"http://127.0.0.1:{here.port}/"
    admin = httpx.Client(base_url=server.url, timeout=30)  # one of its own: others find the shared one signed out
    signed_in = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD})
    with_token = {"headers": {"x-csrf-token": signed_in.json()["csrf"]}}
    project = f"/api/v1/projects/{admin.get('/api/v1/projects').json()[0]['id']}"
    mapping = {"table": "orders", "columns": {"order_id": "id", "user_id": "who"}, "currency": "EUR"}
    notify = {"type": "song", "id": "ssrf", "notify": {"webhook": inside}}
    for method, path, body, field in (
        ("POST", "/watches", {"segment": "ready:no-order-30-days", "url": inside}, "url"),
        ("PUT", "/entities", [notify], "notify.webhook"),
        (
            "POST",
            "/connections",
            {"kind": "postgres", "name": "x", "secret": f"postgresql://u@127.0.0.1:{here.port}/x", "config": mapping},
            "secret",
        ),
        (
            "POST",
            "/connections",
            {"kind": "postgres", "name": "x", "secret": "postgresql://a/x?passfile=/etc/shadow", "config": mapping},
            "secret",
        ),
    ):
        answer = admin.request(method, project + path, json=body, **with_token)
        assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == field, (path, answer.text)
    assert here.connections == 0


def test_a_provider_does_not_lead_the_server_inside(
    new_server: Callable[..., Server], listen: Callable[..., Listener]
) -> None:
    inside = listen()
    about = '{"issuer": "http://localhost:%d", "authorization_endpoint": "https://a/", "token_endpoint": "http://127.0.0.1:%d/", "jwks_uri": "http://127.0.0.1:%d/"}'

    def discovery(connection: socket.socket) -> None:
        text = about % (issuer.port, inside.port, inside.port)
        connection.sendall(f"HTTP/1.1 200 x\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())

    issuer = listen(discovery)
    running = new_server(
        oidc_issuer=f"http://localhost:{issuer.port}", oidc_client_id="x", oidc_client_secret="y"
    ).start()
    location = running.http.get("/api/v1/sign-in/provider").headers["location"]
    state = location.partition("state=")[2].partition("&")[0]
    assert running.http.get(f"/api/v1/sign-in/provider/back?state={state}&code=c").status_code == 401
    assert inside.connections == 0
    assert "localhost" not in running.http.get("/api/v1/sign-in/provider").text
