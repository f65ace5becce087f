"""An access log counted by DuckDB alone: `python independent_access_log.py FILE` prints JSON.

A process of its own, which shares no code with Trackway.
"""

import json
import sys

import duckdb

VIEWS = r"""
CREATE TABLE lines AS
SELECT
    split_part(line, ' ', 1) AS address,
    strptime(regexp_extract(line, '\[([^ ]+)', 1), '%d/%b/%Y:%H:%M:%S') AS moment,
    regexp_extract(line, '"(\w+) ', 1) AS method,
    regexp_extract(line, '"\w+ ([^ ?"]*)', 1) AS path,
    CAST(regexp_extract(line, '" (\d\d\d) ', 1) AS INTEGER) AS status,
    regexp_extract(line, '" \d\d\d [0-9-]+ "((?:[^"\\]|\\.)*)"', 1) AS referrer,
    regexp_extract(line, '" "((?:[^"\\]|\\.)*)"$', 1) AS agent
FROM read_csv($file, columns = {'line': 'VARCHAR'}, delim = chr(1), quote = '', header = false);
CREATE TABLE views AS
SELECT *, md5(address || agent) || CAST(CAST(moment AS DATE) AS VARCHAR) AS visitor FROM lines
WHERE method = 'GET' AND (status BETWEEN 200 AND 299 OR status = 304)
  AND NOT regexp_matches(lower(path), '\.(css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|otf|eot|mp[34]|'
      || 'webm|ogg|wav|json|txt|xml|gz|zip|tar|bz2|tgz|xz|rpm|deb|jar|exe|dmg|iso|swf|pdf|log|xsl|sh|tex|pyc|doc)$');
CREATE TABLE starts AS
SELECT *, coalesce(moment - lag(moment) OVER (PARTITION BY visitor ORDER BY moment) >= INTERVAL 30 MINUTE, true) AS starts FROM views;
"""

connection = duckdb.connect()
connection.execute(VIEWS.replace("$file", f"'{sys.argv[1]}'"))
totals = connection.execute(
    "SELECT count(*), count(DISTINCT visitor), sum(CAST(starts AS INTEGER)), count(*) FILTER (agent = '-') FROM starts"
).fetchone()
agents = dict(connection.execute("SELECT agent, count(*) FROM views GROUP BY agent").fetchall())
print(json.dumps({"totals": [int(one) for one in totals or ()], "agents": agents}))
