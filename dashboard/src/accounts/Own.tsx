/** The numbers of an account's own entities (an artist, a venue) or its own year (a fan), with locked cards for more. */
import { type ReactNode, useState } from "react";
import type { AsAccount } from "../client/api";
import { useAsk, useProject, useTitle } from "../client/hooks";
import { ViewsBy, ViewsOverTime } from "../entities/Entities";
import { PeriodPicker } from "../kit/controls";
import { country } from "../kit/format";
import { Card, Empty } from "../kit/parts";
import { t } from "../language";
import { Become } from "./become";
import { Locked } from "./locked";
import { LiveList, MostViewed, OF_TYPE, PARTS } from "./own_cards";
import { MyYear } from "./year";

export function Mine({ upgrade }: { upgrade?: (needs: string) => void }) {
  const project = useProject();
  const account = project.account;
  useTitle(account?.name || project.name);
  if (account === null)
    return (
      <Empty title={t("You have no account in this product")}>
        {t("The administrators of this product see everything.")}
      </Empty>
    );
  if (account.type === "user")
    return (
      <>
        <MyYear />
        <Become />
      </>
    );
  if (account.type === "admin") return <WholePage account={account} />;
  return <OwnPage account={account} upgrade={upgrade} />;
}

/** The page of an administrator of the product: an overview of all entities. */
function WholePage({ account }: { account: AsAccount }) {
  const may = (permission: string) => account.permissions[permission]?.granted ?? false;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">{account.name || account.id}</h1>
        <PeriodPicker />
      </div>
      <div className="grid gap-4 md:grid-cols-2">
        {may("views") && <ViewsOverTime />}
        {may("views") && <MostViewed />}
        {may("sources") && <ViewsBy title={t("Sent from")} by="referrer_source" />}
        {may("audience") && <ViewsBy title={t("Countries")} by="country" show={country} />}
        {may("live") && <LiveList />}
        {may("views") && <ViewsBy title={t("Types")} by="entity_type" />}
      </div>
    </>
  );
}

function OwnPage({ account, upgrade }: { account: AsAccount; upgrade?: (needs: string) => void }) {
  const entities = account.entities.map(([entity_type, entity_id]) => ({ entity_type, entity_id }));
  const project = useProject();
  const [chosen, choose] = useState(-1);
  const names = useNames(account);
  const own = chosen < 0 ? entities : entities.slice(chosen, chosen + 1);
  // Daily numbers are about one entity: by default the artist or the venue itself.
  const main = own.find((entity) => account.type.startsWith(entity.entity_type)) ?? own[0];
  const parts = OF_TYPE[account.type.startsWith("venue") ? "venue" : "artist"] ?? [];
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">
          {account.name || names.get(`${main?.entity_id}`) || account.id}
        </h1>
        <div className="flex flex-wrap items-center gap-2">
          {entities.length > 1 && (
            <select
              aria-label={t("Entities")}
              value={chosen}
              onChange={(event) => choose(Number(event.target.value))}
              className="min-h-9 max-w-56 rounded-lg border border-line bg-card px-2"
            >
              <option value={-1}>{t("All your entities")}</option>
              {entities.map((entity, place) => (
                <option key={`${entity.entity_type}\n${entity.entity_id}`} value={place}>
                  {names.get(entity.entity_id) || entity.entity_id}
                </option>
              ))}
            </select>
          )}
          <PeriodPicker />
        </div>
      </div>
      {main === undefined ? (
        <Card>
          <Empty title={t("You have no entities here yet")}>
            {t("When {platform} assigns entities to you, their numbers appear here.", {
              platform: project.name,
            })}
          </Empty>
        </Card>
      ) : (
        <div className="grid gap-4 md:grid-cols-2">
          {parts.map((name) => {
            const part = PARTS[name];
            if (part === undefined || (name === "entities" && entities.length < 2 && names.size < 2))
              return null;
            const verdict = account.permissions[part.needs];
            if (verdict?.granted) return <Wrapped key={name}>{part.show(own, main)}</Wrapped>;
            if (verdict === undefined || verdict.lacks === "type" || verdict.lacks === "active") return null;
            return (
              <Locked key={name} part={part} needs={verdict.needs} lacks={verdict.lacks} ask={upgrade} />
            );
          })}
        </div>
      )}
    </>
  );
}

const Wrapped = ({ children }: { children: ReactNode }) => <>{children}</>;

/** The names of the account's entities. */
function useNames(account: AsAccount): Map<string, string> {
  const asked = useAsk(
    account.permissions.views?.granted
      ? { question: "entities", period: "all", filter: undefined, limit: 1000 }
      : undefined,
  );
  return new Map(asked.data?.data.map((row) => [row.entity_id, row.name]));
}
