/** The API as the dashboard sees it: one function that fetches; `generated.ts` has the types of answers. */

import { t } from "../language";
import type { Me, Reply, SourceRow } from "./generated";

/** The reply to a question, with the data of its answer. */
export type Asked<Data> = Omit<Reply, "data" | "before"> & { data: Data; before?: { data: Data } };
/** A source with every column and metric: which of them are there, the question says. */
export type Source = Required<SourceRow>;
export type * from "./generated";
export type {
  BoardShown as Board,
  ConnectionShown as Connection,
  JobShown as Job,
  KeyShown as Key,
  LetterShown as DeadLetter,
  LettersShown as DeadLetters,
  ProjectShown as Project,
  SegmentShown as Segment,
  SharedBoard as Shared,
  ShareShown as Share,
  TransferShown as Transfer,
  WatchShown as Watch,
} from "./generated";

/** A refusal of the server, in its own words. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    /** The parts of the request that the server names. */
    readonly fields: string[] = [],
  ) {
    super(detail);
  }
}

let csrf = "";
let slowest = 0;
let token: string | undefined;
let expired = () => undefined as unknown;

/** Come as an account by a token from now on, and by nothing else; `ended` is told when it lets nobody in any more. */
export function comeAs(given: string, ended: () => unknown): void {
  token = given;
  expired = ended;
}

/** How long to wait between looks for new data: a few seconds, or ten times what the slowest recent question took. */
export function patience(): number {
  return Math.min(60_000, Math.max(3_000, slowest * 10));
}

async function call<Result>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Result> {
  const response = await answered(method, path, body, signal);
  return response.status === 204 ? (undefined as Result) : response.json();
}

async function answered(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  else if (method !== "GET") headers["x-csrf-token"] = csrf;
  const started = performance.now();
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: token !== undefined ? "omit" : "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, t("The server cannot be reached. This page reconnects when it is available again."));
  }
  slowest = Math.max(slowest * 0.9, performance.now() - started);
  if (!response.ok) {
    const content = await response.json().catch(() => undefined);
    if (token !== undefined && response.status === 401) expired();
    throw refused(response.status, content);
  }
  return response;
}

function refused(
  status: number,
  content: { detail?: string; errors?: { field: string }[] } | undefined,
): Problem {
  const said = content?.detail ?? t("The server answered {status}.", { status: String(status) });
  return new Problem(
    status,
    said,
    (content?.errors ?? []).map((one) => one.field),
  );
}

export const api = {
  get: <Result>(path: string) => call<Result>("GET", path),
  post: <Result>(path: string, body: unknown) => call<Result>("POST", path, body),
  /** A question; when its page is left, the server stops working on it. */
  ask: <Result>(path: string, body: unknown, signal: AbortSignal) => call<Result>("POST", path, body, signal),
  /** A file that is made by a question. */
  file: async (path: string, body: unknown) => (await answered("POST", path, body)).blob(),
  /** Sends a file; `tell` is told which share of it has been sent. */
  upload: <Result>(path: string, file: Blob, tell: (share: number) => void = () => {}) =>
    new Promise<Result>((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `/api/v1${path}`);
      request.setRequestHeader("x-csrf-token", csrf);
      request.setRequestHeader("content-type", "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => tell(total > 0 ? loaded / total : 0);
      request.onerror = () =>
        reject(
          new Problem(0, t("The server cannot be reached. This page reconnects when it is available again.")),
        );
      request.onload = () =>
        request.status < 300
          ? resolve(request.response as Result)
          : reject(refused(request.status, request.response));
      request.send(file);
    }),
  put: <Result>(path: string, body: unknown) => call<Result>("PUT", path, body),
  remove: (path: string) => call<void>("DELETE", path),
  patch: <Result>(path: string, body: unknown) => call<Result>("PATCH", path, body),
  me: async () => remember(await call<Me>("GET", "/me")),
  signOut: () => call<void>("POST", "/sign-out", {}),
};

function remember(me: Me): Me {
  csrf = me.csrf;
  return me;
}
