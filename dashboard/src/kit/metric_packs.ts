/** The included metric packs: which daily numbers are kept, and which words the pages use. */
import { t } from "../language";

export const PACKS: Record<string, string> = {
  marketplace: t("A shop or a marketplace"),
  community: t("A community"),
  concerts: t("A concert platform"),
};
