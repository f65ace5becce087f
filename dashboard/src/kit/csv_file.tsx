/** The rows of a question as a CSV file. */
import { api } from "../client/api";
import { useProject, useWhole } from "../client/hooks";
import { t } from "../language";
import { quiet } from "./dialog";
import { useToast } from "./toast";

export function CsvFile({ body, name }: { body: Record<string, unknown>; name: string }) {
  const project = useProject();
  const whole = useWhole(body);
  const say = useToast();
  const fetchFile = async () => {
    const file = await api.file(`/projects/${project.id}/ask?format=csv`, whole);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return (
    <button
      type="button"
      title={t("Numbers as CSV")}
      className={`${quiet} no-print px-2! py-0.5! text-xs`}
      onClick={() => void fetchFile().catch((error: Error) => say(error.message))}
    >
      CSV
    </button>
  );
}
