/** Sign-in settings: password, codes, passkeys, and the signed-in browsers. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useContext, useState } from "react";
import {
  type AuthenticatorSecret,
  api,
  type PasskeyShown,
  type RecoveryCodes,
  type SignInShown,
} from "../client/api";
import { MeContext, useRefresh } from "../client/hooks";
import { field, primary, quiet } from "../kit/dialog";
import { Refusal } from "../kit/fields";
import { When } from "../kit/lists";
import { Card, Failure } from "../kit/parts";
import { useToast } from "../kit/toast";
import { t } from "../language";
import { addPasskey, hasPasskeys } from "./passkeys";

export function Security() {
  return (
    <>
      <Card title={t("Signing in")}>
        <div className="grid gap-6 p-4 sm:grid-cols-2">
          <Password />
          <Codes />
          {hasPasskeys() && <Passkeys />}
        </div>
      </Card>
      <SignIns />
    </>
  );
}

/** Runs an action and shows its error. */
function useDone(): [string, (what: () => Promise<unknown>) => Promise<boolean>] {
  const [problem, setProblem] = useState("");
  return [
    problem,
    async (what) => {
      try {
        await what();
        setProblem("");
        return true;
      } catch (error) {
        setProblem((error as Error).message);
        return false;
      }
    },
  ];
}

function Password() {
  const say = useToast();
  const [problem, done] = useDone();
  return (
    <form
      className="space-y-2"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const values = new FormData(form);
        const change = { old: values.get("old"), new: values.get("new") };
        void done(() => api.post("/me/password", change)).then((good) => {
          if (!good) return;
          form.reset();
          say(t("The password is changed; other browsers are signed out."));
        });
      }}
    >
      <h3 className="font-medium">{t("Password")}</h3>
      <label className="block">
        {t("Current password")}
        <input type="password" name="old" autoComplete="current-password" className={field} />
      </label>
      <label className="block">
        {t("New password, ten characters or more")}
        <input
          type="password"
          name="new"
          required
          minLength={10}
          autoComplete="new-password"
          className={field}
        />
      </label>
      <Refusal reason={problem} />
      <button type="submit" className={quiet}>
        {t("Change password")}
      </button>
    </form>
  );
}

/** Codes of an authenticator application. */
function Codes() {
  const me = useContext(MeContext);
  const refresh = useRefresh();
  const [problem, done] = useDone();
  const [begun, setBegun] = useState<AuthenticatorSecret>();
  const [recovery, setRecovery] = useState<string[]>([]);
  const on = me?.second_factor ?? false;
  async function send(code: string) {
    if (on) return api.post("/me/totp/remove", { code });
    const { recovery_codes } = await api.post<RecoveryCodes>("/me/totp", { code });
    setRecovery(recovery_codes);
    setBegun(undefined);
  }
  return (
    <form
      className="space-y-2"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        void done(() => send(String(new FormData(form).get("code")))).then((good) => {
          if (!good) return;
          form.reset();
          refresh();
        });
      }}
    >
      <h3 className="font-medium">{t("Codes of an authenticator application")}</h3>
      <p className="text-soft">
        {on
          ? t("Each sign-in with the password asks for a code.")
          : t("Not set up: the password alone is enough.")}
      </p>
      {!on && !begun && (
        <button
          type="button"
          className={quiet}
          onClick={() =>
            void done(async () => setBegun(await api.post<AuthenticatorSecret>("/me/totp/begin", {})))
          }
        >
          {t("Set up")}
        </button>
      )}
      {begun && (
        <>
          <img src={begun.picture} alt={begun.address} className="w-44 rounded-lg bg-white p-1" />
          <p className="text-soft">{t("Scan it with the application, then enter the code that it shows.")}</p>
        </>
      )}
      {(begun || on) && (
        <div className="flex items-end gap-2">
          <label>
            {t("Code")}
            <input name="code" required inputMode="numeric" autoComplete="one-time-code" className={field} />
          </label>
          <button type="submit" className={on ? quiet : primary}>
            {on ? t("Turn off codes") : t("Turn on")}
          </button>
        </div>
      )}
      {recovery.length > 0 && <Recovery codes={recovery} />}
      <Refusal reason={problem} />
    </form>
  );
}

function Recovery({ codes }: { codes: string[] }) {
  return (
    <div role="status">
      <p>
        {t(
          "Keep these recovery codes. Each allows one sign-in without the application. They are shown only now:",
        )}
      </p>
      <p className="mt-1 rounded-lg bg-ground p-3 font-mono text-xs break-words">{codes.join("  ")}</p>
    </div>
  );
}

function Passkeys() {
  const client = useQueryClient();
  const [problem, done] = useDone();
  const passkeys = useQuery({
    queryKey: ["passkeys"],
    queryFn: () => api.get<PasskeyShown[]>("/me/passkeys"),
  });
  const fresh = () => client.invalidateQueries({ queryKey: ["passkeys"] });
  return (
    <form
      className="space-y-2"
      onSubmit={(event) => {
        event.preventDefault();
        const name = String(new FormData(event.currentTarget).get("name"));
        void done(() => addPasskey(name)).then(fresh);
      }}
    >
      <h3 className="font-medium">{t("Passkeys")}</h3>
      <p className="text-soft">
        {t("Sign in with this device's fingerprint, face or code instead of a password.")}
      </p>
      <ul>
        {passkeys.data?.map((passkey) => (
          <li key={passkey.id} className="flex items-center justify-between gap-2 py-1">
            <span className="truncate">{passkey.name}</span>
            <span className="text-soft">
              {passkey.used_at ? <When at={passkey.used_at} /> : t("not used yet")}
            </span>
            <button
              type="button"
              className={`${quiet} hover:text-bad`}
              onClick={() => void done(() => api.remove(`/me/passkeys/${passkey.id}`)).then(fresh)}
            >
              {t("Remove")}
            </button>
          </li>
        ))}
      </ul>
      <div className="flex items-end gap-2">
        <label className="min-w-0 flex-1">
          {t("Name of the passkey")}
          <input name="name" required maxLength={100} defaultValue={t("This device")} className={field} />
        </label>
        <button type="submit" className={quiet}>
          {t("Add passkey")}
        </button>
      </div>
      <Refusal reason={problem} />
    </form>
  );
}

function SignIns() {
  const client = useQueryClient();
  const signIns = useQuery({ queryKey: ["sign-ins"], queryFn: () => api.get<SignInShown[]>("/me/sign-ins") });
  async function end(signIn: SignInShown) {
    await api.remove(`/me/sign-ins/${signIn.id}`);
    await client.invalidateQueries({ queryKey: ["sign-ins"] });
  }
  return (
    <Card title={t("Where you are signed in")}>
      {signIns.error && <Failure error={signIns.error} again={signIns.refetch} />}
      <ul className="divide-y divide-line px-4">
        {signIns.data?.map((signIn) => (
          <li key={signIn.id} className="flex items-center justify-between gap-3 py-2">
            <span className="min-w-0">
              <span className="block truncate">{signIn.agent || t("unknown")}</span>
              <span className="text-soft">
                {signIn.address} · {signIn.way} · <When at={signIn.seen_at} />
              </span>
            </span>
            {signIn.current ? (
              <span className="whitespace-nowrap text-soft">{t("this browser")}</span>
            ) : (
              <button type="button" className={`${quiet} hover:text-bad`} onClick={() => void end(signIn)}>
                {t("End")}
              </button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
