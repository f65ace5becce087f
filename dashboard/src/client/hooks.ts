/** Data for pages: queries are repeated when the store has new data. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { createContext, useCallback, useContext, useEffect, useRef, useSyncExternalStore } from "react";
import { type Answers, type Asked, api, type Me, type Project, pollInterval, type Questions } from "./api";
import { readView, type View, writeView } from "./view_state";

export const ProjectContext = createContext<Project | undefined>(undefined);
export const MeContext = createContext<Me | undefined>(undefined);

export function useProject(): Project {
  const project = useContext(ProjectContext);
  if (project === undefined) throw new Error("there is no project here");
  return project;
}

/** Whether the project is a concert platform, by its metrics pack; only such projects see words about concerts. */
export function useConcerts(): boolean {
  const { metrics } = useProject();
  return metrics === "concerts" || /^name\s*=\s*"concerts"/m.test(metrics);
}

type Viewing = [View, (change: Partial<View>) => void];
/** A view that replaces the one in the address: a board has its own view. */
export const ViewContext = createContext<Viewing | undefined>(undefined);
/** Whether this part of the page is visible; invisible parts do not repeat their queries. */
export const InView = createContext(true);
/** Whether the page is read-only: readers of a shared link cannot open lists of people. */
export const ReadOnly = createContext(false);

/** The view of the page, usually stored in the address, and a function that changes a part of it. */
export function useView(): Viewing {
  const own = useContext(ViewContext);
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const view = readView(search);
  const change = useCallback(
    (part: Partial<View>) =>
      navigate({
        to: ".",
        search: (old: Record<string, unknown>) => ({ ...old, ...writeView({ ...readView(old), ...part }) }),
      } as never),
    [navigate],
  );
  return own ?? [view, change];
}

/** The selected tab of a page, stored in the address. */
export function useTab(usual: string): [string, (name: string) => void] {
  const { tab = usual } = useSearch({ strict: false }) as { tab?: string };
  const navigate = useNavigate();
  return [
    tab,
    (name) =>
      void navigate({ to: ".", search: (old: Record<string, unknown>) => ({ ...old, tab: name }) } as never),
  ];
}

/** The store's version, which grows with new data. It is not requested while the page is hidden. */
export function useVersion(): number | undefined {
  const project = useProject();
  const { data, isError } = useQuery({
    queryKey: ["version", project.id],
    queryFn: () => api.get<{ version: number }>(`/projects/${project.id}/version`),
    refetchInterval: pollInterval,
  });
  return data?.version ?? (isError ? 0 : undefined);
}

/** When a query is repeated; by default when the store has new data. */
export interface Again {
  /** Repeat it also after this many milliseconds, because the answer changes over time. */
  after?: () => number;
  /** Never repeat it: new data arrive in another way. */
  never?: boolean;
}

/**
 * A query that is repeated when the store has new data and its answer is visible. The version is not part of the key,
 * so that the old answer stays visible until the new one arrives. `isPlaceholderData` means that the visible answer
 * belongs to the previous question.
 */
function useLive<Data extends object>(
  key: string[],
  ask: (signal: AbortSignal) => Promise<Data>,
  wanted: boolean,
  again: Again,
) {
  const version = useVersion();
  const inView = useContext(InView);
  const enabled = wanted && inView && version !== undefined;
  const query = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => ({ ...(await ask(signal)), version }),
    enabled,
    placeholderData: keepPreviousData,
    refetchInterval: again.after ?? false,
    staleTime: again.never ? Number.POSITIVE_INFINITY : 60_000,
    gcTime: 30_000,
  });
  const { data, isError, isPlaceholderData, refetch } = query;
  const old = enabled && !again.never && !isPlaceholderData && (data ? data.version !== version : isError);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each version, also after a failure
  useEffect(() => {
    if (old) void refetch({ cancelRefetch: false });
  }, [old, version, data?.version]);
  return query;
}

/** The fields of a question about the last 30 days and all people, whatever the view of the page is. */
export const WHATEVER_VIEW = {
  period: "30d",
  from: undefined,
  to: undefined,
  filter: undefined,
  bots: false,
};

/** A question about the view of the page. */
export function useWhole(body: Record<string, unknown> | undefined): Record<string, unknown> {
  const [view] = useView();
  return {
    period: view.period,
    ...(view.from ? { from: view.from, to: view.to ?? "" } : {}),
    ...(view.filter.length > 0 ? { filter: { all: view.filter } } : {}),
    bots: view.bots,
    ...body,
  };
}

/** The state of a question: loading, failed, or answered. */
export type AnswerQuery<Data> = ReturnType<typeof useAskAny<Data>>;
type Body<Name extends keyof Questions> = Questions[Name] & { question: Name };

/** A question about the view of the page; the name in its body decides the type of the answer. */
export function useAsk<Name extends keyof Questions>(body: Body<Name> | undefined, again: Again = {}) {
  return useAskAny<Answers[Name]>(body as unknown as Record<string, unknown> | undefined, again);
}

/** A question about the view of the page, whose name is known only at run time. */
export function useAskAny<Data>(body: Record<string, unknown> | undefined, again: Again = {}) {
  const project = useProject();
  const whole = useWhole(body);
  return useLive(
    ["ask", project.id, JSON.stringify(whole)],
    (signal) => api.ask<Asked<Data>>(`/projects/${project.id}/ask`, whole, signal),
    body !== undefined,
    again,
  );
}

export function useRefresh(): () => void {
  const client = useQueryClient();
  return () => void client.invalidateQueries();
}

/** The theme: light, dark or the system's, stored in this browser. */
export function useTheme(): [string, (theme: string) => void] {
  return [useSyncExternalStore(onThemeChange, () => localStorage.getItem("theme") ?? "system"), setTheme];
}

function onThemeChange(changed: () => void): () => void {
  window.addEventListener("themechange", changed);
  return () => window.removeEventListener("themechange", changed);
}

function setTheme(theme: string): void {
  localStorage.setItem("theme", theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("themechange"));
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Trackway`;
  }, [title]);
}

/** A row of elements that scrolls sideways on a narrow screen: it keeps the open element visible without moving the page.
 * `again` changes when another element is opened.
 */
export function useInRow<Row extends HTMLElement>(open: string, again: string) {
  const place = useRef<Row>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it runs when `again` changes
  useEffect(() => {
    const row = place.current;
    if (!row) return;
    const watch = new ResizeObserver(() => {
      const opened = row.querySelector(open);
      if (!opened) return;
      const [of, at] = [row.getBoundingClientRect(), opened.getBoundingClientRect()];
      row.scrollBy({ left: at.left + at.width / 2 - of.left - of.width / 2 });
    });
    watch.observe(row);
    return () => watch.disconnect();
  }, [open, again]);
  return place;
}
