/** Customers: who they are, what they bring, where they came from, what is to be expected, and whom to write to. */

import { Attribution } from "../customers/attribution";
import { Connections } from "../customers/connections";
import { CustomerList } from "../customers/list";
import { Prediction } from "../customers/prediction";
import { Revenue } from "../customers/revenue";
import { SegmentsTab } from "../customers/segments";
import { useProject, useTab, useTitle } from "../hooks";
import { t } from "../language";
import { Tabs } from "../parts";

const TABS: [string, string, () => React.JSX.Element][] = [
  ["customers", t("Customers"), CustomerList],
  ["revenue", t("Revenue"), Revenue],
  ["attribution", t("Attribution"), Attribution],
  ["prediction", t("Predictions"), Prediction],
  ["segments", t("Segments"), SegmentsTab],
  ["sources", t("Where orders come from"), Connections],
];

export function Customers() {
  useTitle(t("Customers"));
  const project = useProject();
  const [tab, choose] = useTab("customers");
  const manages = project.role === "owner" || project.role === "administrator";
  const tabs = TABS.filter(([name]) => name !== "sources" || manages);
  const Shown = tabs.find(([name]) => name === tab)?.[2] ?? CustomerList;
  return (
    <>
      <Tabs
        label={t("Customers")}
        tabs={tabs.map(([name, label]) => [name, label])}
        chosen={tab}
        choose={choose}
      />
      <Shown />
    </>
  );
}
