/** Data for pages: everything is asked again when the store has something new. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { createContext, useCallback, useContext, useEffect, useSyncExternalStore } from "react";
import { type Answer, type Asked, api, type Me, type Project, patience } from "./api";
import { readView, type View, writeView } from "./state";

export const ProjectContext = createContext<Project | undefined>(undefined);
export const MeContext = createContext<Me | undefined>(undefined);

export function useProject(): Project {
  const project = useContext(ProjectContext);
  if (project === undefined) throw new Error("there is no project here");
  return project;
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

/** The store's version; it grows when something new is stored. Stops while the page is hidden. */
export function useVersion(): number {
  const project = useProject();
  const { data } = useQuery({
    queryKey: ["version", project.id],
    queryFn: () => api.get<{ version: number }>(`/projects/${project.id}/version`),
    refetchInterval: patience,
  });
  return data?.version ?? 0;
}

/** One question of the project; shows the answer it had while a newer one is on its way. */
export function useAnswer<Data>(path: string) {
  const project = useProject();
  const enabled = useContext(InView);
  const version = useVersion();
  return useQuery({
    queryKey: ["answer", project.id, path, version],
    queryFn: () => api.get<Answer<Data>>(`/projects/${project.id}/${path}`),
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    gcTime: 30_000,
  });
}

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

/** One question through the one door, about the view of the page. */
export function useAsk<Data>(body: Record<string, unknown> | undefined) {
  const project = useProject();
  const version = useVersion();
  const inView = useContext(InView);
  const whole = useWhole(body);
  return useQuery({
    queryKey: ["ask", project.id, JSON.stringify(whole), version],
    queryFn: ({ signal }) => api.ask<Asked<Data>>(`/projects/${project.id}/ask`, whole, signal),
    enabled: body !== undefined && inView,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    gcTime: 30_000,
  });
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
