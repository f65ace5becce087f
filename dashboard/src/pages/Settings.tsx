import { useQuery } from "@tanstack/react-query";
import { useContext, useState } from "react";
import { api, type Project, type Rejection } from "../api";
import { MeContext, useProject, useRefresh, useTitle } from "../hooks";
import { Card, Empty } from "../parts";
import { Table } from "../table";
import { When } from "./Lists";
import { Snippet } from "./Setup";

const field = "mt-1 block min-h-9 w-full rounded-lg border border-line bg-card px-3";

export function Settings() {
  useTitle("Settings");
  const project = useProject();
  const me = useContext(MeContext);
  const refresh = useRefresh();
  const [said, setSaid] = useState<{ text: string; bad: boolean }>();
  const rejections = useQuery({
    queryKey: ["rejections", project.id],
    queryFn: () => api.get<Rejection[]>(`/projects/${project.id}/rejections`),
  });

  async function save(form: HTMLFormElement) {
    const given = new FormData(form);
    const goals = String(given.get("goals"))
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    try {
      await api.patch<Project>(`/projects/${project.id}`, {
        name: given.get("name"),
        timezone: given.get("timezone"),
        currency: given.get("currency"),
        goals,
      });
      setSaid({ text: "Saved.", bad: false });
      refresh();
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
    }
  }

  return (
    <div className="max-w-4xl space-y-4">
      <h1 className="text-xl font-semibold">Settings</h1>
      <Card title="Project">
        <form
          className="grid gap-3 p-4 sm:grid-cols-2"
          onSubmit={(event) => {
            event.preventDefault();
            void save(event.currentTarget);
          }}
        >
          <label>
            Name
            <input
              name="name"
              required
              defaultValue={project.name}
              disabled={!me?.is_admin}
              className={field}
            />
          </label>
          <label>
            Time zone
            <input
              name="timezone"
              required
              defaultValue={project.timezone}
              disabled={!me?.is_admin}
              className={field}
            />
          </label>
          <label>
            Currency
            <input
              name="currency"
              required
              maxLength={3}
              defaultValue={project.currency}
              disabled={!me?.is_admin}
              className={field}
            />
          </label>
          <label>
            Goals, one event a line
            <textarea
              name="goals"
              rows={3}
              defaultValue={project.goals.join("\n")}
              disabled={!me?.is_admin}
              className={`${field} py-2`}
            />
          </label>
          {me?.is_admin && (
            <button
              type="submit"
              className="justify-self-start rounded-lg bg-accent px-4 py-2 font-medium text-card"
            >
              Save
            </button>
          )}
          <p role="status" className={`self-center ${said?.bad ? "text-bad" : "text-good"}`}>
            {said?.text}
          </p>
        </form>
      </Card>
      <Card title="Keys">
        <div className="space-y-3 p-4">
          {project.keys.map((key) => (
            <div key={key.id}>
              <p className="mb-1">
                {key.kind === "write"
                  ? "Write key – may be seen by anybody; it can only send"
                  : "Secret key – shown whole only when it was made; it can read"}
              </p>
              {key.kind === "write" ? (
                <Snippet label="the write key" text={key.value} />
              ) : (
                <p className="rounded-lg bg-ground p-3 font-mono text-xs">{key.value}</p>
              )}
            </div>
          ))}
        </div>
      </Card>
      <Card title="Refused messages of the last 7 days">
        {rejections.data?.length === 0 && (
          <Empty title="None">
            Messages that break a rule are kept here with the reason, so that nothing is lost silently.
          </Empty>
        )}
        {rejections.data !== undefined && rejections.data.length > 0 && (
          <Table
            caption="Refused messages"
            rows={rejections.data}
            id={(row) => row.received_at + row.message_id + row.reason + row.body}
            columns={[
              { name: "When", show: (row) => <When at={row.received_at} /> },
              { name: "Field", show: (row) => <code>{row.field}</code> },
              { name: "Reason", show: (row) => <span title={row.reason}>{row.reason}</span> },
              { name: "Message", wide: true, show: (row) => <code title={row.body}>{row.body}</code> },
            ]}
          />
        )}
      </Card>
    </div>
  );
}
