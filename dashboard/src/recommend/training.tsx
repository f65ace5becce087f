/** The job that trains all models: its state for administrators, and a button that starts it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, type Job } from "../client/api";
import { useProject } from "../client/hooks";
import { quiet } from "../kit/dialog";
import { When } from "../kit/lists";
import { useToast } from "../kit/toast";
import { t } from "../language";

const NAME = "train-models";

export function Training({ ended }: { ended: () => void }) {
  const mayStart = useProject().role === "administrator";
  const client = useQueryClient();
  const say = useToast();
  const jobs = useQuery({
    queryKey: ["jobs"],
    queryFn: () => api.get<Job[]>("/jobs"),
    enabled: mayStart,
    refetchInterval: ({ state }) => (state.data?.some((job) => job.running) ? 1000 : 30_000),
  });
  const job = jobs.data?.find(({ name }) => name === NAME);
  const ran = useRef(false);
  useEffect(() => {
    if (ran.current && job?.running === false) ended();
    ran.current = job?.running ?? false;
  });
  const start = () =>
    void api
      .post(`/jobs/${NAME}/run`, {})
      .catch((error: Error) => say(error.message))
      .then(() => client.invalidateQueries({ queryKey: ["jobs"] }));
  if (!job) return null;
  return (
    <div className="no-print flex flex-wrap items-center gap-3">
      <span role="status" className="text-soft">
        {job.running && t("A training is under way.")}
        {!job.running && job.status === "failed" && (
          <span className="text-bad">{t("The last training failed: {why}", { why: job.message })}</span>
        )}
        {!job.running && job.next_run_at && (
          <>
            {t("Next training")} <When at={job.next_run_at} />
          </>
        )}
      </span>
      <button type="button" className={quiet} disabled={job.running} onClick={start}>
        {t("Train now")}
      </button>
    </div>
  );
}
