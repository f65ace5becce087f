/** Members of the project, and its keys. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type InvitationMade, type Key, type Member, type Keys as NewKeys } from "../client/api";
import { useProject, useRefresh } from "../client/hooks";
import { field, primary, quiet } from "../kit/dialog";
import { SelectField } from "../kit/fields";
import { Card, Failure } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { Snippet } from "../overview/Setup";

const KINDS: Record<Key["kind"], string> = {
  write: t("Write key – may be seen by anybody; it can only send"),
  secret: t("Secret key – shown in full only when it is created; it can read"),
  embed: t(
    "Embed key – your product signs tokens of accounts with it; shown are its kid and its last characters",
  ),
};

export function Keys({ admin }: { admin: boolean }) {
  const project = useProject();
  const refresh = useRefresh();
  const say = useToast();
  const [fresh, setFresh] = useState("");
  const path = `/projects/${project.id}/keys`;
  async function make(kind: Key["kind"]) {
    const key = await api.post<NewKeys>(path, { kind });
    setFresh(key.secret_key || key.write_key || `${key.id} ${key.embed_key}`);
    refresh();
  }
  async function revoke(key: Key) {
    await api.remove(`${path}/${key.id}`);
    refresh();
    say(t("The key is no longer valid."));
  }
  return (
    <Card title={t("Keys")}>
      <div className="space-y-3 p-4">
        {project.keys.map((key) => (
          <div key={key.id}>
            <p className="mb-1 flex items-center justify-between gap-3">
              {KINDS[key.kind]}
              {admin && (
                <button type="button" className={`${quiet} hover:text-bad`} onClick={() => void revoke(key)}>
                  {t("Revoke")}
                </button>
              )}
            </p>
            {key.kind === "write" ? (
              <Snippet label={`${t("the write key")} …${key.value?.slice(-4)}`} text={key.value} />
            ) : (
              <p className="rounded-lg bg-ground p-3 font-mono text-xs">
                {key.kind === "embed" ? `${key.id} ${key.value}` : key.value}
              </p>
            )}
          </div>
        ))}
        {fresh && (
          <div role="status">
            <p className="mb-1">
              {t("The new key, shown in full only now; for an embed key, its kid and the key:")}
            </p>
            <Snippet label={t("the new key")} text={fresh} />
          </div>
        )}
        {admin && (
          <div className="flex flex-wrap gap-2">
            <button type="button" className={quiet} onClick={() => void make("write")}>
              {t("New write key")}
            </button>
            <button type="button" className={quiet} onClick={() => void make("secret")}>
              {t("New secret key")}
            </button>
            <button type="button" className={quiet} onClick={() => void make("embed")}>
              {t("New embed key")}
            </button>
          </div>
        )}
      </div>
    </Card>
  );
}

const ROLES: Record<string, string> = {
  viewer: t("viewer: sees numbers"),
  analyst: t("analyst: people, boards, exports, SQL too"),
  owner: t("owner: members, keys, accounts too"),
};

/** The members and invitations of the project, and what changes them; `problem` says why the last change
 * failed, `link` is that of the last invitation. */
function useMembers() {
  const project = useProject();
  const client = useQueryClient();
  const say = useToast();
  const [problem, setProblem] = useState("");
  const [link, setLink] = useState("");
  const path = `/projects/${project.id}`;
  const members = useQuery({
    queryKey: ["members", path],
    queryFn: () => api.get<Member[]>(`${path}/members`),
  });
  const invited = useQuery({
    queryKey: ["members", path, "invited"],
    queryFn: () => api.get<InvitationMade[]>(`${path}/invitations`),
  });
  async function done(what: Promise<unknown>) {
    try {
      await what;
      setProblem("");
    } catch (error) {
      setProblem((error as Error).message);
    }
    await client.invalidateQueries({ queryKey: ["members", path] });
  }
  const give = (email: string, role: string) => done(api.post(`${path}/members`, { email, role }));
  async function remove(member: Member) {
    await done(api.remove(`${path}/members/${encodeURIComponent(member.email)}`));
    say(
      t("{email} does not see this project any more.", { email: member.email }),
      () => void give(member.email, member.role),
    );
  }
  const invite = (form: FormData) =>
    done(
      api
        .post<InvitationMade>(`${path}/invitations`, Object.fromEntries(form))
        .then((made) => setLink(made.link)),
    );
  const revoke = (invitation: InvitationMade) => done(api.remove(`${path}/invitations/${invitation.id}`));
  return { members, invited, problem, link, give, remove, invite, revoke };
}

/** Members and invitations of the project; for owners. */
export function Members() {
  const { members, invited, problem, link, give, remove, invite, revoke } = useMembers();
  return (
    <Card title={t("Members")}>
      {members.error && <Failure error={members.error} again={members.refetch} />}
      <ul className="divide-y divide-line px-4">
        {members.data?.map((member) => (
          <li key={member.email} className="flex flex-wrap items-center justify-between gap-3 py-2">
            <span className="min-w-0 flex-1 truncate">{member.email}</span>
            {member.is_admin ? (
              <span className="text-soft">{t("administrator")}</span>
            ) : (
              <>
                <select
                  aria-label={t("Role of {email}", { email: member.email })}
                  value={member.role}
                  onChange={(event) => void give(member.email, event.target.value)}
                  className="min-h-9 rounded-lg border border-line bg-card px-2"
                >
                  {Object.keys(ROLES).map((role) => (
                    <option key={role}>{role}</option>
                  ))}
                </select>
                <button
                  type="button"
                  className={`${quiet} hover:text-bad`}
                  onClick={() => void remove(member)}
                >
                  {t("Remove")}
                </button>
              </>
            )}
          </li>
        ))}
        {invited.data?.map((invitation) => (
          <li key={invitation.id} className="flex items-center justify-between gap-3 py-2 text-soft">
            <span className="truncate">
              {t("{email} is invited as {role}", {
                email: invitation.email,
                role: invitation.account || invitation.role,
              })}
            </span>
            <button
              type="button"
              className={`${quiet} hover:text-bad`}
              onClick={() => void revoke(invitation)}
            >
              {t("Revoke")}
            </button>
          </li>
        ))}
      </ul>
      <Invite invite={(form) => void invite(form)} link={link} problem={problem} />
    </Card>
  );
}

/** The form to invite somebody, and the link of the last invitation. */
function Invite(props: { invite: (form: FormData) => void; link: string; problem: string }) {
  return (
    <form
      className="flex flex-wrap items-end gap-3 p-4"
      onSubmit={(event) => {
        event.preventDefault();
        props.invite(new FormData(event.currentTarget));
        event.currentTarget.reset();
      }}
    >
      <label className="min-w-48 flex-1">
        {t("E-mail")}
        <input type="email" name="email" required autoComplete="off" className={field} />
      </label>
      <SelectField className="min-w-48 flex-1" label={t("As")} name="role" options={Object.entries(ROLES)} />
      <button type="submit" className={`${primary} min-h-9`}>
        {t("Invite")}
      </button>
      {props.link && (
        <div role="status" className="w-full">
          <p className="mb-1">{t("Send this link. It works once, within seven days:")}</p>
          <Snippet label={t("the link")} text={props.link} />
        </div>
      )}
      <p role="alert" className="w-full text-bad empty:hidden">
        {props.problem}
      </p>
    </form>
  );
}
