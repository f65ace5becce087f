/**
 * The large table: it loads and draws only the rows in view; the server sorts; the choice of visible
 * columns is stored in the browser.
 */

import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Popover } from "radix-ui";
import { memo, type ReactNode, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { type Asked, api } from "../client/api";
import { useProject, useVersion, useView } from "../client/hooks";
import { t } from "../language";
import { exact } from "./format";
import { Card, Failure, Skeleton } from "./parts";
import { Opened } from "./why";

export interface BigColumn<Row> {
  name: string;
  show: (row: Row) => ReactNode;
  /** The server's name of the column for sorting. */
  sort?: string;
  number?: boolean;
  width: string;
  /** Whether the column is visible by default. */
  usual?: boolean;
}

export interface Sorting {
  sort: string;
  descending: boolean;
}

const PAGE = 100;
const HEIGHT = 44;
/** The largest number of rows to scroll: browsers cannot draw higher elements. Filters and sorting reach all others. */
const MOST = 500_000;

interface BigTableProps<Row> {
  name: string;
  body: Record<string, unknown>;
  filter?: unknown;
  rows: (data: never) => Row[];
  total?: (data: never) => number | undefined;
  columns: BigColumn<Row>[];
  id: (row: Row) => string;
  usual: string;
  ascending?: boolean;
  /** The sort column, if another element of the page sets it too. */
  sorting?: [Sorting, (sorting: Sorting) => void];
  /** Content beside the choice of columns. */
  aside?: ReactNode;
  empty: ReactNode;
}

export function BigTable<Row>(props: BigTableProps<Row>) {
  const own = useState<Sorting>({ sort: props.usual, descending: true });
  const [sorting, setSorting] = props.sorting ?? own;
  const [shown, setShown] = useColumns(props.name, props.columns);
  const place = useRef<HTMLDivElement>(null);
  const { answer, loading, total, loaded, more, count, rowAt, virtual } = useRows(
    props,
    useBody(props, sorting),
    place,
  );
  const columns = useMemo(
    () => props.columns.filter((column) => shown.includes(column.name)),
    [props.columns, shown],
  );
  const grid = columns.map((column) => column.width).join(" ");
  const sortBy = (sort: string) =>
    setSorting({
      sort,
      descending: sort === sorting.sort && props.ascending ? !sorting.descending : true,
    });
  return (
    <Card
      title={more ? t("{rows} or more", { rows: exact(loaded) }) : exact(total ?? loaded)}
      aside={
        <>
          <span aria-live="polite">{loading ? t("asking…") : ""}</span>
          {props.aside}
          <Columns all={props.columns.map((column) => column.name)} shown={shown} change={setShown} />
          <Opened query={answer.data?.queries.at(-1)} name={props.name} rule={String(props.body.question)} />
        </>
      }
    >
      {answer.error && <Failure error={answer.error} again={answer.refetch} />}
      {answer.data === undefined && !answer.error && <Skeleton rows={12} />}
      {answer.data && count === 0 && props.empty}
      {count > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: rows of a table element cannot be placed where they are in view
        <div
          ref={place}
          role="table"
          aria-label={props.name}
          aria-rowcount={total ?? -1}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
          tabIndex={0}
          className="max-h-[70vh] overflow-auto"
        >
          <div className="min-w-fit">
            <HeadRow columns={columns} grid={grid} sorting={sorting} sortBy={sortBy} />
            <div style={{ height: virtual.getTotalSize() }} className="relative">
              {virtual.getVirtualItems().map((item) => {
                const row = rowAt(item.index);
                return (
                  <BigRow
                    key={row ? props.id(row) : item.index}
                    row={row}
                    index={item.index}
                    start={item.start}
                    columns={columns as BigColumn<never>[]}
                    grid={grid}
                  />
                );
              })}
            </div>
          </div>
        </div>
      )}
    </Card>
  );
}

/** The question of a page of rows, without its offset. */
function useBody<Row>(props: BigTableProps<Row>, { sort, descending }: Sorting): Record<string, unknown> {
  const [view] = useView();
  return {
    period: view.period,
    ...(view.from ? { from: view.from, to: view.to ?? "" } : {}),
    filter: { all: [...view.filter, ...(props.filter ? [props.filter] : [])] },
    bots: view.bots,
    ...props.body,
    sort,
    ...(props.ascending ? { descending } : {}),
    limit: PAGE,
  };
}

/** The rows of the pages in view: asks for a page when it scrolls into `place`. `count` is the number of rows to scroll,
 * `loaded` the number of rows up to the last known one; `more` means that an unknown number of rows follows.
 */
function useRows<Row>(
  props: BigTableProps<Row>,
  body: Record<string, unknown>,
  place: RefObject<HTMLDivElement | null>,
) {
  const key = JSON.stringify(body);
  const [reach, setReach] = useState(1);
  const [pages, setPages] = useState([0]);
  const answers = usePages(body, key, pages);
  const known = new Map(
    answers.flatMap(({ data }, at) => (data ? [[pages[at] ?? 0, props.rows(data.data)] as const] : [])),
  );
  const answer = answers[0] as (typeof answers)[number];
  const total = answer.data && props.total?.(answer.data.data);
  const last = Math.max(...known.keys(), 0);
  const loaded = last * PAGE + (known.get(last)?.length ?? 0);
  const more = total === undefined && known.get(last)?.length === PAGE;
  const count = Math.min(MOST, total ?? Math.max(loaded, more ? reach * PAGE : loaded));
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => place.current,
    estimateSize: () => HEIGHT,
    overscan: 10,
    useFlushSync: false,
  });
  const items = virtual.getVirtualItems();
  const [top, bottom] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  const inView = [...new Set([0, Math.floor(top / PAGE), Math.floor(bottom / PAGE)])].join();
  useEffect(() => setPages(inView.split(",").map(Number)), [inView]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new question scrolls to the top
  useEffect(() => {
    setReach(1);
    place.current?.scrollTo({ top: 0 });
  }, [key]);
  useEffect(() => {
    if (more && bottom > count - 30) setReach(Math.ceil(count / PAGE) + 1);
  }, [more, bottom, count]);
  const rowAt = (index: number) => known.get(Math.floor(index / PAGE))?.[index % PAGE];
  const loading = answers.some((page) => page.isLoading);
  return { answer, loading, total, loaded, more, count, rowAt, virtual };
}

/** The answers of pages; they are asked again when the store has many new events. */
function usePages(body: Record<string, unknown>, key: string, pages: number[]) {
  const project = useProject();
  const version = useVersion() ?? 0;
  return useQueries({
    queries: pages.map((at) => ({
      queryKey: ["table", project.id, key, at, Math.floor(version / 50)],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.ask<Asked<never>>(`/projects/${project.id}/ask`, { ...body, offset: at * PAGE }, signal),
      placeholderData: keepPreviousData,
      staleTime: 60_000,
    })),
  });
}

/** The names of the columns; those that the server sorts by are buttons. */
function HeadRow<Row>(props: {
  columns: BigColumn<Row>[];
  grid: string;
  sorting: Sorting;
  sortBy: (sort: string) => void;
}) {
  const { sort, descending } = props.sorting;
  const order = descending ? "descending" : "ascending";
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    // biome-ignore lint/a11y/useFocusableInteractive: its buttons are
    <div
      role="row"
      style={{ gridTemplateColumns: props.grid }}
      className="sticky top-0 z-10 grid border-b border-line bg-card text-xs text-soft"
    >
      {props.columns.map((column) => (
        // biome-ignore lint/a11y/useSemanticElements: see above
        // biome-ignore lint/a11y/useFocusableInteractive: its button is
        <div
          key={column.name}
          role="columnheader"
          aria-sort={column.sort === sort ? order : undefined}
          className={`px-3 py-2 font-medium whitespace-nowrap first:ps-4 ${column.number ? "text-end" : ""}`}
        >
          {column.sort ? (
            <button
              type="button"
              className="hover:text-ink"
              onClick={() => column.sort && props.sortBy(column.sort)}
            >
              {column.name} {column.sort === sort && <span aria-hidden="true">{descending ? "↓" : "↑"}</span>}
            </button>
          ) : (
            column.name
          )}
        </div>
      ))}
    </div>
  );
}

/** One row, or its placeholder. Scrolling creates only the rows that come into view. */
const BigRow = memo(function BigRow(props: {
  row: unknown;
  index: number;
  start: number;
  columns: BigColumn<never>[];
  grid: string;
}) {
  const { row, columns } = props;
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    // biome-ignore lint/a11y/useFocusableInteractive: its links are
    <div
      role="row"
      aria-rowindex={props.index + 2}
      style={{ gridTemplateColumns: props.grid, height: HEIGHT, transform: `translateY(${props.start}px)` }}
      className="absolute inset-x-0 top-0 grid items-center border-b border-line/60 hover:bg-accent-soft/40"
    >
      {columns.map((column) => (
        // biome-ignore lint/a11y/useSemanticElements: see above
        <div
          key={column.name}
          role="cell"
          className={`min-w-0 truncate px-3 first:ps-4 ${column.number ? "text-end" : ""}`}
        >
          {row ? (
            <bdi>{column.show(row as never)}</bdi>
          ) : (
            <span aria-hidden="true" className="block h-4 animate-pulse rounded bg-line/60" />
          )}
        </div>
      ))}
    </div>
  );
});

/** The visible columns, stored in this browser; fewer by default on a narrow screen. */
function useColumns<Row>(name: string, columns: BigColumn<Row>[]): [string[], (shown: string[]) => void] {
  const key = `columns.${name}`;
  const [shown, setShown] = useState<string[]>(() => {
    const stored = localStorage.getItem(key)?.split("\n");
    const narrow = window.innerWidth < 640;
    return (
      stored ??
      columns
        .filter((column) => column.usual)
        .slice(0, narrow ? 3 : undefined)
        .map((column) => column.name)
    );
  });
  return [
    shown,
    (names) => {
      localStorage.setItem(key, names.join("\n"));
      setShown(names);
    },
  ];
}

function Columns(props: { all: string[]; shown: string[]; change: (shown: string[]) => void }) {
  return (
    <Popover.Root>
      <Popover.Trigger className="no-print rounded-md px-1.5 py-0.5 text-xs hover:bg-accent-soft hover:text-ink">
        {t("Columns")}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" className="z-30 rounded-xl border border-line bg-raised p-3 shadow-lg">
          <fieldset className="space-y-1">
            <legend className="sr-only">{t("Columns")}</legend>
            {props.all.map((name) => (
              <label key={name} className="flex items-center gap-2">
                <input
                  type="checkbox"
                  className="size-4 accent-(--accent)"
                  checked={props.shown.includes(name)}
                  disabled={props.shown.length === 1 && props.shown[0] === name}
                  onChange={(event) =>
                    props.change(
                      props.all.filter((other) =>
                        other === name ? event.target.checked : props.shown.includes(other),
                      ),
                    )
                  }
                />
                {name}
              </label>
            ))}
          </fieldset>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
