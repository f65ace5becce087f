/** A card that the account may not see yet: a blurred placeholder, and the requirement. */
import { Card } from "../kit/parts";
import { t } from "../language";
import type { Part } from "./own_cards";
import { SEEN, TIERS, VERIFIED } from "./permission_words";

export function Locked(props: { part: Part; needs: string; lacks: string; ask?: (needs: string) => void }) {
  const paid = props.lacks === "subscription";
  const what = SEEN[props.part.needs] ?? "";
  return (
    <Card
      title={props.part.title}
      aside={
        <span className="rounded-full bg-accent-soft px-2.5 py-0.5 text-xs font-medium text-ink">
          <svg viewBox="0 0 16 16" className="me-1 inline size-3 align-[-1px]" aria-hidden="true">
            <path d="M4.5 7V5a3.5 3.5 0 0 1 7 0v2" fill="none" stroke="currentColor" strokeWidth="1.6" />
            <rect x="3" y="7" width="10" height="7" rx="1.5" fill="currentColor" />
          </svg>
          {paid ? TIERS[props.needs] : t("verified: {what}", { what: VERIFIED[props.needs] })}
        </span>
      }
    >
      <div className="relative">
        <svg
          viewBox="0 0 400 130"
          className="h-40 w-full px-4 opacity-40 blur-[3px]"
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          {[38, 60, 46, 82, 70, 96, 74, 110, 88, 118].map((height, place) => (
            <rect
              key={height}
              x={place * 40 + 6}
              y={128 - height}
              width="28"
              height={height}
              rx="4"
              fill="var(--accent)"
            />
          ))}
        </svg>
        <div className="absolute inset-0 grid place-content-center gap-2 p-4 text-center">
          <p className="font-medium">
            {paid
              ? t("With {tier} you see {what}.", { tier: TIERS[props.needs], what })
              : t("Once your {proof} is verified you see {what}.", { proof: VERIFIED[props.needs], what })}
          </p>
          {props.ask && (
            <button
              type="button"
              className="mx-auto rounded-lg bg-accent px-4 py-1.5 font-medium text-card"
              onClick={() => props.ask?.(props.needs)}
            >
              {paid ? t("See the requirements") : t("Get verified")}
            </button>
          )}
        </div>
      </div>
    </Card>
  );
}
