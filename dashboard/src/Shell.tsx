/** What surrounds every page: the project, the way around, light and dark. */

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { useContext } from "react";
import { api } from "./api";
import { MeContext, ProjectContext, useTheme } from "./hooks";
import { t } from "./language";
import { Palette } from "./palette";
import { Empty } from "./parts";
import { readView, writeView } from "./state";

export const PAGES = [
  ["overview", t("Overview")],
  ["live", t("Live")],
  ["explore", t("Explore")],
  ["sources", t("Sources")],
  ["sessions", t("Sessions")],
  ["people", t("People")],
  ["customers", t("Customers")],
  ["entities", t("Entities")],
  ["events", t("Events")],
  ["boards", t("Boards")],
  ["data", t("Data")],
  ["accounts", t("Accounts")],
  ["settings", t("Settings")],
] as const;

/** Pages that need more than a look at the project; and those of an account, which sees only its own. */
const NEEDS: Record<string, string[]> = {
  sessions: ["analyst", "owner", "administrator"],
  people: ["analyst", "owner", "administrator"],
  customers: ["analyst", "owner", "administrator"],
  accounts: ["owner", "administrator"],
};
const OF_ACCOUNT = [
  ["mine", t("My numbers")],
  ["me", t("Signing in")],
] as const;

/** The pages that one may open. */
export const pagesFor = (role: string): readonly (readonly [string, string])[] =>
  role === "" ? OF_ACCOUNT : PAGES.filter(([path]) => NEEDS[path]?.includes(role) ?? true);

const THEMES: Record<string, [string, string]> = {
  system: ["◐", "light"],
  light: ["☀", "dark"],
  dark: ["☾", "system"],
};

const NAMES: Record<string, string> = { system: t("as the system"), light: t("light"), dark: t("dark") };

export function Shell() {
  const me = useContext(MeContext);
  const { projectId } = useParams({ strict: false });
  const navigate = useNavigate();
  const [theme, setTheme] = useTheme();
  const project = me?.projects.find((one) => one.id === projectId);
  const [sign, next] = THEMES[theme] ?? ["◐", "light"];
  return (
    <div className="min-h-dvh">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:p-2">
        {t("Skip to the page")}
      </a>
      <header className="sticky top-0 z-20 border-b border-line bg-card">
        <div className="mx-auto flex max-w-7xl items-center gap-3 px-4 pt-2">
          <span className="font-semibold text-accent">Trackway</span>
          <select
            aria-label={t("Project")}
            value={projectId}
            onChange={(event) => void navigate({ to: `/p/${event.target.value}/overview` })}
            className="min-h-8 w-36 shrink-0 truncate rounded-lg border border-line bg-card px-2 max-md:min-w-0 max-md:shrink"
          >
            {me?.projects.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
          <span className="grow" />
          {project && project.role !== "" && (
            <ProjectContext value={project}>
              <Palette />
            </ProjectContext>
          )}
          <button
            type="button"
            aria-label={t("Theme: {theme}. Change to {next}", { theme: NAMES[theme], next: NAMES[next] })}
            title={t("Theme: {theme}", { theme: NAMES[theme] })}
            onClick={() => setTheme(next)}
            className="size-8 rounded-lg hover:bg-accent-soft"
          >
            {sign}
          </button>
          <button
            type="button"
            onClick={() => void api.signOut().then(() => window.location.assign("/"))}
            className="rounded-lg px-2 py-1 whitespace-nowrap text-soft hover:text-ink"
          >
            {t("Sign out")}
          </button>
        </div>
        <Nav role={project?.role ?? ""} className="mx-auto flex max-w-7xl overflow-x-auto px-2 pb-1" />
      </header>
      <main id="main" className="mx-auto max-w-7xl p-4 pb-16">
        {project ? (
          <ProjectContext value={project}>
            <Outlet />
          </ProjectContext>
        ) : (
          <Empty title={t("There is no such project")}>
            {t("It may have been removed, or you may not see it.")}
          </Empty>
        )}
      </main>
    </div>
  );
}

function Nav({ role, className }: { role: string; className: string }) {
  const { projectId } = useParams({ strict: false });
  return (
    <nav aria-label={t("Pages")} className={className}>
      {pagesFor(role).map(([path, label]) => (
        <Link
          key={path}
          to={`/p/$projectId/${path}` as "/p/$projectId/overview"}
          params={{ projectId: projectId ?? "" }}
          search={((old: Record<string, unknown>) => writeView(readView(old))) as never}
          className="rounded-lg px-2 py-1.5 whitespace-nowrap text-soft hover:text-ink"
          activeProps={{ className: "bg-accent-soft font-medium text-ink!", "aria-current": "page" }}
          activeOptions={{ includeSearch: false }}
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}

/** Keeps `me` fresh, so that changed settings show everywhere. */
export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: api.me, retry: false, staleTime: 60_000 });
}
