/** One tile of a board: a question with its answer drawn, or a note. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type Asked, api, type Tile, type TrendAnswer } from "../client/api";
import { useAskAny } from "../client/hooks";
import type { Body } from "../explore/kinds";
import { SHOWN } from "../explore/shown";
import { duration, exact, percent } from "../kit/format";
import { Change, Empty, Failure, Skeleton } from "../kit/parts";
import { Opened } from "../kit/why";
import { t } from "../language";

interface Answering {
  data: Asked<unknown> | undefined;
  error: Error | null;
  refetch?: () => void;
}

/** A tile for signed-in users, answered with their permissions. */
export function OwnTile({ tile, handle }: { tile: Tile; handle: ReactNode }) {
  const answer = useAskAny<unknown>(
    tile.kind === "question" ? { ...tile.ask, ...comparing(tile) } : undefined,
  );
  return <Framed tile={tile} answer={answer} handle={handle} />;
}

/** A tile of a shared board, answered by the link. */
export function SharedTile({ tile, token }: { tile: Tile; token: string }) {
  const answer = useQuery({
    queryKey: ["shared", token, tile.id],
    queryFn: () => api.get<Asked<unknown>>(`/shared/${token}/tiles/${encodeURIComponent(tile.id)}`),
    enabled: tile.kind === "question",
    refetchInterval: 60_000,
  });
  return <Framed tile={tile} answer={answer} />;
}

const comparing = (tile: Tile) => (tile.show === "number" ? { compare: "previous" } : {});

function Framed({ tile, answer, handle }: { tile: Tile; answer: Answering; handle?: ReactNode }) {
  return (
    <section className="flex min-w-0 flex-1 flex-col overflow-hidden rounded-xl border border-line bg-card">
      {(tile.title || handle) && (
        <div className="flex min-h-11 items-center gap-2 px-4 pt-1.5">
          {tile.title && <h2 className="min-w-0 truncate font-semibold">{tile.title}</h2>}
          <span className="flex-1" />
          <Opened
            query={answer.data?.queries?.[0]}
            name={tile.title || t("this tile")}
            rule={tile.kind === "question" ? (tile.ask as Body).question : undefined}
          />
          {handle}
        </div>
      )}
      <div className="min-h-0 flex-1 overflow-auto">
        {tile.kind === "note" ? <Note text={tile.text} /> : <Answered tile={tile} answer={answer} />}
      </div>
    </section>
  );
}

function Answered({ tile, answer }: { tile: Tile; answer: Answering }) {
  const body = tile.ask as Body;
  const Shown = SHOWN[body.question];
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  if (answer.data === undefined) return <Skeleton rows={4} />;
  if (tile.show === "number") return <BigNumber asked={answer.data as Asked<TrendAnswer>} body={body} />;
  if (Shown === undefined) return <Empty title={t("This question has no drawing")} />;
  return <Shown asked={answer.data as never} body={body} />;
}

/** The format of a metric's total; a plain number by default. */
const WRITTEN: Record<string, (value: number) => string> = {
  bounce_rate: percent,
  duration_s: duration,
  median_duration_s: duration,
};

function BigNumber({ asked, body }: { asked: Asked<TrendAnswer>; body: Body }) {
  const metric = (body.series as { metric?: string }[] | undefined)?.[0]?.metric ?? "";
  const now = Number(asked.data.series[0]?.total ?? 0);
  const before = Number(asked.before?.data.series[0]?.total ?? 0);
  return (
    <div className="px-4 pb-3">
      <p className="text-4xl font-semibold">{(WRITTEN[metric] ?? exact)(now)}</p>
      {asked.before && (
        <Change
          value={before === 0 ? undefined : (now - before) / before}
          good={metric === "bounce_rate" ? -1 : 1}
        />
      )}
    </div>
  );
}

/** A note: a line that begins with # is a heading, one with - an item; everything is text. */
function Note({ text }: { text: string }) {
  return (
    <div className="space-y-1.5 px-4 py-3">
      {text.split("\n").map((line, at) => {
        const key = `${at}${line}`;
        if (line.startsWith("# "))
          return (
            <p key={key} className="text-lg font-semibold">
              {line.slice(2)}
            </p>
          );
        if (line.startsWith("- "))
          return (
            <p key={key} className="flex gap-2">
              <span aria-hidden="true">•</span>
              {line.slice(2)}
            </p>
          );
        return <p key={key}>{line}</p>;
      })}
    </div>
  );
}
