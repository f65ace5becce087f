-- What was bought with an entity: in how many orders both are, and how many people bought both, at any times. The items of an
-- order are the entity of its event and, for the type `product`, the products that it lists.
WITH bought AS
(
    SELECT person, basket, item
    FROM
    (
        SELECT
            {{ person }} AS person,
            toString(properties.order_id) AS stated,
            if(stated = '', toString(event_id), stated) AS basket,
            arrayDistinct(arrayConcat(
                if(entity_type = {entity_type:String} AND entity_id != '', [entity_id], []),
                if({entity_type:String} = 'product', arrayMap(one -> toString(one), properties.products[].product_id), [])
            )) AS items
        FROM events
        WHERE project_id = {project:UUID}
          AND ({{ order_names }} OR name IN {bookings:Array(String)})
          AND name NOT ILIKE '%refund%'
          AND timestamp >= {since:DateTime64(3,'UTC')}
          AND timestamp < {end:DateTime64(3,'UTC')}
    )
    ARRAY JOIN items AS item
)
SELECT
    item AS entity_id,
    uniqExactIf(basket, basket IN (SELECT basket FROM bought WHERE item = {entity_id:String})) AS orders,
    uniqExact(person) AS people
FROM bought
WHERE person IN (SELECT person FROM bought WHERE item = {entity_id:String}) AND item NOT IN ({entity_id:String}, '')
GROUP BY item
ORDER BY orders DESC, people DESC, entity_id
LIMIT {most:UInt32}
