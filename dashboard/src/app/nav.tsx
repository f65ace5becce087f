/** The navigation: pages in groups, beside the page on a wide screen and above it on a phone. */

import { Link, useLocation, useParams } from "@tanstack/react-router";
import { useInRow } from "../client/hooks";
import { readView, writeView } from "../client/view_state";
import { t } from "../language";

type Entry = readonly [path: string, label: string];

const GROUPS: readonly (readonly [name: string, pages: readonly Entry[]])[] = [
  [
    t("Now"),
    [
      ["overview", t("Overview")],
      ["live", t("Live")],
      ["boards", t("Boards")],
    ],
  ],
  [
    t("Behaviour"),
    [
      ["explore", t("Explore")],
      ["sources", t("Sources")],
      ["events", t("Events")],
      ["entities", t("Entities")],
    ],
  ],
  [
    t("Who"),
    [
      ["people", t("People")],
      ["sessions", t("Sessions")],
      ["customers", t("Customers")],
      ["suggestions", t("Suggestions")],
      ["recommendations", t("Recommendations")],
      ["rules", t("Rules")],
    ],
  ],
  [
    t("Project"),
    [
      ["data", t("Data")],
      ["accounts", t("Accounts")],
      ["settings", t("Settings")],
    ],
  ],
];

/** Pages that need more permissions than reading; and the pages of an account, which sees only its own entities. */
const NEEDS: Record<string, string[]> = {
  sessions: ["analyst", "owner", "administrator"],
  people: ["analyst", "owner", "administrator"],
  customers: ["analyst", "owner", "administrator"],
  suggestions: ["analyst", "owner", "administrator"],
  accounts: ["owner", "administrator"],
  recommendations: ["analyst", "owner", "administrator"],
  rules: ["owner", "administrator"],
};
const OF_ACCOUNT: readonly Entry[] = [
  ["mine", t("My numbers")],
  ["me", t("Signing in")],
];

function groupsFor(role: string): readonly (readonly [string, readonly Entry[]])[] {
  if (role === "") return [["", OF_ACCOUNT]];
  return GROUPS.map(
    ([name, pages]) => [name, pages.filter(([path]) => NEEDS[path]?.includes(role) ?? true)] as const,
  ).filter(([, pages]) => pages.length > 0);
}

/** The pages that the user may open. */
export const pagesFor = (role: string): readonly Entry[] => groupsFor(role).flatMap(([, pages]) => pages);

export function Nav({ role }: { role: string }) {
  const { projectId } = useParams({ strict: false });
  const { pathname } = useLocation();
  const place = useInRow<HTMLElement>("[aria-current=page]", pathname);
  return (
    <nav
      ref={place}
      aria-label={t("Pages")}
      className="flex overflow-x-auto px-2 pb-1 lg:block lg:min-h-0 lg:flex-1 lg:space-y-4 lg:overflow-y-auto lg:px-3 lg:py-3"
    >
      {groupsFor(role).map(([name, pages]) => (
        <div
          key={name}
          className="flex lg:block [&+&]:max-lg:ms-1.5 [&+&]:max-lg:border-s [&+&]:max-lg:border-line [&+&]:max-lg:ps-1.5"
        >
          {name && (
            <p className="px-2.5 pb-1 text-xs text-soft max-lg:hidden" aria-hidden="true">
              {name}
            </p>
          )}
          {pages.map(([path, label]) => (
            <Link
              key={path}
              to={`/p/$projectId/${path}` as "/p/$projectId/overview"}
              params={{ projectId: projectId ?? "" }}
              search={((old: Record<string, unknown>) => writeView(readView(old))) as never}
              className="rounded-lg px-2.5 py-1.5 whitespace-nowrap text-soft hover:text-ink lg:block"
              activeProps={{ className: "bg-accent-soft font-medium text-ink!", "aria-current": "page" }}
              activeOptions={{ includeSearch: false }}
            >
              {label}
            </Link>
          ))}
        </div>
      ))}
    </nav>
  );
}
