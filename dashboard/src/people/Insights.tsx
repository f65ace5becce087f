/** What is known of one person: their stage and intent with the reasons, a suggestion, preferences and active hours. */

import type { Personal } from "../client/api";
import { useAsk } from "../client/hooks";
import { exact, percent, WEEKDAYS } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { Opened } from "../kit/why";
import { language, t } from "../language";

const MOST = 8;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const words = (name: string) => name.replaceAll("_", " ");
const clock = (hour: number) => `${String(hour).padStart(2, "0")}:00`;

export function Insights({ person }: { person: string }) {
  const answer = useAsk({ question: "personalize", person, language, period: "all", filter: undefined });
  const personal = answer.data?.data;
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  return (
    <Card
      title={t("Insights")}
      aside={answer.data && <Opened query={answer.data.queries[0]} name={t("these insights")} />}
    >
      {personal ? <Known personal={personal} /> : <Skeleton rows={6} />}
    </Card>
  );
}

function Known({ personal }: { personal: Personal }) {
  if (personal.opted_out)
    return <Empty title={t("Opted out")}>{t("This person wants nothing to be said about them.")}</Empty>;
  return (
    <div className="space-y-4 px-4 pb-4">
      <dl className="space-y-3">
        <Decided name={t("Stage")} verdict={personal.stage} />
        <Decided name={t("Intent")} verdict={personal.intent} />
        <div>
          <dt className="text-xs text-soft">{t("Suggestion")}</dt>
          <dd>
            <Suggestion personal={personal} />
          </dd>
        </div>
      </dl>
      <Preferences preferences={personal.preferences ?? []} />
      {personal.hours && <ActiveHours hours={personal.hours} />}
      <SimilarPeople people={personal.similar ?? []} />
    </div>
  );
}

/** A stage or an intent, and the numbers that met its rule. */
function Decided({ name, verdict }: { name: string; verdict: Personal["stage"] }) {
  return (
    <div>
      <dt className="text-xs text-soft">{name}</dt>
      <dd>
        {verdict ? (
          <>
            <span className="rounded-full bg-accent-soft px-2 py-0.5 font-medium">{words(verdict.name)}</span>
            <span className="mt-1 block text-xs text-soft">
              {verdict.because.length === 0 && t("no rule before it holds")}
              {verdict.because.map((met) => reason(met)).join(" · ")}
            </span>
          </>
        ) : (
          <span className="text-soft">{t("no rule fits")}</span>
        )}
      </dd>
    </div>
  );
}

type Met = NonNullable<Personal["stage"]>["because"][number];

function reason({ fact, value, over, below }: Met): string {
  const limits = [
    ...(typeof over === "number" ? [t("over {n}", { n: exact(over) })] : []),
    ...(typeof below === "number" ? [t("below {n}", { n: exact(below) })] : []),
  ];
  return `${words(fact)} ${exact(Math.floor(value * 10) / 10)} (${limits.join(", ")})`;
}

function Suggestion({ personal }: { personal: Personal }) {
  const { suggestion, holdout } = personal;
  if (holdout)
    return (
      <span className="text-soft">
        {t("None: this person is in the holdout, which shows what suggestions change.")}
      </span>
    );
  if (!suggestion) return <span className="text-soft">{t("Nothing fits at present.")}</span>;
  return (
    <>
      <span className="block font-medium">{suggestion.message}</span>
      <span className="text-xs text-soft">
        {[
          words(suggestion.action),
          suggestion.call_to_action,
          t("priority {priority}", { priority: suggestion.priority }),
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </>
  );
}

function Preferences({ preferences }: { preferences: NonNullable<Personal["preferences"]> }) {
  const shown = preferences
    .filter(({ key, source }) => source === "explicit" || !["weekday", "hour"].includes(key))
    .slice(0, MOST);
  return (
    <section>
      <h3 className="text-xs text-soft">{t("Preferences, with the confidence in them")}</h3>
      {shown.length === 0 && (
        <Empty title={t("None yet")}>
          {t("Interactions with entities in the last 30 days say what somebody likes.")}
        </Empty>
      )}
      <ul className="mt-1 space-y-2">
        {shown.map((like) => (
          <li key={`${like.key} ${like.value}`}>
            <span className="flex justify-between gap-2">
              <span className="min-w-0 truncate">
                <span className="text-soft">{words(like.key)}</span> {like.value}
              </span>
              <span>
                {like.source === "explicit"
                  ? like.confidence
                    ? t("stated")
                    : t("muted")
                  : percent(like.confidence)}
              </span>
            </span>
            <span className="mt-0.5 block h-1.5 rounded bg-line">
              <span
                className="block h-full rounded bg-accent"
                style={{ width: `${Math.round(like.confidence * 100)}%` }}
              />
            </span>
            {like.evidence[0] && (
              <span className="text-xs text-soft">
                {t("{n, plural, one {# interaction} other {# interactions}}, such as {name}", {
                  n: like.interactions,
                  name: `${like.evidence[0].name} ${like.evidence[0].entity_type} ${like.evidence[0].entity_id}`,
                })}{" "}
                <When at={like.evidence[0].at} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function ActiveHours({ hours }: { hours: NonNullable<Personal["hours"]> }) {
  const most = Math.max(1, ...hours.week.flat());
  const best = hours.hours.map(({ hour, actions }) => `${clock(hour)} (${exact(actions)})`).join(", ");
  return (
    <section>
      <h3 className="text-xs text-soft">
        {t("Active hours of 7 days ({timezone})", { timezone: hours.timezone })}
      </h3>
      <p>{best || <span className="text-soft">{t("No actions in 7 days.")}</span>}</p>
      {best && (
        <table className="mt-1 w-full table-fixed border-separate border-spacing-px">
          <caption className="sr-only">{t("Actions by weekday and hour")}</caption>
          <tbody>
            {WEEKDAYS.map((weekday, day) => (
              <tr key={weekday}>
                <th scope="row" className="w-8 text-left text-xs font-normal text-soft">
                  {weekday}
                </th>
                {HOURS.map((hour) => {
                  const actions = hours.week[day]?.[hour] ?? 0;
                  return (
                    <td
                      key={hour}
                      className="h-3 rounded-[2px] bg-line"
                      title={`${weekday} ${clock(hour)}: ${exact(actions)}`}
                    >
                      <span
                        className="block h-full rounded-[2px] bg-accent"
                        style={{ opacity: actions / most }}
                      />
                      <span className="sr-only">{exact(actions)}</span>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function SimilarPeople({ people }: { people: NonNullable<Personal["similar"]> }) {
  return (
    <section>
      <h3 className="text-xs text-soft">{t("People like this one, by what they share")}</h3>
      {people.length === 0 && (
        <p className="text-soft">{t("Nobody shares an entity with this person at present.")}</p>
      )}
      <ul className="mt-1">
        {people.map(({ person, user_id, similarity, shared }) => (
          <li key={person} className="flex justify-between gap-2">
            <span className="min-w-0 truncate">{user_id || t("not signed in")}</span>
            <span>
              {percent(similarity)}{" "}
              <span className="text-xs text-soft">
                {t("{n, plural, one {# shared entity} other {# shared entities}}", { n: shared })}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
