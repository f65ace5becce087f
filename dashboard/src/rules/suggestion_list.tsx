/** Suggestions, to edit. */

import { t } from "../language";
import { changed, kept, type SuggestionDraft } from "./draft";
import { Add, NumberField, SelectOf, Small, TextField } from "./fields";

const PRIORITIES = [
  ["high", t("high")],
  ["medium", t("medium")],
  ["low", t("low")],
] as const;
const USUAL_LANGUAGES = ["en", "de"];

export function SuggestionList(props: {
  entries: SuggestionDraft[];
  stages: string[];
  intents: string[];
  change: (entries: SuggestionDraft[]) => void;
}) {
  const { entries, change } = props;
  return (
    <div className="space-y-3 px-4 pb-4">
      <ul className="space-y-3">
        {entries.map((one, place) => (
          <li key={one.id} className="rounded-lg border border-line p-3">
            <One
              {...props}
              one={one}
              path={`suggestions[${place}]`}
              with_={(part) => change(changed(entries, one.id, { ...one, ...part }))}
              remove={() => change(changed(entries, one.id))}
            />
          </li>
        ))}
      </ul>
      <Add
        label={t("Suggestion")}
        press={() => change([...entries, kept({ action: "", message: { en: "" } })])}
      />
    </div>
  );
}

function One(props: {
  one: SuggestionDraft;
  path: string;
  stages: string[];
  intents: string[];
  with_: (part: Partial<SuggestionDraft>) => void;
  remove: () => void;
}) {
  const { one, path, with_ } = props;
  const choice = (names: string[], any: string) =>
    [["", any] as const, ...names.map((name) => [name, name] as const)] as const;
  return (
    <>
      <div className="flex items-end gap-2">
        <TextField
          label={t("Action")}
          path={`${path}.action`}
          value={one.action}
          required
          className="min-w-0 flex-1"
          change={(action) => with_({ action })}
        />
        <Small sign="×" label={t("Remove {name}", { name: one.action })} press={props.remove} />
      </div>
      <div className="mt-2 grid gap-2 sm:grid-cols-3">
        <SelectOf
          label={t("Stage")}
          path={`${path}.stage`}
          value={one.stage ?? ""}
          options={choice(props.stages, t("every stage without its own"))}
          change={(stage) => with_({ stage })}
        />
        <SelectOf
          label={t("Intent")}
          path={`${path}.intent`}
          value={one.intent ?? ""}
          options={choice(props.intents, t("every intent"))}
          change={(intent) => with_({ intent })}
        />
        <SelectOf
          label={t("Priority")}
          path={`${path}.priority`}
          value={one.priority ?? "medium"}
          options={PRIORITIES}
          change={(priority) => with_({ priority: priority as SuggestionDraft["priority"] })}
        />
      </div>
      <Texts
        label={t("Message")}
        path={`${path}.message`}
        texts={one.message}
        change={(message) => with_({ message })}
      />
      <Texts
        label={t("Button")}
        path={`${path}.call_to_action`}
        texts={one.call_to_action ?? {}}
        change={(call_to_action) => with_({ call_to_action })}
      />
      <div className="mt-2 grid gap-2 sm:grid-cols-4">
        <TextField
          label={t("New entities of type, for {n}", { n: "{n}" })}
          path={`${path}.new`}
          value={one.new ?? ""}
          change={(kind) => with_({ new: kind })}
        />
        <NumberField
          label={t("At most so many times")}
          path={`${path}.times`}
          step="1"
          value={one.times ?? 10}
          change={(times) => with_({ times })}
        />
        <NumberField
          label={t("Hours between two times")}
          path={`${path}.rest_hours`}
          value={one.rest_hours ?? 0}
          change={(rest_hours) => with_({ rest_hours })}
        />
        <NumberField
          label={t("Days of rest once dismissed")}
          path={`${path}.dismissed_days`}
          value={one.dismissed_days ?? 30}
          change={(dismissed_days) => with_({ dismissed_days })}
        />
      </div>
    </>
  );
}

/** A text in each language; an empty one is left out. */
function Texts(props: {
  label: string;
  path: string;
  texts: Record<string, string>;
  change: (texts: Record<string, string>) => void;
}) {
  const languages = [...new Set([...USUAL_LANGUAGES, ...Object.keys(props.texts)])];
  return (
    <div className="mt-2 grid gap-2 sm:grid-cols-2">
      {languages.map((language) => (
        <TextField
          key={language}
          label={`${props.label} (${language})`}
          path={`${props.path}.${language}`}
          value={props.texts[language] ?? ""}
          change={(text) => {
            const { [language]: _, ...others } = props.texts;
            props.change(text ? { ...others, [language]: text } : others);
          }}
        />
      ))}
    </div>
  );
}
