/** The page Rules: stages, intents and suggestions of the project, with a preview on its people and their versions. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, Problem, type RulesPreview, type RulesShown } from "../client/api";
import { useProject, useRefresh, useTitle } from "../client/hooks";
import { primary, quiet } from "../kit/dialog";
import { Refusal } from "../kit/fields";
import { Card, Failure, Skeleton } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { type Draft, draftOf, rulesOf } from "./draft";
import { FaultContext, NumberField } from "./fields";
import { Preview } from "./preview";
import { CountList, RuleList } from "./rule_list";
import { SuggestionList } from "./suggestion_list";
import { Versions } from "./versions";

export function Rules() {
  useTitle(t("Rules"));
  const project = useProject();
  const path = `/projects/${project.id}/rules`;
  const rules = useQuery({
    queryKey: ["rules", path],
    queryFn: () => api.get<RulesShown>(path),
    refetchOnWindowFocus: false,
  });
  return (
    <div className="space-y-4">
      <h1 className="text-xl font-semibold">{t("Rules")}</h1>
      {rules.error && <Failure error={rules.error} again={rules.refetch} />}
      {rules.isPending && <Skeleton rows={8} />}
      {rules.data && <Editor key={rules.data.version} path={path} shown={rules.data} />}
    </div>
  );
}

/** Calls the server about a draft; remembers where it found a fault. */
function useCalls(path: string) {
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  async function call(work: () => Promise<void>) {
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, (error as Error).message, []));
    }
    setBusy(false);
  }
  const field = problem?.fields[0]?.replace(/^rules\./, "");
  const fault = problem && field !== undefined ? { field, reason: problem.message } : undefined;
  return { call, busy, fault, problem, path };
}

function Editor({ path, shown }: { path: string; shown: RulesShown }) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(shown.rules));
  const [preview, setPreview] = useState<RulesPreview>();
  const { call, busy, fault, problem } = useCalls(path);
  const client = useQueryClient();
  const refresh = useRefresh();
  const say = useToast();
  const facts = [...Object.keys(shown.facts), ...draft.counts.map(({ name }) => name).filter(Boolean)];
  const edit = (part: Partial<Draft>) => {
    setDraft({ ...draft, ...part });
    setPreview(undefined);
  };
  const show = async () => setPreview(await api.post<RulesPreview>(`${path}/preview`, rulesOf(draft)));
  const saved = (now: RulesShown) => {
    say(t("Saved as version {version}.", { version: now.version }));
    void client.invalidateQueries({ queryKey: ["rules", path] });
    refresh();
  };
  const save = async () =>
    saved(await api.put<RulesShown>(path, { version: shown.version, rules: rulesOf(draft) }));
  const bringBack = async (version: number) =>
    saved(await api.post<RulesShown>(`${path}/versions/${version}/restore`, {}));
  return (
    <FaultContext.Provider value={fault}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          void call(save);
        }}
      >
        <p className="text-soft">
          {t(
            "Version {version}. Of each list, the first rule whose conditions all hold decides about a person.",
            {
              version: shown.version,
            },
          )}
        </p>
        <div className="grid gap-4 xl:grid-cols-2">
          <Card title={t("Stages")}>
            <RuleList
              path="journey.stages"
              noun={t("Stage")}
              facts={facts}
              entries={draft.stages}
              change={(stages) => edit({ stages })}
            />
          </Card>
          <Card title={t("Intents")}>
            <RuleList
              path="journey.intents"
              noun={t("Intent")}
              facts={facts}
              entries={draft.intents}
              change={(intents) => edit({ intents })}
            />
          </Card>
        </div>
        <Card title={t("Counts among the newest actions")}>
          <div className="px-4 pb-3">
            <NumberField
              label={t("Newest actions to look at")}
              path="journey.newest"
              step="1"
              className="w-48"
              value={draft.journey.newest}
              change={(newest) => edit({ journey: { ...draft.journey, newest: newest ?? 0 } })}
            />
          </div>
          <CountList entries={draft.counts} change={(counts) => edit({ counts })} />
        </Card>
        <Card title={t("Suggestions")}>
          <div className="px-4 pb-3">
            <NumberField
              label={t("Share of people who see none (0 to 1)")}
              path="holdout"
              className="w-64"
              value={draft.holdout}
              change={(holdout) => edit({ holdout: holdout ?? 0 })}
            />
          </div>
          <SuggestionList
            entries={draft.suggestions}
            stages={draft.stages.map(({ name }) => name).filter(Boolean)}
            intents={draft.intents.map(({ name }) => name).filter(Boolean)}
            change={(suggestions) => edit({ suggestions })}
          />
        </Card>
        {preview && <Preview preview={preview} />}
        <div className="sticky bottom-0 flex flex-wrap items-center gap-2 border-t border-line bg-ground py-3">
          <button type="button" className={quiet} disabled={busy} onClick={() => void call(show)}>
            {t("Preview on people")}
          </button>
          <button type="submit" className={primary} disabled={busy}>
            {t("Save as a new version")}
          </button>
          <Refusal reason={problem ? problem.message : ""} />
        </div>
      </form>
      <Versions path={path} bringBack={(version) => void call(() => bringBack(version))} />
    </FaultContext.Provider>
  );
}
