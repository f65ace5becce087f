/** The appearance of the pages in this browser only. */

import { useTheme } from "../client/hooks";
import { field } from "../kit/dialog";
import { Options } from "../kit/fields";
import { Card } from "../kit/parts";
import { choose, chosen, LANGUAGES, t } from "../language";

const THEMES = { system: t("as the system"), light: t("light"), dark: t("dark") };

export function Appearance() {
  const [theme, setTheme] = useTheme();
  return (
    <Card title={t("Appearance, in this browser")}>
      <div className="grid gap-3 p-4 pt-2 sm:grid-cols-2">
        <label>
          {t("Language")}
          <select className={field} value={chosen} onChange={(event) => choose(event.target.value)}>
            <option value="">{t("as the browser")}</option>
            {Object.entries(LANGUAGES).map(([name, label]) => (
              <option key={name} value={name} lang={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("Colours")}
          <select className={field} value={theme} onChange={(event) => setTheme(event.target.value)}>
            <Options of={Object.entries(THEMES)} />
          </select>
        </label>
      </div>
    </Card>
  );
}
