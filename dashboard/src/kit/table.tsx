/** The one table: columns say how to show a row; wide ones scroll inside their card. */
import { Fragment, type ReactNode } from "react";

export interface Column<Row> {
  name: string;
  show: (row: Row) => ReactNode;
  /** What stands in the head instead of the name, such as a button that sorts. */
  head?: ReactNode;
  number?: boolean;
  /** Hidden on narrow screens, where there is no room for everything. */
  wide?: boolean;
  /** Stays where it is while the others scroll. */
  fixed?: boolean;
}

export function Table<Row>(props: {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  /** No higher than a card beside others; the rest is scrolled to. */
  low?: boolean;
  /** What a row shows beneath itself while it is open; nothing while it is not. */
  beneath?: (row: Row) => ReactNode;
}) {
  const cell = (column: Column<Row>) =>
    `${column.number ? "text-end" : "text-start"} ${column.wide ? "max-md:hidden" : ""} ${column.fixed ? "sticky start-0 bg-card" : ""}`;
  return (
    <section
      className={props.low ? "max-h-[26rem] overflow-auto" : "overflow-x-auto"}
      aria-label={props.caption}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
      tabIndex={0}
    >
      <table className="w-full border-collapse">
        <caption className="sr-only">{props.caption}</caption>
        <thead>
          <tr className="border-b border-line text-xs text-soft">
            {props.columns.map((column) => (
              <th
                key={column.name}
                scope="col"
                className={`px-2 py-2 font-medium whitespace-nowrap first:ps-4 last:pe-4 md:px-4 ${cell(column)}`}
              >
                {column.head ?? column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => {
            const beneath = props.beneath?.(row);
            return (
              <Fragment key={props.id(row)}>
                <tr className="border-b border-line/60 last:border-0 hover:bg-accent-soft/40">
                  {props.columns.map((column) => (
                    <td
                      key={column.name}
                      className={`max-w-40 truncate px-2 py-2 first:ps-4 last:pe-4 md:max-w-72 md:px-4 ${cell(column)}`}
                    >
                      <bdi>{column.show(row)}</bdi>
                    </td>
                  ))}
                </tr>
                {beneath && (
                  <tr className="border-b border-line/60 bg-ground/60">
                    <td colSpan={props.columns.length}>{beneath}</td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
