import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  type RouteComponent,
  RouterProvider,
} from "@tanstack/react-router";
import { Direction } from "radix-ui";
import { StrictMode, useContext } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "../client/api";
import { MeContext } from "../client/hooks";
import { sayWhatIsCut } from "../kit/cut_text";
import { Empty, Failure, Skeleton } from "../kit/parts";
import { Toasts } from "../kit/toast";
import { t } from "../language";
import { Overview } from "../overview/Overview";
import { SignIn } from "../sign_in/SignIn";
import { Shell, useMe } from "./shell";
import "../style.css";

function First() {
  const me = useContext(MeContext);
  const [project] = me?.projects ?? [];
  if (project?.role === "") {
    const search = project.account?.type === "user" ? { period: "12mo" } : {};
    return <Navigate to={`/p/${project.id}/mine` as "/"} search={search as never} replace />;
  }
  if (project === undefined)
    return <Empty title={t("You have no project yet")}>{t("Ask an administrator to add you to one.")}</Empty>;
  return <Navigate to={`/p/${project.id}/overview` as "/"} replace />;
}

/** The page for unknown addresses; within a project, the frame stays. */
function Nothing() {
  return (
    <div className="px-4 py-16 text-center">
      <h1 className="text-xl font-semibold">{t("There is nothing at this address")}</h1>
      <p className="mt-1 text-soft">{t("The address may be mistyped, or the page was removed.")}</p>
      <a href="/" className="mt-4 inline-block rounded-lg border border-line px-3 py-1.5 hover:border-accent">
        {t("To the start")}
      </a>
    </div>
  );
}

function NothingAlone() {
  return (
    <main className="mx-auto max-w-md p-6 pt-24 text-center">
      <p className="text-xl font-semibold text-accent">Trackway</p>
      <Nothing />
    </main>
  );
}

const root = createRootRoute({ notFoundComponent: NothingAlone });
const first = createRoute({ getParentRoute: () => root, path: "/", component: First });
const shell = createRoute({
  getParentRoute: () => root,
  path: "/p/$projectId",
  component: Shell,
  notFoundComponent: Nothing,
});
const page = (path: string, component: RouteComponent) =>
  createRoute({ getParentRoute: () => shell, path, component });
/** Pages are loaded when they are opened; only the first one is in the main bundle. */
const lists = () => import("../kit/lists");
const people = () => import("../people/People");
const router = createRouter({
  defaultPreload: "intent",
  defaultPendingComponent: () => <Skeleton rows={8} />,
  defaultErrorComponent: ({ error }) => (
    <Failure error={error as Error} again={() => window.location.reload()} />
  ),
  routeTree: root.addChildren([
    first,
    createRoute({
      getParentRoute: () => root,
      path: "/shared/$token",
      component: lazyRouteComponent(() => import("../boards/SharedPage"), "SharedPage"),
    }),
    createRoute({
      getParentRoute: () => root,
      path: "/embed/$projectId",
      component: lazyRouteComponent(() => import("../accounts/EmbedPage"), "EmbedPage"),
    }),
    createRoute({
      getParentRoute: () => root,
      path: "/invitation/$token",
      component: lazyRouteComponent(() => import("../sign_in/InvitationPage"), "InvitationPage"),
    }),
    createRoute({
      getParentRoute: () => root,
      path: "/password/$token",
      component: lazyRouteComponent(() => import("../sign_in/forgotten"), "PasswordPage"),
    }),
    shell.addChildren([
      page(
        "mine",
        lazyRouteComponent(() => import("../accounts/Own"), "Mine"),
      ),
      page(
        "accounts",
        lazyRouteComponent(() => import("../accounts/Accounts"), "Accounts"),
      ),
      page(
        "me",
        lazyRouteComponent(() => import("../settings/security"), "Security"),
      ),
      page("overview", Overview),
      page(
        "live",
        lazyRouteComponent(() => import("../overview/Live"), "Live"),
      ),
      page(
        "explore",
        lazyRouteComponent(() => import("../explore/Explore"), "Explore"),
      ),
      page("sources", lazyRouteComponent(lists, "Sources")),
      page("sessions", lazyRouteComponent(people, "Sessions")),
      page(
        "session",
        lazyRouteComponent(() => import("../people/SessionPage"), "SessionPage"),
      ),
      page("people", lazyRouteComponent(people, "People")),
      page(
        "suggestions",
        lazyRouteComponent(() => import("../people/Suggestions"), "Suggestions"),
      ),
      page(
        "visitor",
        lazyRouteComponent(() => import("../people/PersonPage"), "PersonPage"),
      ),
      page(
        "customers",
        lazyRouteComponent(() => import("../customers/Customers"), "Customers"),
      ),
      page(
        "entities",
        lazyRouteComponent(() => import("../entities/Entities"), "Entities"),
      ),
      page(
        "entity",
        lazyRouteComponent(() => import("../entities/EntityPage"), "EntityPage"),
      ),
      page("events", lazyRouteComponent(lists, "Events")),
      page(
        "data",
        lazyRouteComponent(() => import("../data/Data"), "Data"),
      ),
      page(
        "boards",
        lazyRouteComponent(() => import("../boards/Boards"), "Boards"),
      ),
      page(
        "board/$boardId",
        lazyRouteComponent(() => import("../boards/BoardPage"), "BoardPage"),
      ),
      page(
        "recommendations",
        lazyRouteComponent(() => import("../recommend/Recommend"), "Recommend"),
      ),
      page(
        "rules",
        lazyRouteComponent(() => import("../rules/Rules"), "Rules"),
      ),
      page(
        "settings",
        lazyRouteComponent(() => import("../settings/Settings"), "Settings"),
      ),
    ]),
  ]),
});
const client = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (times, error) =>
        times < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
    },
  },
});

function App() {
  const me = useMe();
  if (me.error instanceof Problem && me.error.status === 401) {
    return <SignIn done={(user) => client.setQueryData(["me"], user)} />;
  }
  if (me.error) return <Failure error={me.error} again={me.refetch} />;
  if (me.data === undefined) return <Skeleton rows={8} />;
  return (
    <MeContext value={me.data}>
      <RouterProvider router={router} />
    </MeContext>
  );
}

sayWhatIsCut();
const theme = localStorage.getItem("theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
const place = document.getElementById("root");
if (place !== null) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Direction.Provider dir={document.documentElement.dir === "rtl" ? "rtl" : "ltr"}>
          <Toasts>
            {/^\/(shared|embed|invitation|password)\//.test(location.pathname) ? (
              <RouterProvider router={router} />
            ) : (
              <App />
            )}
          </Toasts>
        </Direction.Provider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
