/** Types of answers: those of questions come from `generated.ts`; the others are still written by hand. */

import type { Query, Reply } from "./generated";

export type { Query } from "./generated";
/** The reply to a question, with its data. */
export type Asked<Data> = Omit<Reply, "data" | "before"> & { data: Data; before?: { data: Data } };

export interface Money {
  currency: string;
  amount: string;
}
export interface Totals {
  visitors: number;
  sessions: number;
  page_views: number;
  events: number;
  bounce_rate: number;
  duration_s: number;
  revenue: Money[];
}
export interface Point {
  at: string;
  value: number;
}
export interface BreakdownRow {
  value: string;
  visitors: number;
  sessions?: number;
  events?: number;
  page_views: number;
  bounce_rate?: number;
}
export interface SourceRow {
  channel: string;
  source: string;
  medium: string;
  campaign: string;
  entry_path: string;
  referrer_host: string;
  sessions: number;
  visitors: number;
  bounce_rate: number;
  duration_s: number;
  page_views: number;
  conversions: number;
  converted_sessions: number;
  revenue: Money[];
}
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
export interface SessionRow {
  session_id: string;
  visitor_id: string;
  visitor_name: string;
  user_id: string;
  started_at: string;
  ended_at: string;
  duration_s: number;
  active: boolean;
  browser_version?: string;
  system_version?: string;
  converted?: boolean;
  conversion_value?: number;
  events: number;
  page_views: number;
  entry_path: string;
  exit_path: string;
  channel: string;
  source: string;
  medium: string;
  campaign: string;
  device: string;
  browser: string;
  system: string;
  country: string;
  city: string;
  bot: string;
  /** The address, for who may see it. */
  ip?: string;
}
export interface VisitorRow {
  visitor_id: string;
  visitor_name: string;
  first_seen: string;
  last_seen: string;
  sessions: number;
  events: number;
  page_views: number;
  revenue: Money[];
  bot: string;
}
export interface LiveNow {
  visitors: number;
  here: {
    visitor_id: string;
    visitor_name: string;
    last_seen: string;
    path: string;
    country: string;
    device: string;
    source: string;
    events: number;
  }[];
  minutes: { minute: number; visitors: number; page_views: number; events: number }[];
}
export interface Rejection {
  received_at: string;
  message_id: string;
  field: string;
  reason: string;
  body: string;
  /** Of a file that was imported: which line, and what stood there. */
  line: number;
  text: string;
}
/** A message that was acknowledged and is not stored; `stage` is the step that refused it. */
export interface DeadLetter {
  message_id: string;
  stage: string;
  received_at: string;
  reason: string;
  replayable: boolean;
}
export interface DeadLetters {
  count: number;
  letters: DeadLetter[];
}
export interface Key {
  id: string;
  kind: "write" | "secret" | "embed";
  value: string;
  created_at: string;
}
export interface Project {
  id: string;
  name: string;
  timezone: string;
  currency: string;
  goals: string[];
  /** Reasons for which visitors are taken for bots and that do not count here. */
  humans: string[];
  /** Whose pages may show dashboards of this project. */
  embed_origins: string[];
  /** The metrics pack: the name of an included one, or TOML; empty for an account. */
  metrics: string;
  keys: Key[];
  /** viewer, analyst, owner or administrator; empty for an account of the product. */
  role: string;
  account: AsAccount | null;
}
/** Whether something may be seen, and what is missing. */
export interface Verdict {
  granted: boolean;
  lacks: "" | "type" | "verification" | "subscription" | "active";
  needs: string;
}
/** As which account of the product one is here. */
export interface AsAccount {
  id: string;
  type: string;
  name: string;
  verification: string;
  subscription: string;
  entities: [type: string, id: string][];
  permissions: Record<string, Verdict>;
}
/** A file that comes in or goes out; `done` of `total` are bytes of an import, rows of an export. */
export interface Transfer {
  id: string;
  kind: "import" | "export";
  name: string;
  form: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  done: number;
  total: number;
  outcome: { taken?: number; refused?: number; left_out?: number; rows?: number };
  message: string;
  created_by: string;
  created_at: string;
}
/** An entity as the register and the events know it. */
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
export interface ViewsRow {
  value: string;
  views: number;
  anonymous: number;
}
/** Work that is done again and again. */
export interface Job {
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
export interface Me {
  email: string;
  is_admin: boolean;
  csrf: string;
  second_factor: boolean;
  projects: Project[];
}
export interface Line {
  name: string;
  /** Money comes as text, so that no cent is lost on the way. */
  total: number | string | null;
  points: (number | string | null)[];
  parts?: (Line & { values: string[]; other: boolean })[];
}
export interface Drawn {
  moments: string[];
  series: Line[];
  formulas: Line[];
}
export interface FunnelSteps {
  steps: { name: string; units: number; of_first: number | null; of_previous: number | null }[];
  parts?: { value: string; other: boolean; steps: FunnelSteps["steps"] }[];
  times?: { from: number; to: number; units: number; median: number; p90: number }[];
}
export interface Triangle {
  interval: string;
  spans: [number, number][];
  average: (number | null)[];
  cohorts: {
    cohort: string;
    persons: number;
    /** Whether the period has all of it, and it is over. */
    complete: boolean;
    cells: { persons: number; rate: number | null; complete: boolean }[];
  }[];
}
export interface Ways {
  ways: number;
  nodes: { step: number; name: string; ways: number }[];
  links: { step: number; from: string; to: string; ways: number }[];
}
export interface PersonRow {
  person: string;
  name: string;
  user_id: string;
  visitor_id: string;
  visitors: number;
  sessions: number;
  events: number;
  page_views: number;
  last_seen: string;
  country: string;
}
/** A saved filter, or a list of people. */
export interface Segment {
  id: string;
  name: string;
  kind: "live" | "list" | "ready";
  filter: unknown;
  created_by: string;
}
/** Somebody who ordered, or is known by a user id. */
export interface CustomerRow {
  person: string;
  name: string;
  user_id: string;
  visitor_id: string;
  registered: string | null;
  last_login: string | null;
  last_seen: string | null;
  sessions: number;
  orders: number;
  bookings: number;
  reviews: number;
  paid: Money[];
  value: string;
  unconverted: number;
  last_order: { at: string; order_id: string; amount: string; currency: string } | null;
  last_booking: { at: string; service: string } | null;
  device: string | null;
  browser: string | null;
  system: string | null;
  country: string | null;
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
export interface Revenue {
  currency: string;
  moments: string[];
  value: string[];
  purchases: number[];
  totals: {
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
    refunded_purchases: number;
    refunds: Money[];
  };
}
export interface RfmRow {
  rfm: string;
  customers: number;
  purchases: number;
  value: string;
  active: number | null;
  expected_orders: number;
  expected_value: number;
}
export interface Attributed {
  channel?: string;
  source?: string;
  medium?: string;
  campaign?: string;
  visits: number;
  cost: string | null;
  cost_per_visit: string | null;
  models: Record<
    string,
    { orders: number; value: string; cost_per_order: string | null; return: number | null }
  >;
}
/** Where orders come from. */
export interface Connection {
  id: string;
  kind: "stripe" | "woocommerce" | "postgres";
  name: string;
  active: boolean;
  taken: number;
  last_at: string | null;
  problem: string;
  address: string;
  secret: string;
}
/** Who is told of people who enter or leave a segment. */
export interface Watch {
  id: string;
  segment: string;
  url: string;
  inside: number | null;
  last_at: string | null;
  problem: string;
  secret: string;
}
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
export interface Layout {
  tiles: Tile[];
  period: string;
  from: string;
  to: string;
  filter: string[];
  bots: boolean;
}
export interface Board {
  id: string;
  name: string;
  layout: Layout;
  created_by: string;
  updated_at: string;
}
export interface Share {
  id: string;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  token: string;
}
export interface Shared {
  name: string;
  layout: Layout;
  project: string;
  timezone: string;
  currency: string;
}
export interface Answer<Data> {
  data: Data;
  query: Query;
  period?: { from: string; to: string };
  before?: { from: string; to: string };
}
