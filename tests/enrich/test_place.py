"""Places: MaxMind's own expectations, and its broken databases refused by name."""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from conftest import SHARED, needs, unpacked
from trackway.enrich.bot import BadRanges, Datacenters
from trackway.enrich.place import BadPlaces, Places

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
