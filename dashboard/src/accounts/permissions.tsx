/** The permissions of account types, with the required verification and subscription. */
import { useState } from "react";
import { api, type GateShown } from "../client/api";
import { useProject } from "../client/hooks";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { Card } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";
import { Shown, TYPES, useOf } from "./asked";
import { SEEN, TIERS, VERIFIED } from "./permission_words";

/** A table of account types and permissions; each cell shows the required verification and subscription. */
export function Permissions({ owner }: { owner: boolean }) {
  const project = useProject();
  const gates = useOf<GateShown[]>("permissions");
  const [opened, open] = useState<GateShown>();
  async function change(gate: GateShown, body: Record<string, unknown>) {
    await api.put(`/projects/${project.id}/permissions/${gate.account_type}/${gate.permission}`, body);
    open(undefined);
    void gates.fresh();
  }
  return (
    <Card>
      <Shown of={gates}>
        {(rows) => {
          const names = [...new Set(rows.map((row) => row.permission))];
          const of = (type: string, name: string) =>
            rows.find((row) => row.account_type === type && row.permission === name);
          return (
            <Table
              caption={t("Permissions")}
              rows={names}
              id={(name) => name}
              columns={[
                {
                  name: t("Permission"),
                  fixed: true,
                  show: (name) => <span title={SEEN[name]}>{name}</span>,
                },
                ...TYPES.map((type) => ({
                  name: type,
                  show: (name: string) => {
                    const gate = of(type, name);
                    const text = gate?.granted ? gateSaid(gate) : "–";
                    if (!owner || gate === undefined) return text;
                    return (
                      <button
                        type="button"
                        aria-label={`${type}, ${name}: ${text}`}
                        className="rounded px-1 text-start hover:bg-accent-soft"
                        onClick={() => open(gate)}
                      >
                        {text}
                      </button>
                    );
                  },
                })),
              ]}
            />
          );
        }}
      </Shown>
      {opened && (
        <Framed
          title={`${opened.account_type}: ${opened.permission}`}
          open
          change={(now) => !now && open(undefined)}
          footer={
            <>
              <button type="button" className={quiet} onClick={() => void change(opened, { reset: true })}>
                {t("As in the metrics pack")}
              </button>
              <button type="submit" form="gate" className={primary}>
                {t("Save")}
              </button>
            </>
          }
        >
          <form
            id="gate"
            className="grid gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget);
              void change(opened, {
                granted: form.get("granted") === "on",
                verification: form.get("verification"),
                subscription: form.get("subscription"),
              });
            }}
          >
            <p className="text-soft">{SEEN[opened.permission]}</p>
            <label className="flex items-center gap-2">
              <input type="checkbox" name="granted" defaultChecked={opened.granted} />
              {t("May see it")}
            </label>
            <label>
              {t("once verified")}
              <select name="verification" defaultValue={opened.verification} className={field}>
                {Object.entries(VERIFIED).map(([name, label]) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
            <label>
              {t("from this subscription on")}
              <select name="subscription" defaultValue={opened.subscription} className={field}>
                {Object.entries(TIERS).map(([name, label]) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
          </form>
        </Framed>
      )}
    </Card>
  );
}

function gateSaid(gate: GateShown): string {
  const tier = TIERS[gate.subscription] ?? gate.subscription;
  return gate.verification === "none" ? tier : `${tier}, ${VERIFIED[gate.verification]}`;
}
