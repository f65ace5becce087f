{# The tables. The databases name binary columns differently: BLOB or BYTEA. #}
{% macro create_counted_views(binary) %}
CREATE TABLE IF NOT EXISTS counted_views
(
    key {{ binary }} PRIMARY KEY,
    at BIGINT NOT NULL
)
{% endmacro %}

{% macro create_entity_viewers(binary) %}
CREATE TABLE IF NOT EXISTS entity_viewers (key {{ binary }} PRIMARY KEY)
{% endmacro %}

{% macro create_view_totals(binary) %}
CREATE TABLE IF NOT EXISTS view_totals
(
    key {{ binary }} PRIMARY KEY,
    views BIGINT NOT NULL,
    sessions BIGINT NOT NULL,
    viewers BIGINT NOT NULL,
    anonymous BIGINT NOT NULL,
    last_viewed BIGINT NOT NULL,
    hidden BOOLEAN NOT NULL
)
{% endmacro %}

{% macro create_pending_views(binary) %}
CREATE TABLE IF NOT EXISTS pending_views
(
    key {{ binary }} PRIMARY KEY,
    collector VARCHAR(64) NOT NULL,
    record {{ binary }} NOT NULL
)
{% endmacro %}

{% macro create_counted_views_at(binary) %}
CREATE INDEX IF NOT EXISTS counted_views_at ON counted_views (at)
{% endmacro %}

{% macro create_view_positions(binary) %}
CREATE TABLE IF NOT EXISTS view_positions
(
    log VARCHAR(36) PRIMARY KEY,
    position BIGINT NOT NULL
)
{% endmacro %}

{# The decision. A row changes only when the view counts, so the database decides among simultaneous views of all
   collectors. #}
{% macro count_again() %}
UPDATE counted_views SET at = :at WHERE key = :key AND at <= :at - :again
{% endmacro %}

{% macro count_first() %}
INSERT INTO counted_views (key, at) VALUES (:key, :at) ON CONFLICT (key) DO NOTHING
{% endmacro %}

{% macro add_viewer() %}
INSERT INTO entity_viewers (key) VALUES (:key) ON CONFLICT (key) DO NOTHING
{% endmacro %}

{% macro add_to_total() %}
INSERT INTO view_totals (key, views, sessions, viewers, anonymous, last_viewed, hidden)
VALUES (:key, :views, :sessions, :viewers, :anonymous, :at, false)
ON CONFLICT (key) DO UPDATE SET
    views = view_totals.views + excluded.views,
    sessions = view_totals.sessions + excluded.sessions,
    viewers = view_totals.viewers + excluded.viewers,
    anonymous = view_totals.anonymous + excluded.anonymous,
    last_viewed = CASE
        WHEN excluded.last_viewed > view_totals.last_viewed THEN excluded.last_viewed ELSE view_totals.last_viewed
    END
{% endmacro %}

{# Views that were decided in memory: what is known of them, and adding them. #}
{% macro counted() %}
SELECT key, at FROM counted_views WHERE key IN :keys
{% endmacro %}

{% macro viewers() %}
SELECT key FROM entity_viewers WHERE key IN :keys
{% endmacro %}

{% macro set_counted() %}
INSERT INTO counted_views (key, at) VALUES (:key, :at) ON CONFLICT (key) DO UPDATE SET at = excluded.at
{% endmacro %}

{% macro positions() %}
SELECT log, position FROM view_positions
{% endmacro %}

{% macro set_position() %}
INSERT INTO view_positions (log, position) VALUES (:log, :position)
ON CONFLICT (log) DO UPDATE SET position = excluded.position
{% endmacro %}

{% macro newest_counted() %}
SELECT max(at) FROM counted_views
{% endmacro %}

{# The messages of counted views, until the log has them. #}
{% macro add_pending() %}
INSERT INTO pending_views (key, collector, record)
VALUES (:key, :collector, :record)
ON CONFLICT (key) DO UPDATE SET record = excluded.record, collector = excluded.collector
{% endmacro %}

{% macro delete_pending() %}
DELETE FROM pending_views WHERE key = :key
{% endmacro %}

{% macro unlogged() %}
SELECT key, record FROM pending_views WHERE collector = :collector ORDER BY key
{% endmacro %}

{# The end of a key is the time of the view; those of earlier versions have none. #}
{% macro left_behind() %}
SELECT key, record
FROM pending_views
WHERE substr(key, 17) <= :before
ORDER BY substr(key, 17), key
LIMIT :most
{% endmacro %}

{% macro waiting() %}
SELECT count(*) FROM pending_views WHERE substr(key, 17) <= :before
{% endmacro %}

{% macro forget() %}
DELETE FROM counted_views WHERE at <= :at
{% endmacro %}

{# The totals. #}
{% macro totals_of() %}
SELECT key, views, sessions, viewers, anonymous, last_viewed, hidden FROM view_totals WHERE key IN :keys
{% endmacro %}

{% macro set_totals() %}
INSERT INTO view_totals (key, views, sessions, viewers, anonymous, last_viewed, hidden)
VALUES (:key, :views, :sessions, :viewers, :anonymous, :last_viewed, false)
ON CONFLICT (key) DO UPDATE SET
    views = excluded.views,
    sessions = excluded.sessions,
    viewers = excluded.viewers,
    anonymous = excluded.anonymous,
    last_viewed = excluded.last_viewed
{% endmacro %}

{% macro hide() %}
INSERT INTO view_totals (key, views, sessions, viewers, anonymous, last_viewed, hidden)
VALUES (:key, 0, 0, 0, 0, 0, :hidden)
ON CONFLICT (key) DO UPDATE SET hidden = excluded.hidden
{% endmacro %}
