import { Link, useLocation } from "@tanstack/react-router";
import { type ReactNode, useContext, useEffect, useId, useState } from "react";
import { api, type Project } from "../client/api";
import { MeContext, useProject, useRefresh, useTitle } from "../client/hooks";
import { Jobs } from "../data/jobs";
import { Options } from "../kit/fields";
import { PACKS } from "../kit/metric_packs";
import { Card } from "../kit/parts";
import { locale, t } from "../language";
import { Appearance } from "./appearance";
import { Goals } from "./goals";
import { Security } from "./security";
import { Keys, Members } from "./team";

const field = "mt-1 block min-h-9 w-full rounded-lg border border-line bg-card px-3";

export function Settings() {
  useTitle(t("Settings"));
  const project = useProject();
  const admin = useContext(MeContext)?.is_admin ?? false;
  const owner = project.role === "owner" || project.role === "administrator";
  return (
    <Sections
      sections={[
        ["project", t("Project"), true],
        ["keys", t("Keys"), true],
        ["members", t("Members"), owner],
        ["appearance", t("Appearance"), true],
        ["signing-in", t("Signing in"), true],
        ["scheduled", t("Scheduled work"), admin],
      ]}
    >
      <Card title={t("Project")} id="project">
        <ProjectForm project={project} owner={owner} />
      </Card>
      <div id="keys" className="scroll-mt-24">
        <Keys admin={owner} />
      </div>
      {owner && (
        <div id="members" className="scroll-mt-24">
          <Members />
        </div>
      )}
      <div id="appearance" className="scroll-mt-24">
        <Appearance />
      </div>
      <div id="signing-in" className="scroll-mt-24 space-y-4">
        <Security />
      </div>
      {admin && (
        <div id="scheduled" className="scroll-mt-24">
          <Jobs />
        </div>
      )}
    </Sections>
  );
}

/** Saves the project of a form; `notice` is the outcome. */
function useSave(project: Project) {
  const refresh = useRefresh();
  const [notice, setNotice] = useState<{ text: string; bad: boolean }>();
  async function save(form: HTMLFormElement) {
    const values = new FormData(form);
    try {
      await api.patch<Project>(`/projects/${project.id}`, {
        name: values.get("name"),
        timezone: values.get("timezone"),
        currency: values.get("currency"),
        ...(values.has("metrics") ? { metrics: values.get("metrics") } : {}),
        goals: values.getAll("goals"),
        embed_origins: String(values.get("embed_origins"))
          .split("\n")
          .map((line) => line.trim())
          .filter(Boolean),
      });
      setNotice({ text: t("Saved."), bad: false });
      refresh();
    } catch (error) {
      setNotice({ text: (error as Error).message, bad: true });
    }
  }
  return { save, notice };
}

function ProjectForm({ project, owner }: { project: Project; owner: boolean }) {
  const { save, notice } = useSave(project);
  return (
    <form
      className="grid gap-3 p-4 sm:grid-cols-2"
      onSubmit={(event) => {
        event.preventDefault();
        void save(event.currentTarget);
      }}
    >
      <label>
        {t("Name")}
        <input name="name" required defaultValue={project.name} disabled={!owner} className={field} />
      </label>
      <Picker
        name="timezone"
        label={t("Time zone")}
        value={project.timezone}
        of="timeZone"
        disabled={!owner}
        labelOf={clock}
      />
      <Picker
        name="currency"
        label={t("Currency")}
        value={project.currency}
        of="currency"
        disabled={!owner}
        labelOf={(name) => currencies.of(name) ?? name}
      />
      <label>
        {t("What it is")}
        <select
          name="metrics"
          defaultValue={project.metrics}
          disabled={!owner || !(project.metrics in PACKS)}
          className={field}
        >
          {!(project.metrics in PACKS) && <option value={project.metrics}>{t("a custom pack")}</option>}
          <Options of={Object.entries(PACKS)} />
        </select>
      </label>
      <Goals goals={project.goals} disabled={!owner} />
      <label className="sm:col-span-2">
        {t("Pages that may embed dashboards of accounts, one origin per line")}
        <textarea
          name="embed_origins"
          rows={2}
          placeholder="https://www.example.com"
          defaultValue={project.embed_origins.join("\n")}
          disabled={!owner}
          className={`${field} py-2`}
        />
      </label>
      {owner && (
        <button
          type="submit"
          className="justify-self-start rounded-lg bg-accent px-4 py-2 font-medium text-card"
        >
          {t("Save")}
        </button>
      )}
      <p role="status" className={`self-center ${notice?.bad ? "text-bad" : "text-good"}`}>
        {notice?.text}
      </p>
    </form>
  );
}

/** Sections of a long page, with a list of them beside it. */
function Sections(props: { sections: [id: string, label: string, shown: boolean][]; children: ReactNode }) {
  const { hash } = useLocation();
  useEffect(() => {
    if (hash) document.getElementById(hash)?.scrollIntoView();
  }, [hash]);
  return (
    <>
      <h1 className="mb-4 text-xl font-semibold">{t("Settings")}</h1>
      <div className="flex gap-6 max-lg:flex-col max-lg:gap-3">
        <nav
          aria-label={t("Sections")}
          className="flex shrink-0 flex-wrap lg:sticky lg:top-6 lg:w-40 lg:flex-col lg:self-start"
        >
          {props.sections.map(
            ([id, label, shown]) =>
              shown && (
                <Link
                  key={id}
                  to="."
                  search={true as never}
                  hash={id}
                  className="rounded-lg px-2.5 py-1.5 text-soft hover:bg-accent-soft hover:text-ink"
                >
                  {label}
                </Link>
              ),
          )}
        </nav>
        <div className="max-w-4xl min-w-0 flex-1 space-y-4">{props.children}</div>
      </div>
    </>
  );
}

/** A text field with suggestions from the supported names. */
function Picker(props: {
  name: string;
  label: string;
  value: string;
  of: "timeZone" | "currency";
  disabled: boolean;
  labelOf: (name: string) => string;
}) {
  const list = useId();
  return (
    <label>
      {props.label}
      <input
        name={props.name}
        list={list}
        required
        autoComplete="off"
        defaultValue={props.value}
        disabled={props.disabled}
        className={field}
      />
      <datalist id={list}>
        {Intl.supportedValuesOf(props.of).map((name) => (
          <option key={name} value={name} label={props.labelOf(name)} />
        ))}
      </datalist>
    </label>
  );
}

/** The current time in a time zone, to help choose the right one. */
const clock = (timeZone: string) =>
  new Date().toLocaleTimeString(locale, { timeZone, hour: "2-digit", minute: "2-digit" });
const currencies = new Intl.DisplayNames(locale, { type: "currency" });
