/** The included metrics packs: they define the daily numbers and the words of the pages. */
import { t } from "../language";

export const PACKS: Record<string, string> = {
  marketplace: t("A shop or a marketplace"),
  community: t("A community"),
  concerts: t("A concert platform"),
};
