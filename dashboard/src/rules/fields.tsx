/** The fields of the editor. A field that the server refused shows the reason. */

import { createContext, type ReactNode, useContext, useId } from "react";
import { field, quiet } from "../kit/dialog";
import { Options } from "../kit/fields";

/** The place of the fault that the server found, such as `journey.stages[2].name`, and its reason. */
export const FaultContext = createContext<{ field: string; reason: string } | undefined>(undefined);

interface Common {
  label: string;
  path: string;
  className?: string;
}

/** A label above a control, and below it why the control's value was refused. */
function Labelled(
  props: Common & { children: (ids: { id: string; invalid: boolean; reason?: string }) => ReactNode },
) {
  const fault = useContext(FaultContext);
  const id = useId();
  const reason = fault?.field === props.path ? fault.reason : undefined;
  return (
    <div className={props.className}>
      <label htmlFor={id} className="text-xs text-soft">
        {props.label}
      </label>
      {props.children({ id, invalid: reason !== undefined, reason: reason && `${id}-reason` })}
      {reason && (
        <p id={`${id}-reason`} role="alert" className="mt-1 text-xs text-bad">
          {reason}
        </p>
      )}
    </div>
  );
}

export function TextField(
  props: Common & { value: string; change: (value: string) => void; hint?: string; required?: boolean },
) {
  return (
    <Labelled {...props}>
      {({ id, invalid, reason }) => (
        <input
          id={id}
          value={props.value}
          required={props.required}
          placeholder={props.hint}
          aria-invalid={invalid}
          aria-describedby={reason}
          autoComplete="off"
          className={`${field} aria-invalid:border-bad`}
          onChange={(event) => props.change(event.target.value)}
        />
      )}
    </Labelled>
  );
}

export function NumberField(
  props: Common & {
    value: number | null | undefined;
    change: (value: number | undefined) => void;
    step?: string;
  },
) {
  return (
    <Labelled {...props}>
      {({ id, invalid, reason }) => (
        <input
          id={id}
          type="number"
          step={props.step ?? "any"}
          value={props.value ?? ""}
          aria-invalid={invalid}
          aria-describedby={reason}
          className={`${field} aria-invalid:border-bad`}
          onChange={(event) =>
            props.change(event.target.value === "" ? undefined : Number(event.target.value))
          }
        />
      )}
    </Labelled>
  );
}

export function SelectOf(
  props: Common & {
    value: string;
    options: readonly (readonly [string, string])[];
    change: (value: string) => void;
  },
) {
  const unknown = props.options.every(([value]) => value !== props.value);
  return (
    <Labelled {...props}>
      {({ id, invalid, reason }) => (
        <select
          id={id}
          value={props.value}
          aria-invalid={invalid}
          aria-describedby={reason}
          className={`${field} aria-invalid:border-bad`}
          onChange={(event) => props.change(event.target.value)}
        >
          {unknown && <option value={props.value}>{props.value}</option>}
          <Options of={props.options} />
        </select>
      )}
    </Labelled>
  );
}

/** A small button that shows a sign and says what it does. */
export function Small(props: { sign: string; label: string; press: () => void; disabled?: boolean }) {
  return (
    <button
      type="button"
      aria-label={props.label}
      title={props.label}
      disabled={props.disabled}
      className="size-8 shrink-0 rounded text-soft hover:bg-accent-soft hover:text-ink disabled:opacity-40"
      onClick={props.press}
    >
      {props.sign}
    </button>
  );
}

export function Add({ label, press }: { label: string; press: () => void }) {
  return (
    <button type="button" className={quiet} onClick={press}>
      + {label}
    </button>
  );
}
