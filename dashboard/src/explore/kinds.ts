/** The kinds of questions, with their default bodies. */
import { useMemo } from "react";
import { useConcerts } from "../client/hooks";
import { t } from "../language";

export type Body = { question: string } & Record<string, unknown>;

export const KINDS: [string, string, Body][] = [
  ["trend", t("Trend"), { question: "trend", series: [{ metric: "persons" }], interval: "day" }],
  [
    "funnel",
    t("Funnel"),
    { question: "funnel", steps: [{ event: "page" }, {}], window_s: 86_400, order: "ordered" },
  ],
  [
    "retention",
    t("Retention"),
    { question: "retention", interval: "week", kind: "first_time", intervals: 8 },
  ],
  ["lifecycle", t("Lifecycle"), { question: "lifecycle", interval: "week" }],
  ["paths", t("Paths"), { question: "paths", nodes: "page", direction: "after", steps: 4, top: 6 }],
  ["stickiness", t("Stickiness"), { question: "stickiness", interval: "day" }],
  ["active", t("Active people"), { question: "active" }],
  ["entity_funnel", t("Entity funnel"), { question: "entity_funnel" }],
  ["sources", t("Sources"), { question: "sources", by: ["channel"], limit: 50 }],
  [
    "cohort_sizes",
    t("Cohorts"),
    { question: "cohort_sizes", interval: "week", cohort: "person.sessions:greater:1" },
  ],
  ["stage_moves", t("Stages"), { question: "stage_moves", of: "stage", interval: "week" }],
];

/** The kinds of a project: the entity funnel needs the events of a concert platform. */
export function useKinds() {
  const concerts = useConcerts();
  return useMemo(() => KINDS.filter(([kind]) => concerts || kind !== "entity_funnel"), [concerts]);
}
