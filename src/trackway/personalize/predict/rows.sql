{# Parts of statements about what people did; actions are the same as in the table of this name. #}
{% set acts = "type IN ('page', 'screen', 'track') AND name NOT IN ('impression', 'engagement', 'time_in_view', 'scroll', 'web_vital', 'error', 'messages_dropped', 'Session Ended')" %}
{% set of_orders = "match(name, '^(?i)(order|booking)[ _-](completed|refunded)$')" %}
{% set order_id = "concat(lower(extract(e.name, '^(?i)(order|booking)')), ' ', coalesce(nullIf(toString(e.properties.order_id), ''), nullIf(toString(e.properties.orderId), ''), nullIf(toString(e.properties.booking_id), ''), nullIf(toString(e.properties.bookingId), ''), concat('message ', e.message_id)))" %}
