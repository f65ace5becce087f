/** The page Customers: list, revenue, attribution, predictions, segments and sources of orders. */

import { useProject, useTab, useTitle } from "../client/hooks";
import { Tabs } from "../kit/parts";
import { t } from "../language";
import { Attribution } from "./attribution";
import { Connections } from "./connections";
import { CustomerList } from "./list";
import { Prediction } from "./prediction";
import { Revenue } from "./revenue";
import { SegmentsTab } from "./segments";

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
