/** Explore: one builder for every question about behaviour; the whole question is in the address. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useRef } from "react";
import type { Asked } from "../api";
import { Controls } from "../controls";
import { BodyContext } from "../explore/body";
import { type Body, Builder, KINDS } from "../explore/build";
import { Export } from "../explore/export";
import { SaveToBoard } from "../explore/save";
import { SHOWN } from "../explore/shown";
import { useAsk, useTitle } from "../hooks";
import { t } from "../language";
import { Card, Failure, Skeleton, Tabs } from "../parts";
import { Opened } from "../why";

function useBody(): [Body, (body: Body) => void] {
  const search = useSearch({ strict: false }) as { ask?: Body };
  const navigate = useNavigate();
  const usual = KINDS[0]?.[2] as Body;
  const body = search.ask && SHOWN[search.ask.question] ? search.ask : usual;
  const change = (ask: Body) =>
    void navigate({ to: ".", search: (old: Record<string, unknown>) => ({ ...old, ask }) } as never);
  return [body, change];
}

export function Explore() {
  useTitle(t("Explore"));
  const [body, change] = useBody();
  const answer = useAsk<unknown>(body);
  const place = useRef<HTMLDivElement>(null);
  const Shown = SHOWN[body.question];
  // While another kind of question is on its way, what is there is still the answer to the one before.
  const current = answer.data !== undefined && !answer.isPlaceholderData;
  const label = KINDS.find(([kind]) => kind === body.question)?.[1] ?? "";
  return (
    <>
      <Controls title={t("Explore")} />
      <Tabs
        label={t("Question")}
        tabs={KINDS.map(([kind, name]) => [kind, name])}
        chosen={body.question}
        choose={(kind) => {
          const usual = KINDS.find(([one]) => one === kind)?.[2];
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
            <Export place={place} name={label} body={body} />
            <SaveToBoard body={body} label={label} />
            <span aria-live="polite">{answer.isFetching ? t("asking…") : ""}</span>
            <Opened query={answer.data?.queries[0]} name={label} rule={body.question} />
          </>
        }
      >
        {answer.error ? (
          <Failure error={answer.error} again={answer.refetch} />
        ) : !current || Shown === undefined ? (
          <Skeleton rows={8} />
        ) : (
          <div ref={place}>
            <BodyContext value={(part) => change({ ...body, ...part } as Body)}>
              <Shown asked={answer.data as Asked<unknown> as never} body={body} />
            </BodyContext>
          </div>
        )}
      </Card>
    </>
  );
}
