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
            "there is no option 'acks'; there are security.protocol, those that begin",
        ),
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
