/** The request to become an artist or a venue, and its state. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Pack, type RequestShown } from "../client/api";
import { useProject } from "../client/hooks";
import { field, primary } from "../kit/dialog";
import { Card } from "../kit/parts";
import { t } from "../language";

/** The form for a fan to request the type artist or venue, and the state of the last request. */
export function Become() {
  const project = useProject();
  const client = useQueryClient();
  const [problem, setProblem] = useState("");
  const path = `/projects/${project.id}/account-requests`;
  const requests = useQuery({ queryKey: ["requests", path], queryFn: () => api.get<RequestShown[]>(path) });
  const pack = useQuery({
    queryKey: ["metrics", project.id],
    queryFn: () => api.get<Pack>(`/projects/${project.id}/metrics`),
  });
  const last = requests.data?.[0];
  async function ask(form: FormData) {
    const { type, ...business } = Object.fromEntries(form);
    try {
      await api.post(path, { type, business });
      setProblem("");
    } catch (error) {
      setProblem((error as Error).message);
    }
    await client.invalidateQueries({ queryKey: ["requests", path] });
  }
  if (pack.data?.name !== "concerts") return null;
  return (
    <Card title={t("Are you an artist, or do you run a venue?")} className="mt-4">
      {last && (
        <p className="px-4 pt-2">
          {t(
            "{state, select, pending {You requested the type {type}. The request is being reviewed.} approved {Your type is now {type}. Reload the page.} other {You requested the type {type}. The request was refused.}}",
            { state: last.state, type: last.type },
          )}{" "}
          {last.note}
        </p>
      )}
      {last?.state !== "pending" && requests.data && (
        <form
          className="grid gap-3 p-4 sm:grid-cols-2"
          onSubmit={(event) => {
            event.preventDefault();
            void ask(new FormData(event.currentTarget));
          }}
        >
          <label>
            {t("I am")}
            <select name="type" className={field}>
              <option value="artist">{t("an artist")}</option>
              <option value="venue">{t("a venue")}</option>
            </select>
          </label>
          <label>
            {t("Name of the act or the company")}
            <input name="company" required maxLength={200} className={field} />
          </label>
          <label>
            {t("Address")}
            <input name="address" maxLength={300} className={field} />
          </label>
          <label>
            {t("Website, or register number")}
            <input name="proof" maxLength={300} className={field} />
          </label>
          <button type="submit" className={`${primary} justify-self-start`}>
            {t("Ask")}
          </button>
          <p role="alert" className="self-center text-bad empty:hidden">
            {problem}
          </p>
        </form>
      )}
    </Card>
  );
}
