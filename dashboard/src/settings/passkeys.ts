/** Passkeys: registration and sign-in with the WebAuthn API of the browser. */
import { api, type Me, type PasskeyChallenge } from "../client/api";

/** A challenge, with the options of the browser's API for it. */
type Started<Options> = PasskeyChallenge & { options: Options };

/** Creates a passkey on this device and registers it at the server. */
export async function addPasskey(name: string): Promise<void> {
  const { challenge, options } = await api.post<Started<PublicKeyCredentialCreationOptionsJSON>>(
    "/me/passkeys/begin",
    {},
  );
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const passkey = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  await api.post("/me/passkeys", { challenge, credential: passkey.toJSON(), name });
}

/** Signs in with a passkey of this device. */
export async function signInWithPasskey(): Promise<Me> {
  const { challenge, options } = await api.post<Started<PublicKeyCredentialRequestOptionsJSON>>(
    "/sign-in/passkey/ask",
    {},
  );
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const answer = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  await api.post("/sign-in/passkey", { challenge, credential: answer.toJSON() });
  return api.me();
}

export const hasPasskeys = () => "PublicKeyCredential" in window && window.isSecureContext;
