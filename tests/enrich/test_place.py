"""Places: MaxMind's own expectations, and its broken databases refused by name."""

import ipaddress
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from geoip2fast import GeoIP2Fast

from conftest import SHARED, needs, unpacked
from trackway.enrich.bot import BadRanges, Datacenters
from trackway.enrich.place import BadPlaces, Places, countries

FOLDER = SHARED / "geoip_maxmind" / "test-data"
SOUND = {"GeoIP2-City-Test.mmdb", "GeoIP2-Country-Test.mmdb", "GeoLite2-City-Test.mmdb", "GeoLite2-Country-Test.mmdb"}
FILES = sorted(path.name for path in FOLDER.glob("*.mmdb")) if FOLDER.exists() else []


@needs("geoip_maxmind")
@pytest.mark.parametrize("name", [name for name in FILES if name not in SOUND])
def test_a_broken_or_unfit_database_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(BadPlaces, match=name.replace(".", r"\.")):
        Places(FOLDER / name)


@needs("geoip_maxmind")
@pytest.mark.parametrize("kind", ["City", "Country"])
def test_every_network_of_the_test_database_is_found(kind: str) -> None:
    places = Places(FOLDER / f"GeoLite2-{kind}-Test.mmdb")
    checked = 0
    for entry in json.loads(unpacked(SHARED / "geoip_maxmind" / "source-data" / f"GeoLite2-{kind}-Test.json.zst")):
        for network, record in entry.items():
            found = places.of(str(ipaddress.ip_network(network)[0]))
            country = record.get("country") or record.get("registered_country") or {}
            assert found.country == country.get("iso_code", ""), network
            assert found.city == record.get("city", {}).get("names", {}).get("en", ""), network
            checked += 1
    assert checked > 200


def test_countries_are_known_out_of_the_box() -> None:
    places = Places()
    assert [places.of(address).country for address in ("81.2.69.160", "8.8.8.8", "2001:4860::", "127.0.0.1", "junk")] == [
        "GB", "US", "US", "", "",
    ]  # fmt: skip


@needs("geoip_maxmind")
def test_the_packed_networks_answer_as_the_lists_of_the_library_do() -> None:
    library = GeoIP2Fast(geoip2fast_data_file="geoip2fast-ipv6.dat.gz")  # it fills the lists anew
    rng = random.Random(5)
    starts = [ipaddress.IPv6Address(rng.choice((0x2001, 0x2A00, 0x2600, 0x2804)) << 112) for _ in range(4_000)]
    asked = [str(ipaddress.IPv4Address(rng.getrandbits(32))) for _ in range(4_000)]
    asked += [str(start + rng.getrandbits(112)) for start in starts]
    before = [vars(library.lookup(address)) for address in asked]
    countries.cache_clear()
    packed = countries()
    for expected, address in zip(before, asked, strict=True):
        found = vars(packed.lookup(address))
        assert found | {"elapsed_time": ""} == expected | {"elapsed_time": ""}, address
    networks = vars(sys.modules[GeoIP2Fast.__module__])["mainListFirstIP"]
    assert not any(isinstance(chunk, list) for chunk in networks)


def test_a_server_with_a_broken_database_says_so_and_goes_on_collecting(new_server: Any) -> None:
    broken = FOLDER / "GeoIP2-City-Test-Broken-Double-Format.mmdb"
    running = new_server(places=str(broken)).start()
    context = {"ip": "81.2.69.160"}
    assert running.post("page", {"anonymousId": "v", "context": context}).status_code == 202
    status = running.stored()
    assert broken.name in status["warnings"][0]
    assert running.sql("SELECT country FROM events") == [{"country": "GB"}]


def test_visitors_from_data_centres_are_flagged(tmp_path: Path) -> None:
    listed = tmp_path / "ranges.txt"
    listed.write_text("# servers\n192.0.2.0/24\n2001:db8::/32  # six\n")
    places = Places(None, Datacenters.read(listed))
    addresses = ("192.0.2.7", "192.0.3.7", "2001:db8:1::", "10.0.0.1")
    assert [places.of(address).datacenter for address in addresses] == [True, False, True, False]
    listed.write_text("192.0.2.0/24\nnonsense\n")
    with pytest.raises(BadRanges, match=r"ranges\.txt, line 2: 'nonsense'"):
        Datacenters.read(listed)
