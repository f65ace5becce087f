/** Moves of people between stages, or between intents. */

import type { Answers, Asked } from "../client/api";
import { useProject } from "../client/hooks";
import { day as dayOf, exact } from "../kit/format";
import { Empty } from "../kit/parts";
import { Sankey } from "../kit/sankey";
import { Table } from "../kit/table";
import { t, term } from "../language";

type Moves = Answers["stage_moves"];

const MOST_ROWS = 50;
/** The label of a node, without its column. Before they come, people are in no stage. */
const named = (node: string) => stageName(node.slice(node.indexOf(" ") + 1));
const nodeOf = (column: number, stage: string | null) => `${column} ${stage ?? "(new)"}`;

function stageName(stage: string | null): string {
  if (stage === null || stage === "(new)") return t("(not here yet)");
  return stage ? term(stage.replaceAll("_", " ")) : t("(none)");
}

export function StagesShown({ asked }: { asked: Asked<Moves> }) {
  const { moments, moves, stages } = asked.data;
  const { timezone } = useProject();
  if (moves.length === 0) return <Empty title={t("Nobody was here in this period")} />;
  const day = (interval: number) => dayOf(moments[interval] ?? "", timezone, "day");
  const order = new Map([null, "", ...stages].map((stage, place) => [stage, place]));
  const place = (stage: string | null) => order.get(stage) ?? 0;
  const drawn = [...moves].sort((a, b) => place(a.from) - place(b.from) || place(a.to) - place(b.to));
  const rows = moves
    .filter((move) => move.from !== move.to)
    .sort((a, b) => b.people - a.people || a.interval - b.interval)
    .slice(0, MOST_ROWS);
  const nodes = new Map<string, { soft: boolean; depth: number }>();
  for (const move of drawn) {
    nodes.set(nodeOf(move.interval, move.from), { soft: move.from === null, depth: move.interval });
    nodes.set(nodeOf(move.interval + 1, move.to), { soft: false, depth: move.interval + 1 });
  }
  return (
    <>
      <Sankey
        label={t("Moves of people between stages, from {start} to {end}", {
          start: day(0),
          end: day(moments.length - 1),
        })}
        region={t("Moves as a diagram")}
        nodes={[...nodes].map(([name, node]) => ({ name, ...node }))}
        links={drawn.map((move) => ({
          source: nodeOf(move.interval, move.from),
          target: nodeOf(move.interval + 1, move.to),
          value: move.people,
        }))}
        named={named}
        columns={moments.length}
      />
      <Table
        caption={t("Who moved, without those who stayed")}
        rows={rows}
        id={(row) => `${row.interval} ${row.from} ${row.to}`}
        columns={[
          { name: t("From"), show: (row) => stageName(row.from) },
          { name: t("To"), show: (row) => stageName(row.to) },
          { name: t("Between"), show: (row) => `${day(row.interval)} – ${day(row.interval + 1)}` },
          { name: t("People"), number: true, show: (row) => exact(row.people) },
        ]}
      />
    </>
  );
}
