/** The question of Explore, stored in the address; tiles of boards cannot change their question. */
import { createContext, useContext } from "react";
import { t } from "../language";
import type { Body } from "./kinds";

type Change = (part: Partial<Body>) => void;

export const BodyContext = createContext<Change | undefined>(undefined);

/** A function that changes a part of the question; undefined if it cannot be changed. */
export const useBodyChange = () => useContext(BodyContext);

/** What a trend can count. */
export const METRICS: [string, string][] = [
  ["persons", t("people")],
  ["events", t("events")],
  ["visitors", t("visitors")],
  ["sessions", t("sessions")],
  ["per_person", t("events a person")],
  ["revenue", t("revenue")],
  ["event_revenue", t("revenue of events")],
  ["sum", t("sum of")],
  ["average", t("average of")],
  ["median", t("median of")],
  ["p90", t("90th percentile of")],
  ["p95", t("95th percentile of")],
  ["p99", t("99th percentile of")],
  ["min", t("least of")],
  ["max", t("most of")],
];

/** Metrics of a numeric property. */
export const OF_PROPERTY = new Set(["sum", "average", "median", "p90", "p95", "p99", "min", "max"]);

/** The name of a line: a translated metric, or the name of an event. */
export const lineName = (name: string) => METRICS.find(([metric]) => metric === name)?.[1] ?? name;
