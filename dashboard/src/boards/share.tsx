/** Links to a board: created with an expiry, copied once, revoked at any time. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Share } from "../client/api";
import { useProject } from "../client/hooks";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { SelectField } from "../kit/fields";
import { day } from "../kit/format";
import { Failure } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t } from "../language";

const ENDS: [string, string][] = [
  ["7", t("for a week")],
  ["30", t("for 30 days")],
  ["365", t("for a year")],
  ["", t("until it is revoked")],
];

export function ShareBoard({ path }: { path: string }) {
  const client = useQueryClient();
  const say = useToast();
  const [link, setLink] = useState("");
  const shares = useQuery({ queryKey: ["shares", path], queryFn: () => api.get<Share[]>(`${path}/shares`) });
  const fresh = () => client.invalidateQueries({ queryKey: ["shares", path] });

  async function make(days: string) {
    const share = await api.post<Share>(`${path}/shares`, days ? { days: Number(days) } : {});
    setLink(`${window.location.origin}/shared/${share.token}`);
    await fresh();
  }
  async function revoke(share: Share) {
    await api.remove(`${path}/shares/${share.id}`);
    await fresh();
    say(t("The link is no longer valid."));
  }

  return (
    <Framed
      title={t("Share this board")}
      trigger={
        <button type="button" className={quiet}>
          {t("Share")}
        </button>
      }
    >
      <p className="text-soft">
        {t(
          "Anyone with the link sees this board with its period and filters, and nothing else of the project.",
        )}
      </p>
      <form
        className="mt-3 flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void make(String(new FormData(event.currentTarget).get("days")));
        }}
      >
        <SelectField label={t("The link works")} name="days" options={ENDS} />
        <button type="submit" className={primary}>
          {t("Create a link")}
        </button>
      </form>
      {link && (
        <div className="mt-3 rounded-lg bg-ground p-3" role="status">
          <p className="mb-1">{t("Copy it now; it is not shown again:")}</p>
          <input
            readOnly
            aria-label={t("The link")}
            value={link}
            onFocus={(event) => event.target.select()}
            className={`${field} font-mono text-xs`}
          />
        </div>
      )}
      {shares.error && <Failure error={shares.error} again={shares.refetch} />}
      <ul className="mt-3 divide-y divide-line">
        {shares.data?.map((share) => (
          <Link key={share.id} share={share} revoke={() => void revoke(share)} />
        ))}
      </ul>
    </Framed>
  );
}

function Link({ share, revoke }: { share: Share; revoke: () => void }) {
  const { timezone } = useProject();
  return (
    <li className="flex items-center justify-between gap-3 py-2">
      <span>
        {t("Created by {who} on {when}", {
          who: share.created_by,
          when: day(share.created_at, timezone, "day"),
        })}
        {", "}
        {share.expires_at
          ? t("works until {expires_at}", { expires_at: day(share.expires_at, timezone, "day") })
          : t("does not expire")}
      </span>
      <button type="button" className={quiet} onClick={revoke}>
        {t("Revoke")}
      </button>
    </li>
  );
}
