/** What a change of the rules would do to the people of the project. */

import { useEffect, useRef } from "react";
import type { RulesPreview } from "../client/api";
import { exact } from "../kit/format";
import { Card } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";

type Change = RulesPreview["stages"][number];

const named = (name: string) => (name ? name.replaceAll("_", " ") : t("(none)"));

export function Preview({ preview }: { preview: RulesPreview }) {
  const { people, other_stage, other_intent } = preview;
  const place = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each preview is brought into sight, at the end of the form
  useEffect(() => {
    void place.current?.scrollIntoView({ block: "center" });
  }, [preview]);
  return (
    <div ref={place}>
      <Card title={t("Preview")}>
        <p role="status" className="px-4 pb-2">
          {t("Puts {stages} of {people} people into another stage, and gives {intents} another intent.", {
            stages: exact(other_stage),
            intents: exact(other_intent),
            people: exact(people),
          })}
        </p>
        <Changes caption={t("People by stage")} changes={preview.stages} />
        <Changes caption={t("People by intent")} changes={preview.intents} />
      </Card>
    </div>
  );
}

function Changes({ caption, changes }: { caption: string; changes: Change[] }) {
  const rows = changes.filter((change) => change.from !== change.to);
  if (rows.length === 0) return null;
  return (
    <>
      <h3 className="px-4 pt-2 text-xs text-soft">{caption}</h3>
      <Table
        caption={caption}
        rows={rows}
        id={(row) => `${row.from} ${row.to}`}
        columns={[
          { name: t("From"), show: (row) => named(row.from) },
          { name: t("To"), show: (row) => named(row.to) },
          { name: t("People"), number: true, show: (row) => exact(row.people) },
        ]}
      />
    </>
  );
}
