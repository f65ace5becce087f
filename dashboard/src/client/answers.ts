/** Types of answers: those of questions come from `generated.ts`; the others are still written by hand. */

import type { Query, Reply } from "./generated";

/** The reply to a question, with its data. */
export type Asked<Data> = Omit<Reply, "data" | "before"> & { data: Data; before?: { data: Data } };

export interface Point {
  at: string;
  value: number;
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
export interface Answer<Data> {
  data: Data;
  query: Query;
  period?: { from: string; to: string };
  before?: { from: string; to: string };
}
