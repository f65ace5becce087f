/** Saves a question to a board, or its answer to a file. */

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { placed } from "../boards/BoardPage";
import { useBoards } from "../boards/Boards";
import { api, type Board, type Tile } from "../client/api";
import { useProject, useView } from "../client/hooks";
import { Framed, field, primary, quiet } from "../kit/dialog";
import { rich, t } from "../language";
import type { Body } from "./kinds";

const NEW = "new";

/** Saves the question of a form to a board of its choice, or to a new one with the view of the page. */
function useSaving(body: Body): (form: FormData) => Promise<Board> {
  const project = useProject();
  const [view] = useView();
  const path = `/projects/${project.id}/boards`;
  const boardOf = (form: FormData) => {
    const chosen = String(form.get("board"));
    if (chosen !== NEW) return api.get<Board>(`${path}/${chosen}`);
    const { period, from = "", to = "", filter, bots } = view;
    return api.post<Board>(path, {
      name: String(form.get("name")),
      layout: { period, from, to, filter, bots },
    });
  };
  return async (form) => {
    const board = await boardOf(form);
    const show = String(form.get("show")) === "number" ? "number" : "chart";
    const { tiles } = board.layout;
    const tile: Tile = {
      ...placed(tiles),
      kind: "question",
      title: String(form.get("title")),
      text: "",
      ask: body,
      show,
      w: show === "number" ? 3 : 6,
      h: show === "number" ? 2 : 5,
    };
    const layout = { ...board.layout, tiles: [...tiles, tile] };
    return api.put<Board>(`${path}/${board.id}`, { layout });
  };
}

export function SaveToBoard({ body, label }: { body: Body; label: string }) {
  const project = useProject();
  const client = useQueryClient();
  const boards = useBoards();
  const saving = useSaving(body);
  const [open, setOpen] = useState(false);
  const [saved, setSaved] = useState<Board>();
  async function save(form: FormData) {
    setSaved(await saving(form));
    await client.invalidateQueries({ queryKey: ["boards", project.id] });
    client.removeQueries({ queryKey: ["board"] });
  }

  return (
    <Framed
      title={t("Save to a board")}
      open={open}
      change={(now) => {
        setOpen(now);
        setSaved(undefined);
      }}
      trigger={
        <button type="button" className={`${quiet} no-print`}>
          {t("Save to a board")}
        </button>
      }
    >
      {saved ? (
        <p role="status">
          {rich("It is on <board>{name}</board>.", {
            name: saved.name,
            board: (text) => (
              <Link
                to={`/p/${project.id}/board/${saved.id}` as "/"}
                className="font-medium text-accent underline underline-offset-4"
              >
                {text}
              </Link>
            ),
          })}
        </p>
      ) : (
        <SaveForm boards={boards.data ?? []} label={label} single={body.question === "trend"} save={save} />
      )}
    </Framed>
  );
}

function SaveForm(props: {
  boards: Board[];
  label: string;
  single: boolean;
  save: (form: FormData) => Promise<void>;
}) {
  const [chosen, setChosen] = useState(props.boards[0]?.id ?? NEW);
  const [problem, setSaid] = useState("");
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        props.save(new FormData(event.currentTarget)).catch((error: Error) => setSaid(error.message));
      }}
    >
      <label className="block">
        {t("Title")}
        <input name="title" required maxLength={200} defaultValue={props.label} className={field} />
      </label>
      <label className="block">
        {t("Board")}
        <select
          name="board"
          value={chosen}
          onChange={(event) => setChosen(event.target.value)}
          className={field}
        >
          {props.boards.map((board) => (
            <option key={board.id} value={board.id}>
              {board.name}
            </option>
          ))}
          <option value={NEW}>{t("a new one …")}</option>
        </select>
      </label>
      {chosen === NEW && (
        <label className="block">
          {t("Name of the new board")}
          <input name="name" required maxLength={200} className={field} />
        </label>
      )}
      {props.single && (
        <label className="block">
          {t("Shown as")}
          <select name="show" className={field}>
            <option value="chart">{t("a chart")}</option>
            <option value="number">{t("a number, with its change")}</option>
          </select>
        </label>
      )}
      <button type="submit" className={primary}>
        {t("Save")}
      </button>
      <p role="alert" className="text-bad">
        {problem}
      </p>
    </form>
  );
}
