/** The surfaces of the metrics pack: their rules in words, and the list that somebody would get there. */

import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { api, type Pack } from "../client/api";
import { useProject } from "../client/hooks";
import { field, quiet } from "../kit/dialog";
import { exact, percent } from "../kit/format";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { t } from "../language";
import { Items, KINDS, OF_ENTITY } from "./items";
import { condition, type Surface } from "./reasons";

export function Surfaces() {
  const project = useProject();
  const pack = useQuery({
    queryKey: ["metrics", project.id],
    queryFn: () => api.get<Pack>(`/projects/${project.id}/metrics`),
  });
  const surfaces = pack.data?.recommend?.surfaces ?? [];
  return (
    <div className="space-y-4">
      {pack.error && <Failure error={pack.error} again={pack.refetch} />}
      {pack.isPending && <Skeleton rows={6} />}
      {pack.data && surfaces.length === 0 && (
        <Card>
          <Empty title={t("No surface yet")}>
            {t(
              "A surface is a place in your product with its rules: what is left out, what comes first, how many of one artist. Add [[recommend.surfaces]] to the metrics pack under Settings.",
            )}
          </Empty>
        </Card>
      )}
      {surfaces.map((surface) => (
        <OneSurface key={surface.name} surface={surface} />
      ))}
    </div>
  );
}

function OneSurface({ surface }: { surface: Surface }) {
  const kind = surface.kind ?? "for_you";
  const [id, setId] = useState<string>();
  const input = useId();
  const ofEntity = OF_ENTITY.includes(kind);
  const list = (texts: string[] | undefined) => texts?.join(", ") || "–";
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Card title={surface.name.replaceAll("_", " ")} aside={KINDS[kind]}>
        <Facts
          facts={[
            [t("Types"), list(surface.entity_types)],
            [t("Only if"), list(surface.where?.map(condition))],
            [t("At most"), list(surface.at_most?.map(({ of, n }) => t("{n} with the same {of}", { n, of })))],
            [t("Pinned"), list(surface.pinned)],
            [t("Blocked"), list(surface.blocked)],
            [t("Entities they know"), surface.repeats ? t("shown again") : t("left out")],
            [t("Their own entities"), surface.own ? t("shown") : t("left out")],
            [t("Diversity"), percent(surface.diversity ?? 0)],
            [t("Freshness"), percent(surface.freshness ?? 0)],
            [t("Shuffled lists"), percent(surface.explore ?? 0)],
            [t("In the holdout"), percent(surface.holdout ?? 0.1)],
            [t("Entities in a list"), exact(surface.limit ?? 20)],
          ]}
        />
        {kind !== "trending" && (
          <form
            className="flex flex-wrap items-end gap-2 px-4 pb-4"
            onSubmit={(event) => {
              event.preventDefault();
              setId(String(new FormData(event.currentTarget).get("id")).trim());
            }}
          >
            <div className="min-w-0 flex-1">
              <label htmlFor={input} className="text-xs text-soft">
                {ofEntity ? t("The entity's id") : t("The user's id")}
              </label>
              <input id={input} name="id" required autoComplete="off" className={field} />
            </div>
            <button type="submit" className={quiet}>
              {t("Show")}
            </button>
          </form>
        )}
      </Card>
      {(id || kind === "trending") && (
        <Items
          title={t("What this surface shows")}
          asked={{
            surface: surface.name,
            limit: surface.limit ?? 20,
            ...(ofEntity ? { entity_id: id } : { user_id: id }),
          }}
        />
      )}
    </div>
  );
}
