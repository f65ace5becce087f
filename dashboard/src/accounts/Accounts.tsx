/** The page Accounts: accounts of the product, their permissions and requests, and the audit log. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useProject, useTitle } from "../client/hooks";
import { Tabs } from "../kit/parts";
import { t } from "../language";
import { Log } from "./audit";
import { List } from "./list";
import { Permissions } from "./permissions";
import { Requests } from "./requests";

export function Accounts() {
  useTitle(t("Accounts"));
  const project = useProject();
  const navigate = useNavigate();
  const { tab = "accounts" } = useSearch({ strict: false }) as { tab?: string };
  const owner = project.role === "owner" || project.role === "administrator";
  const tabs = [
    ["accounts", t("Accounts")],
    ["requests", t("Requests")],
    ["permissions", t("Permissions")],
    ...(owner ? [["audit", t("Audit log")] as const] : []),
  ] as const;
  return (
    <>
      <h1 className="mb-3 text-xl font-semibold">{t("Accounts")}</h1>
      <Tabs
        label={t("Accounts")}
        tabs={tabs}
        chosen={tab}
        choose={(name) => void navigate({ to: ".", search: { tab: name } } as never)}
      />
      {tab === "accounts" && <List />}
      {tab === "requests" && <Requests />}
      {tab === "permissions" && <Permissions owner={owner} />}
      {tab === "audit" && <Log />}
    </>
  );
}
