/** The list of accounts, and the form to create or change one. */
import { useState } from "react";
import { type AccountShown, type AccountsShown, api, type Verdict } from "../client/api";
import { useProject } from "../client/hooks";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { exact } from "../kit/format";
import { Card, Empty } from "../kit/parts";
import { Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { Shown, TYPES, useOf } from "./asked";
import { TIERS, VERIFIED } from "./permission_words";

export function List() {
  const [search, setSearch] = useState("");
  const [type, setType] = useState("");
  const [opened, open] = useState<AccountShown | "new">();
  const accounts = useOf<AccountsShown>(
    `accounts?limit=200&search=${encodeURIComponent(search)}&type=${type}`,
  );
  return (
    <>
      {accounts.data && <Counts accounts={accounts.data} />}
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
            {TYPES.map((type_) => (
              <option key={type_}>{type_}</option>
            ))}
          </select>
          <span className="grow" />
          <button type="button" className={primary} onClick={() => open("new")}>
            {t("New account")}
          </button>
        </div>
        <Shown of={accounts}>
          {({ accounts }) =>
            accounts.length === 0 ? (
              <Empty title={t("No accounts here")}>
                {t(
                  "Your product creates accounts with PUT …/accounts/ID and a secret key, or you create them here. A token that your product signs then shows each account its own numbers.",
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
                            .filter(([, verdict]) => verdict.granted)
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
          fresh={() => void accounts.fresh()}
        />
      )}
    </>
  );
}

function Counts({ accounts }: { accounts: AccountsShown }) {
  const facts = [...Object.entries(accounts.types), [t("to decide"), accounts.pending] as const];
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

/** The form to create or change an account, with its permissions and their missing requirements. */
function Edit(props: { account?: AccountShown; close: () => void; fresh: () => void }) {
  const project = useProject();
  const say = useToast();
  const [problem, setProblem] = useState("");
  const { account } = props;
  const path = `/projects/${project.id}/accounts`;
  async function save(form: FormData) {
    const text = (name: string) => String(form.get(name) ?? "").trim();
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
        suspended: form.get("suspended") === "on",
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
    say(t("All tokens of this account that were issued until now are revoked."));
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
          {t("Id in your product")}
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
          <select name="type" defaultValue={account?.type ?? "user"} className={field}>
            {TYPES.map((type_) => (
              <option key={type_}>{type_}</option>
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
          {t("E-mail of the user who signs in for it")}
          <input type="email" name="email" defaultValue={account?.email} className={field} />
        </label>
        <label className="flex items-center gap-2 self-end pb-2">
          <input type="checkbox" name="suspended" defaultChecked={account?.suspended} />
          {t("Suspended: sees nothing")}
        </label>
        <label className="sm:col-span-2">
          {t("Its entities, one type:id per line")}
          <textarea
            name="entities"
            rows={3}
            placeholder="product:7"
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
          {Object.entries(account.permissions).map(([name, verdict]) => (
            <li key={name} className={verdict.granted ? "" : "text-soft"}>
              {verdict.granted ? "✓" : "–"} {name}
              {!verdict.granted && ` (${t("lacks {what}", { what: lacking(verdict) })})`}
            </li>
          ))}
        </ul>
      )}
    </Framed>
  );
}

const lacking = (verdict: Verdict) =>
  verdict.lacks === "subscription"
    ? (TIERS[verdict.needs] ?? verdict.needs)
    : verdict.lacks === "verification"
      ? t("verified: {what}", { what: VERIFIED[verdict.needs] })
      : verdict.needs;
