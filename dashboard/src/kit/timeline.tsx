/** Events in order, the newest first; a gap marks the start of a session. */

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { EventRow } from "../client/api";
import { useProject } from "../client/hooks";
import { t, term } from "../language";
import { duration } from "./format";
import { When } from "./lists";

/** The pseudo-session of events that a shop, payment provider or database reports. */
const NONE = "00000000-0000-0000-0000-000000000000";

export function Timeline({ events, sessions }: { events: EventRow[]; sessions?: boolean }) {
  const project = useProject();
  return (
    <ol className="px-4 pb-4">
      {events.map((event, position) => {
        const later = events[position - 1];
        const starts = later === undefined || later.session_id !== event.session_id;
        return (
          <li key={event.event_id}>
            {sessions && starts && (
              <p className="mt-3 mb-1 text-xs break-words text-soft [overflow-wrap:anywhere]">
                {event.session_id === NONE ? (
                  t("Reported by another system")
                ) : (
                  <Link
                    to={`/p/${project.id}/session` as "/"}
                    search={{ id: event.session_id } as never}
                    className="hover:underline"
                  >
                    {t("Session from {source}", { source: event.source || t("unknown") })}
                    {event.device && `, ${term(event.device)}`}
                  </Link>
                )}
              </p>
            )}
            <div className="relative flex gap-3 border-s-2 border-line py-1.5 ps-4">
              <span
                aria-hidden="true"
                className={`absolute top-3.5 -start-[5px] size-2 rounded-full ${starts ? "bg-accent" : "bg-line"}`}
              />
              <Happened event={event} />
              <span className="shrink-0 text-end text-soft">
                <When at={event.timestamp} />
                {!starts && later && (
                  <span className="block text-xs">
                    +{duration((Date.parse(later.timestamp) - Date.parse(event.timestamp)) / 1000)}
                  </span>
                )}
              </span>
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Happened({ event }: { event: EventRow }) {
  const [open, setOpen] = useState(false);
  const what = event.entity_id ? `${event.entity_type} ${event.entity_id}` : event.path;
  const empty = event.properties === "{}";
  return (
    <div className="min-w-0 flex-1">
      <span className="font-medium">{event.name}</span> <span className="break-words text-soft">{what}</span>
      {!empty && (
        <>
          <button
            type="button"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
            className="ms-2 text-xs text-soft underline-offset-4 hover:underline"
          >
            {open ? t("less") : t("properties")}
          </button>
          {open && (
            <pre className="mt-1 overflow-x-auto rounded-lg bg-ground p-2 text-xs">
              {JSON.stringify(JSON.parse(event.properties), null, 2)}
            </pre>
          )}
        </>
      )}
    </div>
  );
}
