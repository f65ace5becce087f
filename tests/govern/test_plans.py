"""The tracking plan: what is flagged, what is rejected, who broke it; and plans inferred, compared and generated."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import processes
from conftest import EMAIL, PASSWORD, SECRET_KEY, Server, eventually
from trackway.event import Message
from trackway.govern.plans.client_types import python, typescript
from trackway.govern.plans.drafts import check, diff, infer
from trackway.govern.plans.plan import INCLUDED, BadPlan, Checker, as_yaml, read, read_named

ROOT = Path(__file__).parents[2]
PLAN = """
name: shop
unplanned: flag
events:
  Ordered:
    owner: sales
    on_violation: reject
    required: [order_id, revenue]
    properties:
      order_id: {type: string}
      revenue: {type: number, minimum: 0}
  Looked:
    required: [product]
    properties:
      product: {type: string, maxLength: 10}
      position: {type: integer}
    additionalProperties: false
  identify:
    properties:
      plan: {enum: [free, pro]}
"""


def track(event: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "anonymousId": "planned", "properties": properties}


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("planned")
    (directory / "plan.yaml").write_text(PLAN)
    server = Server(directory / "data", plan=str(directory / "plan.yaml")).start()
    yield server
    server.stop()


def test_a_message_that_breaks_the_plan_is_flagged_or_rejected_as_its_event_says(planned: Server) -> None:
    library = {"library": {"name": "web", "version": "1.2"}}
    answer = planned.post(
        "batch",
        {
            "context": library,
            "batch": [
                track("Ordered", order_id="o1", revenue=3),
                {**track("Ordered", order_id=5, revenue=-1), "messageId": "bad-order"},
                {**track("Looked", product="a very long name indeed", colour="red"), "messageId": "bad-look"},
                track("Looked", product="lamp", position=1),
                track("Danced"),
                {"type": "identify", "userId": "u", "anonymousId": "planned", "traits": {"plan": "gold"}},
                {"type": "page", "anonymousId": "planned"},
            ],
        },
    )
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 6
    assert [(one["index"], one["messageId"], one["field"]) for one in body["rejected"]] == [
        (1, "bad-order", "properties.order_id")
    ]
    assert "the tracking plan for 'Ordered': it has the wrong type; send text, such as" in body["rejected"][0]["reason"]
    # The same message again is not broken twice.
    again = {**track("Looked", product="a very long name indeed", colour="red"), "messageId": "bad-look"}
    planned.post("batch", {"context": library, "batch": [again]})
    planned.stored()
    names = {row["name"] for row in planned.sql("SELECT name FROM events WHERE visitor_id = 'planned'")}
    assert names == {"Ordered", "Looked", "Danced", "identify", "page"}
    rows = planned.get("plan/violations")["data"]
    found = {(row["event"], row["property"], row["rejected"], row["library_version"], row["messages"]) for row in rows}
    assert found == {
        ("Ordered", "order_id", True, "1.2", 1), ("Ordered", "revenue", True, "1.2", 1), ("Looked", "product", False, "1.2", 1),
        ("Looked", "", False, "1.2", 1), ("Danced", "", False, "1.2", 1), ("identify", "plan", False, "1.2", 1),
    }  # fmt: skip
    assert {row["owner"] for row in rows if row["event"] == "Ordered"} == {"sales"}
    assert {tuple(row["some"]) for row in rows if row["event"] == "Looked"} == {("bad-look",)}
    assert "a very long" not in json.dumps(rows), "values stay where they were"
    assert planned.sql("SELECT count() AS n FROM violations") == [{"n": 6}]


def test_a_single_message_that_is_rejected_is_answered_with_400(planned: Server) -> None:
    answer = planned.post("track", {"event": "Ordered", "anonymousId": "x", "properties": {"order_id": "o"}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "properties.revenue"
    assert "it is missing" in answer.json()["errors"][0]["reason"]


def test_a_plan_is_written_by_administrators_seen_by_members_and_checked_within_seconds(
    new_server: Callable[..., Server],
) -> None:
    server = new_server().start()
    bearer = {"authorization": f"Bearer {SECRET_KEY}"}
    project = server.http.get("/api/v1/projects", headers=bearer).json()[0]["id"]
    path = f"/api/v1/projects/{project}/plan"
    assert server.http.get(path).status_code == 401
    assert server.http.get(path, headers=bearer).json()["version"] == 0
    plan = {"events": {"E": {"required": ["a"], "on_violation": "reject"}}}
    assert server.http.put(path, json=plan, headers=bearer).status_code == 403
    signed = server.http.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
    csrf = {"x-csrf-token": signed["csrf"]}
    assert server.http.put(path, json=plan).status_code == 403
    bad = server.http.put(path, json={"events": {"E": {"properties": {"a": {"type": "strin"}}}}}, headers=csrf)
    assert (bad.status_code, "events.E.properties/a/type" in bad.json()["detail"]) == (400, True)
    far = {"events": {"E": {"properties": {"a": {"$ref": "http://127.0.0.1:1/"}}}}}
    assert server.http.put(path, json=far, headers=csrf).status_code == 400
    assert server.http.put(path, json=plan, headers=csrf).json()["version"] == 1
    assert server.http.put(path, json=plan, headers=csrf).json()["version"] == 1, "the same again is no new version"
    assert server.http.put(path, json={"events": {}}, headers=csrf).json()["version"] == 2
    assert server.http.get(path, params={"version": 1}, headers=bearer).json()["plan"] == plan
    assert server.http.get(path, params={"version": 9}, headers=bearer).status_code == 404
    assert [one["version"] for one in server.http.get(f"{path}/versions", headers=bearer).json()] == [2, 1]
    assert server.http.put(path, json=plan, headers=csrf).json()["version"] == 3
    eventually(lambda: server.post("track", {"event": "E", "anonymousId": "x"}).status_code == 400)


def test_the_included_plans_are_plans_and_come_back_from_yaml() -> None:
    for name in INCLUDED:
        plan = read_named(name)
        assert plan.events
        assert read(as_yaml(plan)) == plan


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("events: [", "is not YAML"),
        ("event: {}", "event: there is no such field; did you mean events"),
        ("events: {E: {requird: [a]}}", "requird"),
        ("events: {E: {on_violation: drop}}", "drop"),
        ("events: {E: {properties: {a: {minimum: x}}}}", "events.E.properties/a/minimum"),
    ],
)
def test_a_plan_that_is_none_is_refused_by_its_place(text: str, says: str) -> None:
    with pytest.raises(BadPlan, match=says):
        read(text)


VALUES = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.lists(st.integers()),
    st.none(),
)


@given(st.lists(st.tuples(st.sampled_from(["A", "B b"]), st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES))))
def test_an_inferred_plan_is_kept_by_what_it_was_inferred_from(stored: list[tuple[str, dict[str, Any]]]) -> None:
    # The store keeps no nulls.
    stored = [(name, {key: value for key, value in given.items() if value is not None}) for name, given in stored]
    plan = read(as_yaml(infer(stored)))
    assert check(plan, stored) == []
    for name, event in plan.events.items():
        own = [given for called, given in stored if called == name]
        assert set(event.required) == set.intersection(*(set(given) for given in own))


def test_what_changed_between_plans_and_whether_it_breaks_anybody() -> None:
    old, new = read(PLAN), read(PLAN.replace("[product]", "[product, position]").replace("minimum: 0", "minimum: 1"))
    assert [tuple(one) for one in diff(old, new)] == [
        ("Looked", "position", "required now", True),
        ("Ordered", "revenue", "{'type': 'number', 'minimum': 0} → {'type': 'number', 'minimum': 1}", True),
    ]
    assert diff(old, old) == []
    assert [one.breaking for one in diff(new, old)] == [False, True]


def test_generated_types_compile_and_refuse_what_the_plan_refuses(tmp_path: Path) -> None:
    plan = read_named("concerts")
    (tmp_path / "events.ts").write_text(typescript(plan, 3))
    (tmp_path / "good.ts").write_text(
        f'import {{ load }} from "{ROOT}/sdk/src/index";\nimport type {{ Events }} from "./events";\n'
        'const tw = load<Events>({ key: "wk" });\n'
        'tw.track("search", { query: "jazz", search_type: "concert", result_count: 3 });\n'
    )
    (tmp_path / "bad.ts").write_text(
        (tmp_path / "good.ts").read_text()
        + 'tw.track("search", { query: 5, search_type: "concert", result_count: 3 });\n'
    )
    options = {"strict": True, "noEmit": True, "skipLibCheck": True, "module": "esnext", "moduleResolution": "bundler",
               "target": "es2022", "lib": ["es2023", "dom", "dom.iterable"], "types": []}  # fmt: skip
    said = {}
    for name in ("good", "bad"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"compilerOptions": options, "files": [f"{name}.ts"]}))
        command = ["npx", "tsc", "-p", str(tmp_path / f"{name}.json")]
        said[name] = subprocess.run(command, cwd=ROOT / "sdk", capture_output=True, text=True).stdout
    assert said["good"] == ""
    assert "Type 'number' is not assignable to type 'string'" in said["bad"]
    (tmp_path / "events.py").write_text(python(plan, 3))
    use = "from events import Events\nfrom trackway.client import Trackway\nevents = Events(Trackway('k', enabled=False))\n"
    (tmp_path / "good.py").write_text(
        use + "events.search('u', {'query': 'jazz', 'search_type': 'c', 'result_count': 3})\n"
    )
    (tmp_path / "bad.py").write_text(use + "events.search('u', {'query': 5, 'search_type': 'c', 'result_count': 3})\n")
    for name, status in (("good", 0), ("bad", 1)):
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"{name}.py"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == status, ran.stdout
    subprocess.run([sys.executable, "good.py"], cwd=tmp_path, check=True)


def test_the_command_line_infers_checks_compares_and_puts_in_force(planned: Server, tmp_path: Path) -> None:
    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return processes.run(["-m", "trackway", "plan", *command])

    remote = ["--url", planned.url, "--key", SECRET_KEY]
    inferred = tmp_path / "inferred.yaml"
    assert run("infer", "--days", "3", *remote, "-o", str(inferred)).returncode == 0
    plan = read(inferred.read_text())
    assert plan.events["Ordered"].required == ["order_id", "revenue"]
    assert run("check", str(inferred), "--days", "3", *remote).returncode == 0
    strict = tmp_path / "strict.yaml"
    strict.write_text(PLAN)
    broken = run("check", str(strict), "--days", "3", *remote, "--json")
    assert broken.returncode == 1
    assert {one["event"] for one in json.loads(broken.stdout)["broken"]} == {"Looked", "Danced"}
    assert run("diff", str(inferred), str(inferred)).stdout.strip() == "nothing changed"
    assert run("diff", "concerts", str(strict)).returncode == 1
    assert run("push", "concerts", "--data", str(planned.data)).returncode == 0
    assert read(run("show", "--data", str(planned.data)).stdout) == read_named("concerts")
    assert "interface Events" in run("generate", "concerts").stdout
    assert run("check", "nowhere.yaml").returncode == 1
    assert run("push", str(strict), "--data", str(planned.data)).returncode == 0


def test_the_checker_says_nothing_where_there_is_nothing_to_say() -> None:
    checker = Checker(read(PLAN))
    assert checker.check(Message(type="page", properties={"x": 1})) == []
    assert checker.check(Message(type="track", event="Looked", message_id="m", properties={"product": "a"})) == []
