/** The list of accounts, and the form to create or change one. */
import { useState } from "react";
import { type AccountShown, type AccountsShown, api, type Verdict } from "../client/api";
import { useProject } from "../client/hooks";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { Options, SelectField } from "../kit/fields";
import { exact } from "../kit/format";
import { Card, Empty } from "../kit/parts";
import { Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { Shown, TYPES, useOf } from "./asked";
import { TIERS, VERIFIED } from "./permission_words";

const TYPE_OPTIONS = TYPES.map((type) => [type, type] as const);

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
            <Options of={TYPE_OPTIONS} />
          </select>
          <span className="grow" />
          <button type="button" className={primary} onClick={() => open("new")}>
            {t("New account")}
          </button>
        </div>
        <Shown of={accounts}>{({ accounts }) => <Rows accounts={accounts} open={open} />}</Shown>
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

function Rows({ accounts, open }: { accounts: AccountShown[]; open: (account: AccountShown) => void }) {
  if (accounts.length === 0)
    return (
      <Empty title={t("No accounts here")}>
        {t(
          "Your product creates accounts with PUT …/accounts/ID and a secret key, or you create them here. A token that your product signs then shows each account its own numbers.",
        )}
      </Empty>
    );
  return (
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
        { name: t("Entities"), wide: true, number: true, show: (row) => exact(row.entities.length) },
        { name: t("May see"), wide: true, show: (row) => (row.suspended ? t("suspended") : granted(row)) },
      ]}
    />
  );
}

const granted = (account: AccountShown) =>
  Object.entries(account.permissions)
    .filter(([, verdict]) => verdict.granted)
    .map(([name]) => name)
    .join(", ") || "–";

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

/** Saves the account of a form, or a new one; throws if it is refused. */
function useSave(account: AccountShown | undefined): (form: FormData) => Promise<void> {
  const project = useProject();
  return async (form) => {
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const entities = text("entities")
      .split("\n")
      .filter(Boolean)
      .map((line) => ({
        type: line.split(":")[0]?.trim() ?? "",
        id: line.split(":").slice(1).join(":").trim(),
      }));
    await api.put(`/projects/${project.id}/accounts/${encodeURIComponent(account?.id ?? text("id"))}`, {
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
  };
}

/** The form to create or change an account, with its permissions and their missing requirements. */
function Edit(props: { account?: AccountShown; close: () => void; fresh: () => void }) {
  const say = useToast();
  const [problem, setProblem] = useState("");
  const { account } = props;
  const save = useSave(account);
  async function submit(form: FormData) {
    try {
      await save(form);
      props.fresh();
      props.close();
      say(t("Saved."));
    } catch (error) {
      setProblem((error as Error).message);
    }
  }
  return (
    <Framed
      title={account ? account.name || account.id : t("New account")}
      open
      change={(open) => !open && props.close()}
      footer={
        <>
          {account && <RevokeTokens account={account} />}
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
          void submit(new FormData(event.currentTarget));
        }}
      >
        <Fields account={account} />
        <p role="alert" className="text-bad empty:hidden sm:col-span-2">
          {problem}
        </p>
      </form>
      {account && <Verdicts account={account} />}
    </Framed>
  );
}

function RevokeTokens({ account }: { account: AccountShown }) {
  const project = useProject();
  const say = useToast();
  async function revoke() {
    await api.post(`/projects/${project.id}/accounts/${encodeURIComponent(account.id)}/revoke-tokens`, {});
    say(t("All tokens of this account that were issued until now are revoked."));
  }
  return (
    <button type="button" className={quiet} onClick={() => void revoke()}>
      {t("Revoke tokens")}
    </button>
  );
}

function Fields({ account }: { account?: AccountShown }) {
  return (
    <>
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
      <SelectField label={t("Type")} name="type" value={account?.type ?? "user"} options={TYPE_OPTIONS} />
      <SelectField
        label={t("Verified")}
        name="verification"
        value={account?.verification}
        options={Object.entries(VERIFIED)}
      />
      <SelectField
        label={t("Subscription")}
        name="subscription"
        value={account?.subscription}
        options={Object.entries(TIERS)}
      />
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
    </>
  );
}

/** The permissions of an account; for a missing one, what it lacks. */
function Verdicts({ account }: { account: AccountShown }) {
  return (
    <ul className="mt-4 grid gap-1 sm:grid-cols-2" aria-label={t("Permissions")}>
      {Object.entries(account.permissions).map(([name, verdict]) => (
        <li key={name} className={verdict.granted ? "" : "text-soft"}>
          {verdict.granted ? "✓" : "–"} {name}
          {!verdict.granted && ` (${t("lacks {what}", { what: lacking(verdict) })})`}
        </li>
      ))}
    </ul>
  );
}

const lacking = (verdict: Verdict) =>
  verdict.lacks === "subscription"
    ? (TIERS[verdict.needs] ?? verdict.needs)
    : verdict.lacks === "verification"
      ? t("verified: {what}", { what: VERIFIED[verdict.needs] })
      : verdict.needs;
