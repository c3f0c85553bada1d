/** Signing in, one's own account, and everybody's for administrators. */

import { API_ROOT, OfflineError, problemOf } from "./client";
import { authorization } from "./identity";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Account = Schemas["AccountView"];
export type NoticeWish = Schemas["NoticeWish"];
export type Permission = Schemas["Permission"];
export type Person = Schemas["PersonView"];
export type PersonWish = Omit<Schemas["NewPerson"], "name">;
export type Role = Schemas["Role"];
export type SecondFactorDraft = Schemas["SecondFactorView"];
export type Session = Schemas["SessionView"];
export type SignedIn = Schemas["SignedIn"];
export type SignInWays = Schemas["SignInWays"];
export type Token = Schemas["TokenView"];
type LinkMade = Schemas["LinkView"];

export const people = {
  ways: (signal?: AbortSignal) => send<SignInWays>("GET", "/sign-in", undefined, signal),
  notice: (signal?: AbortSignal) => send<Schemas["NoticeView"]>("GET", "/notice", undefined, signal),
  signIn: (name: string, password: string, code: string | null) => send<SignedIn>("POST", "/session", { name, password, code }),
  signInToDemo: (name: string) => send<SignedIn>("POST", "/session/demo", { name }),
  signOut: () => send<null>("DELETE", "/session"),
  nameOfLink: (token: string) => send<{ name: string }>("POST", "/welcome/name", { token }),
  welcome: (token: string, password: string) => send<SignedIn>("POST", "/welcome", { token, password }),
  account: (signal?: AbortSignal) => send<Account>("GET", "/account", undefined, signal),
  sessions: (signal?: AbortSignal) => send<{ items: Session[] }>("GET", "/account/sessions", undefined, signal),
  endSession: (id: string) => send<null>("DELETE", `/account/sessions/${encodeURIComponent(id)}`),
  endOtherSessions: () => send<null>("DELETE", "/account/sessions"),
  setPassword: (current: string, wanted: string) => send<null>("PUT", "/account/password", { current, new: wanted }),
  drawSecondFactor: () => send<SecondFactorDraft>("POST", "/account/second-factor"),
  setSecondFactor: (secret: string, code: string, password: string) => send<null>("PUT", "/account/second-factor", { secret, code, password }),
  removeSecondFactor: (password: string) => send<null>("POST", "/account/second-factor/remove", { password }),
  tokens: (signal?: AbortSignal) => send<{ items: Token[] }>("GET", "/account/tokens", undefined, signal),
  makeToken: (label: string, scopes: readonly string[], days: number) => send<{ token: string }>("POST", "/account/tokens", { label, scopes, days }),
  endToken: (id: string) => send<null>("DELETE", `/account/tokens/${encodeURIComponent(id)}`),
  notices: (signal?: AbortSignal) => send<Schemas["Notices"]>("GET", "/account/notices", undefined, signal),
  setNotices: (wish: NoticeWish) => send<null>("PUT", "/account/notices", wish),
  stopNotices: () => send<null>("DELETE", "/account/notices"),
  everybody: (signal?: AbortSignal) => send<{ items: Person[] }>("GET", "/people", undefined, signal),
  add: (name: string, wish: PersonWish) => send<LinkMade>("POST", "/people", { name, ...wish }),
  change: (name: string, wish: PersonWish & { is_disabled: boolean }) => send<Person>("PUT", `/people/${encodeURIComponent(name)}`, wish),
  makeLink: (name: string) => send<LinkMade>("POST", `/people/${encodeURIComponent(name)}/link`),
  removeSecondFactorOf: (name: string) => send<null>("DELETE", `/people/${encodeURIComponent(name)}/second-factor`),
  endSessionsOf: (name: string) => send<null>("DELETE", `/people/${encodeURIComponent(name)}/sessions`),
};

/** Where the browser goes to sign in by the provider. */
export function providerUrl(then: string): string {
  return `${API_ROOT}/oidc/start?${new URLSearchParams({ then }).toString()}`;
}

async function send<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
  const headers = { Accept: "application/json", ...authorization(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  let response: Response;
  try {
    response = await fetch(`${API_ROOT}${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new OfflineError("the server cannot be reached", { cause: error });
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return (response.status === 204 ? null : await response.json()) as T;
}
