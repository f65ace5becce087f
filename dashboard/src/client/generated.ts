/** The types of the API, generated from its OpenAPI document by `./run types`. Do not edit. */

/** The number of messages written to the log. */
export interface Accepted {
  accepted: number;
}

/** The password of the user who accepts an invitation: a new one, or that of the existing user. */
export interface AcceptedInvitation {
  password: string;
}

/** An account with its permissions, each with the missing requirement, if any; `granted` lists those that it has. */
export interface AccountShown {
  id: string;
  type: string;
  name: string;
  verification: string;
  subscription: string;
  expires_at: string | null;
  business: Record<string, unknown>;
  entities: [string, string][];
  email: string;
  suspended: boolean;
  created_at: string;
  permissions: Record<string, Verdict>;
  granted: string[];
}

/** A page of accounts, the number of matches, the number of accounts of each type, and of pending requests. */
export interface AccountsShown {
  accounts: AccountShown[];
  total: number;
  types: Record<string, number>;
  pending: number;
}

/** Each day of the period, in order. */
export interface ActiveAnswer {
  days: ActiveDay[];
}

/** People of one day (`at`, YYYY-MM-DD), of the 7 days (`week`) and of the 30 days (`month`) that end with it; `stickiness` is the first as a share of the last, 0 to 1. */
export interface ActiveDay {
  at: string;
  day: number;
  day_margin?: number;
  week: number;
  week_margin?: number;
  month: number;
  month_margin?: number;
  stickiness: number | null;
}

/** An hour of the day (0 to 23) in the person's time zone, and the number of actions in it. */
export interface ActiveHour {
  hour: number;
  actions: number;
}

/** The hours with most actions in 7 days, at most three, the most active first; `week` has the actions by weekday (7, from Monday) and hour (24). `notify_at` is the first of the hours, null without any action; `evidence` has the newest actions of that hour, at most three. */
export interface ActiveHours {
  timezone: string;
  hours: ActiveHour[];
  notify_at: number | null;
  evidence: Seen[];
  week: number[][];
}

/** The people who did `event` on a day, in the 7 days and in the 30 days that end with it. */
export interface ActiveQuestion {
  question: "active";
  event?: Step;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An annotation. */
export interface AnnotationShown {
  id: string;
  at: string;
  text: string;
  created_by: string;
}

/** The account of the product that the caller is signed in as: its entities and permissions. `granted` lists the permissions that it has, including the host's own keys. */
export interface AsAccount {
  id: string;
  type: string;
  name: string;
  verification: string;
  subscription: string;
  entities: [string, string][];
  permissions: Record<string, Verdict>;
  granted: string[];
}

/** At most `n` entities with the same value of an attribute, or with the same parent of a type (`of`). */
export interface AtMost {
  of: string;
  n: number;
}

/** The sources, those with the most orders by the first model first. `unconverted` orders are in a currency without an exchange rate; their value is not included. */
export interface AttributionAnswer {
  currency: string;
  rows: AttributionRow[];
  unconverted: number;
}

/** Credits orders and bookings placed in the period to the visits of the `window_days` before them, by models and by the sources of the visits. With `goals`, events with these names are credited instead; several events of the same order count once. */
export interface AttributionQuestion {
  question: "attribution";
  by?: ("campaign" | "channel" | "medium" | "source")[];
  models?: ("first" | "last" | "last_non_direct" | "linear" | "position" | "time_decay")[];
  goals?: string[];
  window_days?: number;
  half_life_days?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A source: the columns that were asked for, its visits in the period, its costs in the project's currency (with the number of costs that have no exchange rate), the `clicks` and `impressions` that were paid, and the credit by each model. */
export interface AttributionRow {
  channel?: string;
  source?: string;
  medium?: string;
  campaign?: string;
  visits: number;
  cost: string | null;
  unconverted_costs: number;
  clicks: number;
  impressions: number;
  cost_per_visit: string | null;
  models: Record<string, Credit>;
}

/** The people who interacted with one entity, with entities of a type, or with any entity: `by` country, device or another column, or by a trait from `identify` events, such as `traits.gender` or `traits.age_range`. */
export interface AudienceQuestion {
  question: "audience";
  entity_type?: string;
  entity_id?: string;
  by?: string;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The number of persons with one value. */
export interface AudienceRow {
  value: string;
  persons: number;
}

/** The secret for an authenticator application, as an `otpauth` URI and as a picture (data URI of an SVG). */
export interface AuthenticatorSecret {
  address: string;
  picture: string;
}

/** The same answer for the period that it is compared with. */
export interface Before {
  data: Answers[keyof Answers];
  from: string;
  to: string;
}

/** Changes to a board. */
export interface BoardChange {
  name?: string | null;
  layout?: Layout | null;
}

/** A board. */
export interface BoardShown {
  id: string;
  name: string;
  layout: Layout;
  created_by: string;
  updated_at: string;
}

/** The period by the values of the column or property `by`. */
export interface BreakdownQuestion {
  question: "breakdown";
  by: string;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The visitors with a value, with their page views. Sessions (and their `bounce_rate`, the share with at most one act, 0 to 1) are counted for columns of sessions, events for all others. */
export interface BreakdownRow {
  value: string;
  visitors: number;
  sessions?: number;
  events?: number;
  bounce_rate?: number;
  page_views: number;
}

/** Whether an answer was cached, whether the data have changed since it was made, and the milliseconds that it took. */
export interface Cached {
  hit: boolean;
  stale: boolean;
  made_at: string;
  took_ms: number;
}

/** Rules to save, and the `version` that they change. */
export interface ChangedRules {
  version: number;
  rules: Rules;
}

/** A version of the model for a type of entities. */
export interface ChosenModel {
  entity_type: string;
  version: string;
}

/** A code of an authenticator application. */
export interface Code {
  code: string;
}

/** The number of people at the end of an interval. */
export interface CohortSize {
  at: string;
  persons: number;
}

/** The sizes in order of time. If the period is not over, the last one is that of now. */
export interface CohortSizesAnswer {
  sizes: CohortSize[];
}

/** The number of people that match `cohort` (a filter) at the end of each interval of the period. */
export interface CohortSizesQuestion {
  question: "cohort_sizes";
  cohort: unknown;
  interval?: "day" | "hour" | "month" | "week";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A condition on an attribute of an entity, or on its parents of a type: it has one of `values`; it is a number `over` or `below` another one; or it is a time in the future (`upcoming`), at most `within_days` ahead. An entity without the attribute meets the condition unless the attribute is `required`. */
export interface Condition {
  attribute: string;
  values?: string[];
  over?: number | null;
  below?: number | null;
  upcoming?: boolean;
  within_days?: number | null;
  required?: boolean;
}

/** Changes to a connection; omitted fields stay as they are. */
export interface ConnectionChange {
  name?: string | null;
  active?: boolean | null;
  secret?: string | null;
}

/** A connection: the number of reports taken, the time of the last one, and the problem of a report that was not taken. `address` is the webhook URL of a shop; a generated `secret` is shown once. */
export interface ConnectionShown {
  id: string;
  kind: string;
  name: string;
  config: Record<string, unknown>;
  active: boolean;
  taken: number;
  last_at: string | null;
  problem: string;
  created_by: string;
  address: string;
  secret: string;
}

/** A type of entity, and the sum of the engagement scores of a person's interactions with such entities. */
export interface ContentType {
  type: string;
  score: number;
}

/** The sum of the costs of a campaign in one currency, the paid clicks and impressions, and the first and the last day. */
export interface CostShown {
  source: string;
  medium: string;
  campaign: string;
  channel: string;
  currency: string;
  cost: string;
  clicks: number;
  impressions: number;
  first: string;
  last: string;
}

/** Costs of a period by source, medium and campaign, in the currencies in which they were given. */
export interface CostsShown {
  rows: CostShown[];
}

/** Actions to count among the newest ones: those with one of the `names` and, if given, one of the entity types. */
export interface Counted {
  names: string[];
  entity_types: string[];
}

/** The view counters of an entity; without numbers when they are hidden from the public. */
export interface Counters {
  id: string;
  hidden: boolean;
  views?: number | null;
  sessions?: number | null;
  viewers?: number | null;
  anonymous?: number | null;
  last_viewed?: string | null;
}

/** Credentials for a sign-in; `code` is the code of an authenticator application or a recovery code, for users with a second factor. */
export interface Credentials {
  email: string;
  password: string;
  code?: string;
}

/** The orders that a model credits to a source (shares of orders add up), their value and the cost of each in the project's currency, and the `return`: value divided by cost. */
export interface Credit {
  orders: number;
  value: string;
  cost_per_order: string | null;
  return: number | null;
}

/** A page of the list of customers; the rows are those of the question `customers`. */
export interface CustomerPage {
  interval: string;
  sort_by: string;
  sort_order: string;
  page: number;
  page_size: number;
  customers: number;
  currency: string;
  rows: CustomerRow[];
}

/** A customer, over all time; with an interval, `sessions`, `orders` and `bookings` are those in it. `duration_s` is the seconds of all sessions. `paid` are amounts by currency, less refunds; `value` is the same in the project's currency, without `unconverted` orders, whose currency has no exchange rate. `device`, `browser`, `system` and `country` are the most frequent ones. The last scores (None if not scored): the probability of being `active`, the number and the value of the `expected_orders` of the next 13 weeks, the `mean_value` of a future order, and the segment `rfm`; low and high are intervals with a probability of 80 %. */
export interface CustomerRow {
  person: string;
  name: string;
  user_id: string;
  visitor_id: string;
  registered: string | null;
  last_login: string | null;
  first_seen: string | null;
  last_seen: string | null;
  reviews: number | null;
  duration_s: number | null;
  device: string | null;
  browser: string | null;
  system: string | null;
  country: string | null;
  sessions: number;
  orders: number;
  bookings: number;
  paid: Money[];
  value: string;
  unconverted: number;
  last_order: LastOrder | null;
  last_booking: LastBooking | null;
  active: number | null;
  expected_orders: number | null;
  expected_low: number | null;
  expected_high: number | null;
  expected_value: number | null;
  mean_value: number | null;
  mean_low: number | null;
  mean_high: number | null;
  rfm: string | null;
}

/** The number of people who ordered at all, the fitted models of orders and of spending (None if they cannot be fitted, with the reason in `why`), the sums over all customers within `weeks`, and a page of the list. */
export interface CustomerValueAnswer {
  customers: number;
  currency: string;
  weeks: number;
  model?: OrdersModel | null;
  spending?: SpendingModel | null;
  why: string;
  expected_orders?: number | null;
  value?: number | null;
  rows: CustomerValueRow[];
}

/** The forecast of customers' orders within `weeks` after the end of the period. `orders` names the events that count as orders. Several events of the same order count once, and several orders of a person on one day count as one. `sort` puts first the customers with the highest future value, the highest probability of being active, the most expected orders, or the most orders so far. */
export interface CustomerValueQuestion {
  question: "customer_value";
  orders?: string[];
  weeks?: number;
  sort?: "active" | "expected_orders" | "orders" | "value";
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A customer: the orders so far with the first and the last day, and what they `paid`; the probability of being `active`, the number of `expected_orders` with `low` and `high` (80 %), the `mean_value` of a future order with `mean_low` and `mean_high` (80 %), and the `value` of all future orders. Amounts are in the project's currency; an amount that cannot be converted counts as 0. */
export interface CustomerValueRow {
  person: string;
  name: string;
  user_id: string;
  visitor_id: string;
  orders: number;
  first_order: string;
  last_order: string;
  paid: string;
  active: number | null;
  expected_orders: number | null;
  low: number | null;
  high: number | null;
  mean_value: number | null;
  mean_low: number | null;
  mean_high: number | null;
  value: number | null;
}

/** The total number of customers, the `currency` of `value`, and a page of the list. */
export interface CustomersAnswer {
  customers: number;
  currency: string;
  rows: CustomerRow[];
}

/** Customers, sorted. With an `interval` (the last 24 hours, 7 days or 30 days until now, or until the end of the period if that is earlier), only customers active in it are listed, with their sessions, orders and bookings in it. All other columns are over all time. */
export interface CustomersQuestion {
  question: "customers";
  interval?: "all" | "daily" | "monthly" | "weekly";
  sort?: string;
  descending?: boolean;
  search?: string;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The daily metrics of a `subject` of the project's metrics pack, for all its members or for some `ids`. For persons, an id is the `person` of the question `persons`. `viewers` adds the viewers of entities by country and demographics; it needs the permission `audience`. By default (null) it is on for callers with that permission. */
export interface DailyQuestion {
  question: "daily";
  subject: string;
  ids?: string[];
  limit?: number;
  viewers?: boolean | null;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A day of the project's time zone, YYYY-MM-DD. */
export interface Day {
  date: string;
}

/** The stage or intent of a person, with the conditions of its rule; without one, no earlier rule held. */
export interface Decided {
  name: string;
  because: Met[];
}

/** A tenth of the people, by their prediction: the means of what was predicted and of what happened, with its interval of 95 %. */
export interface Decile {
  people: number;
  predicted: number;
  actual: number;
  low: number;
  high: number;
}

/** A decision, with a note to the account that asked. */
export interface Decision {
  approved: boolean;
  note?: string;
}

/** The number of dropped dead letters, and the number that the project has now. */
export interface Dropped {
  dropped: number;
  count: number;
}

/** Entities that are registered or occur in events, of one type or of all; `search` finds a part of the name or a whole id. */
export interface EntitiesQuestion {
  question: "entities";
  entity_type?: string;
  search?: string;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An entity as it is registered. Attributes: parents: written type:id, such as `artist:7`. owners: account ids of the host. hidden: keeps the entity's counts from the public. */
export interface Entity {
  type: string;
  id: string;
  name: string;
  owners: string[];
  parents: string[];
  attributes: Record<string, unknown>;
  hidden: boolean;
  notify?: Notify | null;
  deleted: boolean;
}

/** An entity's views, unique sessions and unique signed-in `viewers`; `anonymous` is the share (0 to 1) of views without a signed-in viewer. Counts are absent if they are hidden from the public. */
export interface EntityCounters {
  id: string;
  hidden: boolean;
  views?: number;
  sessions?: number;
  viewers?: number;
  anonymous?: number;
  last_viewed?: string | null;
}

/** The standard funnel impression → click → view_details → interest → ticket_click; with `rows`, every step of every unit. */
export interface EntityFunnelQuestion {
  question: "entity_funnel";
  rows?: boolean;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An entity: as registered, the times of its first and last event (None without events), and its views over all time. `parents` are written type:id; for accounts, `owners` is empty. */
export interface EntityRow {
  entity_type: string;
  entity_id: string;
  name: string;
  owners: string[];
  parents: string[];
  registered: boolean;
  hidden: boolean;
  first_seen: string | null;
  last_seen: string | null;
  views: number;
}

/** View counters of entities over all time, for up to 100 `ids` of one `entity_type`. For the public, counts of entities that hide theirs are left out; the `owner` sees them. */
export interface EntityViewsQuestion {
  question: "entity_views";
  entity_type: string;
  ids: string[];
  seen_by?: "owner" | "public";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An entry of the audit log. */
export interface EntryShown {
  id: string;
  at: string;
  project: string;
  actor: string;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
  address: string;
}

/** A name with its number of events over all time, the first and the last hour with an event, and with `exact` the time of the last event. */
export interface EventName {
  name: string;
  events: number;
  first_hour: string;
  last_hour: string;
  last_at?: string;
}

/** An event. `properties` are JSON; `bot` is the reason for which the visitor is taken for a bot, or empty. */
export interface EventRow {
  event_id: string;
  timestamp: string;
  name: string;
  type: string;
  visitor_id: string;
  visitor_name: string;
  user_id: string;
  session_id: string;
  host: string;
  path: string;
  title: string;
  channel: string;
  source: string;
  device: string;
  browser: string;
  system: string;
  country: string;
  region: string;
  city: string;
  bot: string;
  revenue: string;
  currency: string;
  entity_type: string;
  entity_id: string;
  properties: string;
}

/** The names of all events; `exact` adds the exact time of each one's last event. */
export interface EventsQuestion {
  question: "event_names";
  limit?: number;
  exact?: boolean;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An interaction that speaks for a preference, with its engagement score at that time. */
export interface Evidence {
  at: string;
  name: string;
  entity_type: string;
  entity_id: string;
  score: number;
}

/** Events that end an attempt which has reached step `after` (from 1) but not yet step `before`. */
export interface Exclusion {
  event?: string | string[];
  where?: unknown;
  name?: string;
  after?: number;
  before?: number;
}

/** The form of a file; a log has a host, a JSON file a layout, a table a delimiter, a header, and the column of each field. */
export interface FileReading {
  encoding?: string;
  host?: string;
  layout?: string;
  delimiter?: string;
  header?: string[];
  columns?: Record<string, string>;
}

/** The user who has forgotten the password, and the language of the mail. */
export interface Forgotten {
  email: string;
  language?: "en" | "de";
}

/** The steps of a funnel. `times`: durations between each pair of steps, if asked for. `parts`: one funnel for each value of `by`. `trend`: one point for each interval. */
export interface FunnelAnswer {
  steps: FunnelStep[];
  unit: string;
  times?: FunnelTime[];
  parts?: FunnelPart[];
  trend?: FunnelTrendPoint[];
}

/** The steps of the units with one value of the breakdown, or with all `other` values together. */
export interface FunnelPart {
  value: string;
  other: boolean;
  steps: FunnelStep[];
}

/** A funnel of steps. `interval` adds the trend of conversion by the start of attempts; `by` adds a breakdown by a column of a unit's first event of step 1 in the period; `times` adds the times between steps. */
export interface FunnelQuestion {
  question: "funnel";
  steps: Step[];
  order?: "any" | "ordered" | "strict";
  window_s?: number;
  unit?: string;
  exclusions?: Exclusion[];
  by?: string;
  top?: number;
  interval?: "day" | "hour" | "month" | "week" | null;
  times?: boolean;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The number of units that reached a step, and their share (0 to 1) of the first and of the previous step's. */
export interface FunnelStep {
  name: string;
  units: number;
  units_margin?: number;
  of_first: number | null;
  of_previous: number | null;
}

/** The time that units took from one step to a later one (numbered from 1), in seconds. */
export interface FunnelTime {
  from: number;
  to: number;
  units: number;
  units_margin?: number;
  mean_s: number;
  p10: number;
  p25: number;
  median: number;
  p75: number;
  p90: number;
  p99: number;
  least_s: number;
  most_s: number;
  histogram: FunnelTimeBin[];
}

/** The number of units that took from `from_s` to `to_s` seconds. */
export interface FunnelTimeBin {
  from_s: number;
  to_s: number;
  units: number;
  units_margin?: number;
}

/** Units that began in an interval, those of them that reached the last step, and their share (0 to 1). */
export interface FunnelTrendPoint {
  at: string;
  entered: number;
  converted: number;
  rate: number | null;
  entered_margin?: number;
  converted_margin?: number;
}

/** A unit: a person's number, a session's id, or the parts of an entity's name. It has the last step that it reached (`level`) and the `times` of its steps; or with `rows` one step, whose name is null for steps in any order, its `position` (the number of steps done by then), and the seconds since its first and its previous step. */
export interface FunnelUnit {
  unit: string | string[];
  level?: number;
  times?: string[];
  position?: number;
  at?: string;
  from_start_s?: number;
  from_previous_s?: number | null;
  step?: string | null;
}

/** The units that reached a step or, with `dropped`, got exactly that far; as a list, or with `rows` every step of each unit. */
export interface FunnelUnitsQuestion {
  question: "funnel_units";
  steps: Step[];
  order?: "any" | "ordered" | "strict";
  window_s?: number;
  unit?: string;
  exclusions?: Exclusion[];
  by?: string;
  top?: number;
  interval?: "day" | "hour" | "month" | "week" | null;
  times?: boolean;
  step?: number;
  dropped?: boolean;
  rows?: boolean;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A condition for a permission: whether an account type has it, and the lowest verification and subscription that it needs. */
export interface Gate {
  granted?: boolean;
  verification?: "none" | "email" | "phone" | "identity" | "business";
  subscription?: "free" | "premium" | "professional" | "enterprise";
}

/** A change to a gate; with `reset`, the gate of the metrics pack applies again. */
export interface GateChange {
  granted?: boolean;
  verification?: "none" | "email" | "phone" | "identity" | "business";
  subscription?: "free" | "premium" | "professional" | "enterprise";
  reset?: boolean;
}

/** A gate of an account type: whether it has the permission, and the lowest verification and subscription for it. */
export interface GateShown {
  account_type: string;
  permission: string;
  what: string;
  granted: boolean;
  verification: string;
  subscription: string;
}

/** A permission of the host application, which asks for it by name. `what` describes it; `opens` lists Trackway's permissions to see that hold as long as the account has this key. */
export interface HostKey {
  what: string;
  opens: string[];
}

/** The anonymous ids to look up, 100 at most, under either name. */
export interface Ids {
  ids?: string[];
  anonymousIds?: string[];
}

/** A file as it would be imported: the number of messages, of refused lines and of lines left out, the first and the last time (ISO 8601, UTC), messages by event, the first ten messages and refused lines. `stopped` is the reason if the file cannot be read to its end. */
export interface ImportPreview {
  taken: number;
  refused: number;
  left_out: number;
  first?: string;
  last?: string;
  events?: Record<string, number>;
  read: FileReading;
  rows: PreviewRow[];
  refusals: RefusedLine[];
  stopped: string;
}

/** An input, and how much worse (in loss) predictions become when it is shuffled among people. */
export interface InputEffect {
  input: string;
  loss: number;
}

/** An open invitation. `link` is set only when the invitation is created; send it to the invited person. */
export interface InvitationMade {
  id: string;
  email: string;
  role: string;
  account: string;
  created_by: string;
  expires_at: string;
  link: string;
}

/** An invitation: the invited e-mail address and what it is for. `known` says whether the e-mail address already belongs to a user. */
export interface InvitationShown {
  email: string;
  project: string;
  role: string;
  account: string;
  known: boolean;
}

/** Changes to a job: pause or resume it, or set another schedule (cron, UTC). */
export interface JobChange {
  active?: boolean | null;
  schedule?: string | null;
}

/** A job: its task, its schedule, and the result of the last run. Times are UTC. */
export interface JobShown {
  name: string;
  what: string;
  schedule: string;
  active: boolean;
  running: boolean;
  last_run_at: string | null;
  next_run_at: string | null;
  status: string;
  message: string;
  duration_s: number;
}

/** Stages and intents. The first rule that holds decides. `newest` is the number of newest actions that `counts` look at. `completeness` lists the traits that say how complete a profile is (a number from 0 to 100), the first that is there counts; `profile` lists traits whose filled share is the completeness if none says it. */
export interface Journey {
  newest: number;
  counts: Record<string, Counted>;
  completeness?: string[];
  profile: string[];
  stages: Rule[];
  intents: Rule[];
}

/** A key of a project. `value` is complete only for write keys, which are public; of other keys it is the last characters. An embed key's `id` is the `kid` of its tokens. */
export interface KeyShown {
  id: string;
  kind: string;
  value: string;
  created_at: string;
}

/** The calls of a recommendations key on a day (UTC), and what they cost (`amount`). */
export interface KeyUsage {
  key_id: string;
  hint: string;
  day: string;
  calls: number;
  calls_per_day: number;
  price: string;
  amount: string;
}

/** New keys in full; all but write keys are shown only now. `id` is set for a single key: the `kid` of its tokens. */
export interface Keys {
  project_id: string;
  write_key: string;
  secret_key: string;
  embed_key: string;
  recommend_key: string;
  id: string;
}

/** The last booking: its time and its service. */
export interface LastBooking {
  at: string;
  service: string;
}

/** The last order: its time, its id, and its amount in the currency that was paid. */
export interface LastOrder {
  at: string;
  order_id: string;
  amount: string;
  currency: string;
}

/** The contents of a board. `period` (or `from` and `to`), `filter` and `bots` apply to all its tiles. */
export interface Layout {
  tiles: Tile[];
  period: string;
  from: string;
  to: string;
  filter: string[];
  bots: boolean;
}

/** A dead letter, by its message id; `stage` selects one of several steps. */
export interface LetterId {
  message_id: string;
  stage?: string;
}

/** Either some dead letters or `all` of the project. */
export interface LetterSelection {
  letters?: LetterId[];
  all?: boolean;
}

/** A message that was acknowledged but is not stored: the step that refused it, its time of arrival and the reason. A dead letter that is not `replayable` is a derived row (a session, an order); the messages it was derived from are stored. */
export interface LetterShown {
  message_id: string;
  stage: string;
  received_at: string;
  reason: string;
  replayable: boolean;
}

/** A dead letter with the message (or the row) as JSON. */
export interface LetterWhole {
  message_id: string;
  stage: string;
  received_at: string;
  reason: string;
  replayable: boolean;
  body: string;
}

/** The newest dead letters, and the project's total number. */
export interface LettersShown {
  count: number;
  letters: LetterShown[];
}

/** The intervals of the period, in order. */
export interface LifecycleAnswer {
  interval: "day" | "month" | "week";
  intervals: LifecycleInterval[];
}

/** People by status in an interval, which begins within the period on the day `at` (YYYY-MM-DD); `complete` says whether it lies completely in the period and is over. */
export interface LifecycleInterval {
  at: string;
  new: number;
  new_margin?: number;
  returning: number;
  returning_margin?: number;
  resurrecting: number;
  resurrecting_margin?: number;
  dormant: number;
  dormant_margin?: number;
  complete: boolean;
}

/** The people with a status in the interval that begins on the day `at`. */
export interface LifecyclePeopleQuestion {
  question: "lifecycle_people";
  event?: Step;
  interval?: "day" | "month" | "week";
  at: string;
  status?: "dormant" | "new" | "resurrecting" | "returning";
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A person, and the first day (YYYY-MM-DD) of the interval of their first event. */
export interface LifecyclePerson {
  person: string;
  first: string;
}

/** People by status, for each day, week or month; `event` is what counts as activity (by default any event). */
export interface LifecycleQuestion {
  question: "lifecycle";
  event?: Step;
  interval?: "day" | "month" | "week";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The share of people who reached the goal less that in the holdout, from -1 to 1, with its 95 % interval. */
export interface Lift {
  difference: number;
  low: number;
  high: number;
}

/** The number of visitors with an event in the last 5 minutes, the newest 50 of them, and 31 minutes in order: the last 30 and the current one. */
export interface LiveAnswer {
  visitors: number;
  here: VisitorHere[];
  minutes: LiveMinute[];
}

/** The visitors, page views and events of a minute, which starts at `minute` (seconds since 1970). */
export interface LiveMinute {
  minute: number;
  visitors: number;
  page_views: number;
  events: number;
}

/** The visitors who are here now, and the last half hour by minute, whatever the period is. */
export interface LiveQuestion {
  question: "live";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The entities to look up: up to 100 `ids` of one type, and the audience of the numbers. */
export interface Lookup {
  entity_type: string;
  ids: string[];
  seen_by?: "public" | "owner";
}

/** The signed-in user, the token that changing requests must carry, and the projects that they may see. */
export interface Me {
  email: string;
  is_admin: boolean;
  csrf: string;
  second_factor: boolean;
  projects: ProjectShown[];
}

/** The quality of a model's lists (`proof.py` has the definitions); `people` had something hidden. */
export interface Measured {
  people: number;
  hit_rate: number;
  ndcg: number;
  recall: number;
  map: number;
  coverage: number;
  novelty: number;
  diversity: number;
}

/** A user who sees the project as `viewer`, `analyst`, `owner` or `administrator`. */
export interface Member {
  email: string;
  role: string;
  is_admin: boolean;
}

/** A merge of ids into a person by `identify` or `alias` (`kind`); `identity` and `person` name it. If it is undone, by whom and when. */
export interface Merge {
  kind: string;
  identity: string;
  person: string;
  from_id: string;
  user_id: string;
  at: string;
  undone: boolean;
  undone_by: string | null;
  undone_at: string | null;
}

/** The newest merges, or those of one person. */
export interface MergesQuestion {
  question: "merges";
  person?: string;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A condition of a rule, and the value that met it. */
export interface Met {
  fact: string;
  value: number;
  over?: number | null;
  below?: number | null;
}

/** The way in which one metric is counted. Exactly one of the first nine fields is set; lists contain event names. `count`: number of events; `unique`: number of visitors with any of the events; `time`: sum of their durations in seconds; `rating`: mean of the ratings given with them; `score`: sum of their scores (see `Score`); `running`: number of events until now, less those named in `minus`; `ratio`: the first of two metrics of the subject divided by the second; `children`: sum of `metric` over the entities of this type that belong to the subject, or without `metric` the number of those entities that had any event; `sessions`: number, time or average time of a person's sessions. */
export interface Metric {
  count?: string[];
  unique?: string[];
  time?: string[];
  rating?: string[];
  score?: string[];
  running?: string[];
  ratio?: string[];
  children?: string;
  sessions?: "" | "count" | "time" | "average";
  minus?: string[];
  metric?: string;
}

/** A version of a model. `until` is the time of the newest interactions that it has, `reason` says why it was kept. `in_use` is the version that answers, unless it is not better than popularity on interactions that it had not seen (`served` is false): then people get what is popular. `quality` is that of the kept model for people whose earlier interactions are known, `cold` that for others; beside them are those of popularity, and of the parameters that were in use before (`last`, null for a first training or if they were popularity). `tried` has all that were compared. */
export interface ModelVersion {
  entity_type: string;
  version: string;
  in_use: boolean;
  served: boolean;
  kind: string;
  parameters: Record<string, number>;
  reason: string;
  until: string;
  people: number;
  entities: number;
  interactions: number;
  seconds: number;
  quality: Measured | null;
  cold: Measured | null;
  popularity: Measured | null;
  popularity_cold: Measured | null;
  last: Measured | null;
  tried: Tried[];
}

/** The versions of the models of a project; with `entity_type`, those for one type. */
export interface ModelsQuestion {
  question: "models";
  entity_type?: string;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An amount in one currency. */
export interface Money {
  currency: string;
  amount: string;
}

/** An input that moved a prediction: what the person `has` (null if unknown), what is `typical` of all people, and by how much the prediction is higher than it would be with the typical value. */
export interface MovedBy {
  input: string;
  has: number | null;
  typical: number | null;
  effect: number;
}

/** An account, as the host application describes it. `expires_at` ends the subscription; the user with the e-mail address `email` may sign in here for the account. */
export interface NewAccount {
  type: "user" | "artist" | "venue" | "admin" | "promoter" | "ad_account" | "venue_manager" | "label" | "media";
  name?: string;
  verification?: "none" | "email" | "phone" | "identity" | "business";
  subscription?: "free" | "premium" | "professional" | "enterprise";
  expires_at?: string | null;
  business?: Record<string, unknown>;
  entities?: OwnedEntity[];
  email?: string;
  suspended?: boolean;
}

/** A note about a moment. */
export interface NewAnnotation {
  at: string;
  text: string;
}

/** The name and contents of a new board. */
export interface NewBoard {
  name: string;
  layout?: Layout;
}

/** A new connection. For a shop or payment provider, `secret` is its signing secret; an omitted one is generated. For a PostgreSQL database, `secret` is its connection string, and `config` names the table and columns (see `docs/how-to/orders.md`). */
export interface NewConnection {
  kind: "stripe" | "woocommerce" | "postgres";
  name: string;
  secret?: string;
  config?: Record<string, unknown>;
}

/** A new export. `filter` has the form that `/ask` takes. */
export interface NewExport {
  table: "events" | "sessions" | "visitors";
  form: "csv" | "parquet" | "arrow" | "ndjson";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  bots?: boolean;
}

/** An invitation to become a member with a role, or, with an `account`, to sign in for that account. */
export interface NewInvitation {
  email: string;
  role?: "viewer" | "analyst" | "owner";
  account?: string;
}

/** The kind of key to create. A `recommend` key opens `/v1/recommend` only, for `calls_per_day` calls (UTC), each at a `price` in the currency of the project. */
export interface NewKey {
  kind: "write" | "secret" | "embed" | "recommend";
  calls_per_day?: number;
  price?: string;
}

/** A new member and their role; the password is for somebody who is not yet a user here. */
export interface NewMember {
  email: string;
  role?: "viewer" | "analyst" | "owner";
  password?: string;
}

/** A credential that a device created, and its name. */
export interface NewPasskey {
  challenge: string;
  credential: Record<string, unknown>;
  name?: string;
}

/** The token of the link (its last part), and the new password of at least ten characters. */
export interface NewPassword {
  token: string;
  password: string;
}

/** The properties of a new project. */
export interface NewProject {
  name: string;
  timezone?: string;
  currency?: string;
}

/** A name, and the body of a question. */
export interface NewQuestion {
  name: string;
  ask: Record<string, unknown>;
}

/** The requested account type, and information about the business. */
export interface NewRequest {
  type: "user" | "artist" | "venue" | "admin" | "promoter" | "ad_account" | "venue_manager" | "label" | "media";
  business: Record<string, unknown>;
}

/** A segment to save: a `live` filter, or a `list` of the people who match the filter now or who have the given user or visitor `ids`. */
export interface NewSegment {
  name: string;
  kind?: "live" | "list";
  filter?: unknown;
  ids?: string[] | null;
}

/** The number of days for which a link works; without it the link does not expire. */
export interface NewShare {
  days?: number | null;
}

/** A new watch: the segment (the id of a saved one or the name of a built-in one) and the URL to post to. An omitted secret is generated. */
export interface NewWatch {
  segment: string;
  url: string;
  secret?: string;
}

/** The newest events of the period, or the newest before a time. */
export interface NewestEventsQuestion {
  question: "newest_events";
  before?: string | null;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The newest sessions of the period, or the newest that started before a time. */
export interface NewestSessionsQuestion {
  question: "newest_sessions";
  before?: string | null;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A condition of a filter that nothing in the period meets: its column and values, the most frequent values that exist (`there`), and a sentence with these facts. */
export interface Note {
  column: string;
  values: unknown[];
  there: string[];
  message: string;
}

/** A digest of views for the owners of an entity: `every` day or week, to `email` or `webhook`. */
export interface Notify {
  every: string;
  email: string;
  webhook: string;
}

/** The parameters of the fitted BG/NBD model (`lifetimes.Orders`). */
export interface OrdersModel {
  r: number;
  alpha: number;
  a: number;
  b: number;
  log_likelihood: number;
}

/** The outcome of a transfer, as far as it has come. Of an import: the number of messages taken and refused, of lines left out, and of events added; the first and the last time in the file (ISO 8601, UTC); the number of messages by event. Of an export: rows and bytes. */
export interface Outcome {
  taken?: number;
  refused?: number;
  left_out?: number;
  first?: string;
  last?: string;
  events?: Record<string, number>;
  added?: number;
  rows?: number;
  bytes?: number;
}

/** Totals of the period, and of the one that it is compared with. */
export interface OverviewAnswer {
  current: Totals;
  previous: Totals;
}

/** Totals of the period and of the one to compare with: the previous period, unless `compare` names another. */
export interface OverviewQuestion {
  question: "overview";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An entity that belongs to an account. */
export interface OwnedEntity {
  type: string;
  id: string;
}

/** A metrics pack. `bookings`: the events that views lead to. `permissions`: for each account type, the condition (`Gate`) under which a permission is granted; one without a condition is not granted. `keys`: the host application's own permission names; they need a condition too. `demographics`: the traits by which viewers are grouped. `preferences`, `similar`, `journey` and `suggestions`: the rules about single people; `holdout`: the share of people who see no suggestions, so that their effect can be measured. `recommend`: how recommendations are learned and the surfaces on which they are shown; `predict`: what is predicted of people. */
export interface Pack {
  name: string;
  subjects: Record<string, Subject>;
  score?: Score;
  bookings?: string[];
  permissions: Record<string, Record<string, Gate>>;
  keys: Record<string, HostKey>;
  demographics?: string[];
  preferences?: Preferring;
  similar?: Similar;
  journey?: Journey;
  suggestions: Suggestion[];
  holdout: number;
  recommend?: Recommending;
  predict?: Predicting;
}

/** A device's answer to a passkey request; `challenge` identifies the request. */
export interface PasskeyAnswer {
  challenge: string;
  credential: Record<string, unknown>;
}

/** The `options` for the browser's WebAuthn API, and the `challenge` to send with the device's answer. */
export interface PasskeyChallenge {
  challenge: string;
  options: Record<string, unknown>;
}

/** A passkey. */
export interface PasskeyShown {
  id: string;
  name: string;
  created_at: string;
  used_at: string | null;
}

/** A change of password; `old` is empty for a user without a password. */
export interface PasswordChange {
  old: string;
  new: string;
}

/** The number of paths (`ways`) from a node of `step` to one of the next step; `(end)` means that they end there. */
export interface PathLink {
  step: number;
  from: string;
  to: string;
  ways: number;
}

/** A node of a step, and the number of paths (`ways`) through it; `(other)` stands for all other nodes. */
export interface PathNode {
  step: number;
  name: string;
  ways: number;
}

/** The number of all paths (`ways`), the nodes and the links. The links out of a node add up to its `ways`. */
export interface PathsAnswer {
  ways: number;
  nodes: PathNode[];
  links: PathLink[];
}

/** The kind of nodes, the anchor, the direction, the number of steps, and the number of nodes to show for each step. */
export interface PathsQuestion {
  question: "paths";
  nodes?: "entity" | "event" | "page" | "page_or_event";
  anchor?: string;
  direction?: "after" | "before";
  steps?: number;
  top?: number;
  unit?: "person" | "session";
  groups?: string[];
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** Whether an account has a permission now; if not, the missing requirement. */
export interface PermissionShown {
  account: string;
  permission: string;
  granted: boolean;
  lacks: string;
  needs: string;
}

/** Everything about a person: the newest value of each trait (`properties`) and its values over time, the oldest first (`history`); sessions, orders (including those that no longer count) and events, the newest first; and merges. */
export interface PersonAnswer {
  profile: PersonRow | null;
  visitor_ids: string[];
  user_ids: string[];
  properties: Record<string, unknown>;
  history: Record<string, TraitValue[]>;
  sessions: PersonSession[];
  orders: PersonOrder[];
  events: EventRow[];
  merges: Merge[];
}

/** An order or booking (`kind`): its amount and refunds in its currency; `counts` says whether it still counts. */
export interface PersonOrder {
  kind: string;
  order_id: string;
  placed_at: string;
  amount: string;
  refunded: string;
  currency: string;
  service: string;
  counts: boolean;
}

/** One person, by exactly one of the ids; the newest `limit` events before a time. `addresses` adds the IP addresses of sessions, as far as they are stored. */
export interface PersonQuestion {
  question: "person";
  person?: string;
  visitor_id?: string;
  user_id?: string;
  before?: string | null;
  limit?: number;
  addresses?: boolean;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A person: a friendly name, the newest ids, numbers of visitors, sessions, events and page views, the times of the first and the last event, the latest country and device, and the first source. */
export interface PersonRow {
  person: string;
  name: string;
  user_id: string;
  visitor_id: string;
  visitors: number;
  sessions: number;
  events: number;
  page_views: number;
  first_seen: string;
  last_seen: string;
  country: string;
  device: string;
  source: string;
}

/** A session of a person. An `active` one may continue, and has no `duration_s` (seconds) yet. The `ip` is there if addresses were asked for. `converted` says whether a goal happened in it; `conversion_value` is the value of the orders placed in it, less refunds, in the project's currency; `bot` is the reason for which the visitor is taken for a bot, or empty. */
export interface PersonSession {
  session_id: string;
  visitor_id: string;
  visitor_name: string;
  user_id: string;
  started_at: string;
  ended_at: string;
  duration_s: number | null;
  active: boolean;
  events: number;
  page_views: number;
  entry_path: string;
  exit_path: string;
  referrer_host: string;
  channel: string;
  source: string;
  medium: string;
  campaign: string;
  device: string;
  browser: string;
  system: string;
  country: string;
  region: string;
  city: string;
  bot: string;
  converted: boolean;
  conversion_value: number;
  browser_version: string;
  system_version: string;
  ip?: string;
}

/** The parts of the knowledge about a person, and the version of the `rules` that decided. Parts that were not asked for are absent; a stage, intent or suggestion is null when no rule fits. `holdout` says that the person belongs to those who see no suggestions. Of somebody who opted out, `opted_out` is all that is said. */
export interface Personal {
  person: string;
  rules: number;
  preferences?: Preference[];
  content_types?: ContentType[];
  stage?: Decided | null;
  intent?: Decided | null;
  hours?: ActiveHours;
  suggestion?: Suggested | null;
  holdout?: boolean;
  similar?: SimilarPerson[];
  predictions?: Prediction[];
  opted_out: boolean;
}

/** Preferences, content types, stage, intent and active hours of one person, a suggestion to them, and people like them. The person is named by exactly one of `person` (from an answer) and `user_id`; an account of type user gets its own and names nobody. `include` chooses the parts, all but `predictions` by default. `language` is the language of the suggestion, `limit` the most people like this one. */
export interface PersonalizeQuestion {
  question: "personalize";
  person?: string;
  user_id?: string;
  include?: ("content_types" | "hours" | "intent" | "predictions" | "preferences" | "similar" | "stage" | "suggestion")[];
  language?: string;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** People with sessions that started in the period, or the given persons; sorted, the highest first. */
export interface PersonsQuestion {
  question: "persons";
  sort?: string;
  limit?: number;
  offset?: number;
  persons?: string[];
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A tracking plan. `unplanned` says what to do with track events that the plan does not name. */
export interface Plan {
  name?: string;
  description?: string;
  unplanned?: "allow" | "flag" | "reject";
  events?: Record<string, PlannedEvent>;
}

/** One version of a plan. */
export interface PlanShown {
  version: number;
  plan: Plan;
  created_by: string;
  created_at?: string | null;
}

/** One event of a plan. Its key in the plan is the event's name; messages of other types use `page`, `identify`, ... A message that breaks the rules is either `flag`ged (stored, and listed as a violation) or `reject`ed. */
export interface PlannedEvent {
  description?: string;
  owner?: string;
  on_violation?: "flag" | "reject";
  required?: string[];
  properties?: Record<string, Record<string, unknown>>;
  additionalProperties?: boolean;
}

/** The predictions about people: how likely they do each of these `events` (and each goal of the project), with at most `seconds` for the training. */
export interface Predicting {
  events: string[];
  seconds: number;
}

/** A prediction about a person: a probability from 0 to 1, or an amount in the project's currency; the version of the model, when it said so, and what moved it most. */
export interface Prediction {
  target: string;
  value: number;
  version: string;
  at: string;
  moved_by: MovedBy[];
}

/** A trained model. `target` is the column of people that has its predictions: the propensity for `event`, churn or value, within `days`. Only a model that is `used` predicts anything; `reason` says why (not). `examples` is the number of people and times that it learned from or was measured on, `until` the time of its newest data, `people` the number of people with a prediction. `measured` is its quality for people of a period after all that it had learned from, with the reliability curve (`deciles`); absent with too little data. `inputs` are those on which it depends most. */
export interface PredictionModel {
  target: string;
  kind: string;
  event: string;
  days: number;
  version: string;
  used: boolean;
  reason: string;
  until: string;
  examples: number;
  people: number;
  measured: Reliability | null;
  inputs: InputEffect[];
}

/** The quality of the predictions about people: the newest `versions` of the model of each target, or of one `target`, such as `churn`. */
export interface PredictionQualityQuestion {
  question: "prediction_quality";
  target?: string;
  versions?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A value of a key that a person likes. `confidence` is from 0 to 1; for what a person stated it is 1, or 0 if they muted it. `score` is the sum of the engagement scores, which lose half of their weight with every half-life; `interactions` is their number. */
export interface Preference {
  key: string;
  value: string;
  confidence: number;
  source: "explicit" | "inferred" | "ml_predicted";
  score: number;
  interactions: number;
  updated_at: string;
  evidence: Evidence[];
}

/** The way in which preferences follow from interactions: those of `days` days, each worth half as much after every `half_life_days`. `bands` lists, for an attribute that is a number, the limits of the bands in which it is counted. */
export interface Preferring {
  days: number;
  half_life_days: number;
  bands: Record<string, number[]>;
}

/** A message of a file, as it would be stored. The time is ISO 8601 in UTC, or empty. */
export interface PreviewRow {
  timestamp: string;
  type: string;
  event: string;
  user_id: string;
  anonymous_id: string;
  page: string;
  properties: Record<string, unknown>;
  context: Record<string, unknown>;
}

/** Changes to an entity: whether its counts are hidden from the public, and how its owners are notified of views. Omitted fields stay as they are. */
export interface Privacy {
  hidden?: boolean | null;
  notify?: Notify | null;
}

/** A visitor: friendly name (also as `displayName`), times of the first and last event, and the number of sessions and events over all time. */
export interface Profile {
  visitor_id: string;
  visitor_name: string;
  displayName: string;
  first_seen: string;
  last_seen: string;
  sessions: number;
  events: number;
  page_views: number;
  bot: string;
}

/** Changes to a project; omitted fields stay as they are. `humans` are bot reasons that the project overrules. With `closed_register`, only views of registered entities count. `metrics` is a metrics pack: the name of an included one, or TOML. Pages of `embed_origins` may embed dashboards. */
export interface ProjectChange {
  name?: string | null;
  timezone?: string | null;
  currency?: string | null;
  goals?: string[] | null;
  humans?: string[] | null;
  closed_register?: boolean | null;
  metrics?: string | null;
  embed_origins?: string[] | null;
}

/** A project as the API shows it. For an account, `role` is empty, and only name, time zone, currency, `closed_register` and `account` are filled in. */
export interface ProjectShown {
  id: string;
  name: string;
  timezone: string;
  currency: string;
  goals: string[];
  humans: string[];
  closed_register: boolean;
  metrics: string;
  embed_origins: string[];
  keys: KeyShown[];
  role: string;
  account: AsAccount | null;
}

/** The properties of one event, or of all. */
export interface PropertiesQuestion {
  question: "properties";
  event?: string;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A property over all time: up to ten types of the engine, the number of events that have it, when it was first and last seen, and its share (`fill_rate`, 0 to 1) of the events. */
export interface Property {
  property: string;
  types: string[];
  events: number;
  first_seen: string;
  last_seen: string;
  fill_rate: number;
}

/** A value with its numbers of events and persons in the period; a country also has its English name. */
export interface PropertyValue {
  value: string;
  events: number;
  persons: number;
  name?: string;
}

/** The most frequent values of a column or of `properties.NAME`, for one event or for all. */
export interface PropertyValuesQuestion {
  question: "values";
  of: string;
  event?: string;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The origin of numbers: a statement, its bound values, and the time it took in the engine, in milliseconds. */
export interface Query {
  sql: string;
  parameters: Record<string, unknown>;
  took_ms: number;
}

/** A saved question; `ask` is a body for `POST …/ask`. */
export interface QuestionShown {
  id: string;
  name: string;
  ask: Record<string, unknown>;
  created_by: string;
  created_at: string;
}

/** The value of one unit of a currency in the project's currency, from a day on. */
export interface RateGiven {
  currency: string;
  day: string;
  rate: string;
}

/** The newest exchange rate of a currency, the day it applies from, and the number of days with a rate. */
export interface RateShown {
  currency: string;
  since: string;
  newest: string;
  days: number;
}

/** The newest exchange rate of each currency into the project's `currency`. */
export interface RatesShown {
  currency: string;
  rates: RateShown[];
}

/** The reason of a recommendation. `because` of an entity that the person interacted with, or that was asked about; `like` such an entity, with the `key` and `value` that both have; `also_viewed` and `bought_together` with such an entity; `likes`, for what the person stated to like; `popular` or `trending`, in a `place` if one was named; `pinned` by the surface. `people` is the number of people that it comes from, `orders` that of orders; they are absent if the counts of the entity are hidden. */
export interface Reason {
  kind: "also_viewed" | "because" | "bought_together" | "like" | "pinned" | "popular" | "trending" | "likes";
  people?: number;
  orders?: number;
  entity_id: string;
  name: string;
  key: string;
  value: string;
  place: string;
}

/** Entities of a type for one person (`for_you`; `now` by what they do in this visit), with one entity (`similar`, `also_viewed`, `bought_together`), or of most people lately (`trending`). The person is named by `person` (from an answer) or `user_id`; an account of type user gets its own and names nobody. `context` lists entities in place of a person's own, the newest first, for somebody who is not known. Entities that the person knows are left out unless `seen` is true. A `surface` of the metrics pack has the rules and says which `kind` and types it shows. `place` is a city, region or country of people, for what is popular and trending. */
export interface RecommendQuestion {
  question: "recommend";
  entity_type?: string;
  kind?: "also_viewed" | "bought_together" | "for_you" | "now" | "similar" | "trending" | "";
  surface?: string;
  person?: string;
  user_id?: string;
  entity_id?: string;
  context?: string[];
  place?: string;
  language?: string;
  limit?: number;
  seen?: boolean;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The results of each surface of the metrics pack in the period. */
export interface RecommendationResultsQuestion {
  question: "recommendation_results";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** Entities, the best first. `basis` says on what the answer is based, `reasoning` the same as a text, `intent` what the person wants by the rules of the metrics pack (empty: nothing known). `model` is the kind of the model and `version` its version, empty if there was none. `holdout` says that the person gets what is popular, so that the effect of recommendations can be measured. */
export interface Recommendations {
  items: Recommended[];
  basis: "entity" | "history" | "popularity" | "trending" | "visit";
  reasoning: string;
  intent: string;
  kind: "also_viewed" | "bought_together" | "for_you" | "now" | "similar" | "trending";
  surface: string;
  model: string;
  version: string;
  holdout: boolean;
}

/** An entity, its score (comparable within one answer only) and the reason. `position` counts from 1, `propensity` is the probability with which the entity stands there: report both when it was shown. */
export interface Recommended {
  entity_type: string;
  entity_id: string;
  name: string;
  score: number;
  position: number;
  propensity: number;
  reason: Reason;
}

/** The way in which recommendations are learned: from the interactions of `days` days, for these types of entities (all if there are none), with at most `seconds` for trying models of each type. What is trending loses half its weight each `half_life_days`. `surfaces` are the places where they are shown. */
export interface Recommending {
  days: number;
  entity_types: string[];
  seconds: number;
  half_life_days: number;
  surfaces: Surface[];
}

/** The number of rows of each counter that were rebuilt, and the number that had differed from the events. */
export interface Recounted {
  rows: Record<string, number>;
  differed: Record<string, number>;
}

/** Codes that replace the second factor, each once. */
export interface RecoveryCodes {
  recovery_codes: string[];
}

/** A refused line of a file. */
export interface RefusedLine {
  line: number;
  field: string;
  reason: string;
  text: string;
}

/** The number of entities that were registered. */
export interface Registered {
  registered: number;
}

/** A refused message: the wrong field, the reason, and the message as JSON. For an imported file, `line` is the number of its line (0 for others) and `text` its content. */
export interface Rejection {
  received_at: string;
  message_id: string;
  field: string;
  reason: string;
  body: string;
  line: number;
  text: string;
}

/** The newest 100 refused messages of the last 7 days, with the reasons, whatever the period is. */
export interface RejectionsQuestion {
  question: "rejections";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The quality of predictions for `people` in a later period, `doing` of whom did it (or spent anything). `base` is the mean of what happened, `expected` the mean when the model learned, which is what one would predict of everybody without a model; `loss` (log loss, or Poisson deviance for amounts) and `brier` are the model's, `…_base` those of predicting `expected` of everybody. `gain` is the mean difference of the losses, and `gain_low` the lower end of its interval of 95 %. Amounts have no `brier` and `auc`. */
export interface Reliability {
  people: number;
  doing: number;
  base: number;
  expected: number;
  predicted: number;
  loss: number;
  loss_base: number;
  gain: number;
  gain_low: number;
  brier?: number | null;
  brier_base?: number | null;
  auc?: number | null;
  deciles: Decile[];
}

/** The number of messages written to the log again, the number of chosen derived rows, which stay, and the project's number of dead letters before the loader has read the messages. */
export interface Replayed {
  replayed: number;
  kept: number;
  count: number;
}

/** An answer with the statements behind it; a caller who sees only some rows does not see the statements. */
export interface Reply {
  data: Answers[keyof Answers];
  notes?: Note[];
  before?: Before;
  annotations?: TrendNote[];
  period: Stretch;
  cache: Cached;
  queries: Query[];
}

/** A request for another account type, and its decision. */
export interface RequestShown {
  id: string;
  account: string;
  type: string;
  business: Record<string, unknown>;
  state: string;
  note: string;
  decided_by: string;
  created_at: string;
  decided_at: string | null;
}

/** The triangle of everybody, with the parts if the question has a breakdown. */
export interface RetentionAnswer {
  cohorts: RetentionCohort[];
  average: (number | null)[];
  interval: "day" | "month" | "week";
  spans: [number, number][];
  parts?: RetentionPart[];
}

/** The number of people who came back, their share (0 to 1) of the cohort, and whether that time is over (never with `on_or_after`). */
export interface RetentionCell {
  persons: number;
  persons_margin?: number;
  rate: number | null;
  complete: boolean;
}

/** A cohort by its first day in the period (YYYY-MM-DD): the number of people who started, whether its interval lies completely in the period and is over, and a cell for each span. */
export interface RetentionCohort {
  cohort: string;
  persons: number;
  persons_margin?: number;
  complete: boolean;
  cells: RetentionCell[];
}

/** The triangle of one value of the breakdown, or of all `other` values together. */
export interface RetentionPart {
  cohorts: RetentionCohort[];
  average: (number | null)[];
  interval: "day" | "month" | "week";
  spans: [number, number][];
  value: string;
  other: boolean;
}

/** The people in a cell: the cohort by its first day, and the number of intervals later (-1: all who started). */
export interface RetentionPeopleQuestion {
  question: "retention_people";
  start?: Step;
  return?: Step;
  interval?: "day" | "month" | "week";
  intervals?: number;
  kind?: "first_time" | "recurring";
  mode?: "bracket" | "on" | "on_or_after";
  brackets?: [number, number][];
  by?: string;
  top?: number;
  cohort: string;
  later?: number;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A person, and the first days (YYYY-MM-DD) of the intervals in which they came back. */
export interface RetentionPerson {
  person: string;
  returns: string[];
}

/** The start event, the return event, and the intervals to look at: `intervals` after the first, or `brackets` of intervals, each with its first and last, both included. */
export interface RetentionQuestion {
  question: "retention";
  start?: Step;
  return?: Step;
  interval?: "day" | "month" | "week";
  intervals?: number;
  kind?: "first_time" | "recurring";
  mode?: "bracket" | "on" | "on_or_after";
  brackets?: [number, number][];
  by?: string;
  top?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The starts of the intervals (`moments`), with the value (in `currency`) and the purchases of each, and totals. */
export interface RevenueAnswer {
  currency: string;
  moments: string[];
  value: string[];
  purchases: number[];
  totals: RevenueTotals;
}

/** Orders and bookings placed in the period, by `interval`. A filter selects the people whose orders count. */
export interface RevenueQuestion {
  question: "revenue";
  interval?: "day" | "hour" | "month" | "week";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** Totals of a period. `value` is in the project's currency, less refunds, without `unconverted` purchases, whose currency has no exchange rate. Of the `purchases`, some are `bookings`. `average` is the value for each purchase, without refunds of orders that were never completed; `repeat_rate` is the share (0 to 1) of buyers who bought more than once by the end of the period; days are those between purchases of one person. `amounts` and `refunds` are by currency, unconverted. */
export interface RevenueTotals {
  value: string;
  purchases: number;
  bookings: number;
  buyers: number;
  visitors: number;
  unconverted: number;
  average: string | null;
  per_visitor: string | null;
  per_buyer: string | null;
  repeat_rate: number | null;
  median_days_between: number | null;
  mean_days_between: number | null;
  refunded_purchases: number;
  amounts: Money[];
  refunds: Money[];
}

/** The segments, those with the highest value first, and the time of the scoring (None if there was none). */
export interface RfmAnswer {
  currency: string;
  scored_at: string | null;
  rows: RfmRow[];
}

/** Customers by the RFM segment of the last scoring. */
export interface RfmQuestion {
  question: "rfm";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The customers of an RFM segment: their purchases and the `value` of these (in the project's currency), their mean probability of being `active`, and the number and value of their orders that are expected in the 13 weeks after the scoring. */
export interface RfmRow {
  rfm: string;
  customers: number;
  purchases: number;
  value: string;
  active: number | null;
  expected_orders: number;
  expected_value: number;
}

/** A stage or an intent, and the conditions that must all hold for it; none hold for everybody. */
export interface Rule {
  name: string;
  when: When[];
}

/** The people whom other rules would move from one stage (or intent) to another, or leave where they are. A stage is empty for people whom no rule fits. */
export interface RuleChange {
  from: string;
  to: string;
  people: number;
}

/** The rules of a pack that decide about single people: stages, intents and suggestions; `holdout` is the share of people who see no suggestions, 0 to 1. */
export interface Rules {
  journey: Journey;
  suggestions: Suggestion[];
  holdout: number;
}

/** The effect of rules at present: the number of people, how many of them would be in another stage or have another intent, and from which to which. */
export interface RulesPreview {
  people: number;
  other_stage: number;
  other_intent: number;
  stages: RuleChange[];
  intents: RuleChange[];
}

/** A version of the rules: its number, who saved it and when (nobody, for those that the project had at first), and the `facts` that rules can look at besides their own `counts`, each with its description. */
export interface RulesShown {
  version: number;
  current: boolean;
  created_by: string;
  created_at: string;
  rules: Rules;
  facts: Record<string, string>;
}

/** A version of the rules: who saved it and when, and its numbers of stages, intents and suggestions. */
export interface RulesVersion {
  version: number;
  current: boolean;
  created_by: string;
  created_at: string;
  stages: number;
  intents: number;
  suggestions: number;
}

/** One run of a job. */
export interface RunShown {
  started_at: string;
  ended_at: string | null;
  status: string;
  message: string;
  duration_s: number;
  by: string;
}

/** The score of an interaction: the sum of `base`, the weight of the event's name in `weights`, and `over_30`, `over_60` and `over_120` if it lasted over 30, 60 and 120 s; at most 1. */
export interface Score {
  base: number;
  over_30: number;
  over_60: number;
  over_120: number;
  weights: Record<string, number>;
}

/** An action that happened, and on which entity, if any. */
export interface Seen {
  at: string;
  name: string;
  entity_type: string;
  entity_id: string;
}

/** Changes to a segment. */
export interface SegmentChange {
  name?: string | null;
  filter?: unknown;
}

/** A saved segment or cohort. */
export interface SegmentShown {
  id: string;
  name: string;
  kind: string;
  filter: unknown;
  created_by: string;
  created_at: string;
  persons?: number | null;
}

/** One series of a trend: a metric of a step's events. `property` is the property for `sum`, `average`, `min`, `max`, `median`, `p75`, `p90`, `p95` and `p99`. */
export interface Series {
  event?: string | string[];
  where?: unknown;
  name?: string;
  metric?: string;
  property?: string;
}

/** A session. An `active` one may continue; `duration_s` is in seconds. `converted` says whether a goal was reached; `conversion_value` is the value of the orders placed in it, less refunds, in the project's currency. `bot` is the reason for which the visitor is taken for a bot, or empty. */
export interface SessionRow {
  session_id: string;
  visitor_id: string;
  visitor_name: string;
  user_id: string;
  started_at: string;
  ended_at: string;
  duration_s: number;
  active: boolean;
  events: number;
  page_views: number;
  entry_path: string;
  exit_path: string;
  referrer_host: string;
  channel: string;
  source: string;
  medium: string;
  campaign: string;
  device: string;
  browser: string;
  system: string;
  country: string;
  region: string;
  city: string;
  bot: string;
  converted: boolean;
  conversion_value: number;
}

/** Totals of sessions. `ended` were closed, were taken over by another user or have been silent for 30 minutes; `bounces` have at most one act; rates are shares of the sessions, 0 to 1. Durations are in seconds; `depth` is the mean number of page views, `events_each` that of events. None without sessions. */
export interface SessionTotals {
  sessions: number;
  visitors: number;
  ended: number;
  end_rate: number | null;
  bounces: number;
  bounce_rate: number | null;
  mean_duration_s: number | null;
  median_duration_s: number | null;
  depth: number | null;
  events_each: number | null;
}

/** Totals, and a page of the list. */
export interface SessionsAnswer {
  totals: SessionTotals;
  rows: SessionRow[];
}

/** Sessions that started in the period: totals, and a page of the list. */
export interface SessionsQuestion {
  question: "sessions";
  sort?: string;
  descending?: boolean;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The SQL that a privileged user has to run in the database, when Trackway's user may not. */
export interface Setup {
  sql: string;
}

/** A link; `token` is set only when the link is created. */
export interface ShareShown {
  id: string;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  token: string;
}

/** The parts of a board that a link shows. */
export interface SharedBoard {
  name: string;
  layout: Layout;
  project: string;
  timezone: string;
  currency: string;
}

/** An answer for readers of a shared board: with notes on filters that match nothing, the answer for an earlier period (`before`), and for trends the annotations of the project. */
export interface SharedReply {
  data: Answers[keyof Answers];
  notes?: Note[];
  before?: Before;
  annotations?: TrendNote[];
  period: Stretch;
  cache: Cached;
}

/** The available ways to sign in besides password and passkey, and whether passwords can be reset by mail (`reset`). */
export interface SignInMethods {
  provider: boolean;
  reset: boolean;
}

/** A signed-in browser. */
export interface SignInShown {
  id: string;
  way: string;
  address: string;
  agent: string;
  created_at: string;
  seen_at: string;
  current: boolean;
}

/** The signed-in user, and the token that changing requests must carry. */
export interface SignedInShown {
  email: string;
  csrf: string;
}

/** The way in which people with the same interests are found, by the interactions of `days` days. Candidates come from the person's `entities` entities of highest weight, from each at most `people` of those who did something with it; the `candidates` who share most of them are compared exactly. People are shown to other people only where at least `group` are found. */
export interface Similar {
  days: number;
  entities: number;
  people: number;
  candidates: number;
  group: number;
}

/** A person with the same interests: `similarity` is the cosine, over 0 and at most 1, and `shared` the number of entities that both interacted with. `user_id` is empty for somebody who never signed in. */
export interface SimilarPerson {
  person: string;
  user_id: string;
  similarity: number;
  shared: number;
}

/** A source: the columns and metrics that were asked for; all others are absent. `bounce_rate` is 0 to 1, `duration_s` the mean seconds of a session. `conversions` are events that are goals; for a goal that completes orders or bookings, those placed in the period, each once. `revenue` are amounts by currency of the orders and bookings placed in the period, less refunds, credited to the session in which they were placed. */
export interface SourceRow {
  channel?: string;
  source?: string;
  medium?: string;
  campaign?: string;
  term?: string;
  content?: string;
  referrer_host?: string;
  entry_path?: string;
  sessions?: number;
  visitors?: number;
  bounce_rate?: number;
  duration_s?: number;
  page_views?: number;
  conversions?: number;
  converted_sessions?: number;
  revenue?: Money[];
}

/** Sessions by source. If nothing is filtered and the metrics do not include `visitors`, `conversions`, `converted_sessions` or `revenue`, the hourly counters answer. */
export interface SourcesQuestion {
  question: "sources";
  by?: string[];
  metrics?: string[];
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The parameters of the fitted Gamma-Gamma model (`lifetimes.Spending`). */
export interface SpendingModel {
  p: number;
  q: number;
  gamma: number;
  log_likelihood: number;
}

/** The people who were in a stage at the beginning of an interval and in another, or the same one, at its end. `from` is null for people who came in the interval; a stage is empty for people whom no rule fits. */
export interface StageMove {
  interval: number;
  from: string | null;
  to: string;
  people: number;
}

/** The moments at which people were looked at, the stages in the order of their rules, and the moves. If the last moment is in the future, people were looked at now. The `interval` of a move, from 0, is the one that begins at that moment. `rules` is the version of the rules that decided. */
export interface StageMovesAnswer {
  rules: number;
  moments: string[];
  stages: string[];
  moves: StageMove[];
}

/** The moves of people between stages, or between intents, by `interval`. At most 31 intervals. */
export interface StageMovesQuestion {
  question: "stage_moves";
  of?: "intent" | "stage";
  interval?: "day" | "month" | "week";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A preference as its person states it: a value of a key that they like, or mute (`likes` is false). */
export interface StatedPreferenceBody {
  key: string;
  value: string;
  likes?: boolean;
}

/** A statement in the engine's SQL. */
export interface Statement {
  sql: string;
}

/** Events with one of the given names (any event if none is given) for which the filter `where` holds. */
export interface Step {
  event?: string | string[];
  where?: unknown;
  name?: string;
}

/** All `persons`, and rows by the number of intervals; `of` is the number of intervals of the period, `incomplete` the first days (YYYY-MM-DD), within the period, of those that it cuts or that are not over. */
export interface StickinessAnswer {
  interval: "day" | "month" | "week";
  persons: number;
  persons_margin?: number;
  rows: StickinessRow[];
  of: number;
  incomplete: string[];
}

/** The number of intervals of the period in which people did `event` (by default any event). */
export interface StickinessQuestion {
  question: "stickiness";
  event?: Step;
  interval?: "day" | "month" | "week";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** People who were active in exactly so many intervals; `share` (0 to 1) is that of people in so many or more. */
export interface StickinessRow {
  intervals: number;
  persons: number;
  persons_margin?: number;
  share: number;
}

/** A period: its start, and its end, which is not part of it. */
export interface Stretch {
  from: string;
  to: string;
}

/** The persons or entities that the metrics describe: `of` is `person` or an entity type. */
export interface Subject {
  of: string;
  metrics: Record<string, Metric>;
}

/** A suggestion to a person: an action, texts in their language, and `n`, the number in the message, if it has one (of new entities, or per cent that were measured). `because` is the stage and the intent that led to it. */
export interface Suggested {
  action: string;
  message: string;
  call_to_action: string;
  priority: "high" | "low" | "medium";
  n: number | null;
  because: string[];
}

/** A suggestion for a stage; without a `stage`, in every stage that has no suggestion of its own. With an `intent`, it goes before those without one. `message` and `call_to_action` are messages by language (`messages.py`: ICU, with plural forms); `{n}` stands for the number of entities of the type `new` that came after the person's last visit and match what they prefer. While that number is 0, the suggestion is not made. After it was shown `times` times it is not made again; after each time it rests for `rest_hours`, and after a dismissal for `dismissed_days`. With `measured`, its message is told in place of `message` while the number is known and above 0. `goal` lists the events that say that it was followed, with or without Trackway; the results of the suggestion compare how many people reach it. */
export interface Suggestion {
  action: string;
  stage?: string;
  intent?: string;
  priority?: "high" | "medium" | "low";
  message: Record<string, string>;
  call_to_action?: Record<string, string>;
  new?: string;
  times?: number;
  rest_hours?: number;
  dismissed_days?: number;
  measured?: Measured | null;
  goal?: string[];
}

/** People to whom a suggestion was `shown`, who `clicked` it, `dismissed` it and did it (`done`). `people` are those who may see suggestions and did anything in the period, `holdout` those who may not; `…_reached` are those of them with one of the events of the `goal` (for a suggestion without a goal, with `Suggestion Done`). `lift` is null while one of the groups is empty. */
export interface SuggestionResult {
  action: string;
  stages: string[];
  priority: "high" | "low" | "medium";
  goal: string[];
  shown: number;
  clicked: number;
  dismissed: number;
  done: number;
  people: number;
  people_reached: number;
  holdout: number;
  holdout_reached: number;
  lift: Lift | null;
}

/** The results of each suggestion of the metrics pack in the period, and what it changes. */
export interface SuggestionResultsQuestion {
  question: "suggestion_results";
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A place in the product where recommendations are shown, and what may stand there. `repeats` allows entities that the person knows, `own` those that belong to the person. `diversity`, 0 to 1, is how much an entity loses that is like those before it; `freshness` is how much one gains that the register has for less than `freshness_days`. A share `explore` of the lists is shuffled, so that other orders can be judged by what people do with these; the share `holdout` of people gets what is popular. */
export interface Surface {
  name: string;
  kind?: "for_you" | "similar" | "also_viewed" | "bought_together" | "trending" | "now";
  entity_types: string[];
  limit?: number;
  repeats?: boolean;
  own?: boolean;
  where?: Condition[];
  blocked?: string[];
  pinned?: string[];
  at_most?: AtMost[];
  diversity?: number;
  freshness?: number;
  freshness_days?: number;
  explore?: number;
  holdout?: number;
}

/** People to whom a surface was shown, those of them who clicked (`clicked`), and the events: `shown` exposures and `clicks`. */
export interface SurfaceGroup {
  people: number;
  clicked: number;
  shown: number;
  clicks: number;
}

/** The results of a surface: of those who see `recommended` entities, and of the `holdout`. `lift` is the share of people who clicked less that of the holdout, null while one of the groups is empty. */
export interface SurfaceResult {
  surface: string;
  recommended: SurfaceGroup;
  holdout: SurfaceGroup;
  lift: Lift | null;
}

/** The number of lines taken. */
export interface Taken {
  taken: number;
}

/** A question with its answer as a chart or number, or a note; at column `x` of twelve and row `y`, `w` by `h` cells. */
export interface Tile {
  id: string;
  kind: "question" | "note";
  title: string;
  text: string;
  ask: Record<string, unknown>;
  show: "chart" | "number";
  x: number;
  y: number;
  w: number;
  h: number;
}

/** The most viewed entities of a period, of one type or of all, with their names. */
export interface TopEntitiesQuestion {
  question: "top_entities";
  entity_type?: string;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** An entity with its name from the register, its views, and those without a signed-in viewer (`anonymous`). */
export interface TopEntity {
  entity_type: string;
  entity_id: string;
  name: string;
  views: number;
  anonymous: number;
}

/** Totals of a period: `visitors` (exact), `sessions` that started in it, `bounce_rate` (share of sessions with at most one act, 0 to 1), `duration_s` (mean seconds from first to last event), and `revenue` by currency of the orders and bookings placed in it, each once, less refunds. */
export interface Totals {
  visitors: number;
  sessions: number;
  page_views: number;
  events: number;
  bounce_rate: number;
  duration_s: number;
  revenue: Money[];
}

/** A traffic source: its number and share of sessions (0 to 1), its conversions and its revenue. `revenue` is in the project's currency; revenue in other currencies is in `other_revenue`, by currency. */
export interface TrafficSource {
  channel: string;
  source: string;
  medium: string;
  campaign: string;
  sessions: number;
  share: number;
  conversions: number;
  revenue: number;
  currency: string;
  other_revenue: Money[];
}

/** The value of a trait, and the time from which it held. */
export interface TraitValue {
  at: string;
  value: unknown;
}

/** An import or export. `done` and `total` count bytes of an import and rows of an export. */
export interface TransferShown {
  id: string;
  kind: string;
  name: string;
  form: string;
  state: string;
  done: number;
  total: number;
  outcome: Outcome;
  message: string;
  created_by: string;
  created_at: string;
  ended_at: string | null;
}

/** The starts of the intervals (`moments`), and a line for each series and each formula. */
export interface TrendAnswer {
  moments: string[];
  series: TrendLine[];
  formulas: TrendLine[];
}

/** The line of a series or formula, with its parts if the question has a breakdown. */
export interface TrendLine {
  name: string;
  total: number | string | null;
  total_margin?: number;
  points: (number | string | null)[];
  point_margins?: number[];
  parts?: TrendPart[];
}

/** A note of the project about a moment, such as a release. */
export interface TrendNote {
  id: string;
  at: string;
  text: string;
}

/** A part of a line: the `values` of the dimensions, or all `other` values together. */
export interface TrendPart {
  name: string;
  total: number | string | null;
  total_margin?: number;
  points: (number | string | null)[];
  point_margins?: number[];
  values: string[];
  other: boolean;
}

/** The series A, B, …, formulas over them, the dimensions of a breakdown, and the smoothing. A breakdown shows the `top` values, and all others together as other. `cumulative` adds up from the start of the period (people count once); `rolling` is the number of intervals of the moving average that ends with each point. */
export interface TrendQuestion {
  question: "trend";
  series?: Series[];
  formulas?: string[];
  interval?: "day" | "hour" | "month" | "week";
  by?: string[];
  top?: number;
  cumulative?: boolean;
  rolling?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A model that was fitted to the earlier interactions: its parameters, seconds, and quality for people whose earlier interactions are known (`warm`) and for those without any (`cold`). `last` says that it has the parameters of the model that was in use before. */
export interface Tried {
  kind: string;
  parameters: Record<string, number>;
  seconds: number;
  warm: Measured | null;
  cold: Measured | null;
  last: boolean;
}

/** The two numbers of a merge, as `merges` shows them, and whether to undo it or to restore it. */
export interface Undo {
  identity: string;
  person: string;
  undone?: boolean;
}

/** Whether the merge is undone now. */
export interface Undone {
  undone: boolean;
}

/** The prediction of the orders in the `weeks` after `cut`: the sums of expected and actual orders over all customers, and means by orders so far; the fitted model, or the reason that there is none (`why`). */
export interface ValueCheckAnswer {
  cut: string;
  weeks: number;
  customers: number;
  rows: ValueCheckRow[];
  expected?: number | null;
  actual?: number | null;
  model?: OrdersModel | null;
  why: string;
}

/** Predicts the orders of the last `weeks` of the period from the time before them, and compares them with the actual orders. */
export interface ValueCheckQuestion {
  question: "value_check";
  weeks?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** Customers with a number of orders after the first (`repeats`; 7 stands for 7 or more), and the means of their expected and actual numbers of orders in the held-out weeks. */
export interface ValueCheckRow {
  repeats: number;
  customers: number;
  expected: number | null;
  actual: number | null;
}

/** Whether something is allowed; if not, `lacks` names the missing requirement and `needs` the value that is needed. */
export interface Verdict {
  granted: boolean;
  lacks: "" | "type" | "verification" | "subscription" | "active";
  needs: string;
}

/** A version of a plan: its author, its time, and the number of its events. */
export interface VersionShown {
  version: number;
  created_by: string;
  created_at: string;
  events: number;
}

/** The number of viewers (a person counts once for each entity), the number who booked at the time of the view or later, and their share (`rate`, 0 to 1; None without viewers). */
export interface ViewBookingsAnswer {
  viewers: number;
  booked: number;
  rate: number | null;
}

/** The number of people who viewed entities in the period, and how many of them booked afterwards, for all entities, for a type or for one entity. The metrics pack names the booking events (`bookings`). */
export interface ViewBookingsQuestion {
  question: "view_bookings";
  entity_type?: string;
  entity_id?: string;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** Counted views of a period, of all entities, of a type or of one entity, grouped `by` a dimension. */
export interface ViewsQuestion {
  question: "views";
  by?: "country" | "day" | "entity_type" | "hour" | "referrer_source" | "signed_in" | "week";
  entity_type?: string;
  entity_id?: string;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** Views with one value of a dimension, and those of them without a signed-in viewer (`anonymous`). */
export interface ViewsRow {
  value: string;
  views: number;
  anonymous: number;
}

/** Violations of one kind: the number of messages, the first and the last time, and up to five of their ids (`some`). `property` is empty if the event itself is not in the plan. */
export interface Violation {
  event: string;
  property: string;
  problem: string;
  library: string;
  library_version: string;
  rejected: boolean;
  messages: number;
  first_at: string;
  last_at: string;
  some: string[];
}

/** A violation, with the owner of the event. */
export interface ViolationShown {
  event: string;
  property: string;
  problem: string;
  library: string;
  library_version: string;
  rejected: boolean;
  messages: number;
  first_at: string;
  last_at: string;
  some: string[];
  owner: string;
}

/** Violations of the tracking plan in the period, by event, property, problem and version of the library. */
export interface ViolationsQuestion {
  question: "violations";
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** The violations of a period, and the statement that counted them. */
export interface ViolationsShown {
  data: ViolationShown[];
  query: Query;
}

/** A visitor's profile, with their newest 50 sessions and their newest events. */
export interface VisitorAnswer {
  profile: VisitorRow;
  sessions: SessionRow[];
  events: EventRow[];
}

/** A visitor with an event in the last 5 minutes: the page, place, device and source of their newest events, and the number of events in these minutes. */
export interface VisitorHere {
  visitor_id: string;
  visitor_name: string;
  last_seen: string;
  path: string;
  country: string;
  device: string;
  source: string;
  events: number;
}

/** One visitor, bot or not, over all time; the newest `limit` events before a time. */
export interface VisitorQuestion {
  question: "visitor";
  visitor_id: string;
  before?: string | null;
  limit?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A visitor, with totals over all time. `revenue` is the amount of orders and bookings, less refunds, that belong to the visitor according to their latest event (enrich/orders.py); `bot` is the reason for which the visitor is taken for a bot, or empty. */
export interface VisitorRow {
  visitor_id: string;
  visitor_name: string;
  first_seen: string;
  last_seen: string;
  sessions: number;
  events: number;
  page_views: number;
  bot: string;
  revenue: Money[];
}

/** The visitors who have events in the period, the last seen first. `search` finds a part of the friendly name or a whole id. */
export interface VisitorsQuestion {
  question: "visitors";
  search?: string;
  limit?: number;
  offset?: number;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A watch. `inside` is the number of people in the segment at the last check; `problem` is why the last notification failed. `secret` is shown only when the watch is created. */
export interface WatchShown {
  id: string;
  segment: string;
  url: string;
  active: boolean;
  inside: number | null;
  last_at: string | null;
  problem: string;
  created_by: string;
  secret: string;
}

/** A condition: a fact is over a number, below a number, or both. A fact that is unknown meets no condition. */
export interface When {
  fact: string;
  over?: number | null;
  below?: number | null;
}

/** Numbers of events, of days with any, of seconds spent and of bookings, and the longest run of consecutive days; by month, by type of entity, by hour of the day (24) and by weekday (7, from Monday). Impressions are not counted. */
export interface YearAnswer {
  events: number;
  days: number;
  duration_s: number;
  bookings: number;
  longest: number;
  months: YearMonth[];
  types: YearType[];
  hours: number[];
  weekdays: number[];
}

/** An entity, with its name from the register and the number of the person's events. */
export interface YearEntity {
  id: string;
  name: string;
  events: number;
}

/** A month by its first day (YYYY-MM-DD), with the numbers of events and bookings. */
export interface YearMonth {
  month: string;
  events: number;
  bookings: number;
}

/** One person's period, by the `person` of the question `persons`; an account of type user gets its own and names nobody. */
export interface YearQuestion {
  question: "year";
  person?: string;
  period?: string;
  from?: string;
  to?: string;
  filter?: unknown;
  compare?: unknown;
  bots?: boolean;
  sample?: number;
  max_age_s?: number;
  id?: string;
}

/** A type of entity: the number of entities with events, and those with the most events. */
export interface YearType {
  entity_type: string;
  entities: number;
  top: YearEntity[];
}

/** The body of each question. */
export interface Questions {
  trend: TrendQuestion;
  funnel: FunnelQuestion;
  funnel_units: FunnelUnitsQuestion;
  entity_funnel: EntityFunnelQuestion;
  retention: RetentionQuestion;
  retention_people: RetentionPeopleQuestion;
  lifecycle: LifecycleQuestion;
  lifecycle_people: LifecyclePeopleQuestion;
  stickiness: StickinessQuestion;
  active: ActiveQuestion;
  cohort_sizes: CohortSizesQuestion;
  paths: PathsQuestion;
  sessions: SessionsQuestion;
  sources: SourcesQuestion;
  overview: OverviewQuestion;
  breakdown: BreakdownQuestion;
  live: LiveQuestion;
  newest_events: NewestEventsQuestion;
  newest_sessions: NewestSessionsQuestion;
  visitors: VisitorsQuestion;
  visitor: VisitorQuestion;
  persons: PersonsQuestion;
  person: PersonQuestion;
  merges: MergesQuestion;
  event_names: EventsQuestion;
  audience: AudienceQuestion;
  view_bookings: ViewBookingsQuestion;
  entity_views: EntityViewsQuestion;
  views: ViewsQuestion;
  daily: DailyQuestion;
  entities: EntitiesQuestion;
  top_entities: TopEntitiesQuestion;
  revenue: RevenueQuestion;
  rfm: RfmQuestion;
  attribution: AttributionQuestion;
  value_check: ValueCheckQuestion;
  customers: CustomersQuestion;
  customer_value: CustomerValueQuestion;
  year: YearQuestion;
  properties: PropertiesQuestion;
  values: PropertyValuesQuestion;
  personalize: PersonalizeQuestion;
  stage_moves: StageMovesQuestion;
  suggestion_results: SuggestionResultsQuestion;
  recommend: RecommendQuestion;
  recommendation_results: RecommendationResultsQuestion;
  models: ModelsQuestion;
  prediction_quality: PredictionQualityQuestion;
  rejections: RejectionsQuestion;
  violations: ViolationsQuestion;
}

/** The answer of each question. */
export interface Answers {
  trend: TrendAnswer;
  funnel: FunnelAnswer;
  funnel_units: FunnelUnit[];
  entity_funnel: FunnelUnit[] | FunnelAnswer;
  retention: RetentionAnswer;
  retention_people: RetentionPerson[];
  lifecycle: LifecycleAnswer;
  lifecycle_people: LifecyclePerson[];
  stickiness: StickinessAnswer;
  active: ActiveAnswer;
  cohort_sizes: CohortSizesAnswer;
  paths: PathsAnswer;
  sessions: SessionsAnswer;
  sources: SourceRow[];
  overview: OverviewAnswer;
  breakdown: BreakdownRow[];
  live: LiveAnswer;
  newest_events: EventRow[];
  newest_sessions: SessionRow[];
  visitors: VisitorRow[];
  visitor: VisitorAnswer | null;
  persons: PersonRow[];
  person: PersonAnswer | null;
  merges: Merge[];
  event_names: EventName[];
  audience: AudienceRow[];
  view_bookings: ViewBookingsAnswer;
  entity_views: EntityCounters[];
  views: ViewsRow[];
  daily: (Record<string, number | string | Record<string, number | Record<string, number>> | null>)[];
  entities: EntityRow[];
  top_entities: TopEntity[];
  revenue: RevenueAnswer;
  rfm: RfmAnswer;
  attribution: AttributionAnswer;
  value_check: ValueCheckAnswer;
  customers: CustomersAnswer;
  customer_value: CustomerValueAnswer;
  year: YearAnswer;
  properties: Property[];
  values: PropertyValue[];
  personalize: Personal | null;
  stage_moves: StageMovesAnswer;
  suggestion_results: SuggestionResult[];
  recommend: Recommendations;
  recommendation_results: SurfaceResult[];
  models: ModelVersion[];
  prediction_quality: PredictionModel[];
  rejections: Rejection[];
  violations: Violation[];
}
