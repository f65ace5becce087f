/** The import of a file: a preview of the stored rows, options for reading the file, and the import itself. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, type ImportPreview } from "../client/api";
import { useProject } from "../client/hooks";
import { field, primary } from "../kit/dialog";
import { Options } from "../kit/fields";
import { Card, Failure, Skeleton } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { Previewed } from "./preview";
import { type How, Reading } from "./reading_options";

const IN = [
  ["ndjson", t("Messages, one per line (NDJSON)")],
  ["csv", t("A table (CSV)")],
  ["access-log", t("An access log (Apache, nginx)")],
  ["shopify-orders", t("Shopify's orders (CSV)")],
] as const;

/** The number of bytes of a larger file that the preview reads. */
const MOST = 32 * 2 ** 20;
const SOME = 4 * 2 ** 20;

/** Guesses the format from the file's name. */
const guessed = (name: string) =>
  /\.(csv|tsv)(\.|$)/i.test(name) ? "csv" : /\.(ndjson|jsonl?)(\.|$)/i.test(name) ? "ndjson" : "access-log";

const whole = (file: File) => file.size <= MOST || /\.(gz|zst)$/i.test(file.name);

/** The part of the file for the preview: all of it, or its first lines. */
async function looked(file: File): Promise<Blob> {
  if (whole(file)) return file;
  const bytes = new Uint8Array(await file.slice(0, SOME).arrayBuffer());
  return new Blob([bytes.subarray(0, bytes.lastIndexOf(10) + 1)]);
}

/** The query parameters of a request about a file; empty options are detected. */
function query(file: File, form: string, how: How): string {
  const reading = Object.fromEntries(
    Object.entries(how).filter(([, value]) => value !== "" && Object.keys(value).length > 0),
  );
  return String(new URLSearchParams({ name: file.name, format: form, reading: JSON.stringify(reading) }));
}

/** The preview of a file; while a file is read in another way, its last preview stays. */
function usePreview(path: string, file: File | undefined, parameters: string) {
  return useQuery({
    queryKey: ["preview", path, parameters, file?.size, file?.lastModified],
    queryFn: async () =>
      file && api.upload<ImportPreview>(`${path}/imports/preview?${parameters}`, await looked(file)),
    enabled: file !== undefined,
    placeholderData: (before, query) =>
      query?.queryKey[3] === file?.size ? keepPreviousData(before) : undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
}

export function ImportForm({ path, done }: { path: string; done: () => Promise<void> }) {
  const say = useToast();
  const { timezone } = useProject();
  const [file, setFile] = useState<File>();
  const [form, setForm] = useState("ndjson");
  const [how, setHow] = useState<How>({});
  const [sent, setSent] = useState<number>();
  const parameters = file ? query(file, form, how) : "";
  const preview = usePreview(path, file, parameters);
  const shown = preview.data;

  function choose(chosen?: File) {
    setFile(chosen);
    setForm(guessed(chosen?.name ?? ""));
    setHow({});
  }
  async function start(element: HTMLFormElement) {
    if (file === undefined) return;
    setSent(0);
    try {
      await api.upload(`${path}/imports?${parameters}`, file, setSent);
      element.reset();
      choose();
      await done();
    } catch (error) {
      say((error as Error).message);
    }
    setSent(undefined);
  }
  return (
    <Card title={t("Import")} className={file ? "lg:col-span-2" : ""}>
      <form
        className="grid gap-3 p-4 pt-1 sm:grid-cols-2"
        onSubmit={(event) => {
          event.preventDefault();
          void start(event.currentTarget);
        }}
      >
        <FileFields form={form} choose={choose} read={setForm} />
        {file && (form === "csv" || form === "access-log") && (
          <Reading form={form} how={how} read={shown?.read ?? {}} timezone={timezone} change={setHow} />
        )}
        <button
          type="submit"
          disabled={sent !== undefined || shown === undefined || shown.taken === 0}
          className={`${primary} justify-self-start disabled:opacity-60`}
        >
          {t("Import")}
        </button>
        {sent !== undefined && (
          <progress aria-label={t("Sent to the server")} max={1} value={sent} className="h-2 self-center" />
        )}
      </form>
      {preview.error && <Failure error={preview.error} again={preview.refetch} />}
      {file && shown === undefined && !preview.error && <Skeleton rows={4} />}
      {file && shown && <Previewed preview={shown} part={!whole(file)} busy={preview.isFetching} />}
    </Card>
  );
}

function FileFields(props: { form: string; choose: (file?: File) => void; read: (form: string) => void }) {
  return (
    <>
      <p className="text-soft sm:col-span-2">
        {t(
          "Compressed (.gz, .zst) or not. A preview is shown before anything is stored. Importing a file again within 7 days adds nothing.",
        )}
      </p>
      <label>
        {t("File")}
        <input
          type="file"
          name="file"
          required
          onChange={(event) => props.choose(event.target.files?.[0])}
          className={`${field} py-1.5`}
        />
      </label>
      <label>
        {t("Content")}
        <select value={props.form} onChange={(event) => props.read(event.target.value)} className={field}>
          <Options of={IN} />
        </select>
      </label>
    </>
  );
}
