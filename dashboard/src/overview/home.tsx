/** The smaller parts of the home page: current visitors, places, goals, notes, and the remaining setup. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useContext, useState } from "react";
import { type AnnotationShown, api, pollInterval } from "../client/api";
import { MeContext, useAsk, useProject, WHATEVER_VIEW } from "../client/hooks";
import { field, primary } from "../kit/dialog";
import { count, day, exact, percent } from "../kit/format";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { useToast } from "../kit/toast";
import { Opened } from "../kit/why";
import { World } from "../kit/world_map";
import { rich, t } from "../language";

/** The number of visitors who are here now, with a link to the live page. */
export function HereNow() {
  const project = useProject();
  const live = useAsk({ ...WHATEVER_VIEW, question: "live", period: "today" }, { after: pollInterval });
  const here = live.data?.data.visitors;
  return (
    <Link to={`/p/${project.id}/live` as "/"} className="inline-flex items-center gap-2 hover:underline">
      <span aria-hidden="true" className={`size-2 rounded-full ${here ? "bg-good" : "bg-line"}`} />
      {here === undefined ? "…" : t("{here} here now", { here: exact(here) })}
    </Link>
  );
}

export function Places() {
  const answer = useAsk({ question: "breakdown", by: "country", limit: 250 });
  const values = (answer.data?.data ?? []).map((row): [string, number] => [row.value, row.visitors]);
  return (
    <Card
      title={t("Places")}
      aside={<Opened query={answer.data?.queries[0]} name={t("places")} rule="breakdown" />}
    >
      {answer.error ? (
        <Failure error={answer.error} again={answer.refetch} />
      ) : answer.data === undefined ? (
        <Skeleton />
      ) : (
        <World values={values} />
      )}
    </Card>
  );
}

/** How often each goal was reached, and by which share of people. */
export function Goals() {
  const project = useProject();
  const goals = project.goals.slice(0, 8);
  const ofGoals = goals.flatMap((event) => [
    { metric: "events", event },
    { metric: "persons", event },
  ]);
  const series = [{ metric: "persons" }, ...ofGoals];
  const asked = useAsk(goals.length > 0 ? { question: "trend", interval: "month", series } : undefined);
  const totals = asked.data?.data.series.map((line) => Number(line.total ?? 0));
  const everybody = totals?.[0] ?? 0;
  return (
    <Card title={t("Goals")} aside={<Opened query={asked.data?.queries[0]} name={t("goals")} rule="goals" />}>
      {goals.length === 0 && (
        <Empty title={t("No goals yet")}>
          {rich("Name the events that matter, such as an order, under <link>Settings</link>.", {
            link: (text) => (
              <Link to={`/p/${project.id}/settings` as "/"} className="underline underline-offset-4">
                {text}
              </Link>
            ),
          })}
        </Empty>
      )}
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {goals.length > 0 && totals === undefined && !asked.error && <Skeleton rows={3} />}
      {totals && (
        <ul className="px-4 pb-3">
          {goals.map((goal, at) => (
            <li key={goal} className="flex items-baseline gap-3 py-1">
              <span className="min-w-0 flex-1 truncate">{goal}</span>
              <span>{count(totals[1 + 2 * at] ?? 0)}</span>
              <span className="w-24 text-end text-soft">
                {everybody > 0
                  ? t("{share} of people", { share: percent((totals[2 + 2 * at] ?? 0) / everybody) })
                  : ""}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** Notes about events in the project's history; trends show them too. */
export function Notes() {
  const project = useProject();
  const client = useQueryClient();
  const say = useToast();
  const [saying, setSaying] = useState("");
  const path = `/projects/${project.id}/annotations`;
  const notes = useQuery({
    queryKey: ["annotations", path],
    queryFn: () => api.get<AnnotationShown[]>(path),
  });
  const fresh = () => client.invalidateQueries({ queryKey: ["annotations", path] });
  async function add(text: string, at = new Date().toISOString()) {
    await api.post(path, { at, text });
    setSaying("");
    await fresh();
  }
  async function remove(note: AnnotationShown) {
    await api.remove(`${path}/${note.id}`);
    await fresh();
    say(t("The note was removed."), () => void add(note.text, note.at));
  }
  const newest = [...(notes.data ?? [])].reverse().slice(0, 6);
  return (
    <Card title={t("Notes")}>
      <form
        className="flex gap-2 px-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (saying.trim()) void add(saying.trim());
        }}
      >
        <label className="flex-1">
          <span className="sr-only">{t("What happened just now")}</span>
          <input
            className={`${field} mt-0`}
            placeholder={t("What happened just now")}
            maxLength={500}
            value={saying}
            onChange={(event) => setSaying(event.target.value)}
          />
        </label>
        <button type="submit" className={primary}>
          {t("Note")}
        </button>
      </form>
      <ul className="px-4 py-2">
        {newest.map((note) => (
          <li key={note.id} className="flex items-baseline gap-3 py-1">
            <span className="w-28 shrink-0 text-soft">{day(note.at, project.timezone, "day")}</span>
            <span className="min-w-0 flex-1 break-words">{note.text}</span>
            <button
              type="button"
              aria-label={t("Remove note: {text}", { text: note.text })}
              className="px-1.5 text-soft hover:text-bad"
              onClick={() => void remove(note)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The remaining setup steps of a new project; hidden when all are done. */
export function Checklist() {
  const project = useProject();
  const me = useContext(MeContext);
  const names = useAsk(
    me?.is_admin ? { question: "event_names", limit: 1000, period: "all", filter: undefined } : undefined,
  );
  if (names.data === undefined) return null;
  const known = new Set(names.data.data.map((event) => event.name));
  const steps: [boolean, string, string][] = [
    [known.size > 0, t("A first event has arrived"), ""],
    [known.has("page"), t("Pages are counted"), t("Add the script tag to every page of your site.")],
    [
      known.has("identify"),
      t("People are known by name"),
      t("Call identify(userId) when somebody signs in."),
    ],
    [
      project.goals.some((goal) => known.has(goal)),
      t("A goal was reached"),
      t("Name the events that matter under Settings, such as “Order Completed”."),
    ],
  ];
  if (steps.every(([done]) => done)) return null;
  return (
    <Card title={t("Getting started")} className="mb-4">
      <ol className="grid gap-x-6 px-4 pb-3 sm:grid-cols-2">
        {steps.map(([done, label, how]) => (
          <li key={label} className="flex gap-2.5 py-1.5">
            <span
              aria-hidden="true"
              className={`mt-0.5 grid size-5 shrink-0 place-items-center rounded-full text-xs ${done ? "bg-good text-card" : "border border-line"}`}
            >
              {done ? "✓" : ""}
            </span>
            <span>
              <span className={done ? "text-soft" : "font-medium"}>{label}</span>
              <span className="sr-only"> {done ? t("(done)") : t("(to do)")}</span>
              {!done && <span className="block text-soft">{how}</span>}
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
