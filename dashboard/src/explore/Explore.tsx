/** Explore: one builder for every question about behaviour; the whole question is in the address. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useRef } from "react";
import type { Asked } from "../client/api";
import { useAskAny, useTitle } from "../client/hooks";
import { Controls } from "../kit/controls";
import { Card, Empty, Failure, Skeleton, Tabs } from "../kit/parts";
import { Opened } from "../kit/why";
import { t } from "../language";
import { BodyContext, OF_PROPERTY } from "./body";
import { Builder } from "./build";
import { Export } from "./export";
import type { Step } from "./fields";
import { type Body, KINDS, useKinds } from "./kinds";
import { SaveToBoard } from "./save";
import { SavedQuestions } from "./saved";
import { SHOWN } from "./shown";

function useBody(): [Body, (body: Body) => void] {
  const search = useSearch({ strict: false }) as { ask?: Body };
  const navigate = useNavigate();
  const usual = KINDS[0]?.[2] as Body;
  const body = search.ask && SHOWN[search.ask.question] ? search.ask : usual;
  const change = (ask: Body) =>
    void navigate({ to: ".", search: (old: Record<string, unknown>) => ({ ...old, ask }) } as never);
  return [body, change];
}

/** Whether a sum or percentile still lacks its property, so that the question cannot be asked. */
const unfinished = (body: Body) =>
  body.question === "trend" &&
  (body.series as Step[]).some((step) => OF_PROPERTY.has(step.metric ?? "") && !step.property);

export function Explore() {
  useTitle(t("Explore"));
  const [body, change] = useBody();
  const lacks = unfinished(body);
  const answer = useAskAny<unknown>(lacks ? undefined : body);
  const kinds = useKinds();
  const place = useRef<HTMLDivElement>(null);
  // The last answer stays visible with its question until the next one of its kind arrives.
  const last = useRef<{ body: Body; asked: Asked<unknown> }>(undefined);
  if (answer.data !== undefined && !answer.isPlaceholderData) last.current = { body, asked: answer.data };
  const drawn = last.current?.body.question === body.question ? last.current : undefined;
  const Shown = SHOWN[body.question];
  const label = KINDS.find(([kind]) => kind === body.question)?.[1] ?? "";
  return (
    <>
      <Controls title={t("Explore")} />
      <Tabs
        label={t("Question")}
        tabs={kinds.map(([kind, name]) => [kind, name])}
        chosen={body.question}
        choose={(kind) => {
          const usual = KINDS.find(([key]) => key === kind)?.[2];
          if (usual) change(usual);
        }}
      />
      <Card className="no-print mb-4">
        <div className="space-y-3 p-4">
          <Builder key={body.question} body={body} change={(part) => change({ ...body, ...part } as Body)} />
        </div>
      </Card>
      <Card
        title={label}
        aside={
          <>
            <span aria-live="polite" className="empty:-me-2">
              {answer.isPlaceholderData ? t("asking…") : ""}
            </span>
            <Export place={place} name={label} body={body} />
            <SavedQuestions body={body} label={label} />
            <SaveToBoard body={body} label={label} />
            <Opened query={answer.data?.queries[0]} name={label} rule={body.question} />
          </>
        }
      >
        {lacks ? (
          <Empty title={t("Choose a property")}>{t("Choose the one to add up or to compare, above.")}</Empty>
        ) : answer.error && answer.data === undefined ? (
          <Failure error={answer.error} again={answer.refetch} />
        ) : drawn === undefined || Shown === undefined ? (
          <Skeleton rows={8} />
        ) : (
          <div ref={place} aria-busy={answer.isPlaceholderData}>
            <BodyContext value={(part) => change({ ...body, ...part } as Body)}>
              <Shown asked={drawn.asked as never} body={drawn.body} />
            </BodyContext>
          </div>
        )}
      </Card>
    </>
  );
}
