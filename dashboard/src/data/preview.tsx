/** The preview of a file: number of messages, period, events, ten rows, and refused lines. */
import type { ImportPreview } from "../client/api";
import { exact } from "../kit/format";
import { Table } from "../kit/table";
import { t } from "../language";

/** Formats a value as JSON; empty values become an empty text. */
function json(value: object) {
  const text = Object.keys(value).length > 0 ? JSON.stringify(value) : "";
  return <code title={text}>{text}</code>;
}

const minute = (at: string) => at.replace("T", " ").replace(/\.000Z$|Z$/, "");

/** One sentence about the messages of a file. */
function summary({ taken, first, last, left_out }: ImportPreview): string {
  const parts = [t("{taken, plural, one {# message} other {# messages}}", { taken })];
  if (first && last)
    parts.push(t("from {first} to {last} (UTC)", { first: minute(first), last: minute(last) }));
  if (left_out > 0)
    parts.push(
      t("{lines, plural, one {# line} other {# lines}} left out: no page views", { lines: left_out }),
    );
  return parts.join(" · ");
}

export function Previewed({ preview, part, busy }: { preview: ImportPreview; part: boolean; busy: boolean }) {
  const events = Object.entries(preview.events ?? {});
  return (
    <div aria-busy={busy} className="border-t border-line pb-3">
      <p role="status" className="px-4 pt-3 font-medium">
        {summary(preview)}
      </p>
      {part && (
        <p className="px-4 text-soft">
          {t("The preview covers the first 4 MB; the import covers the whole file.")}
        </p>
      )}
      {preview.stopped && (
        <p role="alert" className="px-4 pt-1 text-bad">
          {preview.stopped}
        </p>
      )}
      {events.length > 0 && (
        <ul aria-label={t("Events")} className="flex flex-wrap gap-x-4 gap-y-1 px-4 pt-1 text-soft">
          {events.map(([name, times]) => (
            <li key={name} className="max-w-full truncate" title={name}>
              <span className="font-medium text-ink">{name}</span> {exact(times)}
            </li>
          ))}
        </ul>
      )}
      {preview.rows.length > 0 && (
        <>
          <h3 className="px-4 pt-4 font-medium">{t("As they would be stored")}</h3>
          <Table
            caption={t("As they would be stored")}
            rows={preview.rows.map((row, at) => ({ ...row, at }))}
            id={(row) => String(row.at)}
            columns={[
              { name: t("When (UTC)"), show: (row) => minute(row.timestamp) },
              { name: t("Event"), show: (row) => <span title={row.event}>{row.event || row.type}</span> },
              { name: t("User"), show: (row) => row.user_id },
              { name: t("Visitor"), wide: true, show: (row) => row.anonymous_id },
              { name: t("Page"), wide: true, show: (row) => <span title={row.page}>{row.page}</span> },
              { name: t("Properties"), wide: true, show: (row) => json(row.properties) },
              { name: t("Context"), wide: true, show: (row) => json(row.context) },
            ]}
          />
        </>
      )}
      {preview.refused > 0 && (
        <>
          <h3 className="px-4 pt-4 font-medium text-bad">
            {t("{refused, plural, one {# line is refused} other {# lines are refused}}", {
              refused: preview.refused,
            })}
          </h3>
          <Table
            caption={t("Refused lines")}
            rows={preview.refusals}
            id={(row) => `${row.line} ${row.field} ${row.reason}`}
            columns={[
              { name: t("Line"), number: true, show: (row) => exact(row.line) },
              { name: t("Field"), show: (row) => <code>{row.field}</code> },
              { name: t("Reason"), show: (row) => <span title={row.reason}>{row.reason}</span> },
              { name: t("Text"), wide: true, show: (row) => <code title={row.text}>{row.text}</code> },
            ]}
          />
        </>
      )}
    </div>
  );
}
