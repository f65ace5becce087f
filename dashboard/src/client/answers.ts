/** Types of answers: those of questions come from `generated.ts`; the others are still written by hand. */

import type { Query, Reply } from "./generated";

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
export interface Answer<Data> {
  data: Data;
  query: Query;
  period?: { from: string; to: string };
  before?: { from: string; to: string };
}
