/** A map of countries, drawn from shapes in the bundle: no tiles, no other server. */

import { t } from "../language";
import { colour, Drawing, Nothing } from "./chart";
import { count, country } from "./format";

let known: Promise<void> | undefined;

export function World(props: { values: [code: string, value: number][]; height?: number }) {
  const most = Math.max(1, ...props.values.map(([, value]) => value));
  const option = () => {
    const [accent, line, raised, ink, empty] = ["accent", "card", "raised", "ink", "line"].map(colour);
    return {
      animation: false,
      textStyle: { fontFamily: "inherit" },
      tooltip: {
        trigger: "item",
        confine: true,
        backgroundColor: raised,
        borderColor: empty,
        textStyle: { color: ink, fontSize: 12 },
        formatter: ({ name, value }: { name: string; value: number }) =>
          t("{country}: {visitors, plural, one {# visitor} other {# visitors}}", {
            country: country(name),
            visitors: Number.isFinite(value) ? value : 0,
          }),
      },
      series: [
        {
          type: "map",
          map: "world",
          left: 4,
          right: 4,
          top: 4,
          bottom: 4,
          selectedMode: false,
          itemStyle: { areaColor: empty, borderColor: line, borderWidth: 0.5 },
          emphasis: { label: { show: false }, itemStyle: { areaColor: accent } },
          data: props.values.map(([name, value]) => ({
            name,
            value,
            // The square root lets small countries be seen beside large ones.
            itemStyle: { areaColor: accent, opacity: 0.25 + 0.75 * Math.sqrt(value / most) },
          })),
        },
      ],
    };
  };
  const named = props.values.slice(0, 5).map(([code, value]) => `${country(code)} ${count(value)}`);
  return (
    <div className="relative">
      <Drawing
        option={option}
        again={props.values}
        height={props.height ?? 260}
        label={t("Visitors by country: {join}", { join: named.join(", ") || t("none") })}
        prepare={(engine) => {
          known ??= import("./countries").then(({ countries }) =>
            engine.registerMap("world", countries() as never),
          );
          return known;
        }}
      />
      {props.values.length === 0 && <Nothing>{t("No visitors from a known place")}</Nothing>}
    </div>
  );
}
