/** Saved questions: shared by all members of the project, opened with their period and filters. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Popover } from "radix-ui";
import { useState } from "react";
import { api, type QuestionShown } from "../client/api";
import { useProject, useWhole } from "../client/hooks";
import { readView, writeView } from "../client/view_state";
import { field, primary, quiet } from "../kit/dialog";
import { useToast } from "../kit/toast";
import { t } from "../language";
import type { Body } from "./kinds";

export type SavedQuestion = QuestionShown & { ask: Body };

export function useSavedQuestions() {
  const project = useProject();
  return useQuery({
    queryKey: ["questions", project.id],
    queryFn: () => api.get<SavedQuestion[]>(`/projects/${project.id}/questions`),
    staleTime: 60_000,
  });
}

/** The URL search parameters that reopen a saved question. */
export function addressOf({ ask: { period, from, to, filter, bots, ...ask } }: SavedQuestion) {
  const all = (filter as { all?: string[] } | undefined)?.all;
  return { ...writeView(readView({ period, from, to, filter: all, bots })), ask };
}

/** Saves and removes questions; a failure is shown as a message. */
function useChanges() {
  const project = useProject();
  const client = useQueryClient();
  const say = useToast();
  const path = `/projects/${project.id}/questions`;
  const fresh = () => client.invalidateQueries({ queryKey: ["questions", project.id] });
  const save = async (name: string, ask: Record<string, unknown>, done: () => void) => {
    await api.post(path, { name, ask });
    await fresh();
    done();
    say(t("The question is saved as {name}.", { name }));
  };
  const remove = async (question: SavedQuestion) => {
    await api.remove(`${path}/${question.id}`);
    await fresh();
    say(t("The question was removed."), () => {
      void api.post(path, { name: question.name, ask: question.ask }).then(fresh);
    });
  };
  const failed = (error: Error) => say(error.message);
  return {
    save: (...what: Parameters<typeof save>) => void save(...what).catch(failed),
    remove: (question: SavedQuestion) => void remove(question).catch(failed),
  };
}

export function SavedQuestions({ body, label }: { body: Body; label: string }) {
  const saved = useSavedQuestions();
  const whole = useWhole(body);
  const navigate = useNavigate();
  const { save, remove } = useChanges();
  const [open, setOpen] = useState(false);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className={`${quiet} no-print`}>{t("Saved questions")}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={6}
          collisionPadding={8}
          aria-label={t("Saved questions")}
          className="z-30 w-72 rounded-xl border border-line bg-raised p-3 shadow-lg"
        >
          <ul className="max-h-64 overflow-y-auto">
            {saved.data?.map((question) => (
              <li key={question.id} className="flex">
                <button
                  type="button"
                  className="min-w-0 flex-1 truncate rounded-lg px-2 py-1.5 text-start hover:bg-accent-soft"
                  onClick={() => {
                    void navigate({ to: ".", search: addressOf(question) as never });
                    setOpen(false);
                  }}
                >
                  {question.name}
                </button>
                <button
                  type="button"
                  aria-label={t("Remove question {name}", { name: question.name })}
                  className="px-2 text-soft hover:text-bad"
                  onClick={() => remove(question)}
                >
                  ×
                </button>
              </li>
            ))}
          </ul>
          <form
            className="space-y-2 [ul:not(:empty)+&]:mt-2 [ul:not(:empty)+&]:border-t [ul:not(:empty)+&]:border-line [ul:not(:empty)+&]:pt-2"
            onSubmit={(event) => {
              event.preventDefault();
              save(String(new FormData(event.currentTarget).get("name")), whole, () => setOpen(false));
            }}
          >
            <label className="block">
              {t("Save this question as")}
              <input name="name" required maxLength={200} placeholder={label} className={field} />
            </label>
            <button type="submit" className={`${primary} w-full`}>
              {t("Save question")}
            </button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
