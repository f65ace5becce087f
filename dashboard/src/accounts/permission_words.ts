/** Words for the requirements of permissions, and for what they show. */
import { t } from "../language";

export const TIERS: Record<string, string> = {
  free: t("Free"),
  premium: t("Premium"),
  professional: t("Professional"),
  enterprise: t("Enterprise"),
};
export const VERIFIED: Record<string, string> = {
  none: t("not verified"),
  email: t("e-mail"),
  phone: t("phone"),
  identity: t("identity"),
  business: t("business"),
};

/** What each permission shows. */
export const SEEN: Record<string, string> = {
  views: t("how often you are seen"),
  interactions: t("what people do, day by day"),
  sources: t("where your viewers come from"),
  audience: t("where your audience is"),
  bookings: t("who books after a view"),
  live: t("what happens at this moment"),
  year: t("a person's own year"),
  personal: t("what one person likes and wants, and what to suggest to them"),
  ask: t("any question of Explore"),
  export: t("answers as files"),
  sql: t("SQL over their own rows"),
};
