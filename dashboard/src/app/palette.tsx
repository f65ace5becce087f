/** Jump to anything: pages, boards, questions, people, entities, events; Ctrl or ⌘ and K. */

import { useNavigate } from "@tanstack/react-router";
import { Dialog } from "radix-ui";
import { useEffect, useId, useMemo, useState } from "react";
import { useBoards } from "../boards/Boards";
import type { Answers, Board } from "../client/api";
import { useAsk, useProject } from "../client/hooks";
import { literal } from "../client/view_state";
import { useKinds } from "../explore/kinds";
import { addressOf, type SavedQuestion, useSavedQuestions } from "../explore/saved";
import { t } from "../language";
import { pagesFor } from "./nav";

interface Target {
  kind: string;
  label: string;
  to: string;
  search?: Record<string, unknown>;
}

export function Palette() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpen((now) => !now);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger
        className="flex min-h-9 items-center gap-2 rounded-lg border border-line px-2.5 text-soft after:ms-auto after:text-xs hover:border-accent lg:w-full lg:after:content-['Ctrl_K']"
        aria-label={t("Jump to")}
        title="Ctrl K"
      >
        <span aria-hidden="true">⌕</span>
        <span className="max-lg:hidden">{t("Jump to")}</span>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed top-[12vh] left-1/2 z-50 w-[min(36rem,94vw)] -translate-x-1/2 rounded-xl border border-line bg-raised shadow-xl"
        >
          <Dialog.Title className="sr-only">{t("Jump to")}</Dialog.Title>
          <Finder done={() => setOpen(false)} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Finder({ done }: { done: () => void }) {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const list = useId();
  const targets = useTargets(typed.trim().toLowerCase());
  const chosen = Math.min(at, targets.length - 1);
  const go = (target: Target | undefined) => {
    if (target === undefined) return;
    done();
    void navigate({ to: target.to as "/", search: (target.search ?? {}) as never });
  };
  return (
    <>
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={targets.length > 0 ? `${list}-${chosen}` : undefined}
        aria-label={t("Jump to a page, question, person or entity")}
        placeholder={t("Jump to a page, question, person or entity")}
        // biome-ignore lint/a11y/noAutofocus: the user opens it to type
        autoFocus
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step !== undefined) {
            event.preventDefault();
            setAt((chosen + step + targets.length) % Math.max(1, targets.length));
          } else if (event.key === "Enter") go(targets[chosen]);
        }}
        className="w-full rounded-t-xl border-b border-line bg-transparent px-4 py-3 outline-none"
      />
      <div id={list} role="listbox" aria-label={t("Found")} className="max-h-[50vh] overflow-auto p-1.5">
        {targets.map((target, position) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the field above holds the focus and says which is chosen
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field's keys choose as well
          <div
            key={`${target.kind} ${target.label} ${target.to}`}
            id={`${list}-${position}`}
            role="option"
            aria-selected={position === chosen}
            onMouseEnter={() => setAt(position)}
            onClick={() => go(target)}
            className="flex cursor-pointer justify-between gap-4 rounded-lg px-3 py-2 aria-selected:bg-accent-soft"
          >
            <span className="truncate">{target.label}</span>
            <span className="shrink-0 text-soft">{target.kind}</span>
          </div>
        ))}
        {targets.length === 0 && <p className="px-3 py-6 text-center text-soft">{t("No matches")}</p>}
      </div>
    </>
  );
}

const MOST = 6;
const EVENT = t("event");
const QUESTION = t("question");

function useTargets(typed: string): Target[] {
  const project = useProject();
  const home = `/p/${project.id}`;
  const boards = useBoards();
  const events = useAsk({ question: "event_names", limit: 500, filter: undefined });
  const people = useAsk(
    typed.length > 1
      ? {
          question: "persons",
          limit: MOST,
          period: "all",
          filter: {
            any: ["visitor_name:contains", "user_id:contains", "visitor_id:is"].map(
              (column) => `${column}:${literal(typed)}`,
            ),
          },
        }
      : undefined,
  );
  const questions = useSavedQuestions();
  const kinds = useKinds();
  const entities = useAsk(
    typed.length > 1 ? { question: "entities", search: typed, limit: MOST, filter: undefined } : undefined,
  );
  return useMemo(() => {
    const all = [
      ...pagesFor(project.role).map(([path, label]) => ({ kind: t("page"), label, to: `${home}/${path}` })),
      ...(boards.data ?? []).map((board) => ofBoard(home, board)),
      ...(questions.data ?? []).map((question) => ofQuestion(home, question)),
      ...kinds.map(([, label, ask]) => ({ kind: QUESTION, label, to: `${home}/explore`, search: { ask } })),
      ...(events.data?.data ?? []).map(({ name }) => ofEvent(home, name)),
    ];
    const fits = all.filter((entry) => entry.label.toLowerCase().includes(typed));
    const entries = typed ? fits : all.filter((entry) => entry.kind !== EVENT && entry.kind !== QUESTION);
    if (typed.length <= 1) return entries.slice(0, 12);
    return [
      ...entries.slice(0, 12),
      ...(people.data?.data ?? []).map((person) => ofPerson(home, person)),
      ...(entities.data?.data ?? []).map((entity) => ofEntity(home, entity)),
    ];
  }, [
    typed,
    home,
    boards.data,
    questions.data,
    events.data,
    people.data,
    entities.data,
    kinds,
    project.role,
  ]);
}

const ofBoard = (home: string, board: Board): Target => ({
  kind: t("board"),
  label: board.name,
  to: `${home}/board/${board.id}`,
});
const ofQuestion = (home: string, question: SavedQuestion): Target => ({
  kind: t("saved question"),
  label: question.name,
  to: `${home}/explore`,
  search: addressOf(question),
});
const ofEvent = (home: string, event: string): Target => ({
  kind: EVENT,
  label: event,
  to: `${home}/explore`,
  search: { ask: { question: "trend", series: [{ metric: "events", event }], interval: "day" } },
});
const ofPerson = (home: string, person: Answers["persons"][number]): Target => ({
  kind: t("person"),
  label: person.user_id || person.name,
  to: `${home}/visitor`,
  search: { id: person.visitor_id },
});
const ofEntity = (home: string, entity: Answers["entities"][number]): Target => ({
  kind: entity.entity_type,
  label: entity.name || entity.entity_id,
  to: `${home}/entity`,
  search: { type: entity.entity_type, id: entity.entity_id },
});
