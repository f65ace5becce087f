"""Free SQL calls only functions that compute, and says what is wrong in words of our own."""

from __future__ import annotations

import contextlib
import re

import pytest

from conftest import Loaded
from trackway.analyze.data import free_sql
from trackway.analyze.language.period import BadQuestion
from trackway.event import new_id
from trackway.store.connection import Store
from trackway.store.policy import Policy
from trackway.store.refusals import QuestionFailed

REFUSED = """
__actionName __applyFilter __bitBoolMaskAnd __bitBoolMaskOr __bitSwapLastTwo __bitWrapperFunc __getScalar
__groupingForCube __groupingForGroupingSets __groupingForRollup __groupingOrdinary __patchPartitionID
__scalarSubqueryResult __toYearCalendarOnly addressToLine addressToLineWithInlines addressToSymbol aggThrow
assignCentroid authenticatedUser authUser blockNumber blockSerializedSize blockSize buildId byteSize chdb connection_id
connectionId current_database current_query_id current_schemas current_user currentDatabase currentHandler
currentProfiles currentQueryID currentRequestURL currentRoles currentSchemas currentUser DATABASE defaultProfiles
defaultRoles demangle dictHas dictIsIn displayName dumpColumnStructure enabledProfiles enabledRoles
errorCodeToName estimateCompressionRatio evalMLMethod file filesystemAvailable filesystemCapacity
filesystemUnreserved flameGraph formatQuery formatQueryFromJSON formatQueryOrNull formatQuerySingleLine
formatQuerySingleLineOrNull formatRow formatRowNoNewline FQDN fullHostName fuzzQuery generateRandomStructure
generateSerialID generateSnowflakeID getClientHTTPHeader getMacro getMaxTableNameLengthForDatabase
getMergeTreeSetting getOSKernelVersion getServerPort getServerSetting getSetting getSettingOrDefault
getSizeOfEnumType getSubcolumn getTypeSerializationStreams globalInIgnoreSet globalNotInIgnoreSet
globalNotNullInIgnoreSet globalNullInIgnoreSet globalVariable hasColumnInTable hasThreadFuzzer hierarchicalKMeans
highlightQuery hostName hostname icebergBucket icebergTruncate indexHint inIgnoreSet initial_query_id
initial_query_start_time initializeAggregation initialQueryID initialQueryStartTime isMergeTreePartCoveredBy
joinGet joinGetOrNull kqlParameterCast logTrace lowCardinalityIndices lowCardinalityKeys mergeTreePartInfo naiveBayesClassifier
naiveBayesClassifierWithAllProbs naiveBayesClassifierWithProb naiveBayesNgrams nested normalizedQueryHash
normalizedQueryHashKeepNames normalizeQuery normalizeQueryKeepNames nothing nothingNull nothingUInt64
notInIgnoreSet notNullInIgnoreSet nullInIgnoreSet obfuscateQuery obfuscateQueryWithSeed parseQueryToJSON
partitionId partitionID pg_get_userbyid pg_table_is_visible pgGetUserById pgTableIsVisible query_id queryID
regionHierarchy regionIn revision runningConcurrency SCHEMA serverTimezone serverTimeZone serverUUID session_user
shardCount shardNum showCertificate sleep sleepEachRow stochasticLinearRegression stochasticLogisticRegression
structureToCapnProtoSchema structureToProtobufSchema tcpPort throwIf tid tokenizeQuery transactionID
transactionLatestSnapshot transactionOldestSnapshot uptime user validateNestedArraySizes version
zookeeperSessionUptime
""".split()
REFUSED_FAMILIES = re.compile(r"^(dictGet\w*|timeSeries\w*|AI[A-Z]\w*|ai[A-Z]\w*|regionTo\w*)$")


@pytest.fixture
def store(loaded: Loaded) -> Store:
    return loaded.store.within(Policy(new_id()))


def test_every_function_of_the_engine_is_listed_as_one_that_computes_or_is_refused(loaded: Loaded) -> None:
    """A function that a new engine brings fails here until somebody has decided."""
    engine = {row["name"] for row in loaded.store.ask("SELECT name FROM system.functions").to_pylist()}
    refused = {name for name in engine if not free_sql.may_call(name)}
    expected = {name for name in engine if name in REFUSED or REFUSED_FAMILIES.match(name)}
    assert refused - expected == set(), "refused, but nobody decided so"
    assert expected - refused == set(), "may be called, but must be refused"


@pytest.mark.parametrize("name", ["countIf", "uniqExactStateIf", "quantileTDigestMerge", "SUM", "lambda", "sumOrNull"])
def test_combinators_and_syntax_may_be_used(name: str) -> None:
    assert free_sql.may_call(name)


@pytest.mark.parametrize("name", ["versionIf", "fileOrNull", "sleepState", "If.", "", "a_function_of_users"])
def test_a_combinator_makes_nothing_else_callable(name: str) -> None:
    assert not free_sql.may_call(name)


@pytest.mark.parametrize(
    "statement",
    ["SELECT version()", "SELECT Version()", "SELECT @@version", "SELECT `uptime`()", "SELECT buildId()",
     "SELECT getOSKernelVersion()", "SELECT count() FROM events HAVING hostName() != ''", "SELECT arrayMap(x -> tid(), [1])",
     "WITH (SELECT uptime()) AS u SELECT u", "SELECT sum(filesystemCapacity()) OVER ()", "SELECT * FROM system.build_options",
     "SELECT * FROM information_schema.tables", "SELECT 1 IN system.one", "SELECT 'x' NOT IN SYSTEM.contributors",
     "SELECT ('a', 'b') IN information_schema.tables", "SELECT showCertificate()", "SELECT currentDatabase()",
     "SELECT max(_part_offset) FROM events", "SELECT e._part FROM events AS e", "SELECT 1 FROM events WHERE `_block_number` > 1",
     "SELECT properties._part_offset FROM events AS properties", "SELECT lowCardinalityIndices(name) FROM events",
     "SELECT _partition_value.1 FROM orders", "SELECT byteSize(properties) FROM events"],
)  # fmt: skip
def test_nothing_of_the_server_can_be_asked(store: Store, statement: str) -> None:
    with pytest.raises(BadQuestion, match="cannot be"):
        free_sql.query(store, statement)


@pytest.mark.parametrize(
    "statement",
    ["SELECT * APPLY(file) FROM (SELECT 'password' AS a)", "SELECT * APPLY file FROM (SELECT 'password' AS a)",
     "SELECT COLUMNS('a') APPLY(x -> file(x)) FROM (SELECT 'password' AS a)", "SELECT e.* APPLY(sleep) FROM (SELECT 1 AS a) AS e",
     "SELECT arrayMap(file, ['password'])", "SELECT arrayMap(`file` AS x, ['password'])", "SELECT ARRAYSORT((file), ['password'])",
     "WITH (SELECT 1 AS file) AS y SELECT arrayMap(file, ['password'])", "SELECT mapApply(file, map('a', 'b'))",
     "SELECT arrayFold(dictHas, ['persons'], '')", "SELECT name FROM events WHERE arrayExists(sleep, [1])",
     "SELECT arrayReduce('flameGraph', [[toUInt64(1)]])", "SELECT arrayReduce('aggThrow(0.5)', [1])",
     "SELECT arrayReduce(concat('flame', 'Graph'), [[toUInt64(1)]])", "SELECT arrayReduceInRanges('estimateCompressionRatio', [(1, 1)], [1])",
     "SELECT user, (SELECT 1 AS user)", "SELECT lower(user), 'x (alias user)'", "SELECT user FROM events AS user",
     "SELECT [1] AS a WHERE user IN (SELECT 'reader' AS user)", "SELECT database FROM (SELECT 1 AS a WHERE (1 AS database))",
     "SELECT CURRENT_USER", "SELECT user", "SELECT Session_User AS u", "SELECT DATABASE, currentDatabase()", "SELECT file('password')",
     "SELECT 1 IN (file('password'))", "SELECT * FROM file('password', 'TSV', 'a String')", "SELECT * FROM python(x)",
     "EXPLAIN SELECT 1", "SELECT * FROM (EXPLAIN SELECT 1)", "SELECT * REPLACE (file('password') AS a) FROM (SELECT 1 AS a)"],
)  # fmt: skip
def test_no_function_is_called_by_its_name_alone(store: Store, statement: str) -> None:
    """The engine calls functions that it is given by name; `file` reads every file that the engine's process may read."""
    with pytest.raises(BadQuestion, match=r"cannot be used|leave APPLY away"):
        free_sql.query(store, statement)


@pytest.mark.parametrize("break_", ["\n", "\\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("indent", range(13))
def test_a_name_with_a_line_break_is_no_node_of_the_tree(store: Store, break_: str, indent: int) -> None:
    """Written as the name of another function, it would hide that `file` is an argument of `arrayMap`."""
    for forged in ("Function plus (alias b", "ExpressionList (children 1)%Function plus (alias b"):
        lines = forged.replace("%", break_ + " " * (indent + 1))
        for children in ("", " (children 1)"):
            name = f"a){children}{break_}{' ' * indent}{lines}"
            with pytest.raises(BadQuestion, match=r"a line break|cannot be used here"):
                free_sql.query(store, f"SELECT arrayMap(file, ['password']) AS `{name}`")


@pytest.mark.parametrize(
    "statement",
    ["SELECT arrayMap(upper, ['a'])", "SELECT arrayReduce('sumIf', [1, 2], [1, 1])", "SELECT arrayReduce('quantile(0.5)', [1])",
     "SELECT arrayMap(x -> x + 1, [1])", "SELECT arraySort(names) FROM (SELECT groupArray(name) AS names FROM events)",
     "SELECT user_id AS user, count() FROM events GROUP BY user ORDER BY user", "SELECT count(file) FROM (SELECT 1 AS file)",
     "SELECT user FROM (SELECT user_id AS user FROM events)", "SELECT CAST('{}' AS JSON(`a.b` UInt8)), 'x'::Enum8('x' = 1)", "WITH 1 AS user SELECT user, (SELECT user)"],
)  # fmt: skip
def test_functions_that_compute_may_be_named(store: Store, statement: str) -> None:
    assert free_sql.query(store, statement).table.num_columns


@pytest.mark.parametrize(
    "value",
    ["CAST(unhex('05') AS AggregateFunction(count))", "unhex('05')::AggregateFunction(count)", "_CAST('', 'Array(AggregateFunction(count))')",
     "Cast('', concat('Aggregate', 'Function(count)'))", "''::`Aggregate\\x46unction`(count)", "accurateCast('', 'AggregateFunction(count)')",
     "CAST('', '`Aggregate\\\\x46unction`(count)')", "arrayMap(x -> CAST(x, concat('AggregateFunc', 'tion(count)')), [''])",
     "CAST('[]' AS JSON(a AggregateFunction(count)))"],
)  # fmt: skip
def test_nobody_writes_the_state_of_an_aggregate_function(store: Store, value: str) -> None:
    """The engine trusts the bytes of a state; from bytes that end too early, it seemed that the engine was away."""
    with pytest.raises(BadQuestion, match="nothing can be converted to this type"):
        free_sql.query(store, f"SELECT toTypeName({value})")


@pytest.mark.parametrize(
    "value",
    [
        "sumState(1)", "[uniqState(1)]", "map('a', groupArrayState('b'))", "tuple(1, [tuple(sumState(1))])",
        "arrayReduce('groupArrayState', [1])", "defaultValueOfTypeName('AggregateFunction(uniq, String)')",
    ],
)  # fmt: skip
def test_no_answer_has_the_state_of_an_aggregate_function(store: Store, value: str) -> None:
    """The engine would answer the address of the state in its memory."""
    with pytest.raises(BadQuestion, match="the column a has no values to show; call finalizeAggregation"):
        free_sql.query(store, f"SELECT {value} AS a")
    [row] = free_sql.query(
        store, "SELECT sumMerge(a) AS n, [toFixedString('x', 1)] AS t FROM (SELECT sumState(2) AS a)"
    ).rows()
    assert row["n"] == 2


def test_functions_that_make_states_out_of_texts_are_known(loaded: Loaded) -> None:
    """A function of a new engine that takes the name of such a type fails here, until it is checked like these."""
    makes = set()
    for name in loaded.store.ask("SELECT name FROM system.functions WHERE NOT is_aggregate")["name"].to_pylist():
        for arguments in ("unhex('05'), '%'", "'[5]', 'Array(%)'", "'{}', 'a', '%'", "unhex('05'), '%', 1", "'%', 'x'"):
            with contextlib.suppress(QuestionFailed):
                asked = f"SELECT toTypeName(`{name}`({arguments.replace('%', 'AggregateFunction(count)')})) AS type"
                if free_sql.may_call(name) and "Aggregate" in loaded.store.ask(asked)["type"][0].as_py():
                    makes.add(name.lower())
    assert makes <= free_sql._TAKES_A_TYPE and "cast" in makes


@pytest.mark.parametrize(
    "statement",
    ["SELECT user_id.size FROM events", "SELECT e.`ip`.size FROM events AS e", "SELECT events.ip FROM events",
     "SELECT b.g FROM events AS a NATURAL LEFT JOIN (SELECT g AS ip, g FROM (SELECT '9.9.9.9' AS g)) AS b"],
)  # fmt: skip
def test_who_sees_some_entities_learns_nothing_of_who_did_it(loaded: Loaded, statement: str) -> None:
    """Neither how long a user id is, nor whether it is a guessed one."""
    store = loaded.store.within(Policy(new_id(), entities=(("artist", "own"),)))
    with pytest.raises(BadQuestion, match=r"user_id, visitor_id, ip|NATURAL"):
        free_sql.query(store, statement)


def test_every_table_function_of_the_engine_is_refused(loaded: Loaded, store: Store) -> None:
    names = loaded.store.ask("SELECT name FROM system.table_functions")["name"].to_pylist()
    assert len(names) > 50
    for name in names:
        for statement in (f"SELECT * FROM {name}('x')", f"SELECT 1 FROM events AS e JOIN {name}('x', 1) AS t ON 1"):
            with pytest.raises(
                (BadQuestion, QuestionFailed), match=rf"the function {name} cannot be used|a syntax error"
            ):
                free_sql.query(store, statement)


def test_functions_that_are_given_by_name_are_first_arguments_of_functions_on_arrays_and_maps(loaded: Loaded) -> None:
    """A function of a new engine that takes another one by name fails here, until it is checked like these."""
    functions = [
        name for name in loaded.store.ask("SELECT name FROM system.functions WHERE NOT is_aggregate")["name"].to_pylist()
        if free_sql.may_call(name) and not name.startswith("_")
    ]  # fmt: skip
    takes = set()
    for name in functions:
        for arguments in ("file, ['q']", "file, map('q', 'q')", "'q', file", "['q'], file", "file, 'q'"):
            try:
                loaded.store.ask(f"SELECT `{name}`({arguments})")
            except QuestionFailed as error:
                if "FILE_DOESNT_EXIST" in error.full or "__function_ref" in error.full:
                    takes.add((re.sub(r"^(array|map).*", r"\1", name), arguments.startswith("file")))
    assert takes == {("array", True), ("map", True)}


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT visitor FROM events", "there is no column visitor"),
        ("SELECT countt() FROM events", "the function countt cannot be used here"),
        ("SELECT count(\nFROM events", "a syntax error in line 2, column 6, near events"),
        ("SELECT 1 +", "a syntax error: it is not one whole SELECT statement"),
        ("SELECT name, count() FROM events", "the column name is neither in GROUP BY nor in an aggregate function"),
        ("SELECT plus(1, 'a')", "the function plus does not take arguments of these types"),
        ("SELECT lower('a', 'b')", "the function lower takes another number of arguments"),
        ("SELECT * FROM nowhere", "there is no table nowhere"),
        (
            "SELECT sum((SELECT count() FROM events x WHERE x.name = e.name)) FROM events e",
            "a subquery uses a column of the",
        ),
        ("SELECT toUInt8('')", "a text cannot be read as a number or a time"),
        ("SELECT toDate('tomorrow')", "a text cannot be read as a number or a time"),
        ("SELECT CAST('(' AS Tuple(Int8, Int8))", "a text cannot be read as a number or a time"),
        ("SELECT CAST(materialize('(') AS Tuple(Int8, Int8))", "a text cannot be read as a number or a time"),
        ("SELECT intDiv(1, 0)", "a number is divided by zero"),
        ("SELECT match('a', '(')", "a regular expression in it cannot be read"),
        ("SELECT CAST(1 AS Nothingness)", "there is no type Nothingness"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_our_own(store: Store, statement: str, text: str) -> None:
    with pytest.raises((QuestionFailed, BadQuestion)) as failed:
        free_sql.query(store, statement)
    said = str(failed.value)
    assert text in said
    for foreign in ("Exception", "Code", "SETTINGS", "LIMIT", "additional_table_filters", "version 2", "scope"):
        assert foreign not in said


def test_an_engines_text_that_names_what_the_statement_does_not_is_not_passed_on() -> None:
    from trackway.analyze.data.sql_errors import explained

    leaking = QuestionFailed("", "UNKNOWN_IDENTIFIER", "Unknown identifier `secret_of_others`: /var/lib/x `mine`")
    assert str(explained(leaking, "SELECT mine")) == "there is no column mine"
    assert str(explained(leaking, "SELECT yours")) == "there is no column"
    unknown = QuestionFailed("the question could not be answered (reference 1)", "LOGICAL_ERROR", "rows: a, b, c")
    assert str(explained(unknown, "SELECT a")) == "the question could not be answered (reference 1)"
