/** Signing in, one's own account, and everybody's for administrators. */

import { API_ROOT, ask } from "./client";
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
  ways: (signal?: AbortSignal) => ask<SignInWays>("GET", "/sign-in", undefined, signal),
  notice: (signal?: AbortSignal) => ask<Schemas["NoticeView"]>("GET", "/notice", undefined, signal),
  signIn: (name: string, password: string, code: string | null) => ask<SignedIn>("POST", "/session", { name, password, code }),
  signInToDemo: (name: string) => ask<SignedIn>("POST", "/session/demo", { name }),
  signOut: () => ask<null>("DELETE", "/session"),
  nameOfLink: (token: string, signal?: AbortSignal) => ask<{ name: string }>("POST", "/welcome/name", { token }, signal),
  welcome: (token: string, password: string) => ask<SignedIn>("POST", "/welcome", { token, password }),
  account: (signal?: AbortSignal) => ask<Account>("GET", "/account", undefined, signal),
  sessions: (signal?: AbortSignal) => ask<{ items: Session[] }>("GET", "/account/sessions", undefined, signal),
  endSession: (id: string) => ask<null>("DELETE", `/account/sessions/${encodeURIComponent(id)}`),
  endOtherSessions: () => ask<null>("DELETE", "/account/sessions"),
  setPassword: (current: string, wanted: string) => ask<null>("PUT", "/account/password", { current, new: wanted }),
  drawSecondFactor: () => ask<SecondFactorDraft>("POST", "/account/second-factor"),
  setSecondFactor: (secret: string, code: string, password: string) => ask<null>("PUT", "/account/second-factor", { secret, code, password }),
  removeSecondFactor: (password: string) => ask<null>("POST", "/account/second-factor/remove", { password }),
  tokens: (signal?: AbortSignal) => ask<{ items: Token[] }>("GET", "/account/tokens", undefined, signal),
  makeToken: (label: string, scopes: readonly string[], days: number) => ask<{ token: string }>("POST", "/account/tokens", { label, scopes, days }),
  endToken: (id: string) => ask<null>("DELETE", `/account/tokens/${encodeURIComponent(id)}`),
  notices: (signal?: AbortSignal) => ask<Schemas["Notices"]>("GET", "/account/notices", undefined, signal),
  setNotices: (wish: NoticeWish) => ask<null>("PUT", "/account/notices", wish),
  stopNotices: () => ask<null>("DELETE", "/account/notices"),
  everybody: (signal?: AbortSignal) => ask<{ items: Person[] }>("GET", "/people", undefined, signal),
  add: (name: string, wish: PersonWish) => ask<LinkMade>("POST", "/people", { name, ...wish }),
  change: (name: string, wish: PersonWish & { is_disabled: boolean }) => ask<Person>("PUT", `/people/${encodeURIComponent(name)}`, wish),
  makeLink: (name: string) => ask<LinkMade>("POST", `/people/${encodeURIComponent(name)}/link`),
  removeSecondFactorOf: (name: string) => ask<null>("DELETE", `/people/${encodeURIComponent(name)}/second-factor`),
  endSessionsOf: (name: string) => ask<null>("DELETE", `/people/${encodeURIComponent(name)}/sessions`),
};

/** Where the browser goes to sign in by the provider. */
export function providerUrl(then: string): string {
  return `${API_ROOT}/oidc/start?${new URLSearchParams({ then }).toString()}`;
}
