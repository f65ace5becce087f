/** Parts that the tabs of the page Accounts share: a query of a project's address, and its states. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api } from "../client/api";
import { useProject } from "../client/hooks";
import { Failure, Skeleton } from "../kit/parts";

export const TYPES = [
  "user",
  "artist",
  "venue",
  "admin",
  "promoter",
  "ad_account",
  "venue_manager",
  "label",
  "media",
];

/** Queries an endpoint of the project; `fresh` loads it again. */
export function useOf<Data>(path: string) {
  const project = useProject();
  const whole = `/projects/${project.id}/${path}`;
  const client = useQueryClient();
  const answer = useQuery({ queryKey: ["of", whole], queryFn: () => api.get<Data>(whole) });
  return { ...answer, fresh: () => client.invalidateQueries({ queryKey: ["of"] }) };
}

/** Shows a skeleton, the failure, or the loaded data. */
export function Shown<Data>(props: {
  of: { data: Data | undefined; error: Error | null; refetch: () => unknown };
  children: (data: Data) => ReactNode;
}) {
  if (props.of.error) return <Failure error={props.of.error} again={() => void props.of.refetch()} />;
  if (props.of.data === undefined) return <Skeleton rows={6} />;
  return <>{props.children(props.of.data)}</>;
}
