/** The permissions of account types, with the required verification and subscription. */
import { useState } from "react";
import { api, type GateShown } from "../client/api";
import { useProject } from "../client/hooks";
import { Framed, primary, quiet } from "../kit/dialog";
import { SelectField } from "../kit/fields";
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
      <Shown of={gates}>{(rows) => <Gates gates={rows} open={owner ? open : undefined} />}</Shown>
      {opened && (
        <Edit gate={opened} close={() => open(undefined)} change={(body) => void change(opened, body)} />
      )}
    </Card>
  );
}

/** The table; with `open`, its cells are buttons that open the form. */
function Gates({ gates, open }: { gates: GateShown[]; open?: (gate: GateShown) => void }) {
  const names = [...new Set(gates.map((gate) => gate.permission))];
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
            const gate = gates.find((row) => row.account_type === type && row.permission === name);
            const text = gate?.granted ? gateSaid(gate) : "–";
            if (open === undefined || gate === undefined) return text;
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
}

function Edit(props: {
  gate: GateShown;
  close: () => void;
  change: (body: Record<string, unknown>) => void;
}) {
  const { gate, change } = props;
  return (
    <Framed
      title={`${gate.account_type}: ${gate.permission}`}
      open
      change={(open) => open || props.close()}
      footer={
        <>
          <button type="button" className={quiet} onClick={() => change({ reset: true })}>
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
          change({
            granted: form.get("granted") === "on",
            verification: form.get("verification"),
            subscription: form.get("subscription"),
          });
        }}
      >
        <p className="text-soft">{SEEN[gate.permission]}</p>
        <label className="flex items-center gap-2">
          <input type="checkbox" name="granted" defaultChecked={gate.granted} />
          {t("May see it")}
        </label>
        <SelectField
          label={t("once verified")}
          name="verification"
          value={gate.verification}
          options={Object.entries(VERIFIED)}
        />
        <SelectField
          label={t("from this subscription on")}
          name="subscription"
          value={gate.subscription}
          options={Object.entries(TIERS)}
        />
      </form>
    </Framed>
  );
}

function gateSaid(gate: GateShown): string {
  const tier = TIERS[gate.subscription] ?? gate.subscription;
  return gate.verification === "none" ? tier : `${tier}, ${VERIFIED[gate.verification]}`;
}
