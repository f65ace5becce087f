/** The frame of every page: project menu, navigation, user menu. */

import { useQuery } from "@tanstack/react-query";
import { Outlet, useParams } from "@tanstack/react-router";
import { useContext } from "react";
import { api } from "../client/api";
import { MeContext, ProjectContext } from "../client/hooks";
import { Empty } from "../kit/parts";
import { t } from "../language";
import { ProjectMenu, UserMenu } from "./menus";
import { Nav } from "./nav";
import { Palette } from "./palette";

/** The frame: beside the page on a wide screen, above it on a phone. */
export function Shell() {
  const me = useContext(MeContext);
  const { projectId } = useParams({ strict: false });
  const project = me?.projects.find((candidate) => candidate.id === projectId);
  return (
    <div className="min-h-dvh">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-40 focus:bg-card focus:p-2">
        {t("Skip to the page")}
      </a>
      <header className="z-20 flex flex-col border-line bg-card max-lg:sticky max-lg:top-0 max-lg:border-b lg:fixed lg:inset-y-0 lg:start-0 lg:w-56 lg:border-e">
        <div className="flex min-w-0 items-center gap-2 px-4 pt-2 max-lg:pb-1 lg:flex-wrap lg:px-3 lg:pt-4">
          <span className="font-semibold text-accent lg:grow lg:px-2.5">Trackway</span>
          {project && project.role !== "" && (
            <span className="order-3 max-lg:ms-auto lg:w-full">
              <ProjectContext value={project}>
                <Palette />
              </ProjectContext>
            </span>
          )}
          <span className="flex min-w-0 lg:mt-2 lg:w-full">
            <ProjectMenu project={project} />
          </span>
          <span className="order-4 shrink-0 lg:hidden">
            <UserMenu project={project} />
          </span>
        </div>
        <Nav role={project?.role ?? ""} />
        <div className="border-t border-line p-2 max-lg:hidden">
          <UserMenu project={project} />
        </div>
      </header>
      <main id="main" className="p-4 pb-16 lg:ms-56 lg:p-6">
        <div className="mx-auto max-w-7xl">
          {project ? (
            <ProjectContext value={project}>
              <Outlet />
            </ProjectContext>
          ) : (
            <Empty title={t("There is no such project")}>
              {t("It may have been removed, or you may not see it.")}
            </Empty>
          )}
        </div>
      </main>
    </div>
  );
}

/** Keeps `me` fresh, so that changed settings show everywhere. */
export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: api.me, retry: false, staleTime: 60_000 });
}
