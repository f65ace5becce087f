/** The page Recommendations: the health of the models, the surfaces, and a list to try out. */

import { useTab, useTitle } from "../client/hooks";
import { Tabs } from "../kit/parts";
import { t } from "../language";
import { Models } from "./models";
import { Surfaces } from "./surfaces";
import { TryOut } from "./try_out";

const TABS: [string, string, () => React.JSX.Element][] = [
  ["models", t("Models"), Models],
  ["surfaces", t("Surfaces"), Surfaces],
  ["try", t("Try it out"), TryOut],
];

export function Recommend() {
  useTitle(t("Recommendations"));
  const [tab, choose] = useTab("models");
  const Shown = TABS.find(([name]) => name === tab)?.[2] ?? Models;
  return (
    <>
      <h1 className="mb-4 text-xl font-semibold">{t("Recommendations")}</h1>
      <Tabs
        label={t("Recommendations")}
        tabs={TABS.map(([name, label]) => [name, label])}
        chosen={tab}
        choose={choose}
      />
      <Shown />
    </>
  );
}
