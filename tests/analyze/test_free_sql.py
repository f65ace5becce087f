"""Free SQL calls only functions that compute, and says what is wrong in words of our own."""

from __future__ import annotations

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
        ("SELECT toDate('tomorrow')", "a text cannot be read as a number or a time"),
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
