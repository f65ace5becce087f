/** The accounts of the product's people: what they are and may see, what they ask for, and who did what. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api, type Verdict } from "../api";
import { Framed, field, primary, quiet } from "../dialog";
import { exact, moment } from "../format";
import { useProject, useTitle } from "../hooks";
import { t, term } from "../language";
import { Card, Empty, Failure, Skeleton, Tabs } from "../parts";
import { Table } from "../table";
import { useToast } from "../toast";
import { SEEN, TIERS, VERIFIED } from "./mine";

const TYPES = [
  "user",
  "artist",
  "venue",
  "admin",
  "promoter",
  "ad_account",
  "venue_manager",
  "label",
  "media",
];

interface Account {
  id: string;
  type: string;
  name: string;
  verification: string;
  subscription: string;
  expires_at: string | null;
  business: Record<string, unknown>;
  entities: [string, string][];
  email: string;
  suspended: boolean;
  permissions: Record<string, Verdict>;
}
interface Found {
  accounts: Account[];
  total: number;
  types: Record<string, number>;
  pending: number;
}
interface Asked {
  id: string;
  account: string;
  type: string;
  business: Record<string, unknown>;
  state: string;
  note: string;
  decided_by: string;
  created_at: string;
}
interface Gate {
  account_type: string;
  permission: string;
  granted: boolean;
  verification: string;
  subscription: string;
}
interface Entry {
  id: string;
  at: string;
  actor: string;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
  address: string;
}

/** One address of the project, kept until it is asked anew. */
function useOf<Data>(path: string) {
  const project = useProject();
  const whole = `/projects/${project.id}/${path}`;
  const client = useQueryClient();
  const asked = useQuery({ queryKey: ["of", whole], queryFn: () => api.get<Data>(whole) });
  return { ...asked, fresh: () => client.invalidateQueries({ queryKey: ["of"] }) };
}

/** Waits, says what failed, or shows. */
function Shown<Data>(props: {
  of: { data: Data | undefined; error: Error | null; refetch: () => unknown };
  children: (data: Data) => ReactNode;
}) {
  if (props.of.error) return <Failure error={props.of.error} again={() => void props.of.refetch()} />;
  if (props.of.data === undefined) return <Skeleton rows={6} />;
  return <>{props.children(props.of.data)}</>;
}

export function Accounts() {
  useTitle(t("Accounts"));
  const project = useProject();
  const navigate = useNavigate();
  const { tab = "accounts" } = useSearch({ strict: false }) as { tab?: string };
  const owner = project.role === "owner" || project.role === "administrator";
  const tabs = [
    ["accounts", t("Accounts")],
    ["requests", t("Requests")],
    ["permissions", t("Permissions")],
    ...(owner ? [["audit", t("Audit log")] as const] : []),
  ] as const;
  return (
    <>
      <h1 className="mb-3 text-xl font-semibold">{t("Accounts")}</h1>
      <Tabs
        label={t("Accounts")}
        tabs={tabs}
        chosen={tab}
        choose={(name) => void navigate({ to: ".", search: { tab: name } } as never)}
      />
      {tab === "accounts" && <List />}
      {tab === "requests" && <Requests />}
      {tab === "permissions" && <Permissions owner={owner} />}
      {tab === "audit" && <Log />}
    </>
  );
}

function List() {
  const [search, setSearch] = useState("");
  const [type, setType] = useState("");
  const [opened, open] = useState<Account | "new">();
  const found = useOf<Found>(`accounts?limit=200&search=${encodeURIComponent(search)}&type=${type}`);
  return (
    <>
      {found.data && <Counts found={found.data} />}
      <Card>
        <div className="flex flex-wrap items-center gap-2 p-4">
          <input
            type="search"
            aria-label={t("Find an account")}
            placeholder={t("Find by name, id or e-mail")}
            onChange={(event) => setSearch(event.target.value)}
            className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
          />
          <select
            aria-label={t("Type")}
            value={type}
            onChange={(event) => setType(event.target.value)}
            className="min-h-9 rounded-lg border border-line bg-card px-2"
          >
            <option value="">{t("all types")}</option>
            {TYPES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
          <span className="grow" />
          <button type="button" className={primary} onClick={() => open("new")}>
            {t("New account")}
          </button>
        </div>
        <Shown of={found}>
          {({ accounts }) =>
            accounts.length === 0 ? (
              <Empty title={t("No accounts here")}>
                {t(
                  "The host makes them with PUT …/accounts/ID and a secret key, or you do here; then a token that it signs shows each their own numbers.",
                )}
              </Empty>
            ) : (
              <Table
                caption={t("Accounts")}
                rows={accounts}
                id={(row) => row.id}
                columns={[
                  {
                    name: t("Account"),
                    show: (row) => (
                      <button type="button" className="font-medium hover:underline" onClick={() => open(row)}>
                        {row.name || row.id}
                      </button>
                    ),
                  },
                  { name: t("Type"), show: (row) => row.type },
                  { name: t("Verified"), wide: true, show: (row) => VERIFIED[row.verification] },
                  { name: t("Subscription"), show: (row) => TIERS[row.subscription] },
                  {
                    name: t("Entities"),
                    wide: true,
                    number: true,
                    show: (row) => exact(row.entities.length),
                  },
                  {
                    name: t("May see"),
                    wide: true,
                    show: (row) =>
                      row.suspended
                        ? t("suspended")
                        : Object.entries(row.permissions)
                            .filter(([, one]) => one.granted)
                            .map(([name]) => name)
                            .join(", ") || "–",
                  },
                ]}
              />
            )
          }
        </Shown>
      </Card>
      {opened !== undefined && (
        <Edit
          key={opened === "new" ? "" : opened.id}
          account={opened === "new" ? undefined : opened}
          close={() => open(undefined)}
          fresh={() => void found.fresh()}
        />
      )}
    </>
  );
}

function Counts({ found }: { found: Found }) {
  const facts = [...Object.entries(found.types), [t("to decide"), found.pending] as const];
  return (
    <dl className="mb-4 flex flex-wrap gap-3">
      {facts.map(([name, value]) => (
        <div key={name} className="min-w-24 rounded-xl border border-line bg-card px-4 py-2">
          <dd className="text-xl font-semibold">{exact(value)}</dd>
          <dt className="text-xs text-soft">{name}</dt>
        </div>
      ))}
    </dl>
  );
}

/** An account, to be made or changed; and each permission with what is missing for it. */
function Edit(props: { account?: Account; close: () => void; fresh: () => void }) {
  const project = useProject();
  const say = useToast();
  const [problem, setProblem] = useState("");
  const { account } = props;
  const path = `/projects/${project.id}/accounts`;
  async function save(given: FormData) {
    const text = (name: string) => String(given.get(name) ?? "").trim();
    const entities = text("entities")
      .split("\n")
      .filter(Boolean)
      .map((line) => ({
        type: line.split(":")[0]?.trim() ?? "",
        id: line.split(":").slice(1).join(":").trim(),
      }));
    try {
      await api.put(`${path}/${encodeURIComponent(account?.id ?? text("id"))}`, {
        type: text("type"),
        name: text("name"),
        verification: text("verification"),
        subscription: text("subscription"),
        expires_at: text("expires_at") ? `${text("expires_at")}T00:00:00Z` : null,
        email: text("email"),
        suspended: given.get("suspended") === "on",
        business: account?.business ?? {},
        entities,
      });
      props.fresh();
      props.close();
      say(t("Saved."));
    } catch (error) {
      setProblem((error as Error).message);
    }
  }
  async function revoke() {
    await api.post(`${path}/${encodeURIComponent(account?.id ?? "")}/revoke-tokens`, {});
    say(t("Every token of this account that was issued until now is useless."));
  }
  const options = (names: Record<string, string>) =>
    Object.entries(names).map(([name, label]) => (
      <option key={name} value={name}>
        {label}
      </option>
    ));
  return (
    <Framed
      title={account ? account.name || account.id : t("New account")}
      open
      change={(open) => !open && props.close()}
      footer={
        <>
          {account && (
            <button type="button" className={quiet} onClick={() => void revoke()}>
              {t("Revoke tokens")}
            </button>
          )}
          <button type="submit" form="account" className={primary}>
            {t("Save")}
          </button>
        </>
      }
    >
      <form
        id="account"
        className="grid gap-3 sm:grid-cols-2"
        onSubmit={(event) => {
          event.preventDefault();
          void save(new FormData(event.currentTarget));
        }}
      >
        <label>
          {t("Id, the product's own")}
          <input
            name="id"
            required
            maxLength={255}
            defaultValue={account?.id}
            disabled={!!account}
            className={field}
          />
        </label>
        <label>
          {t("Name")}
          <input name="name" maxLength={200} defaultValue={account?.name} className={field} />
        </label>
        <label>
          {t("Type")}
          <select name="type" defaultValue={account?.type ?? "artist"} className={field}>
            {TYPES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          {t("Verified")}
          <select name="verification" defaultValue={account?.verification} className={field}>
            {options(VERIFIED)}
          </select>
        </label>
        <label>
          {t("Subscription")}
          <select name="subscription" defaultValue={account?.subscription} className={field}>
            {options(TIERS)}
          </select>
        </label>
        <label>
          {t("Paid until")}
          <input
            type="date"
            name="expires_at"
            defaultValue={account?.expires_at?.slice(0, 10)}
            className={field}
          />
        </label>
        <label>
          {t("E-mail of who signs in for it")}
          <input type="email" name="email" defaultValue={account?.email} className={field} />
        </label>
        <label className="flex items-center gap-2 self-end pb-2">
          <input type="checkbox" name="suspended" defaultChecked={account?.suspended} />
          {t("Suspended: sees nothing")}
        </label>
        <label className="sm:col-span-2">
          {t("Its entities, one type:id a line")}
          <textarea
            name="entities"
            rows={3}
            placeholder="artist:7"
            defaultValue={account?.entities.map(([kind, id]) => `${kind}:${id}`).join("\n")}
            className={`${field} py-2 font-mono`}
          />
        </label>
        <p role="alert" className="text-bad empty:hidden sm:col-span-2">
          {problem}
        </p>
      </form>
      {account && (
        <ul className="mt-4 grid gap-1 sm:grid-cols-2" aria-label={t("Permissions")}>
          {Object.entries(account.permissions).map(([name, one]) => (
            <li key={name} className={one.granted ? "" : "text-soft"}>
              {one.granted ? "✓" : "–"} {name}
              {!one.granted && ` (${t("lacks {what}", { what: lacking(one) })})`}
            </li>
          ))}
        </ul>
      )}
    </Framed>
  );
}

const lacking = (one: Verdict) =>
  one.lacks === "subscription"
    ? (TIERS[one.needs] ?? one.needs)
    : one.lacks === "verification"
      ? t("verified: {what}", { what: VERIFIED[one.needs] })
      : one.needs;

function Requests() {
  const project = useProject();
  const asked = useOf<Asked[]>("account-requests");
  const [problem, setProblem] = useState("");
  async function decide(one: Asked, approved: boolean, note: string) {
    try {
      await api.post(`/projects/${project.id}/account-requests/${one.id}`, { approved, note });
      setProblem("");
    } catch (error) {
      setProblem((error as Error).message);
    }
    void asked.fresh();
  }
  return (
    <Card>
      <p role="alert" className="px-4 pt-3 text-bad empty:hidden">
        {problem}
      </p>
      <Shown of={asked}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t("Nobody asks for anything")}>
              {t(
                "An account asks to become an artist or a venue with POST …/account-requests; you decide here.",
              )}
            </Empty>
          ) : (
            <ul className="divide-y divide-line">
              {rows.map((one) => (
                <li key={one.id} className="space-y-2 p-4">
                  <p>
                    <strong>{one.account}</strong> {t("asks to be: {type}", { type: one.type })}{" "}
                    <span className="text-soft">{moment(one.created_at, project.timezone)}</span>
                  </p>
                  <dl className="text-soft">
                    {Object.entries(one.business).map(([name, value]) => (
                      <div key={name} className="flex gap-2">
                        <dt>{name}:</dt>
                        <dd className="break-all">
                          {typeof value === "string" ? value : JSON.stringify(value)}
                        </dd>
                      </div>
                    ))}
                  </dl>
                  {one.state === "pending" ? (
                    <form
                      className="flex flex-wrap gap-2"
                      onSubmit={(event) => {
                        event.preventDefault();
                        const { submitter } = event.nativeEvent as SubmitEvent;
                        const note = String(new FormData(event.currentTarget).get("note"));
                        void decide(one, (submitter as HTMLButtonElement).value === "yes", note);
                      }}
                    >
                      <input
                        name="note"
                        maxLength={1000}
                        aria-label={t("A note to who asks")}
                        placeholder={t("A note to who asks")}
                        className="min-h-9 min-w-0 flex-1 rounded-lg border border-line bg-card px-2.5"
                      />
                      <button type="submit" value="yes" className={primary}>
                        {t("Approve")}
                      </button>
                      <button type="submit" value="no" className={quiet}>
                        {t("Refuse")}
                      </button>
                    </form>
                  ) : (
                    <p className="text-soft">
                      {one.state === "approved"
                        ? t("approved by {who}", { who: one.decided_by })
                        : t("refused by {who}", { who: one.decided_by })}
                      {one.note && ` · ${one.note}`}
                    </p>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </Card>
  );
}

/** Types across, permissions down; a cell says from which verification and subscription on. */
function Permissions({ owner }: { owner: boolean }) {
  const project = useProject();
  const gates = useOf<Gate[]>("permissions");
  const [opened, open] = useState<Gate>();
  async function change(gate: Gate, body: Record<string, unknown>) {
    await api.put(`/projects/${project.id}/permissions/${gate.account_type}/${gate.permission}`, body);
    open(undefined);
    void gates.fresh();
  }
  return (
    <Card>
      <Shown of={gates}>
        {(rows) => {
          const names = [...new Set(rows.map((row) => row.permission))];
          const of = (type: string, name: string) =>
            rows.find((row) => row.account_type === type && row.permission === name);
          return (
            <Table
              caption={t("Permissions")}
              rows={names}
              id={(name) => name}
              columns={[
                {
                  name: t("Permission"),
                  fixed: true,
                  show: (name) => <span title={SEEN[name]}>{name}</span>,
                },
                ...TYPES.map((type) => ({
                  name: type,
                  show: (name: string) => {
                    const gate = of(type, name);
                    const said = gate?.granted ? gateSaid(gate) : "–";
                    if (!owner || gate === undefined) return said;
                    return (
                      <button
                        type="button"
                        aria-label={`${type}, ${name}: ${said}`}
                        className="rounded px-1 text-start hover:bg-accent-soft"
                        onClick={() => open(gate)}
                      >
                        {said}
                      </button>
                    );
                  },
                })),
              ]}
            />
          );
        }}
      </Shown>
      {opened && (
        <Framed
          title={`${opened.account_type}: ${opened.permission}`}
          open
          change={(now) => !now && open(undefined)}
          footer={
            <>
              <button type="button" className={quiet} onClick={() => void change(opened, { reset: true })}>
                {t("As the pack says")}
              </button>
              <button type="submit" form="gate" className={primary}>
                {t("Save")}
              </button>
            </>
          }
        >
          <form
            id="gate"
            className="grid gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              const given = new FormData(event.currentTarget);
              void change(opened, {
                granted: given.get("granted") === "on",
                verification: given.get("verification"),
                subscription: given.get("subscription"),
              });
            }}
          >
            <p className="text-soft">{SEEN[opened.permission]}</p>
            <label className="flex items-center gap-2">
              <input type="checkbox" name="granted" defaultChecked={opened.granted} />
              {t("May see it")}
            </label>
            <label>
              {t("once verified")}
              <select name="verification" defaultValue={opened.verification} className={field}>
                {Object.entries(VERIFIED).map(([name, label]) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
            <label>
              {t("from this subscription on")}
              <select name="subscription" defaultValue={opened.subscription} className={field}>
                {Object.entries(TIERS).map(([name, label]) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
          </form>
        </Framed>
      )}
    </Card>
  );
}

function gateSaid(gate: Gate): string {
  const tier = TIERS[gate.subscription] ?? gate.subscription;
  return gate.verification === "none" ? tier : `${tier}, ${VERIFIED[gate.verification]}`;
}

function Log() {
  const project = useProject();
  const [search, setSearch] = useState("");
  const entries = useOf<Entry[]>(`audit?limit=200&search=${encodeURIComponent(search)}`);
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-3 p-4">
        <input
          type="search"
          aria-label={t("Find in the audit log")}
          placeholder={t("Who, what or whom")}
          onChange={(event) => setSearch(event.target.value)}
          className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
        />
        <p className="text-soft">{t("It is only added to; nobody can change or remove an entry.")}</p>
      </div>
      <Shown of={entries}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t("Nothing was written down")} />
          ) : (
            <Table
              caption={t("Audit log")}
              rows={rows}
              id={(row) => row.id}
              columns={[
                { name: t("When"), show: (row) => moment(row.at, project.timezone) },
                { name: t("Who"), show: (row) => row.actor },
                { name: t("What"), show: (row) => term(row.action) },
                { name: t("Whom"), show: (row) => row.subject || "–" },
                {
                  name: t("Details"),
                  wide: true,
                  show: (row) =>
                    Object.entries(row.detail)
                      .map(
                        ([name, value]) =>
                          `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
                      )
                      .join(", ") || "–",
                },
                { name: t("Address"), wide: true, show: (row) => row.address || "–" },
              ]}
            />
          )
        }
      </Shown>
    </Card>
  );
}
