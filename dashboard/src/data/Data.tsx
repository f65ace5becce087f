/** The page Data: events and their properties, the tracking plan, refused messages, bots, imports and exports. */
import { useTab, useTitle } from "../client/hooks";
import { PeriodPicker } from "../kit/controls";
import { Tabs } from "../kit/parts";
import { t } from "../language";
import { Bots } from "./bots";
import { LettersNotice } from "./dead_letters";
import { EventExplorer } from "./events";
import { PlanTab } from "./plan";
import { RefusedTab } from "./refused";
import { Transfers } from "./transfers";

const TABS: [string, string, () => React.JSX.Element][] = [
  ["events", t("Events"), EventExplorer],
  ["plan", t("Tracking plan"), PlanTab],
  ["refused", t("Refused"), RefusedTab],
  ["bots", t("Bots"), Bots],
  ["files", t("Imports and exports"), Transfers],
];

export function Data() {
  useTitle(t("Data"));
  const [tab, choose] = useTab("events");
  const Shown = TABS.find(([name]) => name === tab)?.[2] ?? EventExplorer;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">{t("Data")}</h1>
        <PeriodPicker />
      </div>
      <Tabs
        label={t("Data")}
        tabs={TABS.map(([name, label]) => [name, label])}
        chosen={tab}
        choose={choose}
      />
      {tab !== "refused" && <LettersNotice />}
      <Shown />
    </>
  );
}
