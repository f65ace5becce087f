/** The goals of a project: events, chosen from the names of stored events. */
import { useId, useState } from "react";
import { useAsk } from "../client/hooks";
import { field, quiet } from "../kit/dialog";
import { exact } from "../kit/format";
import { t } from "../language";

/** Adds a hidden field `goals` for each goal to the surrounding form. */
export function Goals({ goals, disabled }: { goals: string[]; disabled: boolean }) {
  const [chosen, setChosen] = useState(goals);
  const [typed, setTyped] = useState("");
  const [list, input] = [useId(), useId()];
  const names = useAsk({
    question: "event_names",
    limit: 1000,
    filter: undefined,
  });
  function add() {
    const name = typed.trim();
    if (name) setChosen([...new Set([...chosen, name])]);
    setTyped("");
  }
  return (
    <div>
      <label htmlFor={input}>{t("Goals")}</label>
      {!disabled && (
        <div className="flex gap-2">
          <input
            id={input}
            list={list}
            autoComplete="off"
            maxLength={255}
            value={typed}
            placeholder={t("Name of an event")}
            className={`${field} min-w-0 flex-1`}
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || typed.trim() === "") return;
              event.preventDefault();
              add();
            }}
          />
          <button type="button" className={`${quiet} mt-1`} disabled={typed.trim() === ""} onClick={add}>
            {t("Add goal")}
          </button>
        </div>
      )}
      <datalist id={list}>
        {names.data?.data
          .filter(({ name }) => !chosen.includes(name))
          .map(({ name, events }) => (
            <option key={name} value={name} label={exact(events)} />
          ))}
      </datalist>
      <ul aria-label={t("Goals")} className="mt-2 flex flex-wrap gap-1.5">
        {chosen.map((goal) => (
          <Goal
            key={goal}
            goal={goal}
            remove={disabled ? undefined : () => setChosen(chosen.filter((other) => other !== goal))}
          />
        ))}
      </ul>
      {chosen.length === 0 && <p className="mt-2 text-soft">{t("No goals yet")}</p>}
    </div>
  );
}

function Goal({ goal, remove }: { goal: string; remove?: () => void }) {
  return (
    <li className="inline-flex max-w-full items-center rounded-lg bg-accent-soft ps-2.5 pe-1 text-ink">
      <input type="hidden" name="goals" value={goal} />
      <span className="min-w-0 truncate py-1" title={goal}>
        {goal}
      </span>
      {remove ? (
        <button
          type="button"
          aria-label={t("Remove goal {goal}", { goal })}
          className="size-7 shrink-0 rounded hover:text-bad"
          onClick={remove}
        >
          ×
        </button>
      ) : (
        <span className="w-1.5" />
      )}
    </li>
  );
}
