/** A list to try out: what a user would get, or what is like an entity, asked as an application would. */

import { useState } from "react";
import { field, primary } from "../kit/dialog";
import { Options } from "../kit/fields";
import { Card, Empty } from "../kit/parts";
import { t } from "../language";
import { Items, KINDS, type Kind, OF_ENTITY, useTypes } from "./items";

/** Of what somebody chooses, the field of the question that takes the id; nothing for what is the same for everybody. */
const ID_OF = (kind: Kind) =>
  kind === "trending" ? "place" : OF_ENTITY.includes(kind) ? "entity_id" : "user_id";

const LABELS = {
  user_id: t("The user's id"),
  entity_id: t("The entity's id"),
  place: t("City, region or country (empty: everywhere)"),
};

export function TryOut() {
  const types = useTypes();
  const [kind, setKind] = useState<Kind>("for_you");
  const [asked, ask] = useState<{ entity_type: string; kind: Kind; id: string }>();
  return (
    <div className="grid gap-4 lg:grid-cols-[20rem_1fr]">
      <Card title={t("For whom")}>
        <form
          className="space-y-3 px-4 pb-4"
          onSubmit={(event) => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            const text = (name: string) => String(form.get(name) ?? "").trim();
            ask({ entity_type: text("type"), kind, id: text("id") });
          }}
        >
          <label className="block text-xs text-soft">
            {t("Recommend entities of type")}
            <select name="type" className={`${field} text-sm text-ink`}>
              <Options of={types.map((type) => [type, type])} />
            </select>
          </label>
          <label className="block text-xs text-soft">
            {t("Kind of recommendation")}
            <select
              value={kind}
              onChange={(event) => setKind(event.target.value as Kind)}
              className={`${field} text-sm text-ink`}
            >
              <Options of={Object.entries(KINDS)} />
            </select>
          </label>
          <label className="block text-xs text-soft">
            {LABELS[ID_OF(kind)]}
            <input
              name="id"
              required={kind !== "trending"}
              autoComplete="off"
              className={`${field} text-sm text-ink`}
            />
          </label>
          <button type="submit" className={primary}>
            {t("Show")}
          </button>
        </form>
      </Card>
      {asked ? (
        <Items
          key={JSON.stringify(asked)}
          title={asked.id ? t("{kind}: {id}", { kind: KINDS[asked.kind], id: asked.id }) : KINDS[asked.kind]}
          asked={{
            entity_type: asked.entity_type,
            kind: asked.kind,
            limit: 20,
            [ID_OF(asked.kind)]: asked.id,
          }}
        />
      ) : (
        <Card>
          <Empty title={t("Nothing asked yet")}>
            {t(
              "Applications ask GET /v1/recommend, pages call trackway.recommend(). Choose somebody to see what they would get, and why.",
            )}
          </Empty>
        </Card>
      )}
    </div>
  );
}
