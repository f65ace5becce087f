/** Dead letters, and the messages that were refused in the last 7 days. */
import { pollInterval } from "../client/api";
import { useAsk, WHATEVER_VIEW } from "../client/hooks";
import { exact } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";
import { Letters } from "./dead_letters";

export function RefusedTab() {
  return (
    <div className="space-y-4">
      <Letters />
      <Refused />
    </div>
  );
}

function Refused() {
  const rejections = useAsk({ ...WHATEVER_VIEW, question: "rejections" }, { after: pollInterval });
  const rows = rejections.data?.data;
  return (
    <Card title={t("Refused messages of the last 7 days")}>
      {rejections.error && <Failure error={rejections.error} again={rejections.refetch} />}
      {rows?.length === 0 && (
        <Empty title={t("None")}>
          {t("Messages that break a rule are kept here with the reason, so that nothing is lost silently.")}
        </Empty>
      )}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={t("Refused messages")}
          rows={rows}
          id={(row) => [row.received_at, row.message_id, row.reason, row.body, row.line, row.text].join("\n")}
          columns={[
            { name: t("When"), show: (row) => <When at={row.received_at} /> },
            { name: t("Field"), show: (row) => <code>{row.field}</code> },
            { name: t("Reason"), show: (row) => <span title={row.reason}>{row.reason}</span> },
            {
              name: t("Line"),
              number: true,
              show: (row) => (row.line > 0 ? exact(row.line) : <span className="text-soft">–</span>),
            },
            {
              name: t("Message or text"),
              wide: true,
              show: (row) => <code title={row.text || row.body}>{row.text || row.body}</code>,
            },
          ]}
        />
      )}
    </Card>
  );
}
