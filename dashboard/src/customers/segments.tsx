/** Segments with their number of customers, as files, and the addresses that are notified of changes. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Segment, type Watch } from "../client/api";
import { useAsk, useProject } from "../client/hooks";
import { useSegments } from "../kit/controls";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { exact } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t, term } from "../language";

/** One sentence for each built-in segment. */
const MEANS: Record<string, string> = {
  "ready:no-order-30-days": t("They ordered once, but not in the last 30 days."),
  "ready:weekly-to-none": t("They visited in each of four weeks, but not in the two weeks since."),
  "ready:high-value-fading": t(
    "They spent more than 80 % of all customers, and are probably no longer customers.",
  ),
  "ready:one-order-only": t("They ordered once, 60 days ago or more."),
  "ready:champions": t("They bought recently and often."),
};

function useWatches(enabled: boolean) {
  const project = useProject();
  const path = `/projects/${project.id}/watches`;
  const client = useQueryClient();
  const list = useQuery({ queryKey: [path], queryFn: () => api.get<Watch[]>(path), enabled });
  return { path, every: list, again: () => client.invalidateQueries({ queryKey: [path] }) };
}

export function SegmentsTab() {
  const project = useProject();
  const segments = useSegments();
  const manages = project.role === "owner" || project.role === "administrator";
  const watches = useWatches(manages);
  const sorted = [...(segments.data ?? [])].sort(
    (a, b) => Number(b.kind === "ready") - Number(a.kind === "ready"),
  );
  const named = (id: string) => {
    const segment_ = segments.data?.find((segment) => segment.id === id);
    return segment_ ? term(segment_.name) : id;
  };
  return (
    <>
      <h1 className="mb-3 text-xl font-semibold">{t("Segments")}</h1>
      <div className="space-y-4">
        <Card title={t("People to contact")}>
          {segments.error && <Failure error={segments.error} again={segments.refetch} />}
          {segments.data === undefined && !segments.error && <Skeleton rows={5} />}
          <ul className="divide-y divide-line px-4 pb-2">
            {sorted.map((segment) => (
              <Row
                key={segment.id}
                segment={segment}
                watch={manages ? watches.path : undefined}
                changed={watches.again}
              />
            ))}
          </ul>
        </Card>
        {manages && (
          <Card title={t("Notifications when people enter or leave")}>
            {watches.every.data?.length === 0 && (
              <Empty title={t("Nobody yet")}>
                {t("The URL receives each change within five minutes as a signed POST request.")}
              </Empty>
            )}
            <ul className="divide-y divide-line px-4 pb-2">
              {watches.every.data?.map((watch) => (
                <WatchRow
                  key={watch.id}
                  watch={watch}
                  name={named(watch.segment)}
                  remove={() => void api.remove(`${watches.path}/${watch.id}`).then(watches.again)}
                />
              ))}
            </ul>
          </Card>
        )}
      </div>
    </>
  );
}

function WatchRow({ watch, name, remove }: { watch: Watch; name: string; remove: () => void }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 py-2.5">
      <span className="min-w-0 flex-1 basis-60">
        <span className="block truncate font-medium">{name}</span>
        <span className="block truncate text-soft">
          {watch.url}
          {watch.last_at && (
            <>
              {" "}
              · <When at={watch.last_at} />
            </>
          )}
        </span>
        {watch.problem && <span className="block text-bad">{watch.problem}</span>}
      </span>
      {watch.inside !== null && (
        <span className="text-soft">{t("{count} in it", { count: exact(watch.inside) })}</span>
      )}
      <button type="button" className={quiet} onClick={remove}>
        {t("Remove")} <span className="sr-only">{name}</span>
      </button>
    </li>
  );
}

function Row(props: { segment: Segment; watch?: string; changed: () => Promise<void> }) {
  const { segment } = props;
  const project = useProject();
  const answer = useAsk({
    question: "customers",
    period: "all",
    filter: { segment: segment.id },
    limit: 1,
  });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 py-2.5">
      <span className="min-w-0 flex-1 basis-60">
        <span className="block truncate font-medium">{term(segment.name)}</span>
        <span className="block text-soft">
          {MEANS[segment.id] ?? t("Saved by {who}", { who: segment.created_by })}
        </span>
        {answer.error && <span className="block text-bad">{answer.error.message}</span>}
      </span>
      <span className="font-medium">
        {answer.data
          ? t("{count, plural, one {# customer} other {# customers}}", { count: answer.data.data.customers })
          : "…"}
      </span>
      <a
        className={quiet}
        download
        href={`/api/v1/projects/${project.id}/segments/${segment.id}/people?format=csv`}
      >
        CSV <span className="sr-only">{term(segment.name)}</span>
      </a>
      {props.watch && <Notify segment={segment} path={props.watch} changed={props.changed} />}
    </li>
  );
}

function Notify(props: { segment: Segment; path: string; changed: () => Promise<void> }) {
  const [open, setOpen] = useState(false);
  const [watch, setMade] = useState<Watch>();
  const say = useToast();
  const name = term(props.segment.name);
  async function save(url: string) {
    try {
      setMade(await api.post<Watch>(props.path, { segment: props.segment.id, url }));
      await props.changed();
    } catch (error) {
      say((error as Error).message);
    }
  }
  return (
    <Framed
      title={t("Notify about changes: {name}", { name })}
      open={open}
      change={(now) => {
        setOpen(now);
        setMade(undefined);
      }}
      trigger={
        <button type="button" className={quiet}>
          {t("Notify…")} <span className="sr-only">{name}</span>
        </button>
      }
    >
      {watch ? (
        <p>
          {t(
            "Notifications start with the next check. They are signed with this secret, which is shown only now:",
          )}
          <code className="mt-2 block rounded-lg bg-ground p-3 break-all">{watch.secret}</code>
        </p>
      ) : (
        <form
          className="space-y-3"
          onSubmit={(event) => {
            event.preventDefault();
            void save(String(new FormData(event.currentTarget).get("url")));
          }}
        >
          <label className="block">
            {t("Address to notify")}
            <input
              name="url"
              type="url"
              required
              pattern="https?://.+"
              placeholder="https://crm.example/hook"
              className={field}
            />
          </label>
          <button type="submit" className={primary}>
            {t("Notify")}
          </button>
        </form>
      )}
    </Framed>
  );
}
