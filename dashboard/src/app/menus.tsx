/** The menus of the frame: the project menu with "New project", and the user menu with the theme and sign-out. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { type ReactNode, useContext, useState } from "react";
import { api, type Keys, type Project } from "../client/api";
import { MeContext, useTheme } from "../client/hooks";
import { Framed, field, primary } from "../kit/dialog";
import { SelectField } from "../kit/fields";
import { PACKS } from "../kit/metric_packs";
import { Avatar } from "../kit/parts";
import { t } from "../language";

const item =
  "flex cursor-pointer items-center justify-between gap-4 rounded-lg px-3 py-1.5 outline-none data-[highlighted]:bg-accent-soft";
const line = "my-1.5 h-px bg-line";

function Menu(props: { label: string; shown: ReactNode; className: string; children: ReactNode }) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger aria-label={props.label} title={props.label} className={props.className}>
        {props.shown}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="start"
          sideOffset={6}
          collisionPadding={8}
          className="z-30 max-h-[70vh] min-w-52 overflow-y-auto rounded-xl border border-line bg-raised p-1.5 shadow-lg"
        >
          {props.children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** A menu of options with a tick at the chosen one. */
function Choices(props: {
  label: string;
  value: string;
  all: readonly (readonly [string, string])[];
  choose: (value: string) => void;
}) {
  return (
    <DropdownMenu.RadioGroup aria-label={props.label} value={props.value} onValueChange={props.choose}>
      {props.all.map(([value, label]) => (
        <DropdownMenu.RadioItem key={value} value={value} className={item}>
          <span className="max-w-64 truncate">{label}</span>
          <DropdownMenu.ItemIndicator aria-hidden="true" className="text-accent">
            ✓
          </DropdownMenu.ItemIndicator>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

/** The project menu; administrators can create a project. */
export function ProjectMenu({ project }: { project: Project | undefined }) {
  const me = useContext(MeContext);
  const navigate = useNavigate();
  const [making, setMaking] = useState(false);
  const open = (id: string) => void navigate({ to: `/p/${id}/overview` as "/" });
  const shown = project?.name ?? t("No project");
  return (
    <>
      <Menu
        label={t("Project: {name}", { name: shown })}
        className="flex min-h-9 min-w-0 items-center justify-between gap-2 rounded-lg border border-line bg-card px-2.5 hover:border-accent lg:w-full"
        shown={
          <>
            <span className="truncate">{shown}</span>
            <span aria-hidden="true">▾</span>
          </>
        }
      >
        <Choices
          label={t("Project")}
          value={project?.id ?? ""}
          all={(me?.projects ?? []).map((project) => [project.id, project.name] as const)}
          choose={open}
        />
        {me?.is_admin && (
          <>
            <DropdownMenu.Separator className={line} />
            <DropdownMenu.Item className={item} onSelect={() => setMaking(true)}>
              {t("New project…")}
            </DropdownMenu.Item>
          </>
        )}
      </Menu>
      <Framed title={t("New project")} open={making} change={setMaking}>
        <NewProject
          like={project}
          done={(id) => {
            setMaking(false);
            open(id);
          }}
        />
      </Framed>
    </>
  );
}

function NewProject(props: { like: Project | undefined; done: (id: string) => void }) {
  const client = useQueryClient();
  const [problem, setSaid] = useState("");
  async function make(name: string, metrics: string) {
    const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const currency = props.like?.currency ?? "EUR";
    const created = await api.post<Keys>("/projects", { name, timezone, currency });
    await api.patch(`/projects/${created.project_id}`, { metrics });
    await client.invalidateQueries({ queryKey: ["me"] });
    props.done(created.project_id);
  }
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        const values = new FormData(event.currentTarget);
        make(String(values.get("name")), String(values.get("metrics"))).catch((error: Error) =>
          setSaid(error.message),
        );
      }}
    >
      <label className="block">
        {t("Name of the project")}
        <input name="name" required maxLength={200} className={field} />
      </label>
      <SelectField className="block" label={t("What it is")} name="metrics" options={Object.entries(PACKS)} />
      <p className="text-soft">
        {t(
          "The project starts with the time zone of this browser. You can change time zone and currency under Settings.",
        )}
      </p>
      <button type="submit" className={primary}>
        {t("Create the project")}
      </button>
      <p role="alert" className="text-bad">
        {problem}
      </p>
    </form>
  );
}

const THEMES = [
  ["system", t("Colours as the system")],
  ["light", t("Light")],
  ["dark", t("Dark")],
] as const;

/** The menu of the signed-in user. */
export function UserMenu({ project }: { project: Project | undefined }) {
  const me = useContext(MeContext);
  const navigate = useNavigate();
  const [theme, setTheme] = useTheme();
  const email = me?.email ?? "";
  const own = project && `/p/${project.id}/${project.role === "" ? "me" : "settings"}`;
  return (
    <Menu
      label={t("You: {email}", { email })}
      className="flex min-h-9 min-w-0 items-center gap-2 rounded-lg px-1 hover:bg-accent-soft lg:w-full lg:px-2"
      shown={
        <>
          <Avatar id={email} />
          <span className="truncate text-soft max-lg:hidden">{email}</span>
        </>
      }
    >
      <DropdownMenu.Label className="max-w-72 truncate px-3 py-1.5 text-soft">{email}</DropdownMenu.Label>
      <DropdownMenu.Separator className={line} />
      <Choices label={t("Colours")} value={theme} all={THEMES} choose={setTheme} />
      <DropdownMenu.Separator className={line} />
      {own && (
        <DropdownMenu.Item
          className={item}
          onSelect={() => void navigate({ to: own as "/", hash: "signing-in" })}
        >
          {t("Password and passkeys")}
        </DropdownMenu.Item>
      )}
      <DropdownMenu.Item
        className={item}
        onSelect={() => void api.signOut().then(() => window.location.assign("/"))}
      >
        {t("Sign out")}
      </DropdownMenu.Item>
    </Menu>
  );
}
