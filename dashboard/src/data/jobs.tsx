/** Scheduled jobs: task, schedule and last result; run now, pause. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Job, type RunShown } from "../client/api";
import { Framed, quiet } from "../kit/dialog";
import { duration } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton, Toggle } from "../kit/parts";
import { Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { Schedule } from "../settings/schedule";

export function Jobs() {
  const client = useQueryClient();
  const say = useToast();
  const jobs = useQuery({
    queryKey: ["jobs"],
    queryFn: () => api.get<Job[]>("/jobs"),
    refetchInterval: ({ state }) => (state.data?.some((job) => job.running) ? 1000 : 30_000),
  });
  const act = (work: Promise<unknown>) =>
    void work
      .catch((error: Error) => say(error.message))
      .then(() => client.invalidateQueries({ queryKey: ["jobs"] }));
  return (
    <Card title={t("Scheduled work")}>
      {jobs.error && <Failure error={jobs.error} again={jobs.refetch} />}
      {jobs.data === undefined && !jobs.error && <Skeleton rows={5} />}
      <ul className="divide-y divide-line px-4 pb-2">
        {jobs.data?.map((job) => (
          <li
            key={job.name}
            className="grid grid-cols-[1fr_auto] items-center gap-x-4 gap-y-1.5 py-2.5 lg:grid-cols-[minmax(0,1fr)_auto_auto]"
          >
            <span className="min-w-0">
              <span className="block font-medium">{job.name}</span>
              <span className="block text-soft">{job.what}</span>
              <span className={`block text-xs ${job.status === "failed" ? "text-bad" : "text-soft"}`}>
                {job.running ? t("under way") : job.message}
              </span>
            </span>
            <span className="text-xs text-soft max-lg:order-last max-lg:col-span-2">
              <Schedule
                name={job.name}
                schedule={job.schedule}
                change={(schedule) => act(api.patch(`/jobs/${job.name}`, { schedule }))}
              />
              {job.next_run_at && (
                <>
                  {" · "}
                  <When at={job.next_run_at} />
                </>
              )}
            </span>
            <span className="flex items-center gap-2 max-sm:flex-col max-sm:items-end">
              <History name={job.name} />
              <button
                type="button"
                className={quiet}
                disabled={job.running}
                onClick={() => act(api.post(`/jobs/${job.name}/run`, {}))}
              >
                {t("Run now")} <span className="sr-only">{job.name}</span>
              </button>
              <Toggle
                label={t("Run {name} as scheduled", { name: job.name })}
                on={job.active}
                change={(active) => act(api.patch(`/jobs/${job.name}`, { active }))}
              />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function History({ name }: { name: string }) {
  const [open, setOpen] = useState(false);
  const runs = useQuery({
    queryKey: ["jobs", name],
    queryFn: () => api.get<RunShown[]>(`/jobs/${name}/runs`),
    enabled: open,
  });
  return (
    <Framed
      title={t("Runs of {name}", { name })}
      trigger={
        <button type="button" className={quiet} onClick={() => setOpen(true)}>
          {t("History")} <span className="sr-only">{name}</span>
        </button>
      }
    >
      {runs.error && <Failure error={runs.error} again={runs.refetch} />}
      {runs.data?.length === 0 && <Empty title={t("None yet")} />}
      {runs.data && runs.data.length > 0 && (
        <Table
          caption={t("Runs of {name}", { name })}
          rows={runs.data}
          id={(run) => run.started_at}
          columns={[
            { name: t("Started"), show: (run) => <When at={run.started_at} /> },
            { name: t("Result"), show: (run) => <span title={run.message}>{run.status}</span> },
            { name: t("Duration"), number: true, wide: true, show: (run) => duration(run.duration_s) },
            { name: t("By"), wide: true, show: (run) => run.by },
          ]}
        />
      )}
    </Framed>
  );
}
