/** The list of customers: by interval, sorted, searched, filtered, and exported as a file. */

import { useEffect, useState } from "react";
import { api, type CustomerRow } from "../client/api";
import { useProject, useView } from "../client/hooks";
import { FilterBar } from "../kit/controls";
import { field, quiet } from "../kit/dialog";
import { Options } from "../kit/fields";
import { exact, money, percent } from "../kit/format";
import { type BigColumn, BigTable, type Sorting } from "../kit/large_table";
import { Place, Visitor, When } from "../kit/lists";
import { Empty } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t, term } from "../language";

const INTERVALS = [
  ["all", t("All time")],
  ["daily", t("Last 24 hours")],
  ["weekly", t("Last 7 days")],
  ["monthly", t("Last 30 days")],
] as const;
const SORTS: [string, string][] = [
  ["sessions", t("Sessions")],
  ["orders", t("Orders")],
  ["bookings", t("Bookings")],
  ["last_login", t("Last sign-in")],
  ["registered", t("Registered")],
  ["last_order", t("Last order")],
  ["value", t("Value")],
  ["last_seen", t("Last seen")],
  ["reviews", t("Reviews")],
  ["active", t("Still a customer")],
  ["expected_orders", t("Future orders")],
  ["expected_value", t("Value to come")],
];
const name = (sort: string) => SORTS.find(([key]) => key === sort)?.[1] ?? sort;
const number = (
  sort: string,
  width: string,
  show: (row: CustomerRow) => React.ReactNode,
  usual = false,
): BigColumn<CustomerRow> => ({ name: name(sort), sort, number: true, width, usual, show });
const time = (sort: string, at: (row: CustomerRow) => string | null, usual = false) => ({
  name: name(sort),
  sort,
  width: "minmax(7rem,1fr)",
  usual,
  show: (row: CustomerRow) => {
    const time = at(row);
    return time ? <When at={time} /> : <span className="text-soft">–</span>;
  },
});
/** Formats numbers below ten with one decimal. */
const about = (value: number) => (value >= 9.95 ? exact(Math.round(value)) : value.toFixed(1));

const columns = (currency: string): BigColumn<CustomerRow>[] => [
  {
    name: t("Customer"),
    width: "minmax(12rem,2fr)",
    usual: true,
    show: (row) => <Visitor id={row.visitor_id} name={row.name || row.user_id} />,
  },
  { name: t("User"), width: "minmax(8rem,1fr)", show: (row) => row.user_id || "–" },
  number("sessions", "6rem", (row) => exact(row.sessions), true),
  number("orders", "6rem", (row) => exact(row.orders), true),
  number("bookings", "6.5rem", (row) => exact(row.bookings), true),
  { name: t("Paid"), number: true, width: "minmax(8rem,1fr)", usual: true, show: (row) => money(row.paid) },
  number("value", "minmax(7rem,1fr)", (row) => money([{ currency, amount: row.value }])),
  {
    ...time("last_order", (row) => row.last_order?.at ?? null, true),
    width: "minmax(11rem,1.2fr)",
    show: (row) =>
      row.last_order ? (
        <>
          {money([row.last_order])} · <When at={row.last_order.at} />
        </>
      ) : (
        <span className="text-soft">–</span>
      ),
  },
  {
    name: t("Last booking"),
    sort: "last_booking",
    width: "minmax(10rem,1fr)",
    show: (row) =>
      row.last_booking ? (
        <>
          {row.last_booking.service} · <When at={row.last_booking.at} />
        </>
      ) : (
        <span className="text-soft">–</span>
      ),
  },
  time("last_login", (row) => row.last_login, true),
  time("registered", (row) => row.registered, true),
  time("last_seen", (row) => row.last_seen),
  number("reviews", "6rem", (row) => exact(row.reviews ?? 0)),
  {
    name: t("Device"),
    width: "minmax(9rem,1fr)",
    usual: true,
    show: (row) =>
      [row.device && term(row.device), row.browser, row.system].filter(Boolean).join(", ") || t("unknown"),
  },
  {
    name: t("Country"),
    width: "minmax(7rem,1fr)",
    show: (row) => <Place code={row.country ?? ""} city="" />,
  },
  { name: t("Standing"), width: "minmax(8rem,1fr)", show: (row) => (row.rfm ? term(row.rfm) : "–") },
  number("active", "8rem", (row) => (row.active === null ? "–" : percent(row.active))),
  number("expected_orders", "9rem", (row) =>
    row.expected_orders === null
      ? "–"
      : `${about(row.expected_orders)} (${row.expected_low}–${row.expected_high})`,
  ),
  {
    name: t("Future order"),
    number: true,
    width: "minmax(11rem,1fr)",
    show: (row) =>
      row.mean_value === null || row.mean_low === null || row.mean_high === null
        ? "–"
        : `${money([{ currency, amount: row.mean_value.toFixed(2) }])} (${about(row.mean_low)}–${about(row.mean_high)})`,
  },
  number("expected_value", "9rem", (row) =>
    row.expected_value === null ? "–" : money([{ currency, amount: row.expected_value.toFixed(2) }]),
  ),
];

export function CustomerList() {
  const project = useProject();
  const [view] = useView();
  const [interval, setInterval] = useState<string>("all");
  const [sorting, setSorting] = useState<Sorting>({ sort: "sessions", descending: true });
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  useEffect(() => {
    const later = setTimeout(() => setSearch(typed.trim()), 250);
    return () => clearTimeout(later);
  }, [typed]);
  const body = { question: "customers", interval, search, period: "all" };
  return (
    <>
      <div className="mb-3 flex flex-wrap items-end justify-between gap-3">
        <h1 className="text-xl font-semibold">{t("Customers")}</h1>
        <div className="no-print flex flex-wrap items-end gap-3">
          <Choice label={t("Counted in")} value={interval} change={setInterval} options={INTERVALS} />
          <Choice
            label={t("Sorted by")}
            value={sorting.sort}
            change={(sort) => setSorting({ sort, descending: sorting.descending })}
            options={SORTS}
          />
          <Choice
            label={t("Which first")}
            value={sorting.descending ? "desc" : "asc"}
            change={(way) => setSorting({ ...sorting, descending: way === "desc" })}
            options={[
              ["desc", t("Highest first")],
              ["asc", t("Lowest first")],
            ]}
          />
        </div>
      </div>
      <div className="no-print mb-3 flex flex-wrap items-center gap-2">
        <label className="block grow sm:grow-0">
          <span className="sr-only">{t("Find somebody by name, id or order")}</span>
          <input
            type="search"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            placeholder={t("Find by name, id or order")}
            className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
          />
        </label>
        <FilterBar ofCustomers />
      </div>
      <BigTable<CustomerRow>
        name={t("Customers")}
        body={body}
        usual="sessions"
        ascending
        sorting={[sorting, setSorting]}
        aside={<AsFile body={{ ...body, filter: { all: view.filter }, ...sorting }} />}
        rows={(data: { rows: CustomerRow[] }) => data.rows}
        total={(data: { customers: number }) => data.customers}
        columns={columns(project.currency)}
        id={(row) => row.person}
        empty={
          <Empty title={t("No customers here")}>
            {t(
              "A customer is somebody who has signed in (identify) or ordered. Send an Order Completed, or connect a source of orders.",
            )}
          </Empty>
        }
      />
    </>
  );
}

export function Choice(props: {
  label: string;
  value: string;
  change: (value: string) => void;
  options: readonly (readonly [string, string])[];
}) {
  return (
    <label className="block text-xs text-soft">
      {props.label}
      <select
        value={props.value}
        onChange={(event) => props.change(event.target.value)}
        className={`${field} text-sm text-ink`}
      >
        <Options of={props.options} />
      </select>
    </label>
  );
}

/** The first ten thousand of the list, as a file. */
function AsFile({ body }: { body: Record<string, unknown> }) {
  const project = useProject();
  const say = useToast();
  const fetchFile = async () => {
    const file = await api.file(`/projects/${project.id}/ask?format=csv`, { ...body, limit: 10_000 });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = "customers.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return (
    <button
      type="button"
      className={`${quiet} no-print px-2! py-0.5! text-xs`}
      onClick={() => void fetchFile().catch((error: Error) => say(error.message))}
    >
      CSV
    </button>
  );
}

/** The number of orders that no sum contains, because their currency has no exchange rate. */
export function Unconverted({ count }: { count: number }) {
  return (
    <p className="px-4 pb-2 text-soft">
      {t(
        "{count, plural, one {# order is of a currency without a rate and not in the value.} other {# orders are of currencies without a rate and not in the value.}}",
        { count },
      )}
    </p>
  );
}
