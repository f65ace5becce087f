/** The one chart frame. ECharts is loaded when the first chart is shown. */
import type { EChartsType } from "echarts/core";
import { useEffect, useRef } from "react";

export interface Series {
  name: string;
  values: number[];
  kind: "line" | "bar";
  quiet?: boolean;
}

interface Frame {
  labels: string[];
  series: Series[];
  label: string;
  show: (value: number) => string;
  height?: number;
}

function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function options({ labels, series, show }: Frame) {
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
      valueFormatter: (value: unknown) => show(Number(value)),
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
      minInterval: 1,
      splitNumber: 4,
      splitLine: { lineStyle: { color: line, type: "dashed" } },
      axisLabel: { color: soft, fontSize: 11, formatter: (value: number) => show(value) },
    },
    series: series.map((one) => ({
      name: one.name,
      type: one.kind,
      data: one.values,
      showSymbol: one.values.length === 1,
      symbolSize: 5,
      barMaxWidth: 18,
      lineStyle: { width: one.quiet ? 1.5 : 2.25, type: one.quiet ? "dashed" : "solid" },
      itemStyle: { color: one.quiet ? earlier : accent, borderRadius: [3, 3, 0, 0] },
      areaStyle: one.kind === "line" && !one.quiet ? { color: accent, opacity: 0.1 } : undefined,
      z: one.quiet ? 1 : 2,
    })),
  };
}

export function Chart(frame: Frame) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);
  const latest = useRef(frame);
  latest.current = frame;

  useEffect(() => {
    let gone = false;
    const draw = () => chart.current?.setOption(options(latest.current) as never);
    const resize = new ResizeObserver(() => chart.current?.resize());
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    void import("./engine").then((engine) => {
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

  useEffect(() => {
    chart.current?.setOption(options(frame) as never);
  }, [frame]);

  return <div ref={place} role="img" aria-label={frame.label} style={{ height: frame.height ?? 260 }} />;
}
