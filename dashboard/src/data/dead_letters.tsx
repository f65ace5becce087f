/** Dead letters: acknowledged messages that are not stored; they can be viewed, replayed after a fix, or dropped. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import {
  api,
  type DeadLetter,
  type DeadLetters,
  type Dropped,
  type LetterWhole,
  type Replayed,
} from "../client/api";
import { useProject } from "../client/hooks";
import { Framed, primary, quiet } from "../kit/dialog";
import { When } from "../kit/lists";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { t } from "../language";

const SEE = ["analyst", "owner", "administrator"];
const MANAGE = ["owner", "administrator"];

/** The step that refused a message, in words. */
function step(stage: string): string {
  if (stage === "enrich") return t("reading it");
  if (stage === "store") return t("storing it");
  return t("storing what follows from it ({table})", { table: stage.replace(/^store /, "") });
}

function useLetters(limit: number) {
  const project = useProject();
  const path = `/projects/${project.id}/dead-letters`;
  const letters = useQuery({
    queryKey: ["letters", path, limit],
    queryFn: () => api.get<DeadLetters>(`${path}?limit=${limit}`),
    enabled: SEE.includes(project.role),
    refetchInterval: 10_000,
  });
  return { path, query: letters };
}

/** A one-line notice on other pages while there are dead letters. */
export function LettersNotice() {
  const project = useProject();
  const { query } = useLetters(1);
  const count = query.data?.count ?? 0;
  if (count === 0) return null;
  return (
    <p role="status" className="mb-4 rounded-xl border border-line bg-card px-4 py-2.5">
      <span aria-hidden="true" className="me-2.5 inline-block size-2 rounded-full bg-bad align-middle" />
      {t(
        "{count, plural, one {# message was acknowledged and could not be stored. It is kept.} other {# messages were acknowledged and could not be stored. They are kept.}}",
        { count },
      )}{" "}
      <Link
        to={`/p/${project.id}/data` as "/"}
        search={{ tab: "refused" } as never}
        className="font-medium underline underline-offset-4 hover:text-accent"
      >
        {t("Show them")}
      </Link>
    </p>
  );
}

type Mode = "look" | "replay" | "drop";

/** The action, and the letter it applies to; without a letter, it applies to all. */
interface Doing {
  mode: Mode;
  letter?: DeadLetter;
}

export function Letters() {
  const project = useProject();
  const { path, query } = useLetters(100);
  const [doing, setDoing] = useState<Doing>();
  const letters = query.data?.letters ?? [];
  const count = query.data?.count ?? 0;
  const may = MANAGE.includes(project.role);
  return (
    <Card
      title={
        count > 0
          ? t("{count, plural, one {# dead letter} other {# dead letters}}", { count })
          : t("Dead letters")
      }
      aside={
        may &&
        count > 0 && (
          <>
            <button type="button" className={quiet} onClick={() => setDoing({ mode: "replay" })}>
              {t("Replay all")}
            </button>
            <button type="button" className={quiet} onClick={() => setDoing({ mode: "drop" })}>
              {t("Drop all")}
            </button>
          </>
        )
      }
    >
      {query.error && <Failure error={query.error} again={query.refetch} />}
      {query.data === undefined && !query.error && <Skeleton rows={3} />}
      {query.data && count === 0 && (
        <Empty title={t("None")}>
          {t(
            "A dead letter is a message that was acknowledged but could not be stored because of an error in Trackway or its database. It is kept here with the reason and can be replayed after a fix. Other messages are stored as usual.",
          )}
        </Empty>
      )}
      {count > 0 && (
        <>
          <p className="px-4 pt-1 pb-2 text-soft">
            {t(
              "They were acknowledged but could not be stored, and are not counted. Replay them once the cause is fixed.",
            )}
          </p>
          <LettersTable letters={letters} look={(letter) => setDoing({ mode: "look", letter })} />
          {count > letters.length && (
            <p className="px-4 py-2 text-soft">
              {t("The newest {shown} of {count}.", { shown: letters.length, count })}
            </p>
          )}
        </>
      )}
      {doing && (
        <Doing path={path} doing={doing} letters={letters} count={count} may={may} change={setDoing} />
      )}
    </Card>
  );
}

function LettersTable({ letters, look }: { letters: DeadLetter[]; look: (letter: DeadLetter) => void }) {
  return (
    <Table
      caption={t("Dead letters")}
      rows={letters}
      id={(row) => `${row.message_id}\n${row.stage}`}
      columns={[
        { name: t("When"), show: (row) => <When at={row.received_at} /> },
        {
          name: t("Message"),
          show: (row) => (
            <button
              type="button"
              className="max-w-full truncate align-bottom font-medium underline decoration-line underline-offset-4 hover:decoration-accent"
              onClick={() => look(row)}
            >
              {row.message_id}
            </button>
          ),
        },
        { name: t("Refused while"), wide: true, show: (row) => step(row.stage) },
        { name: t("Reason"), show: (row) => <span title={row.reason}>{row.reason}</span> },
      ]}
    />
  );
}

interface DoingProps {
  path: string;
  doing: Doing;
  /** The visible letters, and the number of all. */
  letters: DeadLetter[];
  count: number;
  may: boolean;
  change: (doing?: Doing) => void;
}

/** Replays or drops the chosen letter, or all of them. */
function useCarryingOut({ path, doing: { mode, letter }, letters, count, change }: DoingProps) {
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const say = useToast();
  // The visible letters are named, so that letters that arrived in the meantime are not dropped.
  const named = (letter ? [letter] : letters).map(({ message_id, stage }) => ({ message_id, stage }));
  const body = named.length === (letter ? 1 : count) ? { letters: named } : { all: true };
  async function send(): Promise<string> {
    if (mode === "drop") {
      const { dropped } = await api.post<Dropped>(`${path}/drop`, body);
      return t("{count, plural, one {# message was dropped.} other {# messages were dropped.}}", {
        count: dropped,
      });
    }
    const { replayed } = await api.post<Replayed>(`${path}/replay`, body);
    return t(
      "{count, plural, one {# message is read again. If it is refused again, it comes back here.} other {# messages are read again. Those that are refused again come back here.}}",
      { count: replayed },
    );
  }
  async function carryOut() {
    setBusy(true);
    try {
      say(await send());
      change();
    } catch (error) {
      say((error as Error).message);
    }
    setBusy(false);
    await client.invalidateQueries({ queryKey: ["letters"] });
  }
  return { busy, carryOut };
}

function Doing(props: DoingProps) {
  const { path, may, change } = props;
  const { mode, letter } = props.doing;
  const { busy, carryOut } = useCarryingOut(props);
  const count = letter ? 1 : props.count;
  const titles: Record<Mode, string> = {
    look: t("Dead letter"),
    replay: t("{count, plural, one {Replay # message?} other {Replay # messages?}}", { count }),
    drop: t("{count, plural, one {Drop # message permanently?} other {Drop # messages permanently?}}", {
      count,
    }),
  };
  const buttons = (
    <>
      {mode === "look" && letter?.replayable && (
        <button type="button" className={quiet} onClick={() => change({ mode: "replay", letter: letter })}>
          {t("Replay")}
        </button>
      )}
      {mode === "look" && (
        <button type="button" className={quiet} onClick={() => change({ mode: "drop", letter: letter })}>
          {t("Drop")}
        </button>
      )}
      {mode !== "look" && (
        <button type="button" className={primary} disabled={busy} onClick={() => void carryOut()}>
          {mode === "replay" ? t("Replay") : t("Drop permanently")}
        </button>
      )}
    </>
  );
  return (
    <Framed open title={titles[mode]} change={(open) => open || change()} footer={may && buttons}>
      {mode === "look" && letter && <Whole path={path} letter={letter} />}
      {mode === "replay" && (
        <p>
          {t(
            "A replayed message is read again as it arrived, with its original time of arrival. A message that is refused again comes back here, so nothing is lost by trying.",
          )}
        </p>
      )}
      {mode === "drop" && (
        <Read>
          {t(
            "Senders do not send an acknowledged message again. A dropped message is deleted and cannot be restored.",
          )}
        </Read>
      )}
    </Framed>
  );
}

/** The warning takes the focus first, so that a held-down key does not confirm it. */
function Read({ children }: { children: string }) {
  const place = useRef<HTMLParagraphElement>(null);
  useEffect(() => place.current?.focus(), []);
  return (
    <p ref={place} tabIndex={-1} className="outline-none">
      {children}
    </p>
  );
}

/** A dead letter with its message. */
function Whole({ path, letter }: { path: string; letter: DeadLetter }) {
  const wanted = new URLSearchParams({ message_id: letter.message_id, stage: letter.stage });
  const whole = useQuery({
    queryKey: ["letters", path, letter.message_id, letter.stage],
    queryFn: () => api.get<LetterWhole>(`${path}/letter?${wanted}`),
  });
  return (
    <>
      <p className="font-medium break-words">{letter.reason}</p>
      <div className="-mx-4">
        <Facts
          facts={[
            [t("Arrived"), <When key="at" at={letter.received_at} />],
            [t("Refused while"), step(letter.stage)],
          ]}
        />
      </div>
      {!letter.replayable && (
        <p className="mb-3 text-soft">
          {t("This row was derived from messages that are stored; there is nothing to replay.")}
        </p>
      )}
      {whole.error && <Failure error={whole.error} again={whole.refetch} />}
      {whole.data === undefined && !whole.error && <Skeleton rows={4} />}
      {whole.data && (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
          tabIndex={0}
          className="max-h-[40vh] overflow-auto rounded-lg border border-line bg-ground p-3 text-xs"
        >
          {indented(whole.data.body)}
        </pre>
      )}
    </>
  );
}

/** Formats JSON on several lines; unchanged if parsing would change it, such as a number with many digits. */
function indented(body: string): string {
  try {
    const read: unknown = JSON.parse(body);
    return JSON.stringify(read) === body ? JSON.stringify(read, null, 2) : body;
  } catch {
    return body;
  }
}
