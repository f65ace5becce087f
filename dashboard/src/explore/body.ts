/** The question that Explore asks, kept in the address; a board's tile and a shared one cannot change theirs. */
import { createContext, useContext } from "react";
import { t } from "../language";
import type { Body } from "./kinds";

type Change = (part: Partial<Body>) => void;

export const BodyContext = createContext<Change | undefined>(undefined);

/** A function that changes a part of the question; nothing where it cannot be changed. */
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

/** Metrics that are taken of a property that has numbers. */
export const OF_PROPERTY = new Set(["sum", "average", "median", "p90", "p95", "p99", "min", "max"]);

/** The name of a line: a metric in the reader's language; an event as it is called. */
export const lineName = (name: string) => METRICS.find(([metric]) => metric === name)?.[1] ?? name;
