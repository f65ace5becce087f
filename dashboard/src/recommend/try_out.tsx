/** A list to try out: what a user would get, or what is like an entity, asked as an application would. */

import { useState } from "react";
import { field, primary } from "../kit/dialog";
import { Options } from "../kit/fields";
import { Card, Empty } from "../kit/parts";
import { t } from "../language";
import { Items, useTypes } from "./items";

type Whom = "person" | "entity";

export function TryOut() {
  const types = useTypes();
  const [asked, ask] = useState<{ entity_type: string; of: Whom; id: string }>();
  return (
    <div className="grid gap-4 lg:grid-cols-[20rem_1fr]">
      <Card title={t("For whom")}>
        <form
          className="space-y-3 px-4 pb-4"
          onSubmit={(event) => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            const text = (name: string) => String(form.get(name) ?? "").trim();
            ask({ entity_type: text("type"), of: text("of") as Whom, id: text("id") });
          }}
        >
          <label className="block text-xs text-soft">
            {t("Recommend entities of type")}
            <select name="type" className={`${field} text-sm text-ink`}>
              <Options of={types.map((type) => [type, type])} />
            </select>
          </label>
          <label className="block text-xs text-soft">
            {t("For")}
            <select name="of" className={`${field} text-sm text-ink`}>
              <Options
                of={[
                  ["person", t("a user, by their history")],
                  ["entity", t("somebody who looks at an entity of this type")],
                ]}
              />
            </select>
          </label>
          <label className="block text-xs text-soft">
            {t("The id of the user or entity")}
            <input name="id" required autoComplete="off" className={`${field} text-sm text-ink`} />
          </label>
          <button type="submit" className={primary}>
            {t("Show")}
          </button>
        </form>
      </Card>
      {asked ? (
        <Items
          key={JSON.stringify(asked)}
          title={t("Recommended for {id}", { id: asked.id })}
          of={asked.of}
          asked={{
            entity_type: asked.entity_type,
            limit: 20,
            ...(asked.of === "person" ? { user_id: asked.id } : { entity_id: asked.id }),
          }}
          nobody={t("No user with this id is known; somebody who never came gets what is popular.")}
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
