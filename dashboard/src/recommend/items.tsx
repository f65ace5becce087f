/** Recommended entities for a person or like an entity: each with its reason and its score. */

import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { Questions, Recommendations } from "../client/api";
import { useAsk, useProject, WHATEVER_VIEW } from "../client/hooks";
import { EntityLink } from "../entities/Entities";
import { Options } from "../kit/fields";
import { Card, Empty, Failure, Skeleton, Tabs } from "../kit/parts";
import { Opened } from "../kit/why";
import { language, t } from "../language";
import { score, sentence, shares } from "./reasons";

const MOST = 8;

type Asked = Omit<Questions["recommend"], "question">;
export type Kind = Exclude<NonNullable<Asked["kind"]>, "">;

export const KINDS: Record<Kind, string> = {
  for_you: t("For them"),
  now: t("This visit"),
  similar: t("Similar"),
  also_viewed: t("Also viewed"),
  bought_together: t("Bought together"),
  trending: t("Trending"),
};
/** The kinds that start from a person, and those that start from an entity. */
const OF_PERSON: Kind[] = ["for_you", "now"];
export const OF_ENTITY: Kind[] = ["similar", "also_viewed", "bought_together"];

/** The types of entities with events in the last 30 days, the one with most people first. */
export function useTypes(): string[] {
  const answer = useAsk({ question: "breakdown", by: "entity_type", limit: 20, ...WHATEVER_VIEW });
  const types = answer.data?.data.map(({ value }) => value) ?? [];
  return types.filter((type) => type !== "" && type !== "suggestion");
}

/** What is recommended to a person, of a type of entities that the reader chooses. */
export function ForPerson({ person }: { person: string }) {
  const types = useTypes();
  const [chosen, choose] = useState("");
  const [kind, setKind] = useState<Kind>("for_you");
  const type = chosen || types[0] || "";
  return (
    <Items
      title={t("Recommended to this person")}
      asked={type ? { entity_type: type, person, kind } : undefined}
      above={
        <>
          <KindTabs kinds={OF_PERSON} kind={kind} choose={setKind} />
          {types.length > 1 && <TypeChoice types={types} type={type} choose={choose} />}
        </>
      }
    />
  );
}

/** Entities that are like one, or that people saw or bought with it. */
export function LikeEntity({ of }: { of: { entity_type: string; entity_id: string } }) {
  const [kind, setKind] = useState<Kind>("similar");
  return (
    <Items
      title={t("With this entity")}
      asked={{ ...of, kind }}
      above={<KindTabs kinds={OF_ENTITY} kind={kind} choose={setKind} />}
    />
  );
}

function KindTabs(props: { kinds: Kind[]; kind: Kind; choose: (kind: Kind) => void }) {
  return (
    <div className="px-4">
      <Tabs
        label={t("Kind of recommendation")}
        tabs={props.kinds.map((kind) => [kind, KINDS[kind]])}
        chosen={props.kind}
        choose={(kind) => props.choose(kind as Kind)}
      />
    </div>
  );
}

function TypeChoice(props: { types: string[]; type: string; choose: (type: string) => void }) {
  return (
    <label className="flex items-center gap-2 px-4 pb-2 text-xs text-soft">
      {t("Type")}
      <select
        value={props.type}
        onChange={(event) => props.choose(event.target.value)}
        className="min-h-8 rounded-lg border border-line bg-card px-2 text-ink"
      >
        <Options of={props.types.map((type) => [type, type])} />
      </select>
    </label>
  );
}

/** A card with the answer to one question `recommend`. */
export function Items(props: { title: string; asked: Asked | undefined; above?: ReactNode }) {
  const asked = props.asked && {
    question: "recommend" as const,
    limit: MOST,
    language,
    ...props.asked,
    ...WHATEVER_VIEW,
    period: "all",
  };
  const answer = useAsk(asked);
  const found = answer.data?.data;
  return (
    <Card
      title={props.title}
      aside={<Opened query={answer.data?.queries.at(-1)} name={props.title} rule="recommend" />}
    >
      {props.above}
      {answer.error && <Failure error={answer.error} again={answer.refetch} />}
      {found === undefined && !answer.error && asked && <Skeleton rows={5} />}
      {(asked === undefined || found?.items.length === 0) && (
        <Empty title={t("Nothing to recommend yet")}>
          {t("Recommendations come from events with entity_type and entity_id, such as views and clicks.")}
        </Empty>
      )}
      {found && found.items.length > 0 && (
        <div aria-busy={answer.isPlaceholderData}>
          <ItemList found={found} />
        </div>
      )}
    </Card>
  );
}

export function ItemList({ found }: { found: Recommendations }) {
  const project = useProject();
  const widths = shares(found.items.map((item) => item.score));
  return (
    <>
      <p className="px-4 pb-2 text-soft">
        {found.reasoning}
        {found.intent && ` · ${t("intent: {intent}", { intent: found.intent.replaceAll("_", " ") })}`}
        {found.holdout && ` · ${t("in the holdout")}`}
      </p>
      <ol className="space-y-2.5 px-4">
        {found.items.map((item, place) => (
          <li key={`${item.entity_type} ${item.entity_id}`}>
            <span className="flex justify-between gap-2">
              <span className="min-w-0 truncate">
                <EntityLink row={item} />
              </span>
              <span className="text-soft tabular-nums">
                <span className="sr-only">{t("Score")} </span>
                {score(item.score)}
              </span>
            </span>
            <span className="mt-0.5 block h-1 rounded bg-line" aria-hidden="true">
              <span
                className="block h-full rounded bg-accent"
                style={{ width: `${100 * (widths[place] ?? 0)}%` }}
              />
            </span>
            <span className="block text-xs text-soft">{sentence(item.reason)}</span>
          </li>
        ))}
      </ol>
      <p className="px-4 pt-3 pb-4 text-xs text-soft">
        {found.version
          ? t("By the model {kind}. Scores compare within this list only.", {
              kind: found.model.toUpperCase(),
            })
          : t("Without a model. Scores compare within this list only.")}{" "}
        <Link
          to={`/p/${project.id}/recommendations` as "/"}
          className="underline decoration-line underline-offset-4 hover:decoration-accent"
        >
          {t("About the models")}
        </Link>
      </p>
    </>
  );
}
