/** Exports the drawn answer: a picture (SVG, PNG) or its numbers (CSV). */

import { DropdownMenu } from "radix-ui";
import type { RefObject } from "react";
import { api } from "../client/api";
import { useProject, useWhole } from "../client/hooks";
import { quiet } from "../kit/dialog";
import { useToast } from "../kit/toast";
import { t } from "../language";
import type { Body } from "./kinds";

export function Export(props: { place: RefObject<HTMLElement | null>; name: string; body: Body }) {
  const { place, name } = props;
  const say = useToast();
  const project = useProject();
  const whole = useWhole(props.body);
  const rows = async (form: string) =>
    save(await api.file(`/projects/${project.id}/ask?format=${form}`, whole), `${file}.${form}`, "");
  const file = name.toLowerCase().replace(/\W+/g, "-");
  const kinds: [string, () => void | Promise<void>][] = [
    [t("Numbers as CSV"), () => save(csv(place.current), `${file}.csv`, "text/csv")],
    [t("Numbers as Parquet"), () => rows("parquet")],
    [t("Picture as SVG"), () => save(svg(place.current), `${file}.svg`, "image/svg+xml")],
    [t("Picture as PNG"), async () => save(await png(place.current), `${file}.png`, "image/png")],
  ];
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger className={`${quiet} no-print`}>{t("Export")}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          className="z-30 rounded-xl border border-line bg-raised p-1.5 shadow-lg"
        >
          {kinds.map(([label, make]) => (
            <DropdownMenu.Item
              key={label}
              onSelect={() => void Promise.resolve(make()).catch((error: Error) => say(error.message))}
              className="cursor-pointer rounded-lg px-3 py-1.5 outline-none data-[highlighted]:bg-accent-soft"
            >
              {label}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function save(content: string | Blob, name: string, kind: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Escapes a text, so that a spreadsheet shows it and does not run it as a formula; numbers stay unchanged. */
function cell(text: string): string {
  const runs = /^[\s\p{C}]*[=+\-@\uff1d\uff0b\uff0d\uff20]/u.test(text) && !/^[+-][\d.,\s%]*$/.test(text);
  const harmless = runs ? `'${text}` : text;
  return /[",;\t\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** All visible tables, one after the other, as CSV. */
function csv(place: HTMLElement | null): string {
  const tables = [...(place?.querySelectorAll("table") ?? [])].map((table) =>
    [...table.rows]
      .map((row) => [...row.cells].map((td) => cell(td.innerText.trim())).join(","))
      .join("\r\n"),
  );
  if (tables.length === 0) throw new Error(t("There are no numbers to export here."));
  return `${tables.join("\r\n\r\n")}\r\n`;
}

function svg(place: HTMLElement | null): string {
  const drawn = place?.querySelector('[role="img"] svg');
  if (!drawn) throw new Error(t("There is no picture to export here; export the numbers instead."));
  const copy = drawn.cloneNode(true) as SVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.style.background = getComputedStyle(document.body).backgroundColor;
  copy.style.fontFamily = "sans-serif";
  return new XMLSerializer().serializeToString(copy);
}

async function png(place: HTMLElement | null): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg(place))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width * 2;
  canvas.height = image.height * 2;
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) =>
      blob ? resolve(blob) : reject(new Error(t("The picture could not be created."))),
    ),
  );
}
