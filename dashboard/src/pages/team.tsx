/** Who sees the project, and the keys of programs. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Key } from "../api";
import { field, primary, quiet } from "../dialog";
import { useProject, useRefresh } from "../hooks";
import { t } from "../language";
import { Card, Failure } from "../parts";
import { useToast } from "../toast";
import { Snippet } from "./Setup";

export function Keys({ admin }: { admin: boolean }) {
  const project = useProject();
  const refresh = useRefresh();
  const say = useToast();
  const [fresh, setFresh] = useState("");
  const path = `/projects/${project.id}/keys`;
  async function make(kind: Key["kind"]) {
    const made = await api.post<{ write_key: string; secret_key: string }>(path, { kind });
    setFresh(made.secret_key || made.write_key);
    refresh();
  }
  async function revoke(key: Key) {
    await api.remove(`${path}/${key.id}`);
    refresh();
    say(t("The key does not work any more."));
  }
  return (
    <Card title={t("Keys")}>
      <div className="space-y-3 p-4">
        {project.keys.map((key) => (
          <div key={key.id}>
            <p className="mb-1 flex items-center justify-between gap-3">
              {key.kind === "write"
                ? t("Write key – may be seen by anybody; it can only send")
                : t("Secret key – shown whole only when it was made; it can read")}
              {admin && (
                <button type="button" className={`${quiet} hover:text-bad`} onClick={() => void revoke(key)}>
                  {t("Revoke")}
                </button>
              )}
            </p>
            {key.kind === "write" ? (
              <Snippet label={t("the write key")} text={key.value} />
            ) : (
              <p className="rounded-lg bg-ground p-3 font-mono text-xs">{key.value}</p>
            )}
          </div>
        ))}
        {fresh && (
          <div role="status">
            <p className="mb-1">{t("The new key; a secret one is shown only now:")}</p>
            <Snippet label={t("the new key")} text={fresh} />
          </div>
        )}
        {admin && (
          <div className="flex gap-2">
            <button type="button" className={quiet} onClick={() => void make("write")}>
              {t("New write key")}
            </button>
            <button type="button" className={quiet} onClick={() => void make("secret")}>
              {t("New secret key")}
            </button>
          </div>
        )}
      </div>
    </Card>
  );
}

interface Member {
  email: string;
  is_admin: boolean;
}

/** Members of the project; for administrators. */
export function Members() {
  const project = useProject();
  const client = useQueryClient();
  const say = useToast();
  const [problem, setProblem] = useState("");
  const path = `/projects/${project.id}/members`;
  const members = useQuery({ queryKey: ["members", path], queryFn: () => api.get<Member[]>(path) });
  const fresh = () => client.invalidateQueries({ queryKey: ["members", path] });
  async function add(email: string, password: string) {
    try {
      await api.post(path, { email, password });
      setProblem("");
      await fresh();
    } catch (error) {
      setProblem((error as Error).message);
    }
  }
  async function remove(member: Member) {
    await api.remove(`${path}/${encodeURIComponent(member.email)}`);
    await fresh();
    say(
      t("{email} does not see this project any more.", { email: member.email }),
      () => void add(member.email, ""),
    );
  }
  return (
    <Card title={t("Members")}>
      {members.error && <Failure error={members.error} again={members.refetch} />}
      <ul className="divide-y divide-line px-4">
        {members.data?.map((member) => (
          <li key={member.email} className="flex items-center justify-between gap-3 py-2">
            <span className="truncate">{member.email}</span>
            {member.is_admin ? (
              <span className="text-soft">{t("administrator")}</span>
            ) : (
              <button type="button" className={`${quiet} hover:text-bad`} onClick={() => void remove(member)}>
                {t("Remove")}
              </button>
            )}
          </li>
        ))}
      </ul>
      <form
        className="flex flex-wrap items-end gap-3 p-4"
        onSubmit={(event) => {
          event.preventDefault();
          const given = new FormData(event.currentTarget);
          void add(String(given.get("email")), String(given.get("password")));
          event.currentTarget.reset();
        }}
      >
        <label className="min-w-48 flex-1">
          {t("E-mail")}
          <input type="email" name="email" required autoComplete="off" className={field} />
        </label>
        <label className="min-w-48 flex-1">
          {t("Password, for somebody new")}
          <input
            type="password"
            name="password"
            minLength={10}
            autoComplete="new-password"
            className={field}
          />
        </label>
        <button type="submit" className={`${primary} min-h-9`}>
          {t("Add")}
        </button>
        <p role="alert" className="w-full text-bad">
          {problem}
        </p>
      </form>
    </Card>
  );
}
