/** An account's dashboard inside the host's page. The host's script sends it a token and a look as messages, and
 * receives its height and the expiry of the token; nothing else is exchanged.
 */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, authenticateByToken, type Project } from "../client/api";
import { MeContext, ProjectContext, ReadOnly, ViewContext } from "../client/hooks";
import { readView, type View } from "../client/view_state";
import { Empty, Failure, Skeleton } from "../kit/parts";
import { t } from "../language";
import { Mine } from "./Own";

/** The parts of the look that a host may set, each as a CSS property with the pattern of its values. */
const LOOKS: Record<string, [property: string, pattern: RegExp]> = {
  accent: ["--accent", /^#[0-9a-f]{3,8}$/i],
  accentSoft: ["--accent-soft", /^#[0-9a-f]{3,8}$/i],
  background: ["--ground", /^(#[0-9a-f]{3,8}|transparent)$/i],
  card: ["--card", /^#[0-9a-f]{3,8}$/i],
  ink: ["--ink", /^#[0-9a-f]{3,8}$/i],
  soft: ["--soft", /^#[0-9a-f]{3,8}$/i],
  line: ["--line", /^#[0-9a-f]{3,8}$/i],
  font: ["font-family", /^[\w\s,"'-]{1,200}$/],
};

interface Said {
  trackway?: string;
  token?: unknown;
  look?: Record<string, unknown>;
  upgrade?: unknown;
}

function dress(look: Record<string, unknown>): void {
  const root = document.documentElement;
  for (const [name, [property, pattern]] of Object.entries(LOOKS)) {
    const value = look[name];
    if (typeof value === "string" && pattern.test(value)) root.style.setProperty(property, value);
  }
  if (look.accent && !look.accentSoft)
    root.style.setProperty("--accent-soft", "color-mix(in srgb, var(--accent) 18%, var(--card))");
  if (look.scheme === "light" || look.scheme === "dark") root.dataset.theme = look.scheme;
}

const tell = (message: Record<string, unknown>) => window.parent.postMessage(message, "*");

/** The default period: a year for a fan, a month for an artist. */
const usualView = (project: Project): View =>
  readView(project.account?.type === "user" ? { period: "12mo" } : {});

export function EmbedPage() {
  const { projectId = "" } = useParams({ strict: false });
  const client = useQueryClient();
  const [round, setRound] = useState(0);
  const [over, setOver] = useState(false);
  const [upgrades, setUpgrades] = useState(false);
  const [chosen, setView] = useState<View>();
  useEffect(() => {
    function hear(event: MessageEvent<Said>) {
      if (event.source !== window.parent || event.data?.trackway !== "token") return;
      if (typeof event.data.token !== "string") return;
      dress(event.data.look ?? {});
      setUpgrades(event.data.upgrade === true);
      authenticateByToken(event.data.token, () => {
        setOver(true);
        tell({ trackway: "expired" });
      });
      // Another token may belong to another account, so earlier answers are removed.
      client.clear();
      setOver(false);
      setRound((before) => before + 1);
    }
    window.addEventListener("message", hear);
    tell({ trackway: "ready" });
    // The root has the height of its content; the document is at least as high as the frame.
    const root = document.getElementById("root") ?? document.body;
    const watch = new ResizeObserver(() => tell({ trackway: "height", height: root.offsetHeight }));
    watch.observe(root);
    return () => {
      window.removeEventListener("message", hear);
      watch.disconnect();
    };
  }, [client]);
  const me = useQuery({ queryKey: ["me", round], queryFn: api.me, enabled: round > 0, retry: false });
  const project = me.data?.projects.find((candidate) => candidate.id === projectId);
  if (over)
    return (
      <Empty title={t("This dashboard must be opened again")}>
        {t("Its token has expired. Reload the page.")}
      </Empty>
    );
  if (me.error) return <Failure error={me.error} />;
  if (me.data === undefined) return <Skeleton rows={8} />;
  if (project === undefined) return <Empty title={t("There is no such project")} />;
  const view = chosen ?? usualView(project);
  return (
    <MeContext value={me.data}>
      <ProjectContext value={project} key={round}>
        <ViewContext value={[view, (part) => setView({ ...view, ...part })]}>
          <ReadOnly value={true}>
            <main className="p-3">
              <Mine upgrade={upgrades ? (needs) => tell({ trackway: "upgrade", needs }) : undefined} />
            </main>
          </ReadOnly>
        </ViewContext>
      </ProjectContext>
    </MeContext>
  );
}
