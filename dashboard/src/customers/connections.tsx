/** Sources of orders: shops, payment providers and databases; exchange rates and costs. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Connection } from "../client/api";
import { useProject } from "../client/hooks";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { Options } from "../kit/fields";
import { exact } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton, Toggle } from "../kit/parts";
import { useToast } from "../kit/toast";
import { rich, t } from "../language";
import { Costs, Rates } from "./money";

const KINDS: Record<Connection["kind"], string> = {
  stripe: "Stripe",
  woocommerce: "WooCommerce",
  postgres: "PostgreSQL",
};

export function Connections() {
  const project = useProject();
  const path = `/projects/${project.id}/connections`;
  const client = useQueryClient();
  const connections = useQuery({
    queryKey: [path],
    queryFn: () => api.get<Connection[]>(path),
    refetchInterval: 5_000,
  });
  const again = () => client.invalidateQueries({ queryKey: [path] });
  return (
    <>
      <h1 className="mb-3 text-xl font-semibold">{t("Where orders come from")}</h1>
      <div className="space-y-4">
        <Card title={t("Shops, payments and databases")} aside={<Connect path={path} done={again} />}>
          {connections.error && <Failure error={connections.error} again={connections.refetch} />}
          {connections.data === undefined && !connections.error && <Skeleton rows={3} />}
          {connections.data?.length === 0 && (
            <Empty title={t("None yet")}>
              {rich(
                "Orders are counted when a page or server sends <code>Order Completed</code>. Connect Stripe, WooCommerce or a PostgreSQL table to receive them automatically; import an export of Shopify under Data.",
                { code: (parts) => <code key="code">{parts}</code> },
              )}
            </Empty>
          )}
          <ul className="divide-y divide-line px-4 pb-2">
            {connections.data?.map((connection) => (
              <Row key={connection.id} connection={connection} path={path} changed={again} />
            ))}
          </ul>
        </Card>
        <div className="grid gap-4 lg:grid-cols-2">
          <Rates />
          <Costs />
        </div>
      </div>
    </>
  );
}

/** The webhook URL of a shop, as the shop reaches this server. */
const delivered = (connection: Connection) =>
  connection.address.startsWith("http")
    ? connection.address
    : `${window.location.origin}/v1/connections/${connection.id}`;

function Row(props: { connection: Connection; path: string; changed: () => Promise<void> }) {
  const { connection, path } = props;
  const change = (part: Partial<Connection>) =>
    void api.patch(`${path}/${connection.id}`, part).then(props.changed);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 py-2.5">
      <span className="min-w-0 flex-1 basis-60">
        <span className="block truncate font-medium">
          {connection.name} <span className="font-normal text-soft">{KINDS[connection.kind]}</span>
        </span>
        <span className="block text-soft">
          {connection.last_at ? (
            <>
              {t("{count} reports accepted, the last", { count: exact(connection.taken) })}{" "}
              <When at={connection.last_at} />
            </>
          ) : (
            t("Nothing has arrived yet")
          )}
        </span>
        {connection.kind !== "postgres" && (
          <code className="block text-xs break-all text-soft">{delivered(connection)}</code>
        )}
        {connection.problem && <span className="block text-bad">{connection.problem}</span>}
      </span>
      <Toggle
        label={t("Accept orders of {name}", { name: connection.name })}
        on={connection.active}
        change={(active) => change({ active })}
      />
      {connection.kind === "stripe" && <Secret one={connection} save={(secret) => change({ secret })} />}
      <Framed
        title={t("Remove {name}?", { name: connection.name })}
        trigger={
          <button type="button" className={quiet}>
            {t("Remove")} <span className="sr-only">{connection.name}</span>
          </button>
        }
        footer={
          <button
            type="button"
            className={primary}
            onClick={() => void api.remove(`${path}/${connection.id}`).then(props.changed)}
          >
            {t("Remove")}
          </button>
        }
      >
        <p>{t("No more orders are taken from there. Orders taken before stay.")}</p>
      </Framed>
    </li>
  );
}

/** Stripe shows its secret only after the webhook is created, so it is entered afterwards. */
function Secret({ one: connection, save }: { one: Connection; save: (secret: string) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <Framed
      title={t("Signing secret of {name}", { name: connection.name })}
      open={open}
      change={setOpen}
      trigger={
        <button type="button" className={quiet}>
          {t("Secret…")} <span className="sr-only">{connection.name}</span>
        </button>
      }
    >
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          save(String(new FormData(event.currentTarget).get("secret")));
          setOpen(false);
        }}
      >
        <p>
          {t("In Stripe, add a webhook with the URL above; it then shows a secret that begins with whsec_.")}
        </p>
        <label className="block">
          {t("Secret")}
          <input name="secret" required autoComplete="off" className={field} />
        </label>
        <button type="submit" className={primary}>
          {t("Save")}
        </button>
      </form>
    </Framed>
  );
}

const COLUMN_FIELDS: [string, string, string][] = [
  ["order_id", t("Column of the order's id"), "id"],
  ["user_id", t("Column of the user's id"), "user_id"],
  ["total", t("Column of the amount"), "total"],
  ["currency", t("Column of the currency"), ""],
  ["placed_at", t("Column of the time"), "created_at"],
  ["status", t("Column of the status"), ""],
  ["refunded", t("Column of the refunded amount"), ""],
];

/** The connection that a form describes, as the body of the request. */
function described(kind: Connection["kind"], form: HTMLFormElement, currency: string) {
  const values = new FormData(form);
  const text = (name: string) => String(values.get(name) ?? "").trim();
  if (kind !== "postgres") return { kind, name: text("name") };
  const columns = Object.fromEntries(
    COLUMN_FIELDS.map(([name]) => [name, text(name)]).filter(([, value]) => value !== ""),
  );
  const placed = text("placed")
    .split(",")
    .map((status) => status.trim())
    .filter(Boolean);
  const config = { table: text("table"), columns, placed, ...(columns.currency ? {} : { currency }) };
  return { kind, name: text("name"), secret: text("dsn"), config };
}

function Connect({ path, done }: { path: string; done: () => Promise<void> }) {
  const project = useProject();
  const [open, setOpen] = useState(false);
  const [kind, setKind] = useState<Connection["kind"]>("stripe");
  const [created, setMade] = useState<Connection>();
  const say = useToast();
  async function save(form: HTMLFormElement) {
    try {
      setMade(await api.post<Connection>(path, described(kind, form, project.currency)));
      await done();
    } catch (error) {
      say((error as Error).message);
    }
  }
  return (
    <Framed
      title={t("Connect")}
      open={open}
      change={(now) => {
        setOpen(now);
        setMade(undefined);
      }}
      trigger={
        <button type="button" className={`${primary} no-print`}>
          {t("Connect…")}
        </button>
      }
    >
      {created ? (
        <Next created={created} />
      ) : (
        <form
          className="grid gap-3 sm:grid-cols-2"
          onSubmit={(event) => {
            event.preventDefault();
            void save(event.currentTarget);
          }}
        >
          <label>
            {t("What")}
            <select
              value={kind}
              onChange={(event) => setKind(event.target.value as Connection["kind"])}
              className={field}
            >
              <Options of={Object.entries(KINDS)} />
            </select>
          </label>
          <label>
            {t("Name")}
            <input
              name="name"
              required
              maxLength={200}
              className={field}
              defaultValue={KINDS[kind]}
              key={kind}
            />
          </label>
          {kind === "postgres" && <PostgresFields />}
          <button type="submit" className={`${primary} justify-self-start`}>
            {t("Connect")}
          </button>
        </form>
      )}
    </Framed>
  );
}

function PostgresFields() {
  return (
    <>
      <label className="sm:col-span-2">
        {t("Connection string of the database, with a user who may create triggers")}
        <input
          name="dsn"
          required
          autoComplete="off"
          placeholder="postgresql://user:password@host/database"
          className={field}
        />
      </label>
      <label>
        {t("Table of orders")}
        <input name="table" required placeholder="public.orders" className={field} />
      </label>
      <label>
        {t("Statuses that count, with commas between")}
        <input name="placed" placeholder="paid, sent" className={field} />
      </label>
      {COLUMN_FIELDS.map(([name, label, usual]) => (
        <label key={name}>
          {label}
          <input name={name} defaultValue={usual} className={field} />
        </label>
      ))}
    </>
  );
}

/** The remaining setup in the shop. */
function Next({ created: made }: { created: Connection }) {
  if (made.kind === "postgres")
    return <p>{t("Existing orders are imported first; the list shows the progress.")}</p>;
  return (
    <div className="space-y-2">
      <p>
        {made.kind === "stripe"
          ? t(
              "In Stripe, add a webhook for payment_intent.succeeded, checkout.session.completed and charge.refunded with this URL, then give its secret here:",
            )
          : t(
              "In WooCommerce, add webhooks for order created, updated and deleted with this URL and this secret, which is shown only now:",
            )}
      </p>
      <code className="block rounded-lg bg-ground p-3 break-all">{delivered(made)}</code>
      {made.kind === "woocommerce" && (
        <code className="block rounded-lg bg-ground p-3 break-all">{made.secret}</code>
      )}
    </div>
  );
}
