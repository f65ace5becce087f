/** Data for pages: everything is asked again when the store has something new. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { createContext, useCallback, useContext, useEffect, useRef, useSyncExternalStore } from "react";
import { type Answers, type Asked, api, type Me, type Project, patience, type Questions } from "./api";
import { readView, type View, writeView } from "./view_state";

export const ProjectContext = createContext<Project | undefined>(undefined);
export const MeContext = createContext<Me | undefined>(undefined);

export function useProject(): Project {
  const project = useContext(ProjectContext);
  if (project === undefined) throw new Error("there is no project here");
  return project;
}

/** Whether the project is a concert platform by its metrics pack: its words are shown to nobody else. */
export function useConcerts(): boolean {
  const { metrics } = useProject();
  return metrics === "concerts" || /^name\s*=\s*"concerts"/m.test(metrics);
}

type Viewing = [View, (change: Partial<View>) => void];
/** A view that is not the address's: a board has its own. */
export const ViewContext = createContext<Viewing | undefined>(undefined);
/** Whether what is here can be seen; what cannot is not asked anew. */
export const InView = createContext(true);
/** Whether numbers may be opened into people: not by whoever was given a link. */
export const ReadOnly = createContext(false);

/** The view of the page, usually kept in the address, and a function that changes a part of it. */
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

/** Which of its tabs a page shows, kept in the address. */
export function useTab(usual: string): [string, (name: string) => void] {
  const { tab = usual } = useSearch({ strict: false }) as { tab?: string };
  const navigate = useNavigate();
  return [
    tab,
    (name) =>
      void navigate({ to: ".", search: (old: Record<string, unknown>) => ({ ...old, tab: name }) } as never),
  ];
}

/** The store's version; it grows when something new is stored. Not looked at while the page is hidden. */
export function useVersion(): number | undefined {
  const project = useProject();
  const { data, isError } = useQuery({
    queryKey: ["version", project.id],
    queryFn: () => api.get<{ version: number }>(`/projects/${project.id}/version`),
    refetchInterval: patience,
  });
  return data?.version ?? (isError ? 0 : undefined);
}

/** When a question is asked again. Without it: when the store has something new. */
export interface Again {
  /** Also after so many milliseconds, because the answer changes with time alone. */
  after?: () => number;
  /** Never: something else brings what is new. */
  never?: boolean;
}

/**
 * A query that is asked again, in place, when the store has something new and its answer can be seen. The version is
 * no part of its key: what is shown stays until what is newer is there. `isPlaceholderData` says that another
 * question is on its way.
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

/** The fields of a question that is not about the view of the page, but about the last 30 days and everybody. */
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

/** The answer to a question of a page, or what has come of it so far. */
export type AnswerQuery<Data> = ReturnType<typeof useAskAny<Data>>;
type Body<Name extends keyof Questions> = Questions[Name] & { question: Name };

/** A question about the view of the page; the name in its body decides the type of the answer. */
export function useAsk<Name extends keyof Questions>(body: Body<Name> | undefined, again: Again = {}) {
  return useAskAny<Answers[Name]>(body as unknown as Record<string, unknown> | undefined, again);
}

/** A question about the view of the page, which one is known only when the page runs. */
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

/** Light, dark or the system's choice, remembered in this browser. */
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

/** A row that scrolls where there is no room: what is open in it is in sight, and the page itself does not move.
 * `again` says that another one is open.
 */
export function useInRow<Row extends HTMLElement>(open: string, again: string) {
  const place = useRef<Row>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` is what it is done for
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
