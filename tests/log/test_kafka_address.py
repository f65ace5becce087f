"""The address of a log in Kafka: taken apart, or refused by name and without the password."""

import pytest

from trackway import config
from trackway.kafka_address import parse, problem


def test_an_address_has_brokers_a_topic_and_options_of_the_client() -> None:
    plain = parse("kafka://a:9092,b.example:9093/shop.events")
    assert (plain.brokers, plain.topic, plain.group) == ("a:9092,b.example:9093", "shop.events", "trackway-shop.events")
    assert plain.options == {}
    secure = parse("kafka://ann:p%40ss%3A%2F@k:9093/t?ssl.ca.location=/etc/ca.pem&group.id=g")
    assert secure.group == "g"
    assert secure.options == {
        "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "ann",
        "sasl.password": "p@ss:/", "ssl.ca.location": "/etc/ca.pem",
    }  # fmt: skip
    chosen = parse("kafka://ann:p@k:9093/t?security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN").options
    assert (chosen["security.protocol"], chosen["sasl.mechanism"]) == ("SASL_PLAINTEXT", "PLAIN")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("kafka://host:9092", "it is no address such as kafka://host:9092,host:9092/topic"),
        ("kafka:///topic", "it is no address"),
        ("http://host/topic", "it is no address"),
        ("kafka://ann:geheim/x@host/topic", "it is no address"),
        ("kafka://host:port/topic", "it is no address"),
        ("kafka://host/a topic", "letters, digits"),
        (
            "kafka://ann:geheim@host/t?acks=0",
            "there is no option 'acks'; there are loaders, security.protocol, those that begin",
        ),
        ("kafka://host/t?loaders=0", "loaders is '0'; give the number of loaders, 1 to 64"),
        ("kafka://host/t?loaders=many", "loaders is 'many'; give the number of loaders"),
        ("kafka://host/t?bootstrap.servers=x", "there is no option 'bootstrap.servers'"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_the_password(address: str, text: str) -> None:
    assert text in problem(address)
    assert "geheim" not in problem(address)
    with pytest.raises(config.BadSettings, match=r"^--log: "):
        config.load(log=address)


def test_a_collector_needs_a_log_that_processes_share() -> None:
    with pytest.raises(config.BadSettings, match="needs a log that processes share; set log to kafka"):
        config.load(role="collector")
    assert config.load(role="collector", log="kafka://host/topic").role == "collector"


def test_each_loader_has_a_topic_and_a_group_of_its_own_and_the_first_has_those_of_a_single_loader() -> None:
    address = parse("kafka://host/shop?loaders=3")
    assert (address.loaders, address.options) == (3, {})
    assert [(one.topic, one.group) for one in map(address.of_loader, range(3))] == [
        ("shop", "trackway-shop"), ("shop-1", "trackway-shop-1"), ("shop-2", "trackway-shop-2"),
    ]  # fmt: skip
    assert parse("kafka://host/shop?group.id=g&loaders=2").of_loader(1).group == "g-1"


SHARED = {"log": "kafka://host/topic?loaders=3", "store": "clickhouse://host", "accounts": "postgresql://host/db"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"loader": 0}, "loader is 0, and log names 3 loaders; give this one a number from 1 to 2"),
        ({"loader": 3}, "loader is 3, and log names 3 loaders"),
        ({"loader": 1, "log": "kafka://host/topic"}, "log names one loader, that of the role all"),
        ({"loader": 1, "log": ""}, "log names one loader, that of the role all"),
        ({"loader": 1, "store": ""}, "store is empty; set it to the clickhouse"),
        ({"loader": 1, "accounts": ""}, "accounts is empty; set it to the database of the process with the role all"),
        ({"role": "all", "store": ""}, r"log names 3 loaders, which need a store that they share"),
        ({"role": "all", "loader": 1}, "loader is 1, and only a process with the role loader has a number"),
        ({"role": "collector", "loader": 1}, "loader is 1, and only a process with the role loader has a number"),
    ],
)
def test_a_role_without_what_it_needs_is_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(config.BadSettings, match=text):
        config.load(**{"role": "loader", **SHARED, **changes})


def test_each_role_with_what_it_needs_is_taken() -> None:
    for role, number in (("all", 0), ("collector", 0), ("loader", 2)):
        assert config.load(role=role, loader=number, **SHARED).loaders == 3
