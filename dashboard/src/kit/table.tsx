/** The table of all pages: columns define the cells of a row; wide tables scroll inside their card. */
import { Fragment, type ReactNode } from "react";

export interface Column<Row> {
  name: string;
  show: (row: Row) => ReactNode;
  /** The header cell instead of the name, such as a button that sorts. */
  head?: ReactNode;
  number?: boolean;
  /** Whether the column is hidden on narrow screens. */
  wide?: boolean;
  /** Whether the column stays in place while the others scroll. */
  fixed?: boolean;
}

export function Table<Row>(props: {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  /** Whether the height is limited to that of a card; the rest scrolls. */
  low?: boolean;
  /** The content below an open row; undefined for a closed row. */
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
