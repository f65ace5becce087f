"""deploy/helm/trackway: linted and rendered by Helm's library in each of its forms, and held against Kubernetes' schemas."""

import functools
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

import kubernetes_validate
import pytest
import yaml
from confined_server import ConfinedServer, why_not_another_user

from trackway import __version__, config
from trackway.collect.door import _KINDS, _PIXEL_PATH
from trackway.collect.session_end import PATHS as ENDS
from trackway.config import Settings, variable
from trackway.web.server.serve import MOST_ENDING_S

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "trackway"
STORE = {
    "url": "clickhouse://trackway:$(CLICKHOUSE_PASSWORD)@clickhouse:8123/trackway",
    "readerUrl": "clickhouse://reader:$(CLICKHOUSE_READER_PASSWORD)@clickhouse:8123/trackway",
}
ON_CLICKHOUSE = {"existingSecret": "trackway", "clickhouse": STORE}
ON_KAFKA = {
    **ON_CLICKHOUSE,
    "postgresql": {"url": "postgresql+psycopg://trackway:$(POSTGRESQL_PASSWORD)@postgresql:5432/trackway"},
    "kafka": {"url": "kafka://trackway:$(KAFKA_PASSWORD)@kafka-1:9093,kafka-2:9093/trackway"},
}
EVERYTHING = {
    **ON_KAFKA,
    "url": "https://stats.example.com",
    "settings": {"admin_email": "ops@example.com", "keep_log_hours": 72, "batch_seconds": 0.5, "truncate_ip": True},
    "imagePullSecrets": [{"name": "registry"}],
    "server": {"blockDrains": True, "nodeSelector": {"disk": "ssd"}, "podAnnotations": {"a": "b"},
               "tolerations": [{"key": "only", "operator": "Exists"}]},
    "collector": {"autoscaling": {"externalMetrics": [
        {"metric": {"name": "requests_per_second"}, "target": {"type": "AverageValue", "averageValue": "2000"}}]}},
    "ingress": {"enabled": True, "className": "nginx", "host": "stats.example.com", "tlsSecret": "stats-tls",
                "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"}},
    "networkPolicy": {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]},
}  # fmt: skip
FORMS = {"one server": {}, "clickhouse": ON_CLICKHOUSE, "kafka": ON_KAFKA, "everything": EVERYTHING}
VERSIONS = ("1.29", "1.37")
"""The oldest and the newest Kubernetes whose schemas are held against; the package has those between, too."""


pytestmark = pytest.mark.skipif(
    find_spec("helm_python") is None, reason="helm-python-sdk has no wheel for this machine"
)


@functools.cache
def _rendered(values: str) -> dict[str, Any]:
    command = [sys.executable, Path(__file__).with_name("render.py"), CHART, values]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def rendered(values: dict[str, Any]) -> dict[str, Any]:
    return _rendered(json.dumps(values))


def manifests(form: str) -> list[dict[str, Any]]:
    """Every object of a form."""
    answer = rendered(FORMS[form])
    assert "refused" not in answer, answer["refused"]
    return [
        one
        for name, text in answer["manifests"].items()
        if not name.endswith(".txt")
        for one in yaml.safe_load_all(text)
        if one
    ]


def pods(form: str) -> dict[str, dict[str, Any]]:
    """The pods of a form, by the kind of what makes them."""
    return {
        one["kind"]: one["spec"]["template"]["spec"] if one["kind"] != "Pod" else one["spec"]
        for one in manifests(form)
        if one["kind"] in ("StatefulSet", "Deployment", "Pod")
    }


def variables(form: str, kind: str) -> dict[str, str]:
    """The environment of a container, with its own name for each value that comes from the Secret."""
    (settings,) = [one["data"] for one in manifests(form) if one["kind"] == "ConfigMap"]
    found = dict(settings)
    for one in pods(form)[kind]["containers"][0].get("env", []):
        value = one["value"] if "value" in one else f"of-{one['valueFrom']['secretKeyRef']['key']}"
        for name, earlier in found.items():  # Kubernetes knows those that stand before
            value = value.replace(f"$({name})", earlier)
        found[one["name"]] = value
    return found


@pytest.mark.parametrize("form", FORMS)
def test_helm_finds_nothing_and_kubernetes_takes_every_object(form: str) -> None:
    found = rendered(FORMS[form])["lint"]
    assert found["errors"] == []
    assert [one for one in found["messages"] if one["error"] != "icon is recommended"] == []
    for one in manifests(form):
        for version in VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)


def test_the_chart_is_of_this_version() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


def test_prometheus_asks_every_pod_with_the_token_of_the_secret() -> None:
    answer = rendered({**LOADERS, "metrics": {"podMonitor": True, "labels": {"release": "prometheus"}}})
    assert answer["lint"]["errors"] == []
    made = [one for text in answer["manifests"].values() if "kind: " in text for one in yaml.safe_load_all(text) if one]
    (monitor,) = [one for one in made if one["kind"] == "PodMonitor"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    credentials = {"name": "trackway", "key": "metrics_token"}
    assert endpoint["authorization"] == {"type": "Bearer", "credentials": credentials}
    (components,) = monitor["spec"]["selector"]["matchExpressions"]
    for kind, component in (("StatefulSet", "server"), ("StatefulSet", "loader"), ("Deployment", "collector")):
        (pod,) = [one["spec"]["template"] for one in made if one["kind"] == kind
                  and one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == component]  # fmt: skip
        assert monitor["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert component in components["values"]
        (container,) = pod["spec"]["containers"]
        assert endpoint["port"] in [port["name"] for port in container["ports"]]
        (token,) = [one for one in container["env"] if one["name"] == "TRACKWAY_METRICS_TOKEN"]
        assert token["valueFrom"]["secretKeyRef"] == {**credentials, "optional": True}
    assert "PodMonitor" not in [one["kind"] for one in manifests("everything")], "not every cluster knows the kind"


@pytest.mark.parametrize(
    ("form", "kinds"),
    [
        ("one server", {"StatefulSet": 1, "Deployment": 0, "HorizontalPodAutoscaler": 0, "PodDisruptionBudget": 0}),
        ("clickhouse", {"StatefulSet": 1, "Deployment": 0, "HorizontalPodAutoscaler": 0, "PodDisruptionBudget": 0}),
        ("kafka", {"StatefulSet": 1, "Deployment": 1, "HorizontalPodAutoscaler": 1, "PodDisruptionBudget": 1}),
        ("everything", {"StatefulSet": 1, "Deployment": 1, "HorizontalPodAutoscaler": 1, "PodDisruptionBudget": 2}),
    ],
)
def test_each_form_has_its_workloads_and_one_server(form: str, kinds: dict[str, int]) -> None:
    made = [one["kind"] for one in manifests(form)]
    assert {kind: made.count(kind) for kind in kinds} == kinds
    (server,) = [one for one in manifests(form) if one["kind"] == "StatefulSet"]
    assert server["spec"]["replicas"] == 1
    assert server["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("form", FORMS)
def test_pods_are_confined_and_get_no_variables_of_services(form: str) -> None:
    for pod in pods(form).values():
        assert pod["enableServiceLinks"] is False, "TRACKWAY_PORT=tcp://… would be taken for a setting"
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_probes_ask_the_process_alone_and_pods_have_the_time_to_end(form: str) -> None:
    for kind, pod in pods(form).items():
        if kind == "Pod":
            continue
        (container,) = pod["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}
        waits = int(container["lifecycle"]["preStop"]["exec"]["command"][1]) if "lifecycle" in container else 0
        assert pod["terminationGracePeriodSeconds"] > waits + MOST_ENDING_S


@pytest.mark.parametrize("form", FORMS)
def test_the_environment_is_taken_as_settings_and_passwords_come_from_the_secret(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {variable(name) for name in get_type_hints(Settings)}
    for name in os.environ:
        if name.startswith("TRACKWAY_"):
            monkeypatch.delenv(name)
    missing = set()
    for kind in pods(form):
        if kind == "Pod":
            continue
        given = variables(form, kind)
        assert "$(" not in "".join(given.values())
        ours = {name: value for name, value in given.items() if name.startswith("TRACKWAY_")}
        missing |= ours.keys() - known
        assert missing == set()
        for name, value in ours.items():
            monkeypatch.setenv(name, value)
        settings = config.load()
        assert settings.admin_email in ("admin@localhost", "ops@example.com")
        if form != "one server" and kind == "StatefulSet":
            assert settings.store == "clickhouse://trackway:of-clickhouse_password@clickhouse:8123/trackway"
            assert settings.store_reader == "clickhouse://reader:of-clickhouse_reader_password@clickhouse:8123/trackway"
        if form == "everything":
            assert (settings.keep_log_hours, settings.truncate_ip, settings.proxies) == (72, True, 1)
            assert settings.url == "https://stats.example.com"
        if kind == "Deployment":
            assert given["TRACKWAY_ROLE"] == "collector"
            assert given["TRACKWAY_LOG"] == "kafka://trackway:of-kafka_password@kafka-1:9093,kafka-2:9093/trackway"


LOADERS = {**ON_KAFKA, "loader": {"count": 3, "nodeSelector": {"disk": "ssd"}}}


def test_further_loaders_are_numbered_pods_with_a_volume_each(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = rendered(LOADERS)
    assert answer["lint"]["errors"] == []
    texts = {name.rpartition("/")[2]: text for name, text in answer["manifests"].items() if not name.endswith(".txt")}
    for text in texts.values():
        for one in filter(None, yaml.safe_load_all(text)):
            for version in VERSIONS:
                kubernetes_validate.validate(one, version, strict=True)
    loader, service = yaml.safe_load_all(texts["loader.yaml"])
    spec = loader["spec"]
    assert (spec["replicas"], spec["ordinals"], spec["serviceName"]) == (2, {"start": 1}, service["metadata"]["name"])
    assert [claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]] == ["data"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    given = {one["name"]: one for one in container["env"]}
    field = given.pop("TRACKWAY_LOADER")["valueFrom"]["fieldRef"]["fieldPath"]
    assert field == "metadata.labels['apps.kubernetes.io/pod-index']"
    for name, one in given.items():
        if name.startswith("TRACKWAY_"):
            monkeypatch.setenv(name, one.get("value", "some-of-the-secret"))
    monkeypatch.setenv("TRACKWAY_LOADER", "2")
    assert config.load().loaders == 3
    for file in ("server.yaml", "collector.yaml"):
        (workload, *_) = yaml.safe_load_all(texts[file])
        env = workload["spec"]["template"]["spec"]["containers"][0]["env"]
        assert [one["value"].rpartition("?")[2] for one in env if one["name"] == "TRACKWAY_LOG"] == ["loaders=3"]


def test_messages_go_to_collectors_and_everything_else_to_the_server() -> None:
    (ingress,) = [one for one in manifests("everything") if one["kind"] == "Ingress"]
    services = {
        one["metadata"]["name"]: one["spec"]["selector"] for one in manifests("everything") if one["kind"] == "Service"
    }
    sent = {
        path["path"]: services[path["backend"]["service"]["name"]]["app.kubernetes.io/component"]
        for path in ingress["spec"]["rules"][0]["http"]["paths"]
    }
    beside = ["/v1/entities", "/api/profiles", *ENDS, "/t.js", "/t"]
    assert sent == {**dict.fromkeys([*_KINDS, _PIXEL_PATH, *beside], "collector"), "/": "server"}


def test_collectors_only_read_the_store_and_know_no_mail() -> None:
    given = variables("everything", "Deployment")
    assert given.keys() >= {"TRACKWAY_ACCOUNTS", "TRACKWAY_LOG", "TRACKWAY_ROLE", "TRACKWAY_SECRETS"}
    assert given["TRACKWAY_STORE"] == "clickhouse://reader:of-clickhouse_reader_password@clickhouse:8123/trackway"
    assert [name for name in given if name in ("TRACKWAY_STORE_READER", "CLICKHOUSE_PASSWORD")] == []
    assert [name for name in given if "SMTP" in name or "OIDC" in name] == []


def test_collectors_keep_their_tag_while_the_server_is_upgraded() -> None:
    answer = rendered({**ON_KAFKA, "image": {"repository": "trackway", "tag": "2"}, "collector": {"imageTag": "1"}})
    assert 'image: "trackway:2"' in answer["manifests"]["trackway/templates/server.yaml"]
    assert 'image: "trackway:1"' in answer["manifests"]["trackway/templates/collector.yaml"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({**ON_KAFKA, "clickhouse": {}}, "kafka.url needs clickhouse.url"),
        ({**ON_KAFKA, "postgresql": {}}, "kafka.url needs postgresql.url"),
        ({"clickhouse": STORE}, "needs existingSecret"),
        ({**ON_CLICKHOUSE, "clickhouse": {"readerUrl": STORE["readerUrl"]}}, "readerUrl needs clickhouse.url"),
        ({**ON_CLICKHOUSE, "clickhouse": {"url": "clickhouse://trackway:secret@clickhouse:8123/trackway"}}, "clickhouse"),
        ({"settings": {"admin_password": "secret"}}, "admin_password"),
        ({"settings": {"store": "clickhouse://…"}}, "store"),
        ({"settings": {"metrics_token": "secret"}}, "metrics_token"),
        ({"metrics": {"podMonitor": True}}, "metrics.podMonitor needs existingSecret"),
        ({**ON_CLICKHOUSE, "loader": {"count": 2}}, "loader.count needs kafka.url"),
        ({**ON_KAFKA, "kafka": {"url": "kafka://kafka:9092/trackway?loaders=2"}}, "set loader.count instead"),
        ({"ingress": {"enabled": True}}, "host"),
        ({"server": {"replicas": 2}}, "replicas"),
        ({"colector": {}}, "colector"),
    ],
)  # fmt: skip
def test_values_that_cannot_work_are_refused_by_name(values: dict[str, Any], reason: str) -> None:
    assert reason in rendered(values)["refused"]


@pytest.mark.thorough
@pytest.mark.skipif(bool(why_not_another_user()), reason=why_not_another_user())
def test_the_server_starts_on_a_volume_that_belongs_to_root_and_to_its_group() -> None:
    given = variables("one server", "StatefulSet")
    (mount,) = [
        one for one in pods("one server")["StatefulSet"]["containers"][0]["volumeMounts"] if one["name"] == "data"
    ]
    assert Path(given["TRACKWAY_DATA"]).parent == Path(mount["mountPath"])
    server = ConfinedServer(["trackway", "serve"], {"TRACKWAY_CONFIG": "", **given}, {}, mounted=True)
    try:
        server.start()
        assert server.post("track", {"event": "Seen", "anonymousId": "a"}).status_code == 202
        assert server.stored()["stored"] == 1
    finally:
        server.remove()
