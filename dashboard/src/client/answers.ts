/** Types of answers: those of questions come from `generated.ts`; the others are still written by hand. */

import type { Query, Reply } from "./generated";

/** The reply to a question, with its data. */
export type Asked<Data> = Omit<Reply, "data" | "before"> & { data: Data; before?: { data: Data } };

export interface Answer<Data> {
  data: Data;
  query: Query;
  period?: { from: string; to: string };
  before?: { from: string; to: string };
}
