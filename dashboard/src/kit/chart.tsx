/** The frame of all charts. ECharts is loaded when the first chart is shown. */
import type { EChartsType } from "echarts/core";
import { useEffect, useRef } from "react";
import { t } from "../language";

export interface Series {
  name: string;
  values: (number | null)[];
  kind: "line" | "bar";
  quiet?: boolean;
  /** The index of a colour of the palette; the accent colour by default. */
  colour?: number;
  stack?: string;
  /** Whether the line is dashed, for incomplete intervals. */
  dashed?: boolean;
  /** Marks the values of incomplete intervals: faint bars and hollow points. */
  faint?: boolean[];
}

interface Frame {
  labels: string[];
  series: Series[];
  label: string;
  show: (value: number) => string;
  height?: number;
  /** The end of the value axis: 1 for shares. */
  most?: number;
}

/** Colours that stay apart for people who do not see all of them (after Okabe and Ito). */
export const PALETTE = ["accent", "series-2", "series-3", "series-4", "series-5", "series-6", "series-7"];

export function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

/** A value of a series with incomplete intervals. */
function marked({ kind, faint, values }: Series, value: number | null, at: number) {
  if (kind === "bar") return faint?.[at] ? { value, itemStyle: { opacity: 0.45 } } : value;
  const alone = values.filter((value) => value !== null).length === 1;
  if (faint?.[at]) return { value, symbol: "emptyCircle", symbolSize: 8 };
  return { value, symbol: alone ? "circle" : "none" };
}

function options({ labels, series, show, most }: Frame) {
  const [accent, earlier, soft, line, raised, ink] = [
    "accent",
    "earlier",
    "soft",
    "line",
    "raised",
    "ink",
  ].map(colour);
  return {
    animation: false,
    textStyle: { fontFamily: "inherit" },
    grid: { left: 8, right: 12, top: 12, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      backgroundColor: raised,
      borderColor: line,
      textStyle: { color: ink, fontSize: 12 },
      valueFormatter: (value: unknown) => (typeof value === "number" ? show(value) : "–"),
      confine: true,
    },
    xAxis: {
      type: "category",
      data: labels,
      boundaryGap: series[0]?.kind === "bar",
      axisLine: { lineStyle: { color: line } },
      axisTick: { show: false },
      axisLabel: { color: soft, hideOverlap: true, fontSize: 11 },
    },
    yAxis: {
      type: "value",
      max: most,
      interval: most === undefined ? undefined : most / 4,
      minInterval:
        most !== undefined ||
        series.some((line) => line.values.some((value) => value !== null && value % 1 !== 0))
          ? undefined
          : 1,
      splitNumber: 4,
      splitLine: { lineStyle: { color: line, type: "dashed" } },
      axisLabel: { color: soft, fontSize: 11, formatter: (value: number) => show(value) },
    },
    series: series.map((line) => ({
      name: line.name,
      type: line.kind,
      data: line.faint ? line.values.map((value, at) => marked(line, value, at)) : line.values,
      showSymbol: line.faint !== undefined || line.values.filter((value) => value !== null).length === 1,
      symbolSize: 5,
      barMaxWidth: 18,
      lineStyle: { width: line.quiet ? 1.5 : 2.25, type: line.quiet || line.dashed ? "dashed" : "solid" },
      stack: line.stack,
      itemStyle: {
        color: line.quiet ? earlier : colour(PALETTE[(line.colour ?? 0) % PALETTE.length] ?? "accent"),
        borderRadius: line.stack ? 0 : [3, 3, 0, 0],
      },
      areaStyle:
        line.kind === "line" && !line.quiet && line.colour === undefined
          ? { color: accent, opacity: 0.1 }
          : undefined,
      z: line.quiet ? 1 : 2,
    })),
  };
}

/** A chart of any kind; `option` is built again when the colours change. */
export function Drawing(props: {
  option: () => object;
  label: string;
  height?: number;
  again?: unknown;
  /** Loads what the chart needs besides ECharts, such as a map. */
  prepare?: (engine: typeof import("./chart_engine")) => Promise<void>;
}) {
  const prepare = useRef(props.prepare);
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);
  const latest = useRef(props.option);
  latest.current = props.option;

  useEffect(() => {
    let gone = false;
    const draw = () => chart.current?.setOption(latest.current() as never, { notMerge: true });
    const resize = new ResizeObserver(() => chart.current?.resize());
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    void import("./chart_engine").then(async (engine) => {
      await prepare.current?.(engine);
      if (gone || place.current === null) return;
      chart.current = engine.init(place.current, undefined, { renderer: "svg" });
      resize.observe(place.current);
      draw();
    });
    window.addEventListener("themechange", draw);
    system.addEventListener("change", draw);
    return () => {
      gone = true;
      resize.disconnect();
      window.removeEventListener("themechange", draw);
      system.removeEventListener("change", draw);
      chart.current?.dispose();
    };
  }, []);

  // Updates in place, so that the tooltip stays open.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` says when there is something new to draw
  useEffect(() => {
    chart.current?.setOption(latest.current() as never, { replaceMerge: ["series"] });
  }, [props.again]);

  return (
    <div ref={place} role="img" dir="ltr" aria-label={props.label} style={{ height: props.height ?? 260 }} />
  );
}

export function Chart(frame: Frame) {
  const again = JSON.stringify([frame.labels, frame.series]);
  const empty = frame.series.every(({ values }) => values.every((value) => !value));
  return (
    <div className="relative">
      <Drawing option={() => options(frame)} label={frame.label} height={frame.height} again={again} />
      {empty && <Nothing>{t("Nothing in this period")}</Nothing>}
    </div>
  );
}

/** The message of an empty chart. */
export function Nothing({ children }: { children: string }) {
  return (
    <p className="pointer-events-none absolute inset-0 grid place-items-center p-4 text-center text-soft">
      {children}
    </p>
  );
}
