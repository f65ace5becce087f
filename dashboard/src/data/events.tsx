/** The events of the period, and the properties of the chosen one with their most frequent values. */
import { useState } from "react";
import { useAsk } from "../client/hooks";
import { count, percent } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { Table } from "../kit/table";
import { Opened } from "../kit/why";
import { t } from "../language";

const WORDS: [RegExp, string][] = [
  [/^Array/, t("list")],
  [/Bool/, t("yes or no")],
  [/Int/, t("whole number")],
  [/Float|Decimal/, t("number")],
  [/Date/, t("time")],
  [/String/, t("text")],
];

/** Describes the store's types in plain words, each once. */
function inWords(types: string[]): string {
  const words = types.map((type) => WORDS.find(([is]) => is.test(type))?.[1] ?? type);
  return [...new Set(words)].join(", ");
}

export function EventExplorer() {
  const names = useAsk({
    question: "event_names",
    limit: 1000,
    exact: true,
    filter: undefined,
  });
  const [chosen, setChosen] = useState("");
  if (names.error) return <Failure error={names.error} again={names.refetch} />;
  if (names.data === undefined) return <Skeleton rows={8} />;
  const rows = names.data.data;
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Card
        title={t("{length, plural, one {# event} other {# events}}", { length: rows.length })}
        aside={<Opened query={names.data.queries[0]} name={t("the events")} />}
      >
        {rows.length === 0 && (
          <Empty title={t("None yet")}>{t("The first event appears here automatically.")}</Empty>
        )}
        {rows.length > 0 && (
          <Table
            caption={t("Events")}
            rows={rows}
            id={(row) => row.name}
            columns={[
              {
                name: t("Event"),
                show: (row) => (
                  <button
                    type="button"
                    aria-pressed={chosen === row.name}
                    className="max-w-full truncate font-medium underline decoration-line underline-offset-4 hover:decoration-accent aria-pressed:text-accent"
                    onClick={() => setChosen(row.name)}
                  >
                    {row.name}
                  </button>
                ),
              },
              { name: t("Times in total"), number: true, show: (row) => count(row.events) },
              { name: t("Last seen"), wide: true, show: (row) => <When at={row.last_at ?? ""} /> },
            ]}
          />
        )}
      </Card>
      {chosen ? (
        <Properties key={chosen} event={chosen} />
      ) : (
        <Card>
          <Empty title={t("Choose an event")}>
            {t("Its properties, their types and values are shown here.")}
          </Empty>
        </Card>
      )}
    </div>
  );
}

function Properties({ event }: { event: string }) {
  const [of, setOf] = useState("");
  const asked = useAsk({ question: "properties", event, filter: undefined });
  const values = useAsk(
    of ? { question: "values", event, of: `properties.${of}`, limit: 20, filter: undefined } : undefined,
  );
  return (
    <Card
      title={t("Properties of {event}", { event })}
      aside={<Opened query={asked.data?.queries[0]} name={t("its properties")} />}
    >
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {asked.data === undefined && !asked.error && <Skeleton rows={6} />}
      {asked.data?.data.length === 0 && <Empty title={t("It has no properties")} />}
      {asked.data && asked.data.data.length > 0 && (
        <Table
          caption={t("Properties of {event}", { event })}
          rows={asked.data.data}
          id={(row) => row.property}
          columns={[
            {
              name: t("Property"),
              show: (row) => (
                <button
                  type="button"
                  aria-pressed={of === row.property}
                  className="max-w-full truncate underline decoration-line underline-offset-4 hover:decoration-accent aria-pressed:text-accent"
                  onClick={() => setOf(row.property)}
                >
                  {row.property}
                </button>
              ),
            },
            {
              name: t("Type"),
              show: (row) => <span title={row.types.join(", ")}>{inWords(row.types)}</span>,
            },
            { name: t("Set in"), number: true, show: (row) => percent(row.fill_rate) },
          ]}
        />
      )}
      {of && values.data && (
        <div className="border-t border-line">
          <Table
            caption={t("Values of {of}", { of })}
            rows={values.data.data}
            id={(row) => row.value}
            columns={[
              { name: t("Most frequent of {of}", { of }), show: (row) => row.value || t("(empty)") },
              { name: t("Times"), number: true, show: (row) => count(row.events) },
            ]}
          />
        </div>
      )}
    </Card>
  );
}
