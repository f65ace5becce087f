/** Numbers of people that open a list of these people. */

import { useContext } from "react";
import { ReadOnly, useAsk, useAskAny } from "../client/hooks";
import { Framed } from "../kit/dialog";
import { exact } from "../kit/format";
import { Visitor, When } from "../kit/lists";
import { Empty, Failure, Skeleton } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";
import type { Body } from "./kinds";

/** A number of people that opens a list of these people. */
export function People(props: { body: Body; label: string; title: string }) {
  if (useContext(ReadOnly)) return <span className="font-medium">{props.label}</span>;
  return (
    <Framed
      title={props.title}
      trigger={
        <button
          type="button"
          className="font-medium underline decoration-line underline-offset-4 hover:decoration-accent"
        >
          {props.label}
        </button>
      }
    >
      <PeopleList body={props.body} />
    </Framed>
  );
}

function PeopleList({ body }: { body: Body }) {
  const units = useAskAny<{ unit?: string; person?: string }[]>(body);
  const ids = units.data?.data.map((row) => row.unit ?? row.person ?? "");
  const people = useAsk(
    ids && ids.length > 0 ? { question: "persons", persons: ids, limit: 100 } : undefined,
  );
  if (units.error) return <Failure error={units.error} again={units.refetch} />;
  if (ids?.length === 0) return <Empty title={t("Nobody")} />;
  if (people.error) return <Failure error={people.error} again={people.refetch} />;
  if (people.data === undefined) return <Skeleton rows={5} />;
  return (
    <Table
      caption={t("People, at most 100")}
      rows={people.data.data}
      id={(row) => row.person}
      columns={[
        { name: t("Person"), show: (row) => <Visitor id={row.visitor_id} name={row.user_id || row.name} /> },
        { name: t("Sessions"), number: true, show: (row) => exact(row.sessions) },
        { name: t("Events"), number: true, wide: true, show: (row) => exact(row.events) },
        { name: t("Last seen"), show: (row) => <When at={row.last_seen} /> },
      ]}
    />
  );
}
