/** The tracking plan in force, and its violations in the period. */
import { useQuery } from "@tanstack/react-query";
import { api, type PlanShown, type ViolationsShown } from "../client/api";
import { useProject, useView } from "../client/hooks";
import { question } from "../client/view_state";
import { exact } from "../kit/format";
import { Card, Empty, Failure } from "../kit/parts";
import { Table } from "../kit/table";
import { Opened } from "../kit/why";
import { rich, t } from "../language";

export function PlanTab() {
  const project = useProject();
  const path = `/projects/${project.id}/plan`;
  return (
    <div className="space-y-4">
      <Violations path={path} />
      <Plan path={path} />
    </div>
  );
}

function Violations({ path }: { path: string }) {
  const [view] = useView();
  const asked = question({ ...view, filter: [] });
  const violations = useQuery({
    queryKey: ["violations", path, asked],
    queryFn: () => api.get<ViolationsShown>(`${path}/violations?${asked}`),
  });
  return (
    <Card
      title={t("Violations of the plan")}
      aside={<Opened query={violations.data?.query} name={t("the violations of the plan")} />}
    >
      {violations.error && <Failure error={violations.error} again={violations.refetch} />}
      {violations.data?.data.length === 0 && <Empty title={t("Nothing in this period")} />}
      {violations.data !== undefined && violations.data.data.length > 0 && (
        <Table
          caption={t("Violations of the plan")}
          rows={violations.data.data}
          id={(row) => [row.event, row.property, row.problem, row.library_version, row.rejected].join("\n")}
          columns={[
            { name: t("Event"), show: (row) => <span className="font-medium">{row.event}</span> },
            { name: t("Property"), show: (row) => <code>{row.property || "–"}</code> },
            { name: t("Problem"), show: (row) => <span title={row.problem}>{row.problem}</span> },
            { name: t("Owner"), wide: true, show: (row) => row.owner || t("nobody") },
            { name: t("Library"), wide: true, show: (row) => `${row.library} ${row.library_version}` },
            {
              name: t("Result"),
              wide: true,
              show: (row) => (row.rejected ? t("rejected") : t("stored")),
            },
            { name: t("Messages"), number: true, show: (row) => exact(row.messages) },
          ]}
        />
      )}
    </Card>
  );
}

function Plan({ path }: { path: string }) {
  const plan = useQuery({ queryKey: ["plan", path], queryFn: () => api.get<PlanShown>(path) });
  const events = Object.entries(plan.data?.plan.events ?? {});
  return (
    <Card
      title={
        plan.data?.version ? t("The plan, version {version}", { version: plan.data.version }) : t("The plan")
      }
    >
      {plan.error && <Failure error={plan.error} again={plan.refetch} />}
      {plan.data && events.length === 0 && (
        <Empty title={t("There is no tracking plan yet")}>
          {rich(
            "A plan lists the events, their required properties and their owners. <code>trackway plan infer</code> writes a plan from the stored events, <code>trackway plan push</code> puts it in force.",
            { code: (text) => <code>{text}</code> },
          )}
        </Empty>
      )}
      {events.length > 0 && (
        <Table
          caption={t("Planned events")}
          rows={events}
          id={([name]) => name}
          columns={[
            { name: t("Event"), show: ([name]) => <span className="font-medium">{name}</span> },
            { name: t("Owner"), show: ([, event]) => event.owner || t("nobody") },
            { name: t("Required"), show: ([, event]) => (event.required ?? []).join(", ") || t("nothing") },
            {
              name: t("When broken"),
              wide: true,
              show: ([, event]) => (event.on_violation === "reject" ? t("rejected") : t("stored")),
            },
            { name: t("What it is"), wide: true, show: ([, event]) => event.description ?? "" },
          ]}
        />
      )}
    </Card>
  );
}
