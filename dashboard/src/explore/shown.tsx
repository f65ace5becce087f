/** The component that draws the answer of each kind of question, with a table of its numbers. */

import { FunnelShown } from "./funnel";
import type { Body } from "./kinds";
import { PathsShown, SourcesShown } from "./PathsAndSources";
import { ActiveShown, CohortShown, LifecycleShown, RetentionShown, StickinessShown } from "./returning";
import { StagesShown } from "./stages";
import { TrendShown } from "./trend";

export const SHOWN: Record<string, (props: { asked: never; body: Body }) => React.JSX.Element> = {
  trend: TrendShown,
  funnel: FunnelShown,
  retention: RetentionShown,
  lifecycle: LifecycleShown,
  paths: PathsShown,
  stickiness: StickinessShown,
  active: ActiveShown,
  entity_funnel: FunnelShown,
  sources: SourcesShown,
  cohort_sizes: CohortShown,
  stage_moves: StagesShown,
};
