/** The boards of a project. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { api, type Board } from "../client/api";
import { useProject, useTitle } from "../client/hooks";
import { field, primary } from "../kit/dialog";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { rich, t } from "../language";

export function useBoards() {
  const project = useProject();
  return useQuery({
    queryKey: ["boards", project.id],
    queryFn: () => api.get<Board[]>(`/projects/${project.id}/boards`),
  });
}

export function Boards() {
  useTitle(t("Boards"));
  const project = useProject();
  const navigate = useNavigate();
  const client = useQueryClient();
  const boards = useBoards();
  async function make(name: string) {
    const board = await api.post<Board>(`/projects/${project.id}/boards`, { name });
    await client.invalidateQueries({ queryKey: ["boards", project.id] });
    await navigate({ to: `/p/${project.id}/board/${board.id}` as "/" });
  }
  return (
    <div className="mx-auto max-w-4xl space-y-4">
      <h1 className="text-xl font-semibold">{t("Boards")}</h1>
      <Card>
        <form
          className="flex flex-wrap items-end gap-3 p-4"
          onSubmit={(event) => {
            event.preventDefault();
            void make(String(new FormData(event.currentTarget).get("name")));
          }}
        >
          <label className="min-w-56 flex-1">
            {t("A new board")}
            <input name="name" required maxLength={200} placeholder={t("Weekly numbers")} className={field} />
          </label>
          <button type="submit" className={`${primary} min-h-9`}>
            {t("Create")}
          </button>
        </form>
      </Card>
      <Card>
        {boards.error && <Failure error={boards.error} again={boards.refetch} />}
        {boards.data === undefined && !boards.error && <Skeleton rows={3} />}
        {boards.data?.length === 0 && (
          <Empty title={t("No boards yet")}>
            {t(
              "A board shows the answers that you check regularly. It has its own period, can fill a screen, and can be shared by a link.",
            )}
          </Empty>
        )}
        <ul className="divide-y divide-line">
          {boards.data?.map((board) => (
            <li key={board.id}>
              <Link
                to={`/p/${project.id}/board/${board.id}` as "/"}
                className="flex flex-wrap items-baseline justify-between gap-x-4 px-4 py-3 hover:bg-accent-soft/40"
              >
                <span className="font-medium">{board.name}</span>
                <span className="text-soft">
                  {rich(
                    "{length, plural, one {# tile} other {# tiles}} · changed {updated_at} · by {created_by}",
                    {
                      length: board.layout.tiles.length,
                      updated_at: <When key="changed" at={board.updated_at} />,
                      created_by: board.created_by,
                    },
                  )}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </Card>
    </div>
  );
}
