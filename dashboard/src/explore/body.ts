/** The question that Explore asks, kept in the address; a board's tile and a shared one cannot change theirs. */
import { createContext, useContext } from "react";
import { t } from "../language";
import type { Body } from "./build";

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
];

/** The name of a line: a metric in the reader's language; an event as it is called. */
export const lineName = (name: string) => METRICS.find(([metric]) => metric === name)?.[1] ?? name;
