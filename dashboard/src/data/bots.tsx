/** Visitors classified as bots, by reason; administrators overrule reasons here. */
import { useQueryClient } from "@tanstack/react-query";
import { useContext } from "react";
import { api } from "../client/api";
import { MeContext, useAsk, useProject } from "../client/hooks";
import { exact } from "../kit/format";
import { Card, Empty, Failure, Skeleton, Toggle } from "../kit/parts";
import { Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { Opened } from "../kit/why";
import { t } from "../language";

export function Bots() {
  const project = useProject();
  const me = useContext(MeContext);
  const client = useQueryClient();
  const toast = useToast();
  const answer = useAsk({ question: "breakdown", by: "bot", limit: 200, bots: true });
  const rows = answer.data?.data.filter((row) => row.value !== "");

  async function overrule(reason: string, human: boolean) {
    const before = project.humans;
    const after = before.filter((other) => other !== reason).concat(human ? [reason] : []);
    try {
      await api.patch(`/projects/${project.id}`, { humans: after });
      await client.invalidateQueries();
      toast(
        human ? t("They count as people, in all data.") : t("They count as bots again, in all data."),
        () => void overrule(reason, !human),
      );
    } catch (error) {
      toast((error as Error).message);
    }
  }

  return (
    <Card
      title={t("Visitors classified as bots, by reason")}
      aside={<Opened query={answer.data?.queries[0]} name={t("bots")} />}
    >
      {answer.error && <Failure error={answer.error} again={answer.refetch} />}
      {rows === undefined && !answer.error && <Skeleton rows={5} />}
      {rows?.length === 0 && <Empty title={t("None in this period")} />}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={t("Bots by reason")}
          rows={rows}
          id={(row) => row.value}
          columns={[
            { name: t("Reason"), show: (row) => row.value },
            { name: t("Visitors"), number: true, show: (row) => exact(row.visitors) },
            { name: t("Events"), number: true, wide: true, show: (row) => exact(row.events ?? 0) },
            {
              name: t("Count as people"),
              number: true,
              show: (row) => (
                <Toggle
                  label={t("Count {reason} as people", { reason: row.value })}
                  on={project.humans.includes(row.value)}
                  disabled={!me?.is_admin}
                  change={(on) => void overrule(row.value, on)}
                />
              ),
            },
          ]}
        />
      )}
      <p className="px-4 pb-3 text-soft">
        {t(
          "Bots are stored, but left out of every answer; “with bots” beside the filters includes them. A reason that you count as people applies to all data from the first day on: every number changes at once, and you can undo it at any time.",
        )}
      </p>
    </Card>
  );
}
