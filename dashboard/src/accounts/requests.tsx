/** Requests of accounts for another type, and the decisions. */
import { useState } from "react";
import { api, type RequestShown } from "../client/api";
import { useProject } from "../client/hooks";
import { primary, quiet } from "../kit/dialog";
import { moment } from "../kit/format";
import { Card, Empty } from "../kit/parts";
import { t } from "../language";
import { Shown, useOf } from "./asked";

export function Requests() {
  const project = useProject();
  const requests = useOf<RequestShown[]>("account-requests");
  const [problem, setProblem] = useState("");
  async function decide(request: RequestShown, approved: boolean, note: string) {
    try {
      await api.post(`/projects/${project.id}/account-requests/${request.id}`, { approved, note });
      setProblem("");
    } catch (error) {
      setProblem((error as Error).message);
    }
    void requests.fresh();
  }
  return (
    <Card>
      <p role="alert" className="px-4 pt-3 text-bad empty:hidden">
        {problem}
      </p>
      <Shown of={requests}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t("No requests")}>
              {t("Accounts request another type with POST …/account-requests; you decide here.")}
            </Empty>
          ) : (
            <ul className="divide-y divide-line">
              {rows.map((request) => (
                <Request
                  key={request.id}
                  request={request}
                  decide={(approved, note) => void decide(request, approved, note)}
                />
              ))}
            </ul>
          )
        }
      </Shown>
    </Card>
  );
}

type Decide = (approved: boolean, note: string) => void;

function Request({ request, decide }: { request: RequestShown; decide: Decide }) {
  const project = useProject();
  return (
    <li className="space-y-2 p-4">
      <p>
        <strong>{request.account}</strong> {t("requests the type {type}", { type: request.type })}{" "}
        <span className="text-soft">{moment(request.created_at, project.timezone)}</span>
      </p>
      <dl className="text-soft">
        {Object.entries(request.business).map(([name, value]) => (
          <div key={name} className="flex gap-2">
            <dt>{name}:</dt>
            <dd className="break-all">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
      {request.state === "pending" ? (
        <Decision decide={decide} />
      ) : (
        <p className="text-soft">
          {request.state === "approved"
            ? t("approved by {who}", { who: request.decided_by })
            : t("refused by {who}", { who: request.decided_by })}
          {request.note && ` · ${request.note}`}
        </p>
      )}
    </li>
  );
}

function Decision({ decide }: { decide: Decide }) {
  return (
    <form
      className="flex flex-wrap gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        const { submitter } = event.nativeEvent as SubmitEvent;
        const note = String(new FormData(event.currentTarget).get("note"));
        decide((submitter as HTMLButtonElement).value === "yes", note);
      }}
    >
      <input
        name="note"
        maxLength={1000}
        aria-label={t("Note to the account")}
        placeholder={t("Note to the account")}
        className="min-h-9 min-w-0 flex-1 rounded-lg border border-line bg-card px-2.5"
      />
      <button type="submit" value="yes" className={primary}>
        {t("Approve")}
      </button>
      <button type="submit" value="no" className={quiet}>
        {t("Refuse")}
      </button>
    </form>
  );
}
