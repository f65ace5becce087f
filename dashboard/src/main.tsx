import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRootRoute, createRoute, createRouter, Navigate, RouterProvider } from "@tanstack/react-router";
import { StrictMode, useContext } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api";
import { MeContext } from "./hooks";
import { BoardPage } from "./pages/BoardPage";
import { Boards } from "./pages/Boards";
import { Data } from "./pages/Data";
import { Explore } from "./pages/Explore";
import { Events, Sources } from "./pages/Lists";
import { Live } from "./pages/Live";
import { Overview } from "./pages/Overview";
import { People, Sessions } from "./pages/People";
import { PersonPage } from "./pages/PersonPage";
import { SessionPage } from "./pages/SessionPage";
import { Settings } from "./pages/Settings";
import { SharedPage } from "./pages/SharedPage";
import { SignIn } from "./pages/SignIn";
import { Empty, Failure, Skeleton } from "./parts";
import { Shell, useMe } from "./Shell";
import { Toasts } from "./toast";
import "./style.css";

function First() {
  const me = useContext(MeContext);
  const [project] = me?.projects ?? [];
  if (project === undefined)
    return <Empty title="You see no project yet">Ask an administrator to add you to one.</Empty>;
  return <Navigate to={`/p/${project.id}/overview` as "/"} replace />;
}

const root = createRootRoute({ notFoundComponent: () => <Empty title="There is nothing at this address" /> });
const first = createRoute({ getParentRoute: () => root, path: "/", component: First });
const shell = createRoute({ getParentRoute: () => root, path: "/p/$projectId", component: Shell });
const page = (path: string, component: () => React.JSX.Element) =>
  createRoute({ getParentRoute: () => shell, path, component });
const router = createRouter({
  defaultErrorComponent: ({ error }) => (
    <Failure error={error as Error} again={() => window.location.reload()} />
  ),
  routeTree: root.addChildren([
    first,
    createRoute({ getParentRoute: () => root, path: "/shared/$token", component: SharedPage }),
    shell.addChildren([
      page("overview", Overview),
      page("live", Live),
      page("explore", Explore),
      page("sources", Sources),
      page("sessions", Sessions),
      page("session", SessionPage),
      page("people", People),
      page("visitor", PersonPage),
      page("events", Events),
      page("data", Data),
      page("boards", Boards),
      page("board/$boardId", BoardPage),
      page("settings", Settings),
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
    return <SignIn done={(found) => client.setQueryData(["me"], found)} />;
  }
  if (me.error) return <Failure error={me.error} again={me.refetch} />;
  if (me.data === undefined) return <Skeleton rows={8} />;
  return (
    <MeContext value={me.data}>
      <RouterProvider router={router} />
    </MeContext>
  );
}

const theme = localStorage.getItem("theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
const place = document.getElementById("root");
if (place !== null) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Toasts>
          {location.pathname.startsWith("/shared/") ? <RouterProvider router={router} /> : <App />}
        </Toasts>
      </QueryClientProvider>
    </StrictMode>,
  );
}
