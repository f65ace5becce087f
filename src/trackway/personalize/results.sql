-- What became of suggestions, and what people who may see them did compared with those who never do, by suggestion.
-- Somebody belongs to the holdout as `in_holdout` in suggestions.py says.
{% set held -%}
xxh3(concat(unhex(replaceAll(toString({project:UUID}), '-', '')), ' holdout ', unhex(leftPad(hex(person), 16, '0')))) < {bound:UInt128}
{%- endset %}
SELECT
    action,
    countIf(has(did, ('Suggestion Shown', action))) AS shown,
    countIf(has(did, ('Suggestion Clicked', action))) AS clicked,
    countIf(has(did, ('Suggestion Dismissed', action))) AS dismissed,
    countIf(has(did, ('Suggestion Done', action))) AS done,
    countIf(was_there AND NOT held) AS people,
    countIf(was_there AND NOT held AND reached) AS people_reached,
    countIf(was_there AND held) AS holdout,
    countIf(was_there AND held AND reached) AS holdout_reached
FROM
(
    SELECT
        action,
        did,
        was_there,
        held,
        arrayExists(goal -> goal.1 = action AND has(did, (goal.2, goal.3)), {goals:Array(Tuple(String, String, String))}) AS reached
    FROM
    (
        SELECT
            person,
            {{ held }} AS held,
            max(entity_type != 'suggestion') AS was_there,
            groupUniqArrayIf((name, action_id), entity_type = 'suggestion' OR name IN {names:Array(String)}) AS did
        FROM
        (
            SELECT
                toUInt64({{ person }}) AS person,
                toString(name) AS name,
                toString(entity_type) AS entity_type,
                if(entity_type = 'suggestion', entity_id, '') AS action_id
            FROM actions
            WHERE project_id = {project:UUID}
              AND timestamp >= {start:DateTime64(3,'UTC')}
              AND timestamp < {end:DateTime64(3,'UTC')}
              AND {{ counts }}{{ people_filter }}
            GROUP BY person, name, entity_type, action_id
            HAVING sum(actions) > 0
        )
        GROUP BY person
    )
    ARRAY JOIN {actions:Array(String)} AS action
)
GROUP BY action
