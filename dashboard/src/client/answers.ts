/** Types of answers: those of questions come from `generated.ts`; the others are still written by hand. */

import type { Money, Query, Reply } from "./generated";

/** The reply to a question, with its data. */
export type Asked<Data> = Omit<Reply, "data" | "before"> & { data: Data; before?: { data: Data } };

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
export interface Answer<Data> {
  data: Data;
  query: Query;
  period?: { from: string; to: string };
  before?: { from: string; to: string };
}
