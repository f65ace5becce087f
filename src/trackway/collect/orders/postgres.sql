{# What a database needs so that a table can be followed: an outbox, triggers, and the orders so far. The names in braces
   are identifiers and values that psycopg quotes. #}
{% macro setup() %}
CREATE TABLE IF NOT EXISTS trackway_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection text NOT NULL,
    row_before jsonb,
    row_after jsonb,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE OR REPLACE FUNCTION {changed}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $trackway$
DECLARE
    old_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE {columns_of_old} END;
    new_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE {columns_of_new} END;
BEGIN
    IF old_row = new_row THEN
        RETURN NULL; -- something else of the row changed
    END IF;
    INSERT INTO trackway_outbox (connection, row_before, row_after) VALUES ({name}, old_row, new_row);
    PERFORM pg_notify('trackway', {name});
    RETURN NULL;
END $trackway$;
CREATE OR REPLACE FUNCTION {emptied}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $trackway$
BEGIN
    INSERT INTO trackway_outbox (connection, row_before) SELECT {name}, {columns_of_row} FROM {table} AS stored;
    PERFORM pg_notify('trackway', {name});
    RETURN NULL;
END $trackway$;
LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS {changed} ON {table};
CREATE TRIGGER {changed} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {changed}();
DROP TRIGGER IF EXISTS {emptied} ON {table};
CREATE TRIGGER {emptied} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {emptied}();
INSERT INTO trackway_outbox (connection, row_after) SELECT {name}, {columns_of_row} FROM {table} AS stored;
{% endmacro %}

{% macro remove() %}
DROP FUNCTION IF EXISTS {changed}() CASCADE;
DROP FUNCTION IF EXISTS {emptied}() CASCADE;
DELETE FROM trackway_outbox WHERE connection = {name};
{% endmacro %}

{% macro has_trigger() %}
SELECT 1 FROM pg_trigger WHERE tgname = %s AND NOT tgisinternal
{% endmacro %}

{% macro next_changes() %}
SELECT id, row_before::text, row_after::text, at
FROM trackway_outbox
WHERE connection = %s
ORDER BY id
LIMIT %s
{% endmacro %}
