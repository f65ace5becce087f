/** One board: tiles on a grid, with the board's own period and filters. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api, type Board, type Layout, type Tile } from "../client/api";
import { useProject, useTitle, ViewContext } from "../client/hooks";
import type { View } from "../client/view_state";
import { DatesPicker, FilterBar, PeriodPicker } from "../kit/controls";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { Empty, Failure, Skeleton } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { ShareBoard } from "./share";
import { OwnTile } from "./tile";

const Grid = lazy(() => import("./grid"));

const viewOf = (layout: Layout): View => ({
  period: layout.period,
  from: layout.from || undefined,
  to: layout.to || undefined,
  compare: "previous",
  filter: layout.filter,
  bots: layout.bots,
});

/** A board, the latest state of it, and a function that shows a change at once and saves it a moment later. */
function useBoard(path: string) {
  const client = useQueryClient();
  const say = useToast();
  const key = useMemo(() => ["board", path], [path]);
  const answer = useQuery({ queryKey: key, queryFn: () => api.get<Board>(path), staleTime: 30_000 });
  const saving = useRef<ReturnType<typeof setTimeout>>(undefined);
  const unsaved = useRef<Partial<Board>>(undefined);
  const save = useCallback(() => {
    clearTimeout(saving.current);
    const change = unsaved.current;
    unsaved.current = undefined;
    if (change)
      api
        .put<Board>(path, change)
        .catch((error: Error) => say(t("Not saved: {message}", { message: error.message })));
  }, [path, say]);
  useEffect(() => () => save(), [save]);
  const change = (part: Partial<Board>) => {
    client.setQueryData(key, (old: Board | undefined) => old && { ...old, ...part });
    unsaved.current = { ...unsaved.current, ...part };
    clearTimeout(saving.current);
    saving.current = setTimeout(save, 600);
  };
  return { answer, latest: () => client.getQueryData<Board>(key), change };
}

/** Removes the board and offers to restore it. */
function useRemoval(path: string, boardId: string | undefined) {
  const project = useProject();
  const navigate = useNavigate();
  const say = useToast();
  return async () => {
    await api.remove(path);
    await navigate({ to: `/p/${project.id}/boards` as "/" });
    say(t("The board was removed."), () => {
      void api
        .post(`${path}/restore`, {})
        .then(() => navigate({ to: `/p/${project.id}/board/${boardId}` as "/" }));
    });
  };
}

export function BoardPage() {
  const { boardId } = useParams({ strict: false });
  const project = useProject();
  const path = `/projects/${project.id}/boards/${boardId}`;
  const { answer, latest, change } = useBoard(path);
  const remove = useRemoval(path, boardId);
  const place = useRef<HTMLDivElement>(null);
  const board = answer.data;
  useTitle(board?.name ?? t("Board"));
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  if (board === undefined) return <Skeleton rows={8} />;
  const { layout } = board;
  const arrange = (part: Partial<Layout>) => change({ layout: { ...layout, ...part } });
  const tiles = (changed: Tile[]) => arrange({ tiles: changed });
  const look = (part: Partial<View>) => {
    const { period, from = "", to = "", filter, bots } = { ...viewOf(layout), ...part };
    arrange({ period, from, to, filter, bots });
  };
  /** Change the tiles based on the latest state: key presses arrive faster than renders. */
  const retile = (how: (tiles: Tile[]) => Tile[]) => {
    const now = latest();
    if (now) change({ layout: { ...now.layout, tiles: how(now.layout.tiles) } });
  };
  return (
    <ViewContext value={[viewOf(layout), look]}>
      <div ref={place} className="bg-ground">
        <div className="mb-4 space-y-3">
          <div className="flex flex-wrap items-center justify-between gap-3">
            <h1 className="min-w-0 flex-1">
              <input
                aria-label={t("Name of the board")}
                value={board.name}
                onChange={(event) => event.target.value && change({ name: event.target.value })}
                className="w-full min-w-0 rounded-lg bg-transparent px-1 text-xl font-semibold hover:bg-card"
              />
            </h1>
            <div className="no-print flex flex-wrap gap-2">
              <PeriodPicker />
              <DatesPicker />
              <AddNote add={(text) => tiles([...layout.tiles, note(text, layout.tiles)])} />
              <ShareBoard path={path} />
              <button type="button" className={quiet} onClick={() => void wall(place.current)}>
                {t("Full screen")}
              </button>
              <button type="button" className={`${quiet} hover:text-bad`} onClick={() => void remove()}>
                {t("Remove")}
              </button>
            </div>
          </div>
          <div className="no-print">
            <FilterBar />
          </div>
        </div>
        <Tiles tiles={layout.tiles} change={tiles} retile={retile} />
      </div>
    </ViewContext>
  );
}

function Tiles(props: {
  tiles: Tile[];
  change: (tiles: Tile[]) => void;
  retile: (how: (tiles: Tile[]) => Tile[]) => void;
}) {
  const { tiles, change, retile } = props;
  const say = useToast();
  const take = (tile: Tile) => {
    change(tiles.filter((other) => other.id !== tile.id));
    say(t("“{title}” was removed from the board.", { title: tile.title || t("Note") }), () =>
      retile((now) => [...now, tile]),
    );
  };
  if (tiles.length === 0)
    return (
      <Empty title={t("This board is empty")}>
        {t(
          "Ask a question under Explore and choose “Save to a board”, or add a note. Drag tiles by their handle, resize them at their corner, or move them with the arrow keys.",
        )}
      </Empty>
    );
  return (
    <Suspense fallback={<Skeleton rows={8} />}>
      <Grid tiles={tiles} fixed={false} change={change}>
        {(tile) => (
          <OwnTile
            tile={tile}
            handle={
              <Handle
                tile={tile}
                change={(how) =>
                  retile((now) => now.map((other) => (other.id === tile.id ? how(other) : other)))
                }
                take={() => take(tile)}
              />
            }
          />
        )}
      </Grid>
    </Suspense>
  );
}

/** Moves a tile: dragged by the pointer, or by the arrow keys; with Shift they resize it. */
function Handle(props: { tile: Tile; change: (how: (tile: Tile) => Tile) => void; take: () => void }) {
  const { tile } = props;
  const step: Record<string, [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  return (
    <span className="no-print flex items-center">
      <button
        type="button"
        aria-label={t("Move {title}: arrow keys move it, with Shift they resize it", {
          title: tile.title || t("Note"),
        })}
        title={t("Drag, or use the arrow keys; with Shift they resize")}
        className="board-handle cursor-grab rounded-md px-1.5 text-soft hover:bg-accent-soft"
        onKeyDown={(event) => {
          const by = step[event.key];
          if (by === undefined) return;
          event.preventDefault();
          const [x, y] = by;
          props.change((now) =>
            event.shiftKey
              ? { ...now, w: Math.min(12 - now.x, Math.max(2, now.w + x)), h: Math.max(1, now.h + y) }
              : {
                  ...now,
                  x: Math.min(12 - now.w, Math.max(0, now.x + x)),
                  // Moving down swaps the tile with the one below.
                  y: Math.max(0, now.y + y * (y > 0 ? 2 : 1)),
                },
          );
        }}
      >
        ⠿
      </button>
      <button
        type="button"
        aria-label={t("Remove {title} from the board", { title: tile.title || t("Note") })}
        className="rounded-md px-1.5 text-soft hover:text-bad"
        onClick={props.take}
      >
        ×
      </button>
    </span>
  );
}

function AddNote({ add }: { add: (text: string) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <Framed
      title={t("Add a note")}
      open={open}
      change={setOpen}
      trigger={
        <button type="button" className={quiet}>
          {t("+ Note")}
        </button>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add(String(new FormData(event.currentTarget).get("text")));
          setOpen(false);
        }}
      >
        <label className="block">
          {t("Text; a line that begins with # is a heading, one with - an item")}
          <textarea name="text" required rows={6} maxLength={10_000} className={`${field} py-2`} />
        </label>
        <button type="submit" className={`${primary} mt-3`}>
          {t("Add note")}
        </button>
      </form>
    </Framed>
  );
}

const bottom = (tiles: Tile[]) => Math.max(0, ...tiles.map((tile) => tile.y + tile.h));

function note(text: string, tiles: Tile[]): Tile {
  return { ...placed(tiles), kind: "note", title: "", text, ask: {}, show: "chart", w: 4, h: 2 };
}

/** The position of the next tile. */
export function placed(tiles: Tile[]): Pick<Tile, "id" | "x" | "y"> {
  return { id: crypto.randomUUID(), x: 0, y: bottom(tiles) };
}

/** Full screen and dark, for a wall display. */
async function wall(place: HTMLElement | null) {
  const root = document.documentElement;
  const before = root.dataset.theme;
  await place?.requestFullscreen();
  place?.classList.add("overflow-auto", "p-6");
  root.dataset.theme = "dark";
  window.dispatchEvent(new Event("themechange"));
  document.addEventListener(
    "fullscreenchange",
    () => {
      place?.classList.remove("overflow-auto", "p-6");
      if (before) root.dataset.theme = before;
      else delete root.dataset.theme;
      window.dispatchEvent(new Event("themechange"));
    },
    { once: true },
  );
}
