/** Lists of stages, intents and counts, to edit. */

import { t } from "../language";
import { type Condition, type CountDraft, changed, kept, moved, type RuleDraft } from "./draft";
import { Add, NumberField, SelectOf, Small, TextField } from "./fields";

interface ListProps<Entry> {
  entries: Entry[];
  change: (entries: Entry[]) => void;
}

/** Stages or intents, in the order in which they are tried. */
export function RuleList({
  path,
  noun,
  facts,
  entries,
  change,
}: ListProps<RuleDraft> & { path: string; noun: string; facts: string[] }) {
  return (
    <div className="space-y-3 px-4 pb-4">
      <ol className="space-y-3">
        {entries.map((rule, place) => (
          <li key={rule.id} className="rounded-lg border border-line p-3">
            <div className="flex items-end gap-2">
              <TextField
                label={`${place + 1}. ${noun}`}
                path={`${path}[${place}].name`}
                value={rule.name}
                required
                className="min-w-0 flex-1"
                change={(name) => change(changed(entries, rule.id, { ...rule, name }))}
              />
              <Small
                sign="↑"
                label={t("Move {name} up", { name: rule.name })}
                disabled={place === 0}
                press={() => change(moved(entries, place, -1))}
              />
              <Small
                sign="↓"
                label={t("Move {name} down", { name: rule.name })}
                disabled={place === entries.length - 1}
                press={() => change(moved(entries, place, 1))}
              />
              <Small
                sign="×"
                label={t("Remove {name}", { name: rule.name })}
                press={() => change(changed(entries, rule.id))}
              />
            </div>
            <Conditions
              path={`${path}[${place}].when`}
              of={rule.name}
              facts={facts}
              entries={rule.when}
              change={(when) => change(changed(entries, rule.id, { ...rule, when }))}
            />
          </li>
        ))}
      </ol>
      <Add label={noun} press={() => change([...entries, kept({ name: "", when: [] })])} />
    </div>
  );
}

function Conditions({
  path,
  of,
  facts,
  entries,
  change,
}: ListProps<Condition & { id: number }> & { path: string; of: string; facts: string[] }) {
  return (
    <div className="mt-2 space-y-2">
      {entries.length === 0 && (
        <p className="text-soft">{t("No conditions: holds for everybody who gets here.")}</p>
      )}
      {entries.map((when, place) => (
        <div key={when.id} className="flex flex-wrap items-end gap-2">
          <SelectOf
            label={place === 0 ? t("if") : t("and")}
            path={`${path}[${place}].fact`}
            value={when.fact}
            options={facts.map((fact) => [fact, fact] as const)}
            className="min-w-36 flex-1"
            change={(fact) => change(changed(entries, when.id, { ...when, fact }))}
          />
          <NumberField
            label={t("is over")}
            path={`${path}[${place}].over`}
            value={when.over}
            className="w-24"
            change={(over) => change(changed(entries, when.id, { ...when, over }))}
          />
          <NumberField
            label={t("is below")}
            path={`${path}[${place}].below`}
            value={when.below}
            className="w-24"
            change={(below) => change(changed(entries, when.id, { ...when, below }))}
          />
          <Small
            sign="×"
            label={t("Remove the condition on {fact} of {name}", { fact: when.fact, name: of })}
            press={() => change(changed(entries, when.id))}
          />
        </div>
      ))}
      <Add label={t("Condition")} press={() => change([...entries, kept({ fact: facts[0] ?? "days" })])} />
    </div>
  );
}

/** Counts among the newest actions; conditions can look at them. */
export function CountList({ entries, change }: ListProps<CountDraft>) {
  return (
    <div className="space-y-3 px-4 pb-4">
      <ul className="space-y-3">
        {entries.map((count) => {
          const path = `journey.counts.${count.name}`;
          const with_ = (part: Partial<CountDraft>) =>
            change(changed(entries, count.id, { ...count, ...part }));
          return (
            <li
              key={count.id}
              className="flex flex-wrap items-end gap-2 rounded-lg border border-line p-3 sm:flex-nowrap"
            >
              <TextField
                label={t("Name")}
                path={path}
                value={count.name}
                required
                className="min-w-36 flex-1"
                change={(name) => with_({ name })}
              />
              <TextField
                label={t("Actions, joined by commas")}
                path={`${path}.names`}
                value={count.names}
                required
                className="min-w-36 flex-2"
                change={(names) => with_({ names })}
              />
              <TextField
                label={t("On these types of entity, or any")}
                path={`${path}.entity_types`}
                value={count.types}
                className="min-w-36 flex-2"
                change={(types) => with_({ types })}
              />
              <Small
                sign="×"
                label={t("Remove {name}", { name: count.name })}
                press={() => change(changed(entries, count.id))}
              />
            </li>
          );
        })}
      </ul>
      <Add label={t("Count")} press={() => change([...entries, kept({ name: "", names: "", types: "" })])} />
    </div>
  );
}
