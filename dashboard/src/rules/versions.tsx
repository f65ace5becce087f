/** The versions of the rules: who saved them and when; each can be brought back. */

import { useQuery } from "@tanstack/react-query";
import { api, type RulesVersion } from "../client/api";
import { quiet } from "../kit/dialog";
import { exact } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Failure, Skeleton } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";

export function Versions({ path, bringBack }: { path: string; bringBack: (version: number) => void }) {
  const versions = useQuery({
    queryKey: ["rules", path, "versions"],
    queryFn: () => api.get<RulesVersion[]>(`${path}/versions`),
  });
  return (
    <Card title={t("Versions")}>
      {versions.error && <Failure error={versions.error} again={versions.refetch} />}
      {versions.isPending && <Skeleton rows={3} />}
      {versions.data && (
        <Table
          caption={t("Versions")}
          rows={versions.data}
          id={(row) => String(row.version)}
          columns={[
            { name: t("Version"), number: true, show: (row) => exact(row.version) },
            { name: t("Saved"), show: (row) => <When at={row.created_at} /> },
            { name: t("Saved by"), show: (row) => row.created_by || t("with the project") },
            { name: t("Stages"), number: true, wide: true, show: (row) => exact(row.stages) },
            { name: t("Intents"), number: true, wide: true, show: (row) => exact(row.intents) },
            { name: t("Suggestions"), number: true, wide: true, show: (row) => exact(row.suggestions) },
            {
              name: t("In force"),
              show: (row) =>
                row.current ? (
                  t("yes")
                ) : (
                  <button
                    type="button"
                    className={quiet}
                    aria-label={t("Bring back version {version}", { version: row.version })}
                    onClick={() => bringBack(row.version)}
                  >
                    {t("Bring back")}
                  </button>
                ),
            },
          ]}
        />
      )}
    </Card>
  );
}
