/** A Sankey diagram: nodes in columns, and links that are as wide as what flows through them. */

import { colour, Drawing } from "./chart";

export interface Flow {
  source: string;
  target: string;
  value: number;
}

interface Props {
  label: string;
  region: string;
  /** `depth` is the column of a node; without it, a node follows those that lead to it. */
  nodes: { name: string; soft?: boolean; depth?: number }[];
  links: Flow[];
  named: (node: string) => string;
  columns: number;
}

const COLUMN_REM = 10;

export function Sankey({ label, region, nodes, links, named, columns }: Props) {
  return (
    <section
      className="overflow-x-auto"
      aria-label={region}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
      tabIndex={0}
    >
      <div style={{ minWidth: `${Math.max(40, columns * COLUMN_REM)}rem` }}>
        <Drawing
          option={() => optionOf(nodes, links, named)}
          again={JSON.stringify([nodes, links])}
          height={420}
          label={label}
        />
      </div>
    </section>
  );
}

/** The diagram as an option of ECharts. */
function optionOf(nodes: Props["nodes"], links: Flow[], named: Props["named"]) {
  return {
    animation: false,
    textStyle: { fontFamily: "inherit" },
    tooltip: { confine: true },
    series: [
      {
        type: "sankey",
        left: 8,
        right: 120,
        nodeGap: 10,
        nodeAlign: "left",
        draggable: false,
        emphasis: { focus: "adjacency" },
        itemStyle: { color: colour("accent"), borderWidth: 0 },
        lineStyle: { color: colour("earlier"), opacity: 0.25, curveness: 0.5 },
        label: {
          color: colour("ink"),
          fontSize: 11,
          width: 110,
          overflow: "truncate",
          formatter: (node: { name: string }) => named(node.name),
        },
        data: nodes.map(({ name, soft, depth }) => ({
          name,
          depth,
          ...(soft && { itemStyle: { color: colour("earlier") } }),
        })),
        links,
      },
    ],
  };
}
