/** Period, comparison and filters: the same everywhere, all in the address. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { DropdownMenu, Popover } from "radix-ui";
import { useContext, useState } from "react";
import { api, type Segment } from "../client/api";
import { ProjectContext, useAsk, useProject, useView } from "../client/hooks";
import {
  COLUMNS,
  CUSTOMER_COLUMNS,
  CUSTOMER_OPERATORS,
  literal,
  OPERATORS,
  PERIODS,
  said,
} from "../client/view_state";
import { t, term } from "../language";
import { Options } from "./fields";
import { country } from "./format";
import { useToast } from "./toast";

const button =
  "inline-flex min-h-9 items-center gap-1.5 rounded-lg border border-line bg-card px-3 hover:border-accent data-[state=open]:border-accent";
const floating = "z-30 rounded-xl border border-line bg-raised p-1.5 shadow-lg";
const field = "min-h-9 w-full rounded-lg border border-line bg-card px-2.5";

const COMPARISONS = [
  ["previous", t("Compare with the days before")],
  ["year", t("Compare with a year ago")],
] as const;

export function PeriodPicker() {
  const [view, change] = useView();
  const chosen = view.from
    ? `${view.from} – ${view.to ?? "today"}`
    : (PERIODS.find(([name]) => name === view.period)?.[1] ?? view.period);
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger className={button} aria-label={t("Period: {chosen}", { chosen })}>
        {chosen} <span aria-hidden="true">▾</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align="end" sideOffset={6} className={`${floating} w-64`}>
          <Radios
            options={PERIODS}
            value={view.from ? "" : view.period}
            change={(period) => change({ period, from: undefined, to: undefined })}
          />
          <DropdownMenu.Separator className="my-1.5 h-px bg-line" />
          <Radios
            options={COMPARISONS}
            value={view.compare}
            change={(compare) => change({ compare: compare as "previous" | "year" })}
          />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Radios(props: {
  options: readonly (readonly [value: string, label: string])[];
  value: string;
  change: (value: string) => void;
}) {
  return (
    <DropdownMenu.RadioGroup value={props.value} onValueChange={props.change}>
      {props.options.map(([value, label]) => (
        <DropdownMenu.RadioItem
          key={value}
          value={value}
          className="flex cursor-pointer justify-between rounded-lg px-3 py-1.5 outline-none data-[highlighted]:bg-accent-soft"
        >
          {label}
          <DropdownMenu.ItemIndicator className="text-accent">✓</DropdownMenu.ItemIndicator>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

export function DatesPicker() {
  const [view, change] = useView();
  const [open, setOpen] = useState(false);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className={button}>{t("Dates…")}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" sideOffset={6} className={`${floating} w-64 p-3`}>
          <form
            className="space-y-2"
            onSubmit={(event) => {
              event.preventDefault();
              const values = new FormData(event.currentTarget);
              change({ from: String(values.get("from")), to: String(values.get("to")) });
              setOpen(false);
            }}
          >
            <label className="block">
              {t("From")}
              <input required type="date" name="from" defaultValue={view.from} className={field} />
            </label>
            <label className="block">
              {t("To")}
              <input required type="date" name="to" defaultValue={view.to} className={field} />
            </label>
            <button type="submit" className="w-full rounded-lg bg-accent py-2 font-medium text-card">
              {t("Show")}
            </button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

const SEGMENT = "segment:is:";

/** The saved segments of the project. */
export function useSegments() {
  const project = useContext(ProjectContext);
  return useQuery({
    queryKey: ["segments", project?.id],
    queryFn: () => api.get<Segment[]>(`/projects/${project?.id}/segments`),
    enabled: project !== undefined,
    staleTime: 60_000,
  });
}

/** For customers, the filter offers columns of customers only; conditions on their events need a saved segment. */
export function FilterBar({ ofCustomers = false }: { ofCustomers?: boolean }) {
  const [view, change] = useView();
  const segments = useSegments();
  return (
    <div className="flex flex-wrap items-center gap-2">
      {view.filter.map((text) => {
        const named = segments.data?.find((segment) => text === SEGMENT + segment.id)?.name;
        const chip = said(text, named);
        return (
          <span
            key={text}
            className="inline-flex min-h-9 max-w-full items-center rounded-lg bg-accent-soft ps-3"
          >
            <span className="truncate">{chip}</span>
            <button
              type="button"
              aria-label={t("Remove filter: {said}", { said: chip })}
              onClick={() => change({ filter: view.filter.filter((other) => other !== text) })}
              className="px-2.5 py-1.5 hover:text-bad"
            >
              ×
            </button>
          </span>
        );
      })}
      <Segments segments={segments.data ?? []} />
      <AddFilter
        ofCustomers={ofCustomers}
        add={(text) => change({ filter: [...view.filter.filter((other) => other !== text), text] })}
      />
      <label className="inline-flex min-h-9 cursor-pointer items-center gap-2 px-1 text-soft">
        <input
          type="checkbox"
          checked={view.bots}
          onChange={(event) => change({ bots: event.target.checked })}
          className="size-4 accent-(--accent)"
        />
        {t("with bots")}
      </label>
      {!ofCustomers && view.filter.length > 0 && <Lacking />}
    </div>
  );
}

/** Names the filters that match nothing because the value does not exist, with the most frequent values. */
function Lacking() {
  const asked = useAsk({ question: "values", of: "name", limit: 1 });
  return (asked.data?.notes ?? []).map((note) => {
    const wanted = said(`${note.column}:is:${note.values.map((value) => literal(String(value))).join("|")}`);
    const named = note.there.map((value) => (note.column === "country" ? country(value) : value));
    return (
      <p key={note.message} role="status" className="basis-full text-soft">
        {named.length > 0
          ? t("Nothing in this period matches: {wanted}. The most frequent are {values}.", {
              wanted,
              values: named.join(", "),
            })
          : t("Nothing in this period matches: {wanted}.", { wanted })}
      </p>
    );
  });
}

/** Saves the filters of the view as a segment, and removes segments. */
function useSegmentChanges() {
  const [view, change] = useView();
  const project = useProject();
  const client = useQueryClient();
  const say = useToast();
  const path = `/projects/${project.id}/segments`;
  const fresh = () => client.invalidateQueries({ queryKey: ["segments", project.id] });
  async function save(name: string) {
    const segment = await api.post<Segment>(path, { name, filter: { all: view.filter } });
    await fresh();
    change({ filter: [SEGMENT + segment.id] });
  }
  async function remove(segment: Segment) {
    await api.remove(`${path}/${segment.id}`);
    change({ filter: view.filter.filter((text) => text !== SEGMENT + segment.id) });
    await fresh();
    say(t("The segment was removed."), () => {
      void api.post(path, { name: segment.name, filter: segment.filter }).then(fresh);
    });
  }
  return { save, remove };
}

/** Saved segments: choose one as a filter, or save the current filters as one. */
function Segments({ segments }: { segments: Segment[] }) {
  const [view, change] = useView();
  const { save, remove } = useSegmentChanges();
  const [open, setOpen] = useState(false);
  const own = view.filter.filter((text) => !text.startsWith(SEGMENT));
  if (segments.length === 0 && own.length === 0) return null;
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className={button}>{t("Segments")}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="start" sideOffset={6} className={`${floating} w-72 p-3`}>
          <ul aria-label={t("Saved segments")}>
            {segments.map((segment) => (
              <li key={segment.id} className="flex">
                <button
                  type="button"
                  className="min-w-0 flex-1 truncate rounded-lg px-2 py-1.5 text-start hover:bg-accent-soft"
                  onClick={() => {
                    change({ filter: [...new Set([...view.filter, SEGMENT + segment.id])] });
                    setOpen(false);
                  }}
                >
                  {segment.kind === "ready" ? term(segment.name) : segment.name}{" "}
                  {segment.kind === "list" && <span className="text-soft">{t("(a list)")}</span>}
                </button>
                {segment.kind === "live" && (
                  <button
                    type="button"
                    aria-label={t("Remove segment {name}", { name: segment.name })}
                    className="px-2 text-soft hover:text-bad"
                    onClick={() => void remove(segment)}
                  >
                    ×
                  </button>
                )}
              </li>
            ))}
          </ul>
          {own.length > 0 && (
            <form
              className="mt-2 space-y-2 border-t border-line pt-2"
              onSubmit={(event) => {
                event.preventDefault();
                const name = String(new FormData(event.currentTarget).get("name"));
                void save(name).then(() => setOpen(false));
              }}
            >
              <label className="block">
                {t("Save these filters as")}
                <input name="name" required maxLength={200} className={field} />
              </label>
              <button type="submit" className="w-full rounded-lg bg-accent py-2 font-medium text-card">
                {t("Save segment")}
              </button>
            </form>
          )}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** Columns whose values can be listed: those of events. */
const OF_EVENTS = /^(?!(visitor|session|person)[._]|entry_|exit_|user_id)/;

function AddFilter({ add, ofCustomers }: { add: (text: string) => void; ofCustomers: boolean }) {
  const [open, setOpen] = useState(false);
  const [column, setColumn] = useState(COLUMNS[0]?.[0] ?? "");
  const listed = open && !ofCustomers && OF_EVENTS.test(column);
  const values = useAsk(
    listed ? { question: "values", of: column, limit: 100, filter: undefined } : undefined,
  );
  const [columns, operators] = ofCustomers ? [CUSTOMER_COLUMNS, CUSTOMER_OPERATORS] : [COLUMNS, OPERATORS];
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className={button}>{t("+ Filter")}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="start" sideOffset={6} className={`${floating} w-72 p-3`}>
          <form
            className="space-y-2"
            onSubmit={(event) => {
              event.preventDefault();
              const values = new FormData(event.currentTarget);
              const property = String(values.get("property") ?? "").trim();
              const column = property ? `properties.${property}` : String(values.get("column"));
              add(`${column}:${values.get("operator")}:${literal(String(values.get("value")))}`);
              setOpen(false);
            }}
          >
            <label className="block">
              {t("What")}
              <select name="column" className={field} onChange={(event) => setColumn(event.target.value)}>
                <Options of={columns} />
              </select>
            </label>
            {!ofCustomers && (
              <label className="block">
                {t("or a property of the event")}
                <input name="property" placeholder={t("for example price_range")} className={field} />
              </label>
            )}
            <label className="block">
              {t("How")}
              <select name="operator" className={field}>
                <Options of={operators} />
              </select>
            </label>
            <label className="block">
              {t("Value")}
              <input required name="value" list="values-there" className={field} />
              <datalist id="values-there">
                {listed &&
                  values.data?.data.map(({ value }) => (
                    <option key={value} value={value}>
                      {column === "country" ? country(value) : value}
                    </option>
                  ))}
              </datalist>
            </label>
            <button type="submit" className="w-full rounded-lg bg-accent py-2 font-medium text-card">
              {t("Add filter")}
            </button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

export function Controls({ title, filters = true }: { title: string; filters?: boolean }) {
  return (
    <div className="mb-4 space-y-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">{title}</h1>
        <div className="no-print flex flex-wrap gap-2">
          <PeriodPicker />
          <DatesPicker />
        </div>
      </div>
      {filters && (
        <div className="no-print">
          <FilterBar />
        </div>
      )}
    </div>
  );
}
