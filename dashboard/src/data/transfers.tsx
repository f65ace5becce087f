/** Imports and exports of files: started, followed, downloaded and removed here. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useContext } from "react";
import { api, type Transfer } from "../client/api";
import { MeContext, useProject, useView } from "../client/hooks";
import { field, primary, quiet } from "../kit/dialog";
import { SelectField } from "../kit/fields";
import { exact } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { ImportForm } from "./importing";

const TABLES = [
  ["events", t("Events")],
  ["sessions", t("Sessions")],
  ["visitors", t("Visitors")],
] as const;
const OUT = ["csv", "parquet", "arrow", "ndjson"];
const STATES: Record<Transfer["state"], string> = {
  waiting: t("waiting"),
  running: t("under way"),
  done: t("done"),
  failed: t("failed"),
  cancelled: t("stopped"),
};

function useTransfers() {
  const project = useProject();
  const path = `/projects/${project.id}/transfers`;
  const client = useQueryClient();
  const list = useQuery({
    queryKey: ["transfers", path],
    queryFn: () => api.get<Transfer[]>(path),
    refetchInterval: ({ state }) =>
      state.data?.some((transfer) => transfer.state === "waiting" || transfer.state === "running")
        ? 700
        : false,
  });
  return { path, every: list, again: () => client.invalidateQueries({ queryKey: ["transfers", path] }) };
}

export function Transfers() {
  const me = useContext(MeContext);
  const { path, every: list, again } = useTransfers();
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <ExportForm path={path} done={again} />
      {me?.is_admin && <ImportForm path={path} done={again} />}
      <Card title={t("Files, kept for a week after they are done")} className="lg:col-span-2">
        {list.error && <Failure error={list.error} again={list.refetch} />}
        {list.data === undefined && !list.error && <Skeleton rows={3} />}
        {list.data?.length === 0 && (
          <Empty title={t("None yet")}>{t("Imports and exports are shown here while they run.")}</Empty>
        )}
        <ul className="divide-y divide-line px-4 pb-2">
          {list.data?.map((transfer) => (
            <Row
              key={transfer.id}
              transfer={transfer}
              path={path}
              admin={me?.is_admin ?? false}
              changed={again}
            />
          ))}
        </ul>
      </Card>
    </div>
  );
}

function Row(props: { transfer: Transfer; path: string; admin: boolean; changed: () => Promise<void> }) {
  const { transfer, path } = props;
  const open = transfer.state === "waiting" || transfer.state === "running";
  const remove = () => void api.remove(`${path}/${transfer.id}`).then(props.changed);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 py-2.5">
      <span className="min-w-0 flex-1 basis-60">
        <span className="block truncate font-medium">{transfer.name}</span>
        <span className="text-soft">
          {transfer.kind === "import" ? t("in") : t("out")} · {STATES[transfer.state]} · {transfer.created_by}{" "}
          · <When at={transfer.created_at} />
        </span>
        {transfer.message && <span className="block text-bad">{transfer.message}</span>}
      </span>
      {transfer.state === "running" && (
        <progress
          aria-label={t("How far {name} is", { name: transfer.name })}
          max={Math.max(1, transfer.total)}
          value={transfer.done}
          className="h-2 w-40 accent-(--accent)"
        />
      )}
      <span className="text-soft">{outcome(transfer)}</span>
      {transfer.kind === "export" && transfer.state === "done" && (
        <a className={quiet} download href={`/api/v1${path}/${transfer.id}/file`}>
          {t("Fetch")} <span className="sr-only">{transfer.name}</span>
        </a>
      )}
      {props.admin && (
        <button type="button" className={quiet} onClick={remove}>
          {open ? t("Stop") : t("Remove")} <span className="sr-only">{transfer.name}</span>
        </button>
      )}
    </li>
  );
}

function outcome(transfer: Transfer): string {
  const { taken, refused = 0, rows } = transfer.outcome;
  if (transfer.state === "running" && transfer.kind === "export" && transfer.total > 0)
    return t("{done} of {total} rows", { done: exact(transfer.done), total: exact(transfer.total) });
  if (rows !== undefined) return t("{rows, plural, one {# row} other {# rows}}", { rows });
  if (taken === undefined) return "";
  return refused > 0
    ? t("{taken} taken, {refused} refused", { taken: exact(taken), refused: exact(refused) })
    : t("{taken} taken", { taken: exact(taken) });
}

function ExportForm({ path, done }: { path: string; done: () => Promise<void> }) {
  const [view] = useView();
  const say = useToast();
  async function start(form: HTMLFormElement) {
    const values = new FormData(form);
    const span = view.from ? { from: view.from, to: view.to ?? "" } : { period: view.period };
    try {
      await api.post(`${path}/exports`, { table: values.get("table"), form: values.get("form"), ...span });
      await done();
    } catch (error) {
      say((error as Error).message);
    }
  }
  return (
    <Card title={t("Export")}>
      <form
        className="grid gap-3 p-4 pt-1 sm:grid-cols-2"
        onSubmit={(event) => {
          event.preventDefault();
          void start(event.currentTarget);
        }}
      >
        <p className="text-soft sm:col-span-2">{t("All data of the period above, of any size.")}</p>
        <SelectField label={t("Table")} name="table" options={TABLES} />
        <label>
          {t("Format")}
          <select name="form" className={field}>
            {OUT.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <button type="submit" className={`${primary} justify-self-start`}>
          {t("Export")}
        </button>
      </form>
    </Card>
  );
}
