/** A card with the rows of one question (loading, failed, empty or shown) and their explanation. */
import type { ReactNode } from "react";
import { useAskAny } from "../client/hooks";
import { t } from "../language";
import { Card, Empty, Failure, Skeleton } from "./parts";
import { type Column, Table } from "./table";
import { Opened } from "./why";

export function AskedTable<Row>(props: {
  title: string;
  ask: Record<string, unknown> | undefined;
  columns: (rows: Row[]) => Column<Row>[];
  id: (row: Row) => string;
  rule?: string;
  rows?: number;
  className?: string;
  empty?: ReactNode;
  above?: ReactNode;
}) {
  const asked = useAskAny<Row[]>(props.ask);
  const rows = asked.data?.data;
  return (
    <Card
      title={props.title}
      className={props.className}
      aside={<Opened query={asked.data?.queries[0]} name={props.title} rule={props.rule} />}
    >
      {props.above}
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {rows === undefined && !asked.error && <Skeleton rows={props.rows ?? 4} />}
      {rows?.length === 0 && (props.empty ?? <Empty title={t("Nothing in this period")} />)}
      {rows !== undefined && rows.length > 0 && (
        <Table caption={props.title} rows={rows} id={props.id} columns={props.columns(rows)} />
      )}
    </Card>
  );
}
