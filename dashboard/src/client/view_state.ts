/** The view of a page, stored in the address: period, comparison, filters, bots. */
import { locale, t } from "../language";

const either = new Intl.ListFormat(locale, { type: "disjunction" });

export interface Filter {
  column: string;
  operator: string;
  values: string[];
}

export interface View {
  period: string;
  from?: string;
  to?: string;
  compare: "previous" | "year";
  filter: string[];
  bots: boolean;
}

export const PERIODS: [string, string][] = [
  ["today", t("Today")],
  ["yesterday", t("Yesterday")],
  ["7d", t("Last 7 days")],
  ["30d", t("Last 30 days")],
  ["90d", t("Last 90 days")],
  ["month", t("This month")],
  ["last_month", t("Last month")],
  ["12mo", t("Last 12 months")],
  ["year", t("This year")],
  ["all", t("All time")],
];

export const COLUMNS: [string, string][] = [
  ["name", t("Event")],
  ["path", t("Page")],
  ["entry_path", t("Entry page")],
  ["exit_path", t("Exit page")],
  ["channel", t("Channel")],
  ["source", t("Source")],
  ["medium", t("Medium")],
  ["campaign", t("Campaign")],
  ["referrer_host", t("Referrer")],
  ["country", t("Country")],
  ["city", t("City")],
  ["device", t("Device")],
  ["browser", t("Browser")],
  ["system", t("System")],
  ["language", t("Language")],
  ["user_id", t("User")],
  ["stage", t("Stage")],
  ["intent", t("Intent")],
];

export const OPERATORS: [string, string][] = [
  ["is", t("is")],
  ["is_not", t("is not")],
  ["contains", t("contains")],
  ["contains_not", t("does not contain")],
  ["starts_with", t("starts with")],
];

/** The columns of customers, by which any number of customers can be filtered quickly. */
export const CUSTOMER_COLUMNS: [string, string][] = [
  ["customer.orders", t("Orders")],
  ["customer.bookings", t("Bookings")],
  ["customer.value", t("Value")],
  ["customer.days_since_order", t("Days since the last order")],
  ["customer.days_since_seen", t("Days since the last visit")],
  ["customer.sessions", t("Sessions")],
  ["customer.active", t("Still a customer (0 to 1)")],
  ["customer.expected_value", t("Value to come")],
  ["customer.rfm", t("Standing")],
  ["stage", t("Stage")],
  ["intent", t("Intent")],
  ["country", t("Country")],
  ["device", t("Device")],
  ["browser", t("Browser")],
  ["system", t("System")],
  ["user_id", t("User")],
];

export const CUSTOMER_OPERATORS: [string, string][] = [
  ["at_least", t("is at least")],
  ["at_most", t("is at most")],
  ["less", t("is less than")],
  ["is", t("is")],
  ["is_not", t("is not")],
  ["contains", t("contains")],
];

/** Reads a view from search parameters; unknown values are replaced by the defaults. */
export function readView(search: Record<string, unknown>): View {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const filter = Array.isArray(search.filter) ? search.filter : search.filter ? [search.filter] : [];
  return {
    period: text(search.period) ?? "30d",
    from: text(search.from),
    to: text(search.to),
    compare: search.compare === "year" ? "year" : "previous",
    filter: filter.filter((text): text is string => typeof text === "string"),
    bots: search.bots === true || search.bots === "true",
  };
}

/** The parts of a view that differ from the defaults, for the address. */
export function writeView(view: View): Partial<View> {
  return {
    period: view.period === "30d" ? undefined : view.period,
    from: view.from,
    to: view.to,
    compare: view.compare === "previous" ? undefined : view.compare,
    filter: view.filter.length > 0 ? view.filter : undefined,
    bots: view.bots || undefined,
  };
}

/** The view as the API's query string. */
export function question(view: View, more: Record<string, string | number> = {}): string {
  const query = new URLSearchParams({ period: view.period, compare: view.compare });
  if (view.from) query.set("from", view.from);
  if (view.to) query.set("to", view.to);
  if (view.bots) query.set("bots", "true");
  for (const filter of view.filter) query.append("filter", filter);
  for (const [name, value] of Object.entries(more)) query.set(name, String(value));
  return query.toString();
}

export function parseFilter(text: string): Filter {
  const [column = "", operator = "is", ...rest] = text.split(":");
  return { column, operator, values: parts(rest.join(":")) };
}

/** The values of a filter, separated by `|`; a backslash before `|` makes it part of a value. */
function parts(text: string): string[] {
  const values = [""];
  for (const piece of text.match(/\\[\\|]|\||[^\\|]+|\\/g) ?? []) {
    if (piece === "|") values.push("");
    else values[values.length - 1] += piece === "\\\\" || piece === "\\|" ? piece.slice(1) : piece;
  }
  return values;
}

/** Escapes a value for the text of a filter. */
export function literal(value: string): string {
  return value.replace(/[\\|]/g, "\\$&");
}

export function columnLabel(column: string): string {
  const known = [...COLUMNS, ...CUSTOMER_COLUMNS].find(([name]) => name === column);
  return known?.[1] ?? column.replace("properties.", "");
}

/** A filter in words; `segment` is the name of its segment. */
export function said(text: string, segment?: string): string {
  const filter = parseFilter(text);
  if (filter.column === "segment") return t("in {segment}", { segment: segment ?? t("a segment") });
  const operators = [...OPERATORS, ...CUSTOMER_OPERATORS];
  const operator =
    operators.find(([name]) => name === filter.operator)?.[1] ?? filter.operator.replace("_", " ");
  return `${columnLabel(filter.column)} ${operator} ${either.format(filter.values)}`;
}

/** The filter text for one value of a column. */
export function only(column: string, value: string): string {
  return value === "" ? `${column}:not_set` : `${column}:is:${literal(value)}`;
}
