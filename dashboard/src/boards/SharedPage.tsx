/** A board opened by a link: read-only, and nothing else of the project. */

import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { api, type Project, type Shared } from "../client/api";
import { ProjectContext, ReadOnly, useTitle } from "../client/hooks";
import { PERIODS } from "../client/view_state";
import { Failure, Skeleton } from "../kit/parts";
import { t } from "../language";
import { SharedTile } from "./tile";

const Grid = lazy(() => import("./grid"));

export function SharedPage() {
  const { token = "" } = useParams({ strict: false });
  const answer = useQuery({
    queryKey: ["shared", token],
    queryFn: () => api.get<Shared>(`/shared/${token}`),
    retry: false,
  });
  useTitle(answer.data?.name ?? t("Board"));
  if (answer.error) return <Failure error={answer.error} />;
  if (answer.data === undefined) return <Skeleton rows={8} />;
  const { name, layout, project, timezone, currency } = answer.data;
  const pretended: Project = {
    id: "",
    name: project,
    timezone,
    currency,
    goals: [],
    humans: [],
    closed_register: false,
    embed_origins: [],
    metrics: "",
    keys: [],
    role: "",
    account: null,
  };
  const period = layout.from
    ? `${layout.from} – ${layout.to}`
    : (PERIODS.find(([name]) => name === layout.period)?.[1] ?? layout.period);
  return (
    <ProjectContext value={pretended}>
      <ReadOnly value={true}>
        <main className="mx-auto max-w-7xl p-4 pb-16">
          <div className="mb-4 flex flex-wrap items-baseline justify-between gap-3">
            <h1 className="text-xl font-semibold">{name}</h1>
            <p className="text-soft">
              {project} · {period}
            </p>
          </div>
          <Suspense fallback={<Skeleton rows={8} />}>
            <Grid tiles={layout.tiles} fixed change={() => undefined}>
              {(tile) => <SharedTile tile={tile} token={token} />}
            </Grid>
          </Suspense>
        </main>
      </ReadOnly>
    </ProjectContext>
  );
}
