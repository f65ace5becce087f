/** The health of the models: what is served and why, how good it is beside popularity, and the versions. */

import { api, type ModelVersion } from "../client/api";
import { useAsk, useProject, useRefresh, WHATEVER_VIEW } from "../client/hooks";
import { Chart } from "../kit/chart";
import { quiet } from "../kit/dialog";
import { duration, exact, moment, percent } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { type Column, Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { t } from "../language";
import {
  bestOf,
  byType,
  isModel,
  type OfType,
  overTime,
  parameters,
  popularityOf,
  type Quality,
  type Tried,
  trainedAt,
} from "./quality";
import { Training } from "./training";

const decimal = (value: number) => value.toFixed(3);
const kindName = (kind: string) => (kind === "popularity" ? t("popularity") : kind.toUpperCase());

export function Models() {
  const models = useAsk({ question: "models", ...WHATEVER_VIEW });
  const again = useRefresh();
  const types = byType(models.data?.data ?? []);
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-prose text-soft">
          {t(
            "A training learns from earlier interactions, is measured on later ones that it has not seen, and is served only if its lists are better than those of popularity.",
          )}
        </p>
        <Training ended={again} />
      </div>
      {models.error && <Failure error={models.error} again={models.refetch} />}
      {models.data === undefined && !models.error && <Skeleton rows={6} />}
      {models.data && types.length === 0 && (
        <Card>
          <Empty title={t("No model has been trained yet")}>
            {t(
              "Until the first training, which is at night, people get what is popular. It needs events with entity_type and entity_id of people who interacted with several entities.",
            )}
          </Empty>
        </Card>
      )}
      {types.map((of) => (
        <OneType key={of.type} of={of} changed={again} />
      ))}
    </div>
  );
}

function OneType({ of, changed }: { of: OfType; changed: () => void }) {
  const project = useProject();
  const [newest] = of.versions;
  const shown = of.inUse ?? newest;
  if (!shown) return null;
  return (
    <Card
      title={t("Model for {type}", { type: of.type })}
      aside={<Served version={of.inUse} />}
      className="pb-2"
    >
      <p className="px-4 text-soft">{shown.reason}</p>
      <Facts
        facts={[
          [t("Trained"), moment(trainedAt(shown), project.timezone)],
          [t("Interactions"), exact(shown.interactions)],
          [t("People"), exact(shown.people)],
          [t("Entities"), exact(shown.entities)],
          [t("The training took"), duration(shown.seconds)],
        ]}
      />
      {popularityOf(shown)?.warm && <Measured of={of} shown={shown} />}
      <Heading>{t("Versions")}</Heading>
      <Versions of={of} changed={changed} />
    </Card>
  );
}

/** What a training measured, if people had later interactions to measure on. */
function Measured({ of, shown }: { of: OfType; shown: ModelVersion }) {
  return (
    <>
      <div className="grid gap-4 lg:grid-cols-2">
        <OverTime of={of} />
        <Measures version={shown} />
      </div>
      <Heading>{t("What the training tried")}</Heading>
      <Table
        low
        caption={t("What the training tried for {type}", { type: of.type })}
        rows={[...shown.tried].sort((one, other) => (other.warm?.ndcg ?? 0) - (one.warm?.ndcg ?? 0))}
        id={(row) => row.kind + parameters(row.parameters)}
        columns={TRIED}
      />
    </>
  );
}

const Heading = ({ children }: { children: string }) => (
  <h3 className="px-4 pt-4 text-xs text-soft">{children}</h3>
);

/** Whether people get the model or popularity. */
function Served({ version }: { version: ModelVersion | undefined }) {
  const model = version !== undefined && isModel(version);
  return (
    <span
      className={`rounded-full px-2 py-0.5 text-xs font-medium text-ink ${model ? "bg-accent-soft" : "bg-line"}`}
    >
      {model ? t("{kind} is served", { kind: kindName(version.kind) }) : t("popularity is served")}
    </span>
  );
}

function OverTime({ of }: { of: OfType }) {
  const project = useProject();
  const { at, model, popularity } = overTime(of.versions);
  const label = t("Quality (NDCG) of the best model and of popularity, by training");
  return (
    <section>
      <Heading>{label}</Heading>
      <p className="flex gap-4 px-4 pt-1 text-xs text-soft" aria-hidden="true">
        <Key colour="accent" name={t("Best model")} />
        <Key colour="series-2" name={t("Popularity")} />
      </p>
      <div className="px-2">
        <Chart
          label={`${label}: ${of.type}`}
          labels={at.map((iso) => moment(iso, project.timezone))}
          height={200}
          show={decimal}
          series={[
            { name: t("Best model"), values: model, kind: "line", colour: 0, faint: at.map(() => false) },
            {
              name: t("Popularity"),
              values: popularity,
              kind: "line",
              colour: 1,
              faint: at.map(() => false),
            },
          ]}
        />
      </div>
    </section>
  );
}

function Key({ colour, name }: { colour: string; name: string }) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <span className="h-0.5 w-5" style={{ background: `var(--${colour})` }} /> {name}
    </span>
  );
}

interface Measure {
  name: string;
  what: string;
  of: (quality: Quality) => string;
}

const MEASURES: Measure[] = [
  { name: "NDCG@10", what: t("how early the right ones come"), of: ({ ndcg }) => decimal(ndcg) },
  { name: "HR@10", what: t("people with a right one among ten"), of: ({ hit_rate }) => percent(hit_rate) },
  { name: "Recall@10", what: t("right ones that were found"), of: ({ recall }) => percent(recall) },
  { name: "MAP@10", what: t("mean average precision"), of: ({ map }) => decimal(map) },
  { name: t("Coverage"), what: t("entities in any list"), of: ({ coverage }) => percent(coverage) },
  { name: t("Novelty"), what: t("surprise, in bits"), of: ({ novelty }) => novelty.toFixed(1) },
  {
    name: t("Diversity"),
    what: t("how unlike those of a list are"),
    of: ({ diversity }) => percent(diversity),
  },
];

/** The measures of the best model beside those of popularity, for people with and without a history. */
function Measures({ version }: { version: ModelVersion }) {
  const [best, popularity] = [bestOf(version), popularityOf(version)];
  const show = (measure: Measure, quality: Quality | null | undefined) =>
    quality ? measure.of(quality) : "–";
  const people = popularity?.warm?.people ?? 0;
  return (
    <section className="min-w-0">
      <Heading>{t("On later interactions of {n} people", { n: exact(people) })}</Heading>
      <Table
        caption={t("Quality of the model for {type}", { type: version.entity_type })}
        rows={MEASURES}
        id={(row) => row.name}
        columns={[
          {
            name: t("Measure"),
            show: (row) => (
              <>
                {row.name} <span className="block truncate text-xs text-soft">{row.what}</span>
              </>
            ),
          },
          {
            name: best ? kindName(best.kind) : t("Best model"),
            number: true,
            show: (row) => show(row, best?.warm),
          },
          { name: t("Popularity"), number: true, show: (row) => show(row, popularity?.warm) },
          {
            name: t("New people"),
            number: true,
            wide: true,
            show: (row) => show(row, best?.cold ?? popularity?.cold),
          },
        ]}
      />
    </section>
  );
}

const TRIED: Column<Tried>[] = [
  { name: t("Model"), show: ({ kind }) => <span className="font-medium">{kindName(kind)}</span> },
  { name: t("Parameters"), wide: true, show: (row) => parameters(row.parameters) || "–" },
  { name: "NDCG@10", number: true, show: ({ warm }) => (warm ? decimal(warm.ndcg) : "–") },
  { name: "HR@10", number: true, show: ({ warm }) => (warm ? percent(warm.hit_rate) : "–") },
  {
    name: t("Coverage"),
    number: true,
    wide: true,
    show: ({ warm }) => (warm ? percent(warm.coverage) : "–"),
  },
  { name: t("Seconds"), number: true, wide: true, show: ({ seconds }) => seconds.toFixed(1) },
];

function Versions({ of, changed }: { of: OfType; changed: () => void }) {
  const { id, role, timezone } = useProject();
  const manages = role === "owner" || role === "administrator";
  const say = useToast();
  const use = (version: string) =>
    void api
      .post(`/projects/${id}/models/use`, { entity_type: of.type, version })
      .then(() => say(t("This version is in use until the next training.")))
      .catch((error: Error) => say(error.message))
      .then(changed);
  return (
    <Table
      low
      caption={t("Versions of the model for {type}", { type: of.type })}
      rows={of.versions}
      id={(row) => row.version}
      columns={[
        { name: t("Trained"), show: (row) => <When at={trainedAt(row)} /> },
        { name: t("Model"), show: (row) => kindName(row.kind) },
        { name: "NDCG@10", number: true, show: (row) => decimalOr(bestOf(row)) },
        { name: t("Popularity"), number: true, wide: true, show: (row) => decimalOr(popularityOf(row)) },
        { name: t("Interactions"), number: true, wide: true, show: (row) => exact(row.interactions) },
        {
          name: t("In use"),
          show: (row) =>
            row.in_use ? (
              t("yes")
            ) : manages ? (
              <button type="button" className={quiet} onClick={() => use(row.version)}>
                {t("Use this")} <span className="sr-only">{moment(trainedAt(row), timezone)}</span>
              </button>
            ) : (
              t("no")
            ),
        },
      ]}
    />
  );
}

const decimalOr = (tried: Tried | undefined) => (tried?.warm ? decimal(tried.warm.ndcg) : "–");
