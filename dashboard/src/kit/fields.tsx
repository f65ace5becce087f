/** The parts of forms that pages share. */

import { field } from "./dialog";

type Option = readonly [value: string, label: string];

/** The options of a select, by value and label. */
export function Options({ of }: { of: readonly Option[] }) {
  return of.map(([value, label]) => (
    <option key={value} value={value}>
      {label}
    </option>
  ));
}

/** A select with its label, whose value the form reads. */
export function SelectField(props: {
  label: string;
  name: string;
  value?: string;
  options: readonly Option[];
  className?: string;
}) {
  return (
    <label className={props.className}>
      {props.label}
      <select name={props.name} defaultValue={props.value} className={field}>
        <Options of={props.options} />
      </select>
    </label>
  );
}

/** Why the form was refused, if it was. */
export function Refusal({ reason }: { reason: string }) {
  return (
    <p role="alert" className="text-bad empty:hidden">
      {reason}
    </p>
  );
}
