import { useContext, useState } from "react";
import { api, type Project } from "../api";
import { MeContext, useProject, useRefresh, useTitle } from "../hooks";
import { t } from "../language";
import { Card } from "../parts";
import { Appearance } from "./appearance";
import { Jobs } from "./jobs";
import { Security } from "./security";
import { Keys, Members } from "./team";

const field = "mt-1 block min-h-9 w-full rounded-lg border border-line bg-card px-3";

export function Settings() {
  useTitle(t("Settings"));
  const project = useProject();
  const me = useContext(MeContext);
  const owner = project.role === "owner" || project.role === "administrator";
  const refresh = useRefresh();
  const [said, setSaid] = useState<{ text: string; bad: boolean }>();
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
        embed_origins: String(given.get("embed_origins"))
          .split("\n")
          .map((line) => line.trim())
          .filter(Boolean),
      });
      setSaid({ text: t("Saved."), bad: false });
      refresh();
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
    }
  }

  return (
    <div className="max-w-4xl space-y-4">
      <h1 className="text-xl font-semibold">{t("Settings")}</h1>
      <Card title={t("Project")}>
        <form
          className="grid gap-3 p-4 sm:grid-cols-2"
          onSubmit={(event) => {
            event.preventDefault();
            void save(event.currentTarget);
          }}
        >
          <label>
            {t("Name")}
            <input name="name" required defaultValue={project.name} disabled={!owner} className={field} />
          </label>
          <label>
            {t("Time zone")}
            <input
              name="timezone"
              required
              defaultValue={project.timezone}
              disabled={!owner}
              className={field}
            />
          </label>
          <label>
            {t("Currency")}
            <input
              name="currency"
              required
              maxLength={3}
              defaultValue={project.currency}
              disabled={!owner}
              className={field}
            />
          </label>
          <label>
            {t("Goals, one event a line")}
            <textarea
              name="goals"
              rows={3}
              defaultValue={project.goals.join("\n")}
              disabled={!owner}
              className={`${field} py-2`}
            />
          </label>
          <label className="sm:col-span-2">
            {t("Pages that may show dashboards of accounts, one origin a line")}
            <textarea
              name="embed_origins"
              rows={2}
              placeholder="https://www.example.com"
              defaultValue={project.embed_origins.join("\n")}
              disabled={!owner}
              className={`${field} py-2`}
            />
          </label>
          {owner && (
            <button
              type="submit"
              className="justify-self-start rounded-lg bg-accent px-4 py-2 font-medium text-card"
            >
              {t("Save")}
            </button>
          )}
          <p role="status" className={`self-center ${said?.bad ? "text-bad" : "text-good"}`}>
            {said?.text}
          </p>
        </form>
      </Card>
      <Appearance />
      <Security />
      <Keys admin={owner} />
      {owner && <Members />}
      {me?.is_admin && <Jobs />}
    </div>
  );
}
